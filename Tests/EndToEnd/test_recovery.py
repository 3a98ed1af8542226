"""Clients that are cut off again and again while Redis or a node fails: everything once and in order, or told.

Short runs of what `Tests/EndToEnd/recovery` does for long; and the checker, which must find what is planted.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.recovery import Evidence, Plan, Report, check, run
from harness.recovery.journal import Journal, Message, Place
from harness.recovery.ledger import Ledger, Outcome
from harness.recovery.plan import LINKS, NODE, PAUSE, RESTART

pytestmark = pytest.mark.loops

CHANNEL = "h:1"


@pytest.fixture
def seed() -> int:
    """`APUS_SEED`, to have a run again, else a new one; it is printed."""
    return int(os.environ.get("APUS_SEED", time.time_ns() // 1000 % 1_000_000_000))


async def passes(plan: Plan, directory: Path, *counts: str) -> None:
    """Asserts that there is no fault, and that something of each of these was there to be faulty."""
    print(plan)
    report = await run(plan, directory)
    print(report)
    assert not report.faults, f"\n{report}"
    assert all(report.counts[count] for count in counts), f"\n{report}"


@pytest.mark.one_redis("it fails in every way")
async def test_clients_cut_off_while_redis_fails(tmp_path, seed):
    plan = Plan(seed, clients=60, channels=6, seconds=18, faults=(PAUSE, LINKS, RESTART))
    await passes(plan, tmp_path, "delivered", "recovered messages", "lacking")


async def test_clients_cut_off_while_a_node_is_killed(tmp_path, seed):
    plan = Plan(seed, clients=60, channels=6, seconds=10, loops=1, faults=(NODE,))
    await passes(plan, tmp_path, "delivered", "recovered messages")


# The checker


class Story:
    """A channel that held five messages under one epoch and three under the next, and a client in it."""

    def __init__(self) -> None:
        self.ledger = Ledger([CHANNEL])
        for epoch, count in (("A", 5), ("B", 3)):
            for offset in range(1, count + 1):
                data = f"{epoch}.{offset}"
                self.ledger.attempted(CHANNEL, data)
                self.ledger.answered(data, Outcome.PUBLISHED, Place(epoch, offset))
                self.ledger.held(CHANNEL, epoch, offset, data)
        self.journal = Journal(1, CHANNEL)
        self.clock = 0.0
        self.strays: list[str] = []
        # Redis began anew between the two.
        self.away = [(100.0, 200.0)]

    def tick(self, to: float = 0) -> float:
        self.clock = max(to, self.clock + 1)
        return self.clock

    def subscribed(self, place: str, recovered: bool = False, again: bool = True) -> None:
        since = self.journal.place if again else None
        self.journal.subscribed(self.tick(), self.tick(), since, at(place), recovered)

    def messages(self, epoch: str, *offsets: int, old: bool = False) -> None:
        for offset in offsets:
            now = self.tick()
            self.journal.message(Message(CHANNEL, offset, f"{epoch}.{offset}", 0 if old else now), now)

    def gap(self, place: str) -> None:
        self.journal.gap(at(place), self.tick())

    def cut(self) -> None:
        self.journal.cut(self.tick())

    def report(self) -> Report:
        return check(Evidence(self.ledger, [self.journal], self.strays, self.away, restarts=1))


def at(place: str) -> Place:
    epoch, offset = place.split(":")
    return Place(epoch, int(offset))


def begin(story: Story) -> None:
    """Subscribes, gets two, is cut off, recovers the third and fourth; Redis begins anew."""
    story.subscribed("A:0", again=False)
    story.messages("A", 1, 2)
    story.cut()
    story.subscribed("A:2", recovered=True)
    story.messages("A", 3, 4, old=True)


def end(story: Story) -> None:
    """Is told that it lacks the fifth and the first of the new epoch, and gets the rest."""
    story.tick(to=150)
    story.gap("B:1")
    story.messages("B", 2, 3)


def test_the_checker_accepts_what_is_right():
    story = Story()
    begin(story)
    end(story)
    report = story.report()
    assert report.faults == [] and report.excused == []
    assert report.counts["delivered"] == 6 and report.counts["recovered messages"] == 2
    assert report.counts["gap"] == 1 and report.counts["lacking"] == 2 and report.counts["held"] == 8


def twice(story: Story) -> None:
    begin(story)
    story.messages("A", 4)
    end(story)


def jumped(story: Story) -> None:
    story.subscribed("A:0", again=False)
    story.messages("A", 1, 2, 4)
    end(story)


def exchanged(story: Story) -> None:
    begin(story)
    story.messages("B", 5)
    end(story)


def recovered_without_all(story: Story) -> None:
    story.subscribed("A:0", again=False)
    story.messages("A", 1, 2)
    story.cut()
    story.subscribed("A:3", recovered=True)
    story.messages("A", 4)
    end(story)


def not_subscribed(story: Story) -> None:
    begin(story)
    story.cut()
    story.messages("A", 5)
    story.subscribed("B:1")
    story.messages("B", 2, 3)


def invented(story: Story) -> None:
    begin(story)
    end(story)
    story.messages("B", 4)


def told_too_much(story: Story) -> None:
    begin(story)
    story.tick(to=150)
    story.gap("B:4")


def told_of_an_epoch_that_never_was(story: Story) -> None:
    begin(story)
    story.gap("C:0")


def told_of_an_epoch_that_is_over(story: Story) -> None:
    story.subscribed("B:3", again=False)
    story.gap("A:5")


def told_without_need(story: Story) -> None:
    begin(story)
    story.messages("A", 5)
    story.gap("A:5")
    end(story)


def told_instead_of_read(story: Story) -> None:
    begin(story)
    story.gap("A:5")
    end(story)


def refused_without_need(story: Story) -> None:
    begin(story)
    story.cut()
    story.subscribed("A:5")
    end(story)


def told_too_little(story: Story) -> None:
    begin(story)
    story.tick(to=150)
    story.gap("B:0")
    story.messages("B", 2, 3)


def behind(story: Story) -> None:
    begin(story)
    story.tick(to=150)
    story.gap("B:1")
    story.messages("B", 2)


def away_at_the_end(story: Story) -> None:
    begin(story)
    end(story)
    story.cut()


def stray(story: Story) -> None:
    begin(story)
    end(story)
    story.strays.append('client 1 was told {"type":"message","channel":"h:2"}')


def confirmed_and_not_there(story: Story) -> None:
    begin(story)
    end(story)
    story.ledger.attempted(CHANNEL, "lost.1")
    story.ledger.answered("lost.1", Outcome.PUBLISHED, Place("A", 6))


def refused_and_there(story: Story) -> None:
    begin(story)
    end(story)
    story.ledger.answered("B.3", Outcome.REFUSED)


@pytest.mark.parametrize(
    "plant, words",
    [
        (twice, "once more or out of order"),
        (jumped, "nothing was told of the jump"),
        (exchanged, "where something else was published"),
        (recovered_without_all, "was recovered at A:3, it left off at A:2"),
        (not_subscribed, "came before `subscribed`"),
        (invented, "was never published under B"),
        (told_too_much, "was told of B:4, which was never published"),
        (told_of_an_epoch_that_never_was, "was told of C:0, which was never published"),
        (told_of_an_epoch_that_is_over, "to an older epoch"),
        (told_without_need, "needless"),
        (told_instead_of_read, "avoidable"),
        (refused_without_need, "avoidable"),
        (told_too_little, "nothing was told of the jump"),
        (behind, "ends subscribed at B:2, the top is B:3"),
        (away_at_the_end, "ends not subscribed"),
        (stray, "was told"),
        (confirmed_and_not_there, "but the stream held it at None"),
        (refused_and_there, "refused as unavailable"),
    ],
)
def test_the_checker_finds_what_is_planted(plant: Callable[[Story], None], words: str):
    story = Story()
    plant(story)
    assert any(words in fault for fault in story.report().faults), story.report()


def test_what_nobody_needed_is_excused_while_redis_was_away():
    story = Story()
    begin(story)
    story.messages("A", 5)
    story.tick(to=150)
    story.gap("B:0")
    story.messages("B", 1, 2, 3)
    report = story.report()
    assert report.faults == [] and len(report.excused) == 1 and report.counts["needless"] == 1
