"""What was published, and where: the truth that clients are compared with."""

import re
from collections import Counter
from enum import Enum

from harness.recovery.journal import Place


class Outcome(Enum):
    """What a publisher was told."""

    PENDING = "pending"
    PUBLISHED = "published"
    # `unavailable`: it is not in the stream.
    REFUSED = "refused"
    # `timeout`, or the connection was lost before an answer: it may be there.
    UNKNOWN = "unknown"


class Attempt:
    """One message somebody tried to publish, and the place that was told for it."""

    def __init__(self, channel: str):
        self.channel = channel
        self.outcome = Outcome.PENDING
        self.place: Place | None = None


class Ledger:
    """Attempts by their data, which is never the same twice, and what the streams held."""

    def __init__(self, channels: list[str]):
        self.attempts: dict[str, Attempt] = {}
        # Of each channel its epochs in their order, and of an epoch the data from offset 1 on.
        self.streams: dict[str, dict[str, list[str]]] = {channel: {} for channel in channels}
        self._faults: list[str] = []

    # What publishers tell

    def attempted(self, channel: str, data: str) -> None:
        assert data not in self.attempts, f"{data} was published before"
        self.attempts[data] = Attempt(channel)

    def answered(self, data: str, outcome: Outcome, place: Place | None = None) -> None:
        attempt = self.attempts[data]
        attempt.outcome, attempt.place = outcome, place

    def fault(self, what: str) -> None:
        """Something happened to a publisher that must not happen."""
        self._faults.append(what)

    # What the streams tell

    def top(self, channel: str) -> Place | None:
        """The newest message there is, as far as was read."""
        epochs = self.streams[channel]
        if not epochs:
            return None
        epoch = next(reversed(epochs))
        return Place(epoch, len(epochs[epoch]))

    def held(self, channel: str, epoch: str, offset: int, data: str) -> None:
        """A stream holds it at that place, behind what was told before."""
        messages = self.streams[channel].setdefault(epoch, [])
        # Without the truth there is nothing to compare with, whether a node or this reader is to blame.
        assert offset == len(messages) + 1, (
            f"the stream of {channel} goes on with {epoch}:{offset} behind {epoch}:{len(messages)}; "
            "where that is a thousand messages, they were trimmed before they were read: lower the rate"
        )
        messages.append(data)

    def is_earlier(self, channel: str, epoch: str, other: str) -> bool:
        """Whether an epoch was before the other."""
        epochs = list(self.streams[channel])
        return epochs.index(epoch) < epochs.index(other)

    def between(self, channel: str, place: Place, end: Place) -> int:
        """How many messages there were behind a place up to a later one."""
        if place.epoch == end.epoch:
            return end.offset - place.offset
        epochs = list(self.streams[channel].items())
        names = [epoch for epoch, _ in epochs]
        passed = epochs[names.index(place.epoch) : names.index(end.epoch)]
        return sum(len(messages) for _, messages in passed) - place.offset + end.offset

    def around(self, channel: str, place: Place) -> str:
        """What the stream held near a place, for a report."""
        messages = self.streams[channel].get(place.epoch)
        if messages is None:
            return f"no epoch {place.epoch} in the stream, but {list(self.streams[channel])}"
        first = max(1, place.offset - 2)
        shown = [f"{offset}={data}" for offset, data in enumerate(messages, 1) if first <= offset <= first + 5]
        return f"the stream held {len(messages)} under {place.epoch}, among them {' '.join(shown)}"

    # Whether both agree

    def counts(self) -> Counter[str]:
        outcomes = Counter(attempt.outcome.value for attempt in self.attempts.values())
        published = sum(len(messages) for epochs in self.streams.values() for messages in epochs.values())
        return Counter({**outcomes, "attempted": len(self.attempts), "held": published})

    def faults(self, epochs: int) -> list[str]:
        """What is wrong with the streams themselves; `epochs` is how many a channel may have had."""
        faults = list(self._faults)
        places: dict[str, Place] = {}
        for channel, streams in self.streams.items():
            if len(streams) > epochs:
                faults.append(f"{channel} had the epochs {list(streams)}, {epochs} were to be expected")
            last: dict[str, int] = {}
            for epoch, messages in streams.items():
                for offset, data in enumerate(messages, 1):
                    place = Place(epoch, offset)
                    faults += self._faults_of(channel, place, data, places.get(data))
                    places[data] = place
                    faults += _disorder(channel, place, data, last)
        for data, attempt in self.attempts.items():
            if attempt.outcome is Outcome.PENDING:
                faults.append(f"{data} in {attempt.channel} was never answered")
            if attempt.outcome is Outcome.PUBLISHED and attempt.place != places.get(data):
                faults.append(
                    f"{data} was published to {attempt.channel} at {attempt.place}, "
                    f"but the stream held it at {places.get(data)}"
                )
        return faults

    def _faults_of(self, channel: str, place: Place, data: str, other: Place | None) -> list[str]:
        attempt = self.attempts.get(data)
        if attempt is None or attempt.channel != channel:
            return [f"the stream of {channel} held {data} at {place}, which nobody published there"]
        if other:
            return [f"the stream of {channel} held {data} at {other} and at {place}"]
        if attempt.outcome is Outcome.REFUSED:
            return [f"the stream of {channel} held {data} at {place}, which was refused as unavailable"]
        return []


def _disorder(channel: str, place: Place, data: str, last: dict[str, int]) -> list[str]:
    """The publishes of one connection to one channel take effect in order; `last` is the newest of each connection."""
    parts = re.fullmatch(r"(.+)\.(\d+)", data)
    if not parts:
        return []
    before = last.get(parts[1], -1)
    last[parts[1]] = int(parts[2])
    return [f"{data} at {place} of {channel} came behind {parts[1]}.{before}"] if before > int(parts[2]) else []
