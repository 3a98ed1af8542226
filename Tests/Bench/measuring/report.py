"""What was measured, as a table for people and as JSON for programs."""

import json
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median


def progress(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def medians(results: Iterable[dict]) -> dict:
    """The median of each figure over all repetitions; what was lost or failed is added up."""
    results = list(results)
    middle = {name: median(result[name] for result in results) for name in results[0]}
    return middle | {name: sum(result.get(name, 0) for result in results) for name in ("lost", "failed")}


def troubles(results: dict) -> str:
    """What a run has lost, for a row's note."""
    return "".join(f", {name} {results[name]}" for name in ("lost", "failed") if results[name])


@dataclass
class Row:
    """One figure. `budget` is the most it may be, or the least with `at_least`; None where there is none."""

    name: str
    figure: float
    unit: str = "x"
    budget: float | None = None
    at_least: bool = False
    apus: str = ""
    other: str = ""
    note: str = ""
    verdict: str = field(init=False, default="-")

    def __post_init__(self) -> None:
        if self.budget is not None:
            met = self.figure >= self.budget if self.at_least else self.figure <= self.budget
            self.verdict = "met" if met else "missed"

    def cells(self) -> list[str]:
        if self.budget is None:
            budget = "-"
        else:
            budget = f"{'>=' if self.at_least else '<='} {number(self.budget)}"
        return [self.name, self.apus, self.other, f"{number(self.figure)} {self.unit}", budget, self.verdict, self.note]


def number(value: float) -> str:
    """Three digits or so."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def print_table(rows: list[Row]) -> None:
    """A Markdown table on standard output."""
    print("| scenario | Apus | against | figure | budget | | |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for row in rows:
        print("| " + " | ".join(row.cells()) + " |")


def write_json(rows: list[Row], path: Path) -> None:
    path.write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n")
