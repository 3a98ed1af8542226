"""Four Redis: channels and users are spread over them, and one that fails takes no other along."""

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from harness import Node, Redis, eventually, until
from harness.node import binary

SHARDS = 4


class Shards:
    """Four Redis and three nodes."""

    def __init__(self, stack: ExitStack, directory: Path, loops: int):
        self.redis = []
        for number in range(SHARDS):
            folder = directory / f"redis-{number}"
            folder.mkdir()
            self.redis.append(stack.enter_context(Redis(folder)))
        self.options = {"--redis": [each.url for each in self.redis]}
        self.nodes = [
            stack.enter_context(Node(f"web-{number}", directory, loops=loops, options=self.options))
            for number in range(1, 4)
        ]

    def index(self, name: str) -> int:
        """Which of them a name belongs to, found by where something of it stands."""
        found = [number for number, each in enumerate(self.redis) if each.client.keys(f"apus:*:{name}")]
        assert len(found) == 1, f"{name} is in {found}"
        return found[0]


@pytest.fixture
def shards(loops: int, tmp_path: Path) -> Iterator[Shards]:
    with ExitStack() as stack:
        yield Shards(stack, tmp_path, loops)


async def test_everything_works_as_on_one(shards, connect):
    alice, bob, eve = [
        await connect(node.ws, user=user) for node, user in zip(shards.nodes, ["alice", "bob", "eve"], strict=True)
    ]
    channels = [f"demo:{number}" for number in range(12)]
    for channel in channels:
        await alice.subscribe(channel, presence=True)
        answer = await bob.subscribe(channel, presence=True)
        assert {member["user"] for member in answer["members"]} == {"alice", "bob"}
        await alice.publish(channel, channel)
        assert (await bob.expect("message", channel=channel))["data"] == channel
        read = await eve.command("history", channel=channel, limit=10)
        assert [message["data"] for message in read["messages"]] == [channel]
    assert {shards.index(channel) for channel in channels} == set(range(SHARDS))
    for user, client in [("bob", bob), ("eve", eve)]:
        assert (await alice.succeed("sent", "send", to=user, data=user))["online"] is True
        assert (await client.expect("direct"))["data"] == user
    answer = shards.nodes[1].request("POST", "/api/notifications", json={"data": "all"})
    assert answer.status_code == 200, answer.text
    for client in (alice, bob, eve):
        assert (await client.expect("notification"))["data"] == "all"
    everything = shards.nodes[2].get("/api/channels?limit=1000").json()["channels"]
    assert {each["name"] for each in everything} >= set(channels)
    assert [each["name"] for each in shards.nodes[0].get("/api/nodes").json()["nodes"]] == ["web-1", "web-2", "web-3"]


async def test_one_that_is_killed_takes_its_channels_alone(shards, connect):
    node, other = shards.nodes[:2]
    alice, bob = await connect(node.ws, user="alice"), await connect(other.ws, user="bob")
    channels = [f"demo:{number}" for number in range(12)]
    for channel in channels:
        await alice.subscribe(channel, presence=True)
        await bob.subscribe(channel)
    lost = shards.index(channels[0])
    shards.redis[lost].kill()
    await eventually(lambda: f'"redis-{lost}":"ok"' not in node.get("/readyz").text)
    ready = node.get("/readyz")
    assert ready.status_code == 200 and ready.json()["degraded"] is True, ready.text
    for channel in channels:
        if channel == channels[0]:
            answer = await alice.command("publish", channel=channel, data=1)
            assert (answer.type, answer["code"]) == ("error", "unavailable")
    well = next(channel for channel in channels[1:] if shards_index(shards, channel) not in (lost, None))
    await alice.publish(well, "still")
    await bob.expect("message", channel=well, data="still")
    shards.redis[lost].start()
    for each in shards.nodes:
        await eventually(lambda each=each: "degraded" not in each.get("/readyz").json())
    await alice.publish(channels[0], "again")
    await bob.expect("message", channel=channels[0], data="again")
    assert alice.events("leave") == []


def shards_index(shards: Shards, name: str) -> int | None:
    for number, each in enumerate(shards.redis):
        if each.running and each.client.keys(f"apus:*:{name}"):
            return number
    return None


async def test_everybody_is_told_also_where_a_node_is_cut_off_from_one(connect, tmp_path, loops):
    """A login of its own for each node, so that one can be shut out."""
    with ExitStack() as stack:
        redis = []
        for number in range(2):
            (tmp_path / f"redis-{number}").mkdir()
            redis.append(stack.enter_context(Redis(tmp_path / f"redis-{number}")))
            for name in ("web-1", "web-2"):
                redis[-1].client.acl_setuser(name, enabled=True, passwords=["+x"], keys="*", channels="*", categories=["+@all"])
        nodes = []
        for name in ("web-1", "web-2"):
            urls = [each.url.replace("//", f"//{name}:x@") for each in redis]
            nodes.append(stack.enter_context(Node(name, tmp_path, loops=loops, options={"--redis": urls})))
        clients = [await connect(node.ws, user=f"user-{number}") for number, node in enumerate(nodes)]
        redis[0].client.acl_setuser("web-2", enabled=False)
        redis[0].client.execute_command("CLIENT", "KILL", "USER", "web-2")
        await eventually(lambda: "degraded" in nodes[1].get("/readyz").json())
        for number, node in enumerate([nodes[0], nodes[1]] * 3):
            answer = node.request("POST", "/api/notifications", json={"data": number})
            assert answer.status_code == 200, answer.text
        for client in clients:
            assert [event["data"] for event in await client.collect("notification", 6)] == list(range(6))
        # Each once, also where both have brought it.
        for client in clients:
            await client.ping()
            assert len(client.events("notification")) == 6
        answer = nodes[0].get("/api/stats").json()
        assert answer["connections"] == 2 and "partial" not in answer
        assert nodes[1].get("/api/stats").json()["partial"] == ["redis-0"]


async def test_nobody_is_put_into_a_channel_whose_redis_is_away(shards, connect):
    client = await connect(shards.nodes[0].ws, user="alice")
    await client.subscribe("demo:x", presence=True)
    lost = shards.index("demo:x")
    shards.redis[lost].kill()
    await eventually(lambda: f'"redis-{lost}":"ok"' not in shards.nodes[1].get("/readyz").text)
    answer = shards.nodes[1].request("PUT", "/api/users/bob/channels/demo:x", json={"presence": True})
    assert answer.status_code == 503 and answer.json()["code"] == "unavailable", answer.text


def shard_of(name: str, urls: list[str]) -> str:
    words = [word for url in urls for word in ("--redis", url)]
    run = subprocess.run([binary(), "where", name, *words], capture_output=True, text=True, timeout=60, check=True)
    return run.stdout.split(",")[0].split()[1]


async def test_a_list_that_is_changed_and_changed_back_loses_nothing_silently(connect, tmp_path, loops):
    """A client that comes back learns that it may have missed something, whichever Redis has it by then."""
    with ExitStack() as stack:
        urls = []
        for number in range(4):
            (tmp_path / f"redis-{number}").mkdir()
            urls.append(stack.enter_context(Redis(tmp_path / f"redis-{number}")).url)
        names = [f"demo:{number}" for number in range(99)]
        moving = next(name for name in names if shard_of(name, urls) == "redis-3")
        staying = next(name for name in names if shard_of(name, urls) != "redis-3")
        assert shard_of(staying, urls) == shard_of(staying, urls[:3])
        latest: dict = {}

        async def era(count: int, recovered: bool | None, stays: bool) -> None:
            """Comes back to where it was when the list last had `count`, and publishes one more. In the channel that stays
            it comes back to where it was last of all."""
            with Node("web-1", tmp_path, loops=loops, options={"--redis": urls[:count]}) as node:
                client = await connect(node.ws)
                for channel, key, expected in ((moving, count, recovered), (staying, "staying", stays)):
                    more = {"since": latest[key]} if key in latest else {}
                    answer = await client.subscribe(channel, **more)
                    assert answer.get("recovered") is (expected if more else None), f"{count} {answer.raw}"
                    sent = await client.publish(channel, "x")
                    latest[key] = {"epoch": sent["epoch"], "offset": sent["offset"]}
                await client.close()
                node.stop()

        await era(3, None, None)
        await era(3, True, True)
        await era(4, None, True)
        await era(4, True, True)
        await era(3, False, False)
        await era(3, True, True)
        await era(4, False, True)
        await era(4, True, True)
        urls[0], urls[1] = urls[1], urls[0]
        await era(4, False, False)


def check(*urls: str) -> tuple[int, str]:
    """The exit status of `apus check` and all it says, on one line."""
    words = [word for url in urls for word in ("--redis", url)]
    run = subprocess.run(
        [str(binary()), "check", "--allow-anonymous", *words], capture_output=True, text=True, timeout=60
    )
    return run.returncode, " ".join((run.stdout + run.stderr).split())


def test_check_knows_the_lists_of_others(shards):
    urls = shards.options["--redis"]
    assert check(*urls)[0] == 0
    swapped = [urls[1], urls[0], *urls[2:]]
    code, said = check(*swapped)
    assert code == 1 and "in use as 1 of 4, here it is 0 of 4: all nodes need the same list of Redis" in said, said
    assert "in use with another list of Redis" in check(*urls[:3], "redis://127.0.0.1:1")[1]
    code, said = check(urls[0], urls[0].replace("127.0.0.1", "localhost"))
    assert code == 1 and "it is the same server as redis-0" in said, said


def test_a_node_with_another_list_is_not_ready(shards, tmp_path, loops):
    urls = shards.options["--redis"]
    stranger = Node("web-9", tmp_path, loops=loops, options={"--redis": urls[:3]})
    try:
        stranger.launch()
        until(lambda: "of 3: all nodes need the same list" in (stranger.readiness() and stranger.get("/readyz").text or ""))
        assert stranger.readiness() == 503
    finally:
        stranger.end()


async def test_where_says_what_to_type(shards, connect):
    client = await connect(shards.nodes[0].ws, user="alice")
    words = [word for url in shards.options["--redis"] for word in ("--redis", url)]
    for name in ("room:1", "demo:it's"):
        await client.subscribe(name, presence=True)
        run = subprocess.run([binary(), "where", name, *words], capture_output=True, text=True, timeout=60, check=True)
        assert f"{shards.index(name)} of {SHARDS}, redis://127.0.0.1" in run.stdout
        command = next(line for line in run.stdout.splitlines() if line.startswith("presence")).split(maxsplit=1)[1]
        said = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=60, check=True)
        assert client.id in said.stdout and '"user":"alice"' in said.stdout


def test_wrong_lists_are_refused():
    def refused(*urls: str) -> str:
        code, said = check(*urls)
        assert code == 1
        return said

    assert "is given twice" in refused("redis://localhost", "redis://localhost:6379/0")
    assert "two Redis are two URLs" in refused("redis://one,two")
    assert "are one server" in refused("redis://localhost/0", "redis://localhost/1")
    assert "URL 2 of 2: a Redis URL" in refused("redis://localhost", "localhost")
    assert "at most 64 URLs, not 65" in refused(*(f"redis://localhost:{7000 + n}" for n in range(65)))
