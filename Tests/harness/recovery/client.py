"""A client that is cut off every few seconds, comes back somewhere else and says where it left off."""

import json
from collections import Counter
from math import inf
from random import Random
from typing import Any, NamedTuple

from harness.recovery.connection import Connection, Lost
from harness.recovery.journal import Journal, Message, Place

# Seconds: how long a connection lives, how long until the next one, how long one in RARELY stays away, in which more
# may be missed than is recovered, and when a command that was refused is tried again.
LIFE = (1.0, 6.0)
REST = (0.0, 2.0)
LONG_REST = (3.0, 6.0)
RARELY = 20
RETRY = (0.2, 0.5)


class Asked(NamedTuple):
    """A subscribe that was not answered yet."""

    channel: str
    since: Place | None
    at: float


class Decoder:
    """Parses what a node sends; a message that many get, once."""

    def __init__(self) -> None:
        self._known: dict[bytes, Message] = {}

    def decode(self, text: bytes) -> Message | dict[str, Any]:
        message = self._known.get(text)
        if message is not None:
            return message
        event = json.loads(text)
        if event["type"] != "message":
            return event
        message = Message(event["channel"], event["offset"], event["data"], event["ts"] / 1000)
        self._known[text] = message
        return message


class Listener:
    """One client with its journals, from connection to connection. `step` is all that ever makes it do something."""

    def __init__(self, number: int, channels: list[str], ports: list[int], random: Random, decoder: Decoder):
        self.number = number
        self.journals = {channel: Journal(number, channel) for channel in channels}
        # What it was told and should not have been.
        self.strays: list[str] = []
        # Connections, and what ended those that it did not end itself.
        self.counts: Counter[str] = Counter()
        self.longest_wait = 0.0
        self._ports = ports
        self._random = random
        self._decoder = decoder
        self._connection: Connection | None = None
        self._is_calm = False
        self._asked: dict[int, Asked] = {}
        # When to subscribe to a channel; those that are not there are subscribed, or asked for.
        self._wanted: dict[str, float] = {}
        self._serial = 0
        self._connect_at = 0.0
        self._cut_at = inf

    @property
    def is_connecting(self) -> bool:
        return self._connection is not None and not self._connection.is_open

    def step(self, now: float, may_connect: bool) -> None:
        """Reads what has come, and does what it is time for; `now` in seconds since 1970."""
        if self._connection is None:
            if may_connect and now >= self._connect_at:
                self._connect(now)
            return
        try:
            for text in self._connection.receive():
                self._take(text, now)
            if self._connection.is_open:
                self._subscribe(now)
                self._connection.flush()
        except Lost as lost:
            self._connection.close()
            self.counts[f"lost {lost}"] += 1
            return self._gone(now)
        if now >= self._cut_at:
            self._cut(now)

    def calm_down(self, now: float) -> None:
        """Is cut off a last time, soon, and comes back for good."""
        self._is_calm = True
        self._cut_at = now + self._random.uniform(0, 1)
        self._connect_at = min(self._connect_at, self._cut_at)

    def is_at(self, tops: dict[str, Place | None]) -> bool:
        """Whether it is connected for good and has everything up to there."""
        return (
            self._is_calm
            and self._cut_at == inf
            and all(journal.is_subscribed and journal.place == tops[name] for name, journal in self.journals.items())
        )

    def end(self) -> None:
        """Leaves for good; nothing more is written down."""
        if self._connection:
            self._connection.close()

    # Connecting

    def _connect(self, now: float) -> None:
        self._connection = Connection(self._random.choice(self._ports), f"u{self.number}")
        self._cut_at = inf if self._is_calm else now + self._random.uniform(*LIFE)
        # Some subscribe to their channels at once, others one after the other.
        self._wanted = {channel: now + self._random.choice((0, 0, 0.5)) for channel in self.journals}
        self.counts["connections"] += 1

    def _cut(self, now: float) -> None:
        ways = (self._connection.close, self._connection.say_goodbye, self._connection.reset)
        self._random.choice(ways)()
        self.counts["cut off"] += 1
        self._gone(now)

    def _gone(self, now: float) -> None:
        self._connection = None
        self._asked.clear()
        for journal in self.journals.values():
            journal.cut(now)
        is_long = not self._is_calm and self._random.randrange(RARELY) == 0
        self._connect_at = now + self._random.uniform(*(LONG_REST if is_long else REST))
        self._cut_at = inf

    def _subscribe(self, now: float) -> None:
        for channel in [channel for channel, at in self._wanted.items() if now >= at]:
            del self._wanted[channel]
            self._serial += 1
            place = self.journals[channel].place
            self._asked[self._serial] = Asked(channel, place, now)
            since = {} if place is None else {"since": place._asdict()}
            self._connection.send("subscribe", channel=channel, id=self._serial, **since)

    # What comes

    def _take(self, text: bytes, now: float) -> None:
        event = self._decoder.decode(text)
        if isinstance(event, Message):
            journal = self.journals.get(event.channel)
            if journal is None:
                return self._stray(text)
            return journal.message(event, now)
        match event["type"]:
            case "subscribed":
                self._subscribed(event, text, now)
            case "gap" if event["channel"] in self.journals:
                self.journals[event["channel"]].gap(Place(event["epoch"], event["offset"]), now)
            case "error" if event["code"] in ("unavailable", "timeout") and event.get("id") in self._asked:
                asked = self._asked.pop(event["id"])
                self._wanted[asked.channel] = now + self._random.uniform(*RETRY)
                self.counts["subscribes refused"] += 1
            case "connected":
                pass
            case _:
                self._stray(text)

    def _subscribed(self, event: dict[str, Any], text: bytes, now: float) -> None:
        asked = self._asked.pop(event.get("id"), None)
        if asked is None or asked.channel != event["channel"]:
            return self._stray(text)
        self.longest_wait = max(self.longest_wait, now - asked.at)
        place = Place(event["epoch"], event["offset"])
        self.journals[asked.channel].subscribed(asked.at, now, asked.since, place, event.get("recovered", False))

    def _stray(self, text: bytes) -> None:
        self.strays.append(f"client {self.number} in {' '.join(self.journals)} was told {text.decode()}")
