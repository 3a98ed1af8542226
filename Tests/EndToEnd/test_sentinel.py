"""Redis behind Sentinels: a node goes where the primary is, and says why where it cannot."""

import asyncio
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from harness import Node, Redis, eventually, until
from harness.client import Client
from harness.node import binary
from harness.redis_proxy import RedisProxy
from harness.repository import REPOSITORY
from harness.sentinels import NAME, Sentinel, Sentinels, Watched
from harness.traffic import Traffic


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Sentinels]]:
    """Starts Redis and Sentinels for one test."""
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(Sentinels(tmp_path / "sentinels", **options))


@pytest.fixture
def nodes(own_node: Callable[..., Node]) -> Callable[..., list[Node]]:
    """Starts two nodes of one cluster."""
    return lambda url, **more: [own_node(redis=url, **more) for _ in range(2)]


class Ways(ExitStack):
    """Ways to Sentinels that can be closed, and that tell what they are asked."""

    def __init__(self, sentinels: Sentinels):
        super().__init__()
        self._ways = [self.enter_context(RedisProxy(each.port)) for each in sentinels.sentinels]
        self.url = f"redis+sentinel://{','.join(f'127.0.0.1:{way.port}' for way in self._ways)}/{NAME}"

    def block(self) -> None:
        for way in self._ways:
            way.close()

    def open(self) -> None:
        for way in self._ways:
            way.open()

    @property
    def rounds(self) -> int:
        """How often all were asked at once: for the `config-epoch`, too."""
        return min(way.requests(b"SENTINEL\r\n$6\r\nMASTER\r\n") for way in self._ways)


class Talk:
    """Alice and Bob at two nodes, in a channel with history and presence."""

    def __init__(self, nodes: list[Node], alice: Client, bob: Client, channel: str):
        self.nodes = nodes
        self.alice, self.bob = alice, bob
        self.channel = channel
        self.sent: list[str] = []

    @classmethod
    async def begin(cls, nodes: list[Node], connect: Callable, channel: str) -> "Talk":
        alice, bob = await connect(nodes[0].ws, user="alice"), await connect(nodes[1].ws, user="bob")
        talk = cls(nodes, alice, bob, f"demo:{channel}")
        await alice.subscribe(talk.channel, presence=True)
        await bob.subscribe(talk.channel, presence=True)
        await talk.say("before")
        return talk

    async def say(self, text: str) -> None:
        """Alice says something, and Bob hears it."""
        self.sent.append(text)
        await self.alice.publish(self.channel, text)
        await self.bob.expect("message", channel=self.channel, data=text)

    async def say_until(self, done: Callable[[], bool]) -> None:
        """Alice goes on talking, whatever becomes of it."""
        while not done():
            self.sent.append(f"meanwhile {len(self.sent)}")
            await self.alice.command("publish", channel=self.channel, data=self.sent[-1])
            await asyncio.sleep(0.02)

    async def goes_on(self, primary: Redis, *, text: str = "after") -> None:
        """Waits until all is well at that Redis: messages flow, a loss was told, presence is whole."""
        for node in self.nodes:
            await eventually(lambda node=node: node.readiness() == 200, within=60, what=f"{node.name} is not ready")
        # Another run: what the last one may have taken and lost is told.
        for client in (self.alice, self.bob):
            await client.expect("gap", channel=self.channel)
        await self.say(text)
        await eventually(lambda: primary.presence(self.channel).keys() == {self.alice.id, self.bob.id})
        await eventually(lambda: primary.client.zcard("apus:nodes") == 2)
        heard = [message["data"] for message in self.bob.events("message", channel=self.channel)]
        assert len(set(heard)) == len(heard), "something came twice"
        assert set(heard) <= set(self.sent), "something was invented"
        assert self.bob.events("leave") == [] and self.alice.events("leave") == []


async def during(talk: Talk, work: Callable[[], Watched]) -> Watched:
    """Does that, which waits, in a thread, while Alice goes on talking."""
    task = asyncio.create_task(asyncio.to_thread(work))
    await talk.say_until(task.done)
    return task.result()


def check(*options: object) -> tuple[int, str]:
    """The exit status of `apus check` and all it says, on one line."""
    words = [str(word) for word in (binary(), "check", "--allow-anonymous", *options)]
    run = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert run.returncode in (0, 1), run.stderr
    return run.returncode, " ".join((run.stdout + run.stderr).split())


async def test_everything_works_as_on_one(start, nodes, connect, channel):
    sentinels = start()
    talk = await Talk.begin(nodes(sentinels.url), connect, channel)
    answer = await talk.bob.command("history", channel=talk.channel, limit=10)
    assert [message["data"] for message in answer["messages"]] == ["before"]
    assert (await talk.alice.succeed("sent", "send", to="bob", data=1))["online"] is True
    assert (await talk.bob.expect("direct"))["data"] == 1
    names = {each["name"] for each in sentinels.sentinels[0].client.client_list()}
    assert {f"apus-{node.name}" for node in talk.nodes} <= names
    # Nobody but the Sentinels has to know where the primary is.
    run = subprocess.run(
        [binary(), "where", talk.channel, "--redis", sentinels.url], capture_output=True, text=True, timeout=60
    )
    assert run.returncode == 0, run.stderr
    lines = dict(line.split(maxsplit=1) for line in run.stdout.splitlines())
    assert lines["primary"] == f"127.0.0.1:{sentinels.redis[0].port}"
    said = subprocess.run(lines["presence"], shell=True, capture_output=True, text=True, timeout=60, check=True)
    assert talk.alice.id in said.stdout


async def test_a_primary_that_is_killed(start, nodes, connect, channel):
    sentinels = start()
    talk = await Talk.begin(nodes(sentinels.url), connect, channel)
    old = sentinels.primary
    old.kill()
    for node in talk.nodes:
        reason = f"the primary 127.0.0.1:{old.port} that the Sentinels name: connect: Connection refused"
        await eventually(lambda node=node, reason=reason: reason in node.tail())
    new = await during(talk, lambda: sentinels.successor(old))
    await talk.goes_on(new)
    # It comes back as a replica, and nobody goes there.
    old.start()
    await eventually(lambda: new.replicas == 1, within=60)
    await talk.say("still")
    assert all(node.readiness() == 200 for node in talk.nodes)


async def test_a_primary_that_hangs(start, nodes, connect, channel):
    # A node alone would wait for as long as this; the Sentinels are asked all the same.
    sentinels = start()
    talk = await Talk.begin(nodes(sentinels.url, options={"--redis-timeout": "60s"}), connect, channel)
    old = sentinels.primary
    old.pause()
    new = await asyncio.to_thread(sentinels.successor, old)
    await talk.goes_on(new)
    old.resume()
    await eventually(lambda: new.replicas == 1, within=60)
    await talk.say("still")


async def test_a_failover_that_is_planned(start, nodes, connect, channel):
    sentinels = start()
    talk = await Talk.begin(nodes(sentinels.url), connect, channel)
    for text in ("there", "and back"):
        new = await during(talk, sentinels.failover)
        await talk.goes_on(new, text=text)
        # The next one needs a replica that is in step.
        await eventually(lambda new=new: new.replicas == 1, within=60)


async def test_nothing_is_lost_silently_across_a_failover(start, nodes, connect, channel):
    """A node that comes to the new primary late has had messages confirmed by the old one, and they are gone. Everybody
    is told of it, the listeners of a node that came early, too."""
    sentinels = start()
    traffic = await Traffic.between(nodes(sentinels.url), connect, [f"demo:{channel}"], rate=90)
    async with traffic:
        # More than one, since nodes may move in the same moment.
        for _ in range(2):
            new = await traffic.during(sentinels.failover)
            await traffic.flows()
            await traffic.told()
            # The next one needs a replica that is in step.
            await eventually(lambda new=new: new.replicas == 1, within=60)
    await traffic.settle()


async def test_a_primary_that_is_started_again_in_between(start, nodes, connect, channel):
    """Sooner than the Sentinels find it gone: it is the same address, and another run."""
    sentinels = start()
    talk = await Talk.begin(nodes(sentinels.url), connect, channel)
    primary = sentinels.primary
    primary.kill()
    primary.start()
    await talk.goes_on(primary)
    assert sentinels.primary is primary


async def test_one_sentinel_with_old_news_holds_no_node(start, nodes, connect, channel, tmp_path):
    """It names a Redis that takes every write, and that nobody else goes to."""
    (tmp_path / "old").mkdir()
    with Redis(tmp_path / "old") as old, Sentinel(tmp_path / "old", old.port, 1) as stale:
        sentinels = start()
        for each in sentinels.sentinels:
            each.pause()
        url = sentinels.url.replace("://", f"://127.0.0.1:{stale.port},")
        talk = await Talk.begin(nodes(url), connect, channel)
        assert old.client.zcard("apus:nodes") == 2, "nobody else could be asked"
        for each in sentinels.sentinels:
            each.resume()
        await talk.goes_on(sentinels.redis[0])
        code, said = check("--redis", url)
        assert code == 0 and f"127.0.0.1:{stale.port} names another primary: 127.0.0.1:{old.port}" in said, said
        # Nor does it where the node has to connect anew, which may ask it first.
        new = await during(talk, sentinels.failover)
        await talk.goes_on(new, text="and after that")


async def test_one_sentinel_alone_leads_nobody_away(start, nodes, connect, channel, tmp_path):
    """Without a failover so far it tells the same epoch as the others, which are silent."""
    (tmp_path / "other").mkdir()
    with Redis(tmp_path / "other") as other, Sentinel(tmp_path / "other", other.port, 1) as wrong:
        sentinels = start()
        primary = sentinels.redis[0]
        talk = await Talk.begin(
            nodes(sentinels.url.replace("://", f"://127.0.0.1:{wrong.port},")), connect, channel
        )
        for each in sentinels.sentinels:
            each.pause()
        said = f"only 1 of 4 Sentinels answers, and names 127.0.0.1:{other.port}; staying with 127.0.0.1:{primary.port}"
        for node in talk.nodes:
            await eventually(lambda node=node: said in node.tail())
        await talk.say("still here")
        for node in talk.nodes:
            assert node.readiness() == 200 and node.tail(1000).count(said) == 1
            assert node.metrics().total("apus_redis_reconnects_total") == 0
        assert other.client.zcard("apus:nodes") == 0
        for each in sentinels.sentinels:
            each.resume()


async def test_an_old_primary_that_is_cut_off_with_one_of_the_nodes(start, own_node, connect, channel):
    """It does not hear that it is one no more, nor do the Sentinels reach that node."""
    sentinels = start()
    with Ways(sentinels) as ways:
        alone, other = own_node(redis=ways.url), own_node(redis=sentinels.url)
        talk = await Talk.begin([alone, other], connect, channel)
        old = sentinels.primary
        old.client.execute_command("ACL", "SETUSER", "default", "-replicaof", "-slaveof")
        ways.block()
        new = await asyncio.to_thread(sentinels.failover)
        await talk.bob.expect("gap", channel=talk.channel)
        await eventually(lambda: other.readiness() == 200, within=60)
        assert old.client.role()[0] == "master"
        await talk.alice.publish(talk.channel, "to the old one")
        assert alone.readiness() == 200
        ways.open()
        # What the old one took is lost, and that is told.
        await talk.alice.expect("gap", channel=talk.channel)
        await eventually(lambda: alone.readiness() == 200, within=60)
        await eventually(lambda: new.presence(talk.channel).keys() == {talk.alice.id, talk.bob.id})
        await talk.say("together again")
        answer = await talk.bob.command("history", channel=talk.channel, limit=10)
        kept = [message["data"] for message in answer["messages"]]
        assert "to the old one" not in kept and "together again" in kept
        assert "to the old one" not in [message["data"] for message in talk.bob.events("message")]


async def test_a_subscriber_alone_at_an_old_primary(nodes, connect, channel, tmp_path):
    """The address leads to another server now, and only one of the two connections has noticed."""
    for name in ("old", "new", "sentinel"):
        (tmp_path / name).mkdir()
    with Redis(tmp_path / "old") as old, Redis(tmp_path / "new") as new, RedisProxy(old.port) as way:
        with Sentinel(tmp_path / "sentinel", way.port, 1) as sentinel:
            url = f"redis+sentinel://127.0.0.1:{sentinel.port}/{NAME}"
            talk = await Talk.begin(nodes(url), connect, channel)
            way.lead_to(new.port)
            await talk.goes_on(new)


async def test_without_sentinels_nodes_go_on(start, nodes, connect, channel):
    sentinels = start()
    talk = await Talk.begin(nodes(sentinels.url), connect, channel)
    for each in sentinels.sentinels:
        each.kill()
    for node in talk.nodes:
        await eventually(lambda node=node: "no Sentinel answers" in node.tail())
        await eventually(lambda node=node: node.metrics().total("apus_sentinels_up") == 0)
        assert node.readiness() == 200
        assert node.metrics().total("apus_redis_reconnects_total") == 0
    await talk.say("without")
    code, said = check("--redis", sentinels.url)
    assert code == 1 and "No Sentinel answers" in said, said
    for each in sentinels.sentinels:
        each.start()
    for node in talk.nodes:
        await eventually(lambda node=node: "a Sentinel names the primary again" in node.tail())
        await eventually(lambda node=node: node.metrics().total("apus_sentinels_up") == 3)
        assert "connected to the Sentinel again" in node.tail()
    new = await during(talk, sentinels.failover)
    await talk.goes_on(new)


async def test_sentinels_that_say_nothing_are_told_of(start, nodes, connect, channel):
    sentinels = start()
    talk = await Talk.begin(nodes(sentinels.url), connect, channel)
    for each in sentinels.sentinels:
        each.pause()
    for node in talk.nodes:
        await eventually(lambda node=node: "no Sentinel answers" in node.tail())
        assert node.readiness() == 200
    await talk.say("without")
    for each in sentinels.sentinels:
        each.resume()
    for node in talk.nodes:
        await eventually(lambda node=node: "a Sentinel names the primary again" in node.tail())
        assert node.metrics().total("apus_redis_reconnects_total") == 0


async def test_a_primary_that_all_forget_is_told_of(start, nodes, connect, channel):
    sentinels = start()
    talk = await Talk.begin(nodes(sentinels.url), connect, channel)
    for each in sentinels.sentinels:
        each.command("REMOVE", NAME)
    said = f"no Sentinel knows a primary of the name {NAME} any more; the connection stays"
    for node in talk.nodes:
        await eventually(lambda node=node: said in node.tail())
    await talk.say("without")
    for each in sentinels.sentinels:
        each.command("MONITOR", NAME, "127.0.0.1", sentinels.redis[0].port, 2)
    for node in talk.nodes:
        await eventually(lambda node=node: "a Sentinel names the primary again" in node.tail())
        assert node.tail(1000).count(said) == 1
        assert node.metrics().total("apus_redis_reconnects_total") == 0


async def test_too_few_replicas_are_no_reason_to_leave(start, nodes, connect, channel):
    """Writes are refused for as long as it lasts; everything that is connected stays so."""
    sentinels = start(options=["--min-replicas-to-write", 1, "--min-replicas-max-lag", 2])
    with Ways(sentinels) as ways:
        talk = await Talk.begin(nodes(ways.url), connect, channel)
        rounds = ways.rounds
        sentinels.redis[1].pause()

        async def is_refused() -> bool:
            answer = await talk.alice.command("publish", channel=talk.channel, data="refused")
            if answer.type == "published":
                return False
            assert answer["code"] == "unavailable", answer.raw
            return True

        await eventually(is_refused)
        await eventually(lambda: "NOREPLICAS" in talk.nodes[0].tail())
        # It may be an old primary, cut off: all are asked, as otherwise only where they disagree.
        await eventually(lambda: ways.rounds > rounds)
        sentinels.redis[1].resume()

        async def is_taken() -> bool:
            return (await talk.alice.command("publish", channel=talk.channel, data="taken")).type == "published"

        await eventually(is_taken)
        await talk.bob.expect("message", data="taken")
        for node in talk.nodes:
            assert node.metrics().total("apus_redis_reconnects_total") == 0


def test_a_name_that_no_sentinel_knows(start, own_node):
    sentinels = start()
    url = sentinels.url.replace(NAME, "another")
    code, said = check("--redis", url)
    assert code == 1 and "No Sentinel knows a primary of the name another" in said, said
    run = subprocess.run([binary(), "where", "a", "--redis", url], capture_output=True, text=True, timeout=60)
    assert run.returncode == 1 and "No Sentinel knows" in run.stderr
    node = Node("early", sentinels.redis[0].log.parent, redis=url)
    try:
        node.launch()
        until(lambda: node.readiness() == 503, what=node.tail)
        until(lambda: "no Sentinel knows a primary of the name another" in node.get("/readyz").text)
        for each in sentinels.sentinels:
            each.command("MONITOR", "another", "127.0.0.1", sentinels.redis[0].port, 2)
        until(lambda: node.readiness() == 200, what=node.tail)
    finally:
        node.end()


def test_sentinels_may_come_later(start, tmp_path):
    """Before any has ever answered the node says whom it has asked."""
    sentinels = start()
    for each in sentinels.sentinels:
        each.kill()
    node = Node("early", tmp_path, redis=sentinels.url)
    try:
        node.launch()
        until(lambda: node.readiness() == 503, what=node.tail)
        until(lambda: f"{sentinels.sentinels[0].port}: connect: Connection refused" in node.get("/readyz").text)
        assert "no Sentinel answers" in node.get("/readyz").text
        sentinels.sentinels[1].start()
        until(lambda: node.readiness() == 200, what=node.tail)
    finally:
        node.end()


def test_what_check_says(start):
    sentinels = start()
    code, said = check("--redis", sentinels.url)
    assert code == 0, said
    address = f"127.0.0.1:{sentinels.redis[0].port}"
    for each in sentinels.sentinels:
        assert f"the Sentinel 127.0.0.1:{each.port} names {address}" in said, said
    assert f"the primary is {address} " in said and "it is the primary, with 1 replica" in said, said
    assert "min-replicas-to-write is 0" in said and "Sentinels must agree" not in said, said
    sentinels.sentinels[0].kill()
    code, said = check("--redis", sentinels.url)
    assert code == 0 and f"127.0.0.1:{sentinels.sentinels[0].port} cannot be used: connect: Connection refused" in said
    assert "Sentinels must agree" not in said, said
    sentinels.sentinels[1].kill()
    sentinels.redis[1].kill()
    until(lambda: sentinels.redis[0].replicas == 0)
    code, said = check("--redis", sentinels.url)
    assert code == 0 and "2 of 3 Sentinels must agree on another primary, and only 1 of 3 can be asked" in said, said
    assert "it is the primary, without a replica" in said, said


def test_the_wrong_kind_of_server(start):
    sentinels = start()
    sentinel, redis = sentinels.sentinels[0].port, sentinels.redis[0].port
    for url in (f"redis://127.0.0.1:{sentinel}", f"redis://127.0.0.1:{sentinel}/1"):
        code, said = check("--redis", url)
        assert code == 1 and "this is a Sentinel: use redis+sentinel://" in said, said
    code, said = check("--redis", f"redis+sentinel://127.0.0.1:{redis}/{NAME}")
    assert code == 1 and "this is a Redis, not a Sentinel: use redis://" in said, said


def test_logins_at_sentinels_and_at_redis(start, own_node):
    """As `docs/redis.md` makes the users."""
    sentinels = start(options=["--user", "apus", "on", ">for-redis", "~*", "&*", "+@all"])
    page = (REPOSITORY / "docs/redis.md").read_text()
    rule = next(each for each in page.split("```") if "sentinel|get-master-addr-by-name" in each)
    words = rule.split("ACL SETUSER")[1].split()
    for each in sentinels.sentinels:
        each.client.execute_command("ACL", "SETUSER", *(word.replace(">secret", ">for-sentinels") for word in words))
        each.client.execute_command("ACL", "SETUSER", "default", "resetpass", "-@all", "+ping", "+acl")
    logins = "?sentinel-user=apus&sentinel-password=for-sentinels"
    code, said = check("--redis", sentinels.url)
    assert code == 1 and "asks for a password (NOAUTH)" in said and "?sentinel-password=" in said, said
    code, said = check("--redis", sentinels.url + "?sentinel-user=apus&sentinel-password=wrong")
    assert code == 1 and "the Sentinel refuses the password" in said and "wrong" not in said, said
    url = sentinels.url.replace("://", "://apus:for-redis@") + logins
    code, said = check("--redis", url)
    assert code == 0 and "for-redis" not in said and "for-sentinels" not in said, said
    node = own_node(redis=url)
    assert "apus:***@" in node.tail(200) and "sentinel-password=***" in node.tail(200)


async def test_through_tls(start, nodes, connect, channel, authority):
    sentinels = start(authority=authority)
    options = {"--redis-ca": authority.file}
    code, said = check("--redis", sentinels.url, "--redis-ca", authority.file)
    assert code == 0 and "TLSv1.3; its certificate ends in" in said, said
    code, said = check("--redis", sentinels.url)
    assert code == 1 and "not trusted" in said and "--redis-ca" in said, said
    code, said = check("--redis", sentinels.url.replace("rediss", "redis"))
    assert code == 1 and "if this port speaks TLS, use rediss+sentinel://" in said, said
    talk = await Talk.begin(nodes(sentinels.url, options=options), connect, channel)
    new = await during(talk, sentinels.failover)
    await talk.goes_on(new)


def test_urls_that_cannot_be():
    cases = {
        "redis+sentinel://a,b": "need the name of the primary",
        "redis+sentinel://a,b/m?password=x": "takes only ?sentinel-user=",
        "redis+sentinel://a,a/m": "twice",
        "redis+sentinel://a/m?server-name=x": "use rediss+sentinel://",
    }
    for url, sentence in cases.items():
        code, said = check("--redis", url)
        assert code == 1 and sentence in said, said
    code, said = check("--redis", "redis+sentinel://a,b/m", "--redis", "redis+sentinel://b,c/m")
    assert code == 1 and "is given twice" in said, said
    code, said = check("--redis", "redis+sentinel://a,b/m", "--redis", "redis+sentinel://c,d/m")
    assert code == 1 and "there is another primary of the name m and its database 0" in said, said
