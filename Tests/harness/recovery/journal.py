"""What one client was told of one channel, in order."""

from typing import NamedTuple


class Place(NamedTuple):
    """A message of a channel, or the place before the first one when the offset is 0."""

    epoch: str
    offset: int

    def __str__(self) -> str:
        return f"{self.epoch}:{self.offset}"


class Message(NamedTuple):
    """Every client that got it has the same object, since there are millions. `ts` is its moment, in seconds."""

    channel: str
    offset: int
    data: object
    ts: float

    def __str__(self) -> str:
        return f"message {self.offset} {self.data}"


class Subscribed(NamedTuple):
    """The answer to a subscribe that was sent at `asked`; the place last moved at `quiet_since`."""

    asked: float
    at: float
    quiet_since: float
    since: Place | None
    place: Place
    recovered: bool

    def __str__(self) -> str:
        return f"subscribed since {self.since}: {self.place}, recovered {self.recovered}"


class Gap(NamedTuple):
    """The event."""

    at: float
    quiet_since: float
    place: Place

    def __str__(self) -> str:
        return f"gap up to {self.place}"


class Cut(NamedTuple):
    """The connection was lost, on whichever side."""

    at: float

    def __str__(self) -> str:
        return "cut off"


Entry = Message | Subscribed | Gap | Cut


class Journal:
    """Keeps everything, believes everything, and knows the place a client has to come back with; judges nothing."""

    def __init__(self, client: int, channel: str):
        self.client = client
        self.channel = channel
        self.entries: list[Entry] = []
        # Up to where it has all that it was promised; None before the first answer.
        self.place: Place | None = None
        self.is_subscribed = False
        self._moved = 0.0

    def subscribed(self, asked: float, at: float, since: Place | None, place: Place, recovered: bool) -> None:
        self.entries.append(Subscribed(asked, at, self._moved or at, since, place, recovered))
        self.place, self.is_subscribed, self._moved = place, True, at

    def message(self, message: Message, at: float) -> None:
        self.entries.append(message)
        if self.place:
            self.place, self._moved = Place(self.place.epoch, message.offset), at

    def gap(self, place: Place, at: float) -> None:
        self.entries.append(Gap(at, self._moved, place))
        self.place, self._moved = place, at

    def cut(self, at: float) -> None:
        self.entries.append(Cut(at))
        self.is_subscribed = False

    def __str__(self) -> str:
        return f"client {self.client} in {self.channel}"
