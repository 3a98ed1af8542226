"""Two nodes over a Redis Cluster, and traffic between them while something happens to it.

Of every message it is known what its publisher was told and who heard it: nothing is invented, nothing comes twice or
in another order, and what is confirmed and not heard is told by a `gap`.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from harness import partitions
from harness.client import Client
from harness.cluster_server import ClusterServer
from harness.eventually import eventually
from harness.node import Node
from harness.redis_cluster import RedisCluster
from harness.traffic import Attempt, Traffic

# Enough for as long as anything here takes.
RULES = """channels:
  - match: "kept:*"
    history: {size: 5000, ttl: 600s}
"""
# Messages a second that each of the two publishers publishes, into all channels together.
RATE = 90
# Channels on each of the three primaries.
EACH = 2


class Scene:
    """A Cluster, two nodes, and channels with history and presence on each of its primaries."""

    def __init__(self, redis: RedisCluster, nodes: list[Node], connect: Callable):
        self.redis = redis
        self.nodes = nodes
        self._connect = connect
        self.channels = [name for primary in redis.primaries for name in self._names(primary)]

    def _names(self, primary: ClusterServer) -> list[str]:
        """Names of channels in partitions of their own that a primary has."""
        found: dict[int, str] = {}
        owned = set(self.redis.slots(primary))
        number = 0
        while len(found) < EACH:
            name = f"kept:{number}"
            where = partitions.partition(name)
            if partitions.slot(where) in owned:
                found.setdefault(where, name)
            number += 1
        return list(found.values())

    def of(self, server: ClusterServer) -> list[str]:
        """The channels that a server has now."""
        return [name for name in self.channels if self.redis.server(name) is server]

    def others(self, channels: list[str]) -> list[str]:
        return [name for name in self.channels if name not in channels]

    @property
    def primary(self) -> ClusterServer:
        return self.redis.server(self.channels[0])

    def another(self, server: ClusterServer) -> ClusterServer:
        return next(each for each in self.redis.primaries if each is not server)

    @asynccontextmanager
    async def traffic(self, is_emptied: bool = False) -> AsyncIterator[Traffic]:
        """Traffic around what a test does; afterwards nothing is wrong with it, and presence is what it was.

        Where a Redis is emptied everybody joins again.
        """
        traffic = await Traffic.between(self.nodes, self._connect, self.channels, RATE, presence=True)
        # Who was there first is told of the other.
        await traffic.listeners[0].client.collect("join", len(self.channels))
        kinds = ("leave",) if is_emptied else ("join", "leave")
        before = {listener.name: _presence(listener.client, kinds) for listener in traffic.listeners}
        async with traffic:
            yield traffic
            await traffic.flows()
        await traffic.settle()
        members = {listener.client.id for listener in traffic.listeners}
        for name in self.channels:
            await eventually(lambda name=name: self.redis.presence(name).keys() == members, what=f"members of {name}")
            for node in self.nodes:
                told = node.get(f"/api/channels/{name}/presence").json()
                assert {each["client"] for each in told["connections"]} == members
        for listener in traffic.listeners:
            await listener.client.ping()
            assert _presence(listener.client, kinds) == before[listener.name], f"somebody was told of a {kinds}"
        for node in self.nodes:
            await eventually(lambda node=node: "degraded" not in node.get("/readyz").json())


def _presence(client: Client, kinds: tuple[str, ...]) -> list[str]:
    """The joins and leaves that somebody was told of."""
    return [event.raw for event in client.received if event.type in kinds]


def nothing_is_lost(traffic: Traffic, channels: list[str] | None = None) -> None:
    """Asserts that nobody was told of a gap in these channels, or all, and that their histories go on."""
    gaps = traffic.gaps(channels)
    assert not gaps, "\n".join([f"{len(gaps)} gaps:", *gaps[:10]])
    epochs = traffic.epochs()
    again = {name: epochs[name] for name in channels or traffic.channels if len(epochs[name]) != 1}
    assert not again, f"another epoch began: {again}"


async def refused_at_all(traffic: Traffic, channel: str) -> None:
    """Waits until each node refuses to publish there."""
    for publisher in traffic.publishers:

        async def is_refused(publisher=publisher) -> bool:
            attempt = await publisher.publish(channel)
            await publisher.answered()
            return attempt.is_refused

        await eventually(is_refused)


def between(traffic: Traffic, first: float, last: float) -> list[Attempt]:
    """What was sent and answered in that time."""
    return [each for each in traffic.attempts if first < each.sent and each.reply and each.reply.at < last]
