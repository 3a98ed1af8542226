"""What happens to Redis and to the nodes while clients come and go."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from random import Random

from harness import partitions
from harness.cluster import Cluster
from harness.eventually import eventually
from harness.node import Node
from harness.recovery.plan import HALT, LINKS, MOVE, NODE, PAUSE, RESTART
from harness.recovery.streams import Streams

# Seconds: how long Redis is paused (from 2 on the nodes give up their links), how long it or a node is gone, how long a
# move stands still, and how long after a node has said that all is well a client may read what was sent before.
_PAUSED = (1.0, 4.0)
_GONE = (0.3, 2.0)
_HALTED = (1.0, 5.0)
_LATE = 1.0


class Faults:
    """Commits each fault once, in an order and at moments that the seed decides."""

    def __init__(self, cluster: Cluster, streams: Streams, channels: list[str], random: Random):
        # From when to when Redis was away, as clients see it.
        self.away: list[tuple[float, float]] = []
        # How often Redis began anew.
        self.restarts = 0
        self.log: list[str] = []
        self._cluster = cluster
        self._streams = streams
        self._channels = channels
        self._random = random
        self._began = 0.0

    async def commit(self, faults: tuple[str, ...], seconds: float) -> None:
        """Commits these within that time, and waits until all nodes are well again."""
        self._began = time.time()
        order = self._random.sample(faults, len(faults))
        ways: dict[str, Callable[[], Awaitable[None]]] = {
            PAUSE: self._pause,
            LINKS: self._kill_links,
            RESTART: self._restart,
            NODE: self._kill_node,
            MOVE: self._move,
            HALT: self._halt,
        }
        for number, fault in enumerate(order):
            # A part of the time is free of faults, at the beginning and at the end.
            at = seconds * (0.15 + 0.65 * (number + self._random.uniform(0, 0.5)) / len(order))
            await asyncio.sleep(max(0, self._began + at - time.time()))
            await ways[fault]()
        await self._all_ready()

    async def _pause(self) -> None:
        seconds = self._random.uniform(*_PAUSED)
        self._note(f"Redis is paused for {seconds:.1f} s")
        start = time.time()
        self._cluster.redis.pause()
        await asyncio.sleep(seconds)
        self._cluster.redis.resume()
        await self._back(start)

    async def _kill_links(self) -> None:
        links = 0
        for client in self._cluster.redis.clients:
            links += await asyncio.to_thread(client.client_kill_filter, _type="pubsub")
        self._note(f"{links} links for pub/sub are killed")

    async def _restart(self) -> None:
        seconds = self._random.uniform(*_GONE)
        start = time.time()
        await self._streams.read_last()
        self._note(f"Redis is killed for {seconds:.1f} s, which empties it")
        await asyncio.to_thread(self._cluster.redis.kill)
        await asyncio.sleep(seconds)
        self.restarts += 1
        await asyncio.to_thread(self._cluster.redis.start)
        await self._back(start)

    async def _kill_node(self) -> None:
        node, seconds = self._random.choice(self._cluster.nodes), self._random.uniform(*_GONE)
        self._note(f"{node.name} is killed for {seconds:.1f} s")
        await asyncio.to_thread(node.kill)
        await asyncio.sleep(seconds)
        node.launch()
        await self._all_ready()

    async def _move(self) -> None:
        redis = self._cluster.redis
        source, target = self._random.sample(redis.primaries, 2)
        slots = redis.partition_slots(source)
        self._note(f"{len(slots)} slots move from {source.name} to {target.name}")
        await asyncio.to_thread(redis.move, slots, target)
        await self._all_ready()
        self._note("they have moved")

    async def _halt(self) -> None:
        redis, channel = self._cluster.redis, self._random.choice(self._channels)
        seconds, keys = self._random.uniform(*_HALTED), self._random.choice((0, 1, 2, 1000))
        source = redis.server(channel)
        target = self._random.choice([each for each in redis.primaries if each is not source])
        move = redis.moving(partitions.slot(partitions.partition(channel)), target)
        self._note(f"the slot of {channel} moves to {target.name}, which stops after {keys} keys for {seconds:.1f} s")
        await asyncio.to_thread(move.begin)
        if keys:
            await asyncio.to_thread(move.carry, keys)
        await asyncio.sleep(seconds)
        await asyncio.to_thread(move.finish)
        await asyncio.to_thread(redis.settle)
        await self._all_ready()

    async def _back(self, start: float) -> None:
        await self._all_ready()
        self._note(f"all nodes are ready {time.time() - start:.1f} s after that began")
        self.away.append((start, time.time() + _LATE))

    async def _all_ready(self) -> None:
        for node in self._cluster.nodes:
            assert node.running, f"{node.name} has ended with {node.exit_code}\n{node.tail()}"
            await eventually(self._ready, node, within=60, what=f"{node.name} is not ready again")

    async def _ready(self, node: Node) -> bool:
        if await asyncio.to_thread(node.readiness) != 200:
            return False
        return "degraded" not in (await asyncio.to_thread(node.get, "/readyz")).json()

    def _note(self, what: str) -> None:
        self.log.append(f"{time.time() - self._began:5.1f} s  {what}")
