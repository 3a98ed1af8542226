"""What somebody may do: the table of permissions, and rules that change while a node runs."""

import signal
from collections.abc import Iterator

import pytest

from harness import Node, eventually, secrets, security_page
from harness.client import Client
from harness.keys import SECRET
from harness.permission_cases import COLUMNS, OPEN_RULES, PERMISSIONS, RULES, PermissionCase
from harness.tokens import LEFT_OUT, token, url_with

CASES: list[PermissionCase] = [case for section in PERMISSIONS.values() for case in section]

OPTIONS = {"--jwt-secret": SECRET.private.decode(), "--log-level": "trace"}


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Node]]:
    """One node that asks everybody who they are, and one that does not."""
    directory = tmp_path_factory.mktemp("permissions")
    nodes = {}
    try:
        for name, rules, more in [("closed", RULES, {}), ("open", OPEN_RULES, {"--allow-anonymous": None})]:
            file = directory / f"{name}.yaml"
            file.write_text(rules)
            nodes[name] = Node(name, directory, dev=False, options={**OPTIONS, "--config": file, **more}).start()
        yield nodes
    finally:
        for node in nodes.values():
            node.end()


class Attempt:
    """One connection that tries everything in one channel, and a witness of what gets through."""

    def __init__(self, client: Client, channel: str):
        self.client = client
        self.channel = channel
        # How many messages and binary messages a witness must have.
        self.published = 0
        self._numbers = iter(range(100))

    async def all(self) -> dict[str, str]:
        """What becomes of each column of the table."""
        found = {
            "publish": await self.publish(),
            "signal": await self.command("signalled", "signal", event="typing"),
            "history": await self.command("history", "history"),
            "presence": await self.command("presence", "presence"),
            "watch": await self.subscribe(presence="watch"),
            "with presence": await self.subscribe(presence=True),
        }
        found["subscribe"] = await self.command("subscribed", "subscribe")
        is_member = found["subscribe"] == "ok"
        found["publish as a member"] = await self.publish() if is_member else "-"
        found["signal as a member"] = await self.command("signalled", "signal", event="typing") if is_member else "-"
        await self.leave()
        return {name: found[name] for name in COLUMNS}

    async def subscribe(self, **members) -> str:
        """Subscribes, and leaves again."""
        found = await self.command("subscribed", "subscribe", **members)
        await self.leave()
        return found

    async def leave(self) -> None:
        """An unsubscribe succeeds whatever one may do; names with `$` are no channels of a client at all."""
        if not self.channel.startswith("$"):
            await self.client.unsubscribe(self.channel)

    async def publish(self) -> str:
        """Publishes as text and as bytes, which must come to the same."""
        number = next(self._numbers)
        text = await self.command("published", "publish", data=number)
        errors = len(self.client.events("error"))
        name = self.channel.encode()
        await self.client.socket.send(b"\x01" + len(name).to_bytes(2) + name + bytes([number]))
        await self.client.ping()
        refused = self.client.events("error")[errors:]
        for error in refused:
            check_refusal(error, "publish", self.channel)
        assert ("forbidden" if refused else "ok") == text, "as bytes something else is allowed than as text"
        self.published += text == "ok"
        return text

    async def command(self, reply: str, type: str, **members) -> str:
        answer = await self.client.command(type, channel=self.channel, **members)
        if answer.type == reply:
            return "ok"
        check_refusal(answer, type, self.channel)
        return "forbidden"


def check_refusal(error: dict, type: str, channel: str) -> None:
    """It says what is missing: the capability, the rule, or that the name is the server's."""
    assert error["type"] == "error" and error["code"] == "forbidden" and error["temporary"] is False, error
    wanted = {"subscribe": ["subscribe", "presence"]}.get(type, [type])
    assert any(word in error["error"].lower() for word in [*wanted, "rule", "server", "$"]), error["error"]


def who(case: PermissionCase) -> str:
    return token(SECRET, channels=LEFT_OUT if case.claim is None else case.claim)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_a_permission(nodes, connect, case):
    node = nodes[case.node]
    client = await connect(node.ws if case.anonymous else url_with(node.ws, who(case)))
    assert client.hello["user"] == (None if case.anonymous else "alice")
    witness = await connect(url_with(node.ws, token(SECRET, sub="witness", channels={"*": ["subscribe"]})))
    watched = (await witness.command("subscribe", channel=case.channel)).type == "subscribed"

    attempt = Attempt(client, case.channel)
    assert await attempt.all() == case.cells, case.why
    await client.ping()
    if watched:
        # One of each as text and one as bytes; what was refused never came.
        await eventually(lambda: len(witness.events("message")) >= attempt.published)
        await witness.binaries(attempt.published)
        await witness.ping()
        assert len(witness.events("message")) == len(witness.binary) == attempt.published
    assert client.is_open


def test_no_two_cases_share_a_name():
    assert len({case.name for case in CASES}) == len(CASES)


def test_the_page_is_fresh():
    """docs/security.md shows these tables."""
    assert security_page.PATH.read_text() == security_page.page(), f"make it anew: {security_page.COMMAND}"


# Rules that change

READABLE = 'channels:\n  - { match: "room:*", publish: server }\n  - { match: "*" }\n'
GONE = 'channels:\n  - { match: "news:*" }\n'
BAD = 'channels:\n  - { match: "room:*" }\n  - { match: "news:*", publish: nobody }\n'


@pytest.fixture
def rules(tmp_path):
    file = tmp_path / "rules.yaml"
    file.write_text('channels:\n  - { match: "*" }\n')
    return file


async def test_new_rules_apply_at_once(own_node, connect, rules):
    node = own_node({**OPTIONS, "--config": rules}, dev=False)
    client = await connect(url_with(node.ws, token(SECRET)))
    watcher = await connect(url_with(node.ws, token(SECRET, sub="bob")))
    await client.subscribe("room:1", presence=True)
    await client.subscribe("news:1")
    await watcher.subscribe("news:1")
    await client.publish("room:1", 1)

    rules.write_text(READABLE)
    node.signal(signal.SIGHUP)
    await eventually(lambda: refused(client, "room:1"))
    assert client.events("unsubscribed") == []

    rules.write_text(GONE)
    node.signal(signal.SIGHUP)
    event = await client.expect("unsubscribed")
    assert event == {"type": "unsubscribed", "channel": "room:1", "reason": "server"}
    assert (await client.command("subscribe", channel="room:1"))["code"] == "forbidden"
    # What is still allowed goes on.
    await watcher.publish("news:1", 2)
    await client.expect("message", channel="news:1", data=2)
    await client.ping()
    assert len(client.events("unsubscribed")) == 1 and watcher.events("unsubscribed") == []


async def refused(client: Client, channel: str) -> bool:
    return (await client.command("publish", channel=channel, data=0)).get("code") == "forbidden"


async def test_presence_ends_with_the_right_to_it(own_node, connect, rules):
    node = own_node({**OPTIONS, "--config": rules}, dev=False)
    client = await connect(url_with(node.ws, token(SECRET)))
    watcher = await connect(url_with(node.ws, token(SECRET, sub="bob", channels={"*": ["subscribe", "presence"]})))
    await client.subscribe("room:1", presence=True)
    await watcher.subscribe("room:1", presence="watch")
    rules.write_text(GONE)
    node.signal(signal.SIGHUP)
    for each in (client, watcher):
        await each.expect("unsubscribed", channel="room:1", reason="server")
    rules.write_text('channels:\n  - { match: "*" }\n')
    node.signal(signal.SIGHUP)
    await eventually(lambda: nobody_is_in(watcher, "room:1"))


async def nobody_is_in(client: Client, channel: str) -> bool:
    return (await client.command("presence", channel=channel)).get("count") == 0


async def test_a_file_that_has_lost_its_rules_opens_nothing(own_node, connect, rules):
    rules.write_text('channels:\n  - { match: "*", publish: server }\n')
    node = own_node({**OPTIONS, "--config": rules}, dev=False)
    client = await connect(url_with(node.ws, token(SECRET)))
    # As a script leaves it that has not written it yet.
    rules.write_text("")
    node.signal(signal.SIGHUP)
    await eventually(lambda: "`channels` is missing" in node.tail(1000), what="nothing in the log")
    assert await refused(client, "room:1")


async def test_bad_rules_are_refused_whole(own_node, connect, rules):
    node = own_node({**OPTIONS, "--config": rules}, dev=False)
    client = await connect(url_with(node.ws, token(SECRET)))
    await client.subscribe("room:1")
    rules.write_text(BAD)
    node.signal(signal.SIGHUP)
    await eventually(lambda: "rules.yaml, line 3" in node.tail(1000), what="no file and line in the log")
    line = next(line for line in node.tail(1000).splitlines() if "rules.yaml, line 3" in line)
    assert "publish" in line, line
    assert "the token keys were reloaded" not in node.tail(1000)
    # By the good part of the new rules `elsewhere` would be forbidden.
    await client.subscribe("elsewhere")
    await client.publish("room:1", 1)
    await client.expect("message", data=1)
    assert client.events("unsubscribed") == []

    rules.write_text(GONE)
    node.signal(signal.SIGHUP)
    assert {(await client.expect("unsubscribed"))["channel"] for _ in range(2)} == {"room:1", "elsewhere"}


async def test_a_file_that_is_gone_changes_nothing(own_node, connect, rules):
    node = own_node({**OPTIONS, "--config": rules}, dev=False)
    client = await connect(url_with(node.ws, token(SECRET)))
    before = node.tail(1000).count("rules.yaml")
    rules.unlink()
    node.signal(signal.SIGHUP)
    await eventually(lambda: node.tail(1000).count("rules.yaml") > before)
    assert node.running
    await client.subscribe("room:1")


async def test_a_secret_in_the_configuration_is_not_in_the_log_of_a_bad_file(own_node, rules):
    """What the log quotes of a bad file is the place, not its neighbours."""
    node = own_node({**OPTIONS, "--config": rules}, dev=False)
    secret = secrets.register("not-to-be-told-" + "s" * 20)
    before = node.tail(1000).count("rules.yaml")
    rules.write_text(f"jwt-secret: {secret}\njwt-secret: [{secret}\n")
    node.signal(signal.SIGHUP)
    await eventually(lambda: node.tail(1000).count("rules.yaml") > before)
    assert secret not in node.log.read_text()
