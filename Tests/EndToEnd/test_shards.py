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
        assert (await alice.succeed("sent", "send", user=user, data=user))["online"] is True
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
    def check(*urls: str) -> str:
        words = [word for url in urls for word in ("--redis", url)]
        run = subprocess.run(
            [str(binary()), "check", "--allow-anonymous", *words], capture_output=True, text=True, timeout=60
        )
        assert run.returncode == 1
        return " ".join((run.stdout + run.stderr).split())

    assert "is given twice" in check("redis://localhost", "redis://localhost:6379/0")
    assert "two Redis are two URLs" in check("redis://one,two")
    assert "can be given 64 times, not 65 times" in check(*(f"redis://localhost:{7000 + n}" for n in range(65)))
