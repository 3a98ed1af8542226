"""Compares what clients were told with what was published."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from harness.recovery.journal import Cut, Entry, Gap, Journal, Message, Place, Subscribed
from harness.recovery.ledger import Ledger

# What one recovery brings at most.
MAX_RECOVERED = 300

# How many of each kind a report shows.
_FAULTS, _EXCUSED = 12, 1


@dataclass
class Evidence:
    """All that is known at the end of a run, when nothing moves any more."""

    ledger: Ledger
    journals: list[Journal]
    # What clients were told of channels they are not in, and errors they should not have had.
    strays: list[str] = field(default_factory=list)
    # When Redis was away or not all nodes were well again, in seconds since 1970, and how often it began anew.
    away: list[tuple[float, float]] = field(default_factory=list)
    restarts: int = 0


@dataclass
class Report:
    """What was found: faults of the node, and counts. `excused` are faults of a moment when Redis was away."""

    faults: list[str] = field(default_factory=list)
    excused: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    # What the run itself has to say: its plan, what happened when, why connections ended.
    notes: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        count = self.counts
        lines = [
            *self.notes,
            f"published: {count['held']} of {count['attempted']} attempts ({count['published']} confirmed, "
            f"{count['refused']} refused, {count['unknown']} without an answer)",
            f"delivered: {count['delivered']} to {count['journals']} subscribers, each in a channel",
            f"recovered: {count['recovered messages']} messages by {count['recovered']} subscribes",
            f"gaps: {count['gap']} events and {count['not recovered']} subscribes without recovery, "
            f"{count['lacking']} messages lacking",
            f"gaps nobody needed: {count['needless']} with nothing missing ({count['needless under the same epoch']} "
            f"under the same epoch), {count['avoidable']} with what could have been read",
        ]
        for what, found, shown in (("excused", self.excused, _EXCUSED), ("FAULTS", self.faults, _FAULTS)):
            if found:
                lines += [f"{what}: {len(found)}, such as", *(f"  {fault}" for fault in found[:shown])]
        return "\n".join(lines if self.faults else [*lines, "no faults"])


def check(evidence: Evidence) -> Report:
    """Every client has every message of its channels once and in order, or was told of precisely what it lacks."""
    report = Report(counts=evidence.ledger.counts())
    report.faults += evidence.ledger.faults(epochs=1 + evidence.restarts)
    report.faults += evidence.strays
    for journal in evidence.journals:
        _Reader(journal, evidence, report).read()
    report.counts["journals"] = len(evidence.journals)
    return report


class _Reader:
    """Reads one journal. After a fault it goes on from what the client was told, so that one fault is not many."""

    def __init__(self, journal: Journal, evidence: Evidence, report: Report):
        self._journal = journal
        self._channel = journal.channel
        self._ledger = evidence.ledger
        self._streams = evidence.ledger.streams[journal.channel]
        self._away = evidence.away
        self._report = report
        self._place: Place | None = None
        self._is_subscribed = False
        # Up to this moment messages are old ones, which come by a recovery.
        self._recovering = 0.0
        self._index = 0

    def read(self) -> None:
        for self._index, entry in enumerate(self._journal.entries):
            match entry:
                case Message():
                    self._message(entry)
                case Subscribed():
                    self._subscribed(entry)
                case Gap():
                    self._gap(entry)
                case Cut():
                    self._is_subscribed, self._recovering = False, 0.0
        top = self._ledger.top(self._channel)
        if not self._is_subscribed or self._place != top:
            state = "subscribed" if self._is_subscribed else "not subscribed"
            self._fault(f"ends {state} at {self._place}, the top is {top}", self._place or top)

    # What it was told

    def _message(self, message: Message) -> None:
        if not self._is_subscribed:
            self._fault(f"{message} came before `subscribed`", self._place)
        if self._place is None:
            return
        epoch, offset = self._place
        held = self._streams.get(epoch, ())
        self._place = Place(epoch, message.offset)
        if message.offset <= offset:
            self._fault(f"{message} came behind {epoch}:{offset}, once more or out of order", self._place)
        elif message.offset > offset + 1:
            self._fault(f"{message} came behind {epoch}:{offset}, and nothing was told of the jump", self._place)
        elif message.offset > len(held):
            self._fault(f"{message} was never published under {epoch}", self._place)
        elif held[message.offset - 1] != message.data:
            self._fault(f"{message} came where something else was published", self._place)
        self._report.counts["delivered"] += 1
        self._report.counts["recovered messages"] += message.ts < self._recovering

    def _subscribed(self, told: Subscribed) -> None:
        if self._is_subscribed:
            self._fault("was told twice that it is subscribed", told.place)
        self._is_subscribed = True
        if told.since != self._place:
            # The harness is wrong then, not the node.
            self._fault(f"subscribed since {told.since} and was at {self._place}", told.place)
        before, self._place = self._place, told.place
        if told.recovered:
            self._report.counts["recovered"] += 1
            self._recovering = told.asked
            if told.place != before:
                self._fault(f"was recovered at {told.place}, it left off at {before}", told.place)
        elif before is None:
            self._within(told.place)
        else:
            self._report.counts["not recovered"] += 1
            self._jump(told, before)

    def _gap(self, told: Gap) -> None:
        before, self._place = self._place, told.place
        if not self._is_subscribed or before is None:
            self._fault(f"{told} came before `subscribed`", told.place)
        else:
            self._report.counts["gap"] += 1
            self._jump(told, before)

    # Whether it was right

    def _jump(self, told: Subscribed | Gap, before: Place) -> None:
        """It was told that it lacks what is behind `before` up to the place told."""
        if not self._within(told.place) or before.epoch not in self._streams:
            return
        is_same = before.epoch == told.place.epoch
        if is_same and told.place.offset < before.offset:
            return self._fault(f"{told} leads back from {before}", told.place)
        if not is_same and self._ledger.is_earlier(self._channel, told.place.epoch, before.epoch):
            return self._fault(f"{told} leads back from {before}, to an older epoch", told.place)
        lacking = self._ledger.between(self._channel, before, told.place)
        self._report.counts["lacking"] += lacking
        if lacking == 0:
            self._report.counts["needless under the same epoch"] += is_same
            self._unneeded("needless", f"{told} behind {before}, but nothing is missing there", told)
        elif is_same and lacking <= MAX_RECOVERED:
            # What an epoch held is there until the next one, as long as it is not trimmed or too much.
            self._unneeded("avoidable", f"{told} behind {before}, but all {lacking} were there to be read", told)

    def _unneeded(self, kind: str, what: str, told: Subscribed | Gap) -> None:
        self._report.counts[kind] += 1
        is_excused = any(start <= told.at and told.quiet_since <= end for start, end in self._away)
        self._fault(f"{kind}: {what}", told.place, self._report.excused if is_excused else None)

    def _within(self, place: Place) -> bool:
        """Whether so much was published; else more is told than can be lacking."""
        held = self._streams.get(place.epoch)
        if held is not None and 0 <= place.offset <= len(held):
            return True
        self._fault(f"was told of {place}, which was never published", place)
        return False

    def _fault(self, what: str, place: Place | None, faults: list[str] | None = None) -> None:
        near = self._journal.entries[max(0, self._index - 4) : self._index + 3]
        held = self._ledger.around(self._channel, place) if place else "nothing is known of the stream"
        told = _told(near)
        (self._report.faults if faults is None else faults).append(
            f"{self._journal}: {what}\n    told: {told}\n    {held}"
        )


def _told(entries: Iterable[Entry]) -> str:
    return "; ".join(map(str, entries))
