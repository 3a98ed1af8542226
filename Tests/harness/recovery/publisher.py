"""Publishes at a rate, whatever comes of it, and writes down what was answered."""

import itertools
from collections import Counter
from random import Random

from harness.recovery.client import Decoder
from harness.recovery.connection import Connection, Lost
from harness.recovery.journal import Message, Place
from harness.recovery.ledger import Ledger, Outcome

# Seconds until a publisher that has lost its node tries again.
_RETRY = 0.2
# The first channel has this part of all messages, so that whoever stays away for long misses more than is recovered.
_SHARE_OF_FIRST = 1 / 3


class Publisher:
    """Publishes through one node. Its data names it, its connection and the publish, in that order."""

    def __init__(self, name: str, port: int, ledger: Ledger, decoder: Decoder):
        self.counts: Counter[str] = Counter()
        self._name = name
        self._port = port
        self._ledger = ledger
        self._decoder = decoder
        self._connection: Connection | None = None
        self._lives = itertools.count(1)
        self._life = 0
        self._serial = 0
        self._pending: dict[int, str] = {}
        self._connect_at = 0.0

    @property
    def is_open(self) -> bool:
        return self._connection is not None and self._connection.is_open

    @property
    def is_idle(self) -> bool:
        """Whether every publish was answered, or never will be."""
        return not self._pending

    def publish(self, channel: str) -> None:
        self._serial += 1
        data = f"{self._name}.{self._life}.{self._serial}"
        self._ledger.attempted(channel, data)
        self._pending[self._serial] = data
        self._connection.send("publish", channel=channel, data=data, id=self._serial)

    def step(self, now: float) -> None:
        """Reads and writes, and connects where it has no connection."""
        if self._connection is None:
            if now >= self._connect_at:
                self._life = next(self._lives)
                self._connection = Connection(self._port, f"{self._name}-{self._life}")
            return
        try:
            for text in self._connection.receive():
                self._take(text)
            self._connection.flush()
        except Lost as lost:
            self.counts[f"lost {lost}"] += 1
            self._connection.close()
            self._connection = None
            self._connect_at = now + _RETRY
            for data in self._pending.values():
                self._ledger.answered(data, Outcome.UNKNOWN)
            self._pending.clear()

    def end(self) -> None:
        if self._connection:
            self._connection.close()

    def _take(self, text: bytes) -> None:
        event = self._decoder.decode(text)
        if isinstance(event, Message) or event["type"] not in ("published", "error", "connected"):
            return self._ledger.fault(f"a publisher was told {text.decode()}")
        if event["type"] == "connected":
            return
        data = self._pending.pop(event.get("id"), None)
        code = event.get("code")
        if data is None or code not in (None, "unavailable", "timeout"):
            self._ledger.fault(f"a publisher of {data} was told {text.decode()}")
        elif code is None:
            self._ledger.answered(data, Outcome.PUBLISHED, Place(event["epoch"], event["offset"]))
        else:
            self._ledger.answered(data, Outcome.REFUSED if code == "unavailable" else Outcome.UNKNOWN)


class Publishers:
    """One on each node, and a rate for all."""

    def __init__(self, publishers: list[Publisher], channels: list[str], rate: float, random: Random):
        self._publishers = publishers
        self._channels = channels
        self._rate = rate
        self._random = random
        self._began: float | None = None
        self._done = 0

    @property
    def are_idle(self) -> bool:
        return all(publisher.is_idle for publisher in self._publishers)

    @property
    def counts(self) -> Counter[str]:
        return sum((publisher.counts for publisher in self._publishers), Counter())

    def step(self, now: float, ending: bool) -> None:
        """Publishes what is due by now; where nobody is connected, it is left out."""
        self._began = self._began or now
        due = int((now - self._began) * self._rate)
        able = [publisher for publisher in self._publishers if publisher.is_open]
        if able and not ending:
            for _ in range(due - self._done):
                self._random.choice(able).publish(self._choose())
        self._done = due
        for publisher in self._publishers:
            publisher.step(now)

    def end(self) -> None:
        """They leave for good."""
        for publisher in self._publishers:
            publisher.end()

    def _choose(self) -> str:
        if self._random.random() < _SHARE_OF_FIRST:
            return self._channels[0]
        return self._random.choice(self._channels)
