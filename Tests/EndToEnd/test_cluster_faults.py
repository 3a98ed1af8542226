"""A Redis Cluster whose servers refuse, know nothing of one another, or hold what is not from Apus."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from harness import Node, eventually, partitions
from harness.ports import free_port
from harness.redis_cluster import ClusterServer, RedisCluster


def channels_at(redis: RedisCluster, server: ClusterServer, count: int) -> list[str]:
    """Names of channels that a server has, each in a partition of its own."""
    owned = set(redis.slots(server))
    found: dict[int, str] = {}
    number = 0
    while len(found) < count:
        where = partitions.partition(f"demo:{number}")
        if partitions.slot(where) in owned:
            found.setdefault(where, f"demo:{number}")
        number += 1
    return list(found.values())


async def is_whole(nodes: list[Node]) -> None:
    """Waits until all partitions are joined by all nodes."""
    for node in nodes:
        await eventually(lambda node=node: "degraded" not in node.get("/readyz").json(), within=60)


async def test_channels_that_could_not_be_subscribed_are_when_the_cluster_is_back(
    own_node: Callable[..., Node], connect: Callable, tmp_path: Path
):
    """Where a server takes no subscriptions while it is down."""
    options = ["--cluster-allow-pubsubshard-when-down", "no"]
    with RedisCluster(tmp_path / "redis", replicas=0, options=options) as redis:
        nodes = [own_node(redis=redis.url) for _ in range(2)]
        await is_whole(nodes)
        alone = redis.primaries[0]
        alice, bob = await connect(nodes[0].ws, user="alice"), await connect(nodes[1].ws, user="bob")
        names = channels_at(redis, alone, 4)
        await alice.subscribe(names[0])
        with ExitStack() as stack:
            await asyncio.to_thread(stack.enter_context, redis.isolated([alone]))
            for name in names[1:]:
                assert (await alice.command("subscribe", channel=name))["code"] == "unavailable"
            await asyncio.to_thread(stack.close)
        await is_whole(nodes)
        for name in names[1:]:
            await alice.subscribe(name)
        for name in names:
            await bob.publish(name, name)
            assert (await alice.expect("message", channel=name))["data"] == name


async def test_a_server_that_has_met_nobody_leads_nowhere(own_node: Callable[..., Node], tmp_path: Path):
    """One of the URL's servers is in no Cluster yet; each node may ask it first."""
    with RedisCluster(tmp_path / "redis", replicas=0) as redis:
        stranger = ClusterServer(tmp_path, [], [])
        with stranger:
            url = f"redis+cluster://127.0.0.1:{stranger.port},127.0.0.1:{redis.primaries[0].port}"
            # One in two asks the stranger first.
            await is_whole([own_node(redis=url) for _ in range(4)])


async def test_partitions_that_cannot_be_joined_are_tried_less_and_less_often(
    own_node: Callable[..., Node], tmp_path: Path
):
    with RedisCluster(tmp_path / "redis", replicas=0) as redis:
        server = redis.primaries[0]
        owned = set(redis.slots(server))
        tags = [partitions.tag(each) for each in range(partitions.PARTITIONS) if partitions.slot(each) in owned]
        keys = [f"apus:{{{tag}}}:run" for tag in tags]
        for key in keys:
            # Of another type than Apus writes.
            server.client.set(key, "something else")
        node = own_node(redis=redis.url)
        await eventually(lambda: f"{len(keys)} of 64 partitions" in node.get("/readyz").text)

        def checks() -> int:
            return server.client.info("commandstats")["cmdstat_exists"]["calls"]

        began, before = time.monotonic(), checks()
        await asyncio.sleep(4)
        # Each half a second later on the average; as fast as the node looks it would be ten times a second.
        assert checks() - before < 4 * len(keys) * (time.monotonic() - began), "they are tried all the time"
        for key in keys:
            server.client.delete(key)
        await is_whole([node])


async def test_nothing_stays_subscribed_that_nobody_wants(
    own_node: Callable[..., Node], connect: Callable, tmp_path: Path
):
    """Where a partition begins again while its server stays connected, what nobody wanted any more is found by a message."""
    with RedisCluster(tmp_path / "redis", replicas=0) as redis:
        node = own_node(redis=redis.url)
        await is_whole([node])
        client = await connect(node.ws, user="alice")
        # All in one partition.
        found = [f"demo:{number}" for number in range(4000)]
        names = [name for name in found if partitions.partition(name) == partitions.partition(found[0])][:20]
        server, prefix = redis.server(names[0]), partitions.prefix(names[0])
        for name in names:
            await client.subscribe(name)

        def subscribed() -> set[str]:
            channels = server.client.execute_command("PUBSUB", "SHARDCHANNELS", f"{prefix}ch:*")
            return {channel.removeprefix(f"{prefix}ch:") for channel in channels}

        assert subscribed() == set(names)
        # The node finds another run at its next renewal, at most 3 s later; it waits 2 s before it unsubscribes.
        server.client.hset(f"{prefix}run", "run", "another.run")
        for name in names[1:]:
            await client.command("unsubscribe", channel=name)
            await asyncio.sleep(0.2)
        await is_whole([node])

        def is_gone() -> bool:
            for name in names:
                server.client.execute_command("SPUBLISH", f"{prefix}ch:{name}", '{"text":"hi"}')
            return subscribed() == {names[0]}

        await eventually(is_gone)
        assert (await client.expect("message", channel=names[0]))["data"] == {"text": "hi"}


class Liar:
    """A server that says it is a Cluster of its own, and sends whoever asks for a key to an address that is another each time."""

    def __init__(self) -> None:
        self.port = free_port()
        self.asked = 0
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> "Liar":
        # At all addresses of this machine that begin with 127.
        self._server = await asyncio.start_server(self._serve, "0.0.0.0", self.port)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                words = []
                for _ in range(int((await reader.readuntil(b"\r\n"))[1:])):
                    size = int((await reader.readuntil(b"\r\n"))[1:])
                    words.append((await reader.readexactly(size + 2))[:-2])
                writer.write(self._answer(words))
        writer.close()

    def _answer(self, words: list[bytes]) -> bytes:
        match [word.upper() for word in words]:
            case [b"ROLE"]:
                return b"*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n"
            case [b"INFO", *_]:
                info = f"redis_version:7.0.15\r\ncluster_enabled:1\r\nrun_id:{'a' * 40}\r\nmaster_replid:{'b' * 40}\r\n"
                return f"${len(info)}\r\n{info}\r\n".encode()
            case [b"CLUSTER", b"INFO"]:
                info = "cluster_state:ok\r\ncluster_current_epoch:1\r\n"
                return f"${len(info)}\r\n{info}\r\n".encode()
            case [b"CLUSTER", b"SLOTS"]:
                return f"*1\r\n*3\r\n:0\r\n:16383\r\n*3\r\n$9\r\n127.0.0.1\r\n:{self.port}\r\n$2\r\nid\r\n".encode()
            case [b"EXISTS", *_]:
                self.asked += 1
                return f"-ASK 1 127.{self.asked >> 8 & 255}.{self.asked & 255}.1:{self.port}\r\n".encode()
            case _:
                return b"+OK\r\n"


async def test_a_server_that_lies_costs_no_connections_without_end(tmp_path: Path):
    """It names one address after the other for slots on their way."""
    async with Liar() as liar:
        node = Node("lied-to", tmp_path, redis=f"redis+cluster://127.0.0.1:{liar.port}")
        try:
            node.launch()
            await eventually(lambda: liar.asked > 300)
            # A few of its own, and two for each of the eight addresses that it keeps.
            assert len(list(Path(f"/proc/{node.pid}/fd").iterdir())) < 100
        finally:
            node.end()
