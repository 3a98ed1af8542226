"""Clients that publish at a rate while something happens to Redis, clients that listen, and what became of it all."""

import asyncio
import itertools
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from harness.client import Client, Message
from harness.eventually import eventually
from harness.node import Node

# Seconds. Two connections are read in no certain order: an answer may be seen this much later than a `gap` that came
# after it.
_SKEW = 0.1


@dataclass
class Attempt:
    """One message somebody tried to publish."""

    publisher: str
    channel: str
    data: str
    sent: float
    # None while it was not answered.
    reply: Message | None = None

    @property
    def is_accepted(self) -> bool:
        return self.reply is not None and self.reply.type == "published"

    @property
    def is_refused(self) -> bool:
        """Whether it was promised that nobody hears it."""
        return self.reply is not None and self.reply.type == "error" and self.reply["code"] == "unavailable"

    @property
    def known_since(self) -> float:
        """A listener that lacks it must have been told after this moment."""
        return max(self.sent, self.reply.at - _SKEW)

    @property
    def place(self) -> tuple[str, int]:
        return self.reply["epoch"], self.reply["offset"]


class Publisher:
    """Publishes into all channels in turn, whatever becomes of it; no data comes twice."""

    def __init__(self, name: str, client: Client, channels: list[str], rate: float):
        self.attempts: list[Attempt] = []
        self._name = name
        self._client = client
        self._channels = itertools.cycle(channels)
        self._rate = rate
        self._replies: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        began, done = time.monotonic(), 0
        while True:
            due = int((time.monotonic() - began) * self._rate)
            for _ in range(due - done):
                await self.publish(next(self._channels))
            done = due
            await asyncio.sleep(1 / self._rate)

    async def publish(self, channel: str) -> Attempt:
        """Sends one more; its answer is taken when it comes."""
        attempt = Attempt(self._name, channel, f"{self._name}.{len(self.attempts)}", time.monotonic())
        self.attempts.append(attempt)
        future = await self._client.start("publish", channel=channel, data=attempt.data)
        task = asyncio.create_task(self._take(attempt, future))
        self._replies.add(task)
        task.add_done_callback(self._replies.discard)
        return attempt

    async def accepted(self, channel: str) -> Attempt:
        """Publishes into the channel until that is confirmed: the one that was."""

        async def attempt() -> Attempt | None:
            attempt = await self.publish(channel)
            await self.answered()
            return attempt if attempt.is_accepted else None

        return await eventually(attempt, within=60, what=f"{self._name} can publish nothing to {channel}")

    async def answered(self) -> None:
        """Waits for the answer to everything that was sent."""
        await asyncio.gather(*self._replies)

    async def _take(self, attempt: Attempt, future: asyncio.Future[Message]) -> None:
        attempt.reply = await self._client.reply(future)


class Listener:
    """Listens to all channels, and stays connected."""

    def __init__(self, name: str, client: Client):
        self.name = name
        self.client = client
        # Of each channel where it began.
        self.began: dict[str, tuple[str, int]] = {}

    async def subscribe(self, channel: str, **members: object) -> None:
        answer = await self.client.subscribe(channel, **members)
        self.began[channel] = answer["epoch"], answer["offset"]

    def has(self, attempt: Attempt) -> bool:
        return bool(self.client.events("message", channel=attempt.channel, data=attempt.data))

    def gaps(self, channel: str) -> list[Message]:
        return self.client.events("gap", channel=channel)


class Traffic:
    """A publisher and a listener at each of some nodes, in channels with a history. A context manager around what
    happens meanwhile.

    `rate` is how many messages each publisher publishes a second, into all channels together.
    """

    def __init__(self, channels: Iterable[str], rate: float):
        self.channels = list(channels)
        self.publishers: list[Publisher] = []
        self.listeners: list[Listener] = []
        self._rate = rate
        self._tasks: list[asyncio.Task[None]] = []

    @classmethod
    async def between(
        cls, nodes: Iterable[Node], connect: Callable, channels: Iterable[str], rate: float, presence: bool = False
    ) -> "Traffic":
        traffic = cls(channels, rate)
        for node in nodes:
            publisher = await connect(node.ws, user=f"p-{node.name}")
            listener = Listener(f"listener at {node.name}", await connect(node.ws, user=f"l-{node.name}"))
            for channel in traffic.channels:
                await listener.subscribe(channel, presence=presence)
            traffic.publishers.append(Publisher(node.name, publisher, traffic.channels, rate))
            traffic.listeners.append(listener)
        return traffic

    async def __aenter__(self) -> "Traffic":
        self._tasks = [asyncio.create_task(publisher.run()) for publisher in self.publishers]
        await self.flows()
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        for outcome in await asyncio.gather(*self._tasks, return_exceptions=True):
            if isinstance(outcome, Exception):
                raise outcome

    @property
    def attempts(self) -> list[Attempt]:
        return [attempt for publisher in self.publishers for attempt in publisher.attempts]

    async def during(self, work: Callable, *arguments: object) -> object:
        """Does that, which waits, in a thread, while everybody goes on."""
        return await asyncio.to_thread(work, *arguments)

    async def flows(self, channels: Iterable[str] | None = None) -> None:
        """Waits until each publisher can publish into these channels, or all, and all listeners hear it."""
        for publisher in self.publishers:
            for channel in self.channels if channels is None else channels:
                await eventually(self._is_heard, publisher, channel, within=60)

    async def _is_heard(self, publisher: Publisher, channel: str) -> bool:
        """Publishes one more, which may be lost where a run of Redis is about to end."""
        attempt = await publisher.accepted(channel)
        gaps = self.gaps([channel])
        for listener in self.listeners:

            def is_over(listener: Listener = listener) -> bool:
                return listener.has(attempt) or self.gaps([channel]) != gaps

            await eventually(is_over, what=f"the {listener.name} does not hear {attempt.data} in {channel}")
        return all(listener.has(attempt) for listener in self.listeners)

    async def told(self) -> None:
        """Waits until every listener has all that was confirmed so far, or was told of what it lacks."""
        now = time.monotonic()

        def is_told() -> bool:
            losses = self.losses(now)
            assert not losses, "\n".join([f"{len(losses)} losses that nobody was told of:", *losses[:10]])
            return True

        await eventually(is_told)

    async def settle(self) -> None:
        """After the end: waits until everything has come, and asserts that nothing is wrong with it."""
        for publisher in self.publishers:
            await publisher.answered()
        await self.flows()
        await self.told()
        faults = self.faults()
        assert not faults, "\n".join([f"{len(faults)} faults:", *faults[:10]])

    def losses(self, until: float) -> list[str]:
        """Messages that were confirmed until then, and that a listener neither has nor was told of by a later `gap`."""
        found = []
        for listener in self.listeners:
            heard = {each["data"] for each in listener.client.events("message")}
            last = {channel: max((gap.at for gap in listener.gaps(channel)), default=0.0) for channel in self.channels}
            found += [
                f"the {listener.name} lacks {attempt.reply.raw}, data {attempt.data}, and no gap came after it"
                for attempt in self.attempts
                if attempt.is_accepted and attempt.reply.at < until
                if attempt.data not in heard and last[attempt.channel] < attempt.known_since
            ]
        return found

    def faults(self) -> list[str]:
        """What was told that is not true: invented, twice, refused before, in another order or place."""
        found = [f"{attempt.data} was never answered" for attempt in self.attempts if attempt.reply is None]
        known = {attempt.data: attempt for attempt in self.attempts}
        for listener in self.listeners:
            for channel in self.channels:
                found += self._faults(listener, channel, known)
        return found

    def gaps(self, channels: Iterable[str] | None = None) -> list[str]:
        """The `gap`s that anybody was told of in these channels, or all."""
        return [
            f"{listener.name}: {gap.raw}"
            for listener in self.listeners
            for channel in (self.channels if channels is None else channels)
            for gap in listener.gaps(channel)
        ]

    def epochs(self) -> dict[str, set[str]]:
        """Of each channel the epochs under which messages were confirmed."""
        found: dict[str, set[str]] = {channel: set() for channel in self.channels}
        for attempt in self.attempts:
            if attempt.is_accepted:
                found[attempt.channel].add(attempt.place[0])
        return found

    @staticmethod
    def _faults(listener: Listener, channel: str, known: dict[str, Attempt]) -> list[str]:
        found: list[str] = []
        epoch, offset = listener.began[channel]
        heard: set[str] = set()
        # Of each publisher the number of the newest.
        newest: dict[str, int] = {}
        for event in listener.client.received:
            if event.get("channel") != channel or event.type not in ("message", "gap"):
                continue
            where = f"the {listener.name}, behind {epoch}:{offset} of {channel}, was told {event.raw}"
            if event.type == "gap":
                epoch, offset = event["epoch"], event["offset"]
                continue
            data, attempt = event["data"], known.get(event["data"])
            if event["offset"] != offset + 1:
                found.append(f"{where}: not the next one")
            offset = event["offset"]
            if data in heard:
                found.append(f"{where}: twice")
            heard.add(data)
            if attempt is None or attempt.channel != channel:
                found.append(f"{where}: nobody published that")
                continue
            if attempt.is_refused:
                found.append(f"{where}: it was refused, {attempt.reply.raw}")
            if attempt.is_accepted and attempt.place != (epoch, offset):
                found.append(f"{where}: it was confirmed at another place, {attempt.reply.raw}")
            number = int(data.rpartition(".")[2])
            if number < newest.get(attempt.publisher, -1):
                told = attempt.reply.raw if attempt.reply else "nothing"
                found.append(f"{where}: after {newest[attempt.publisher]} of the same publisher, who was told {told}")
            newest[attempt.publisher] = number
        return found
