"""Tables for docs/scaling.md."""

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from ..report import number

_WIDTH = 120


@dataclass
class Table:
    """What one row of the command line has measured. `note` says how, and how often."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str

    def markdown(self) -> str:
        lines = [self.head, ["---"] * len(self.head), *self.rows]
        # The corner is empty.
        table = "\n".join(f"| {' | '.join(cells)} |".replace("|  |", "| |") for cells in lines)
        return f"{table}\n\n{textwrap.fill(self.note, _WIDTH)}\n"


def ratio(figure: float, one: float) -> str:
    """A figure as a multiple of that of one Redis; a dash where that one is 0."""
    return f"{number(figure / one)} x" if one else "-"


def listed(figures: Iterable[float]) -> str:
    """One figure, or the least and the most of several."""
    figures = sorted(figures)
    least, most = number(figures[0]), number(figures[-1])
    return least if least == most else f"{least} to {most}"


def middle_and_most(figures: Sequence[float]) -> str:
    """The median of all repetitions, and the largest in parentheses where it differs."""
    middle, most = number(median(figures)), number(max(figures))
    return middle if middle == most else f"{middle} ({most})"


def times(count: int) -> str:
    return "one repetition" if count == 1 else f"medians of {count} repetitions"
