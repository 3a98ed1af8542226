"""What came out of one case."""

from dataclasses import dataclass
from pathlib import Path


def section(case: str) -> int:
    return int(case.split(".")[0])


@dataclass(frozen=True)
class Outcome:
    """What the client made of one case; `behavior` is MISSING where it did not get to it."""

    case: str
    behavior: str
    close: str
    seconds: float
    report: Path

    @property
    def section(self) -> int:
        return section(self.case)

    @property
    def is_strict(self) -> bool:
        """INFORMATIONAL is how a server may behave in one way or the other."""
        return self.behavior in ("OK", "INFORMATIONAL") and self.has_closed

    @property
    def has_closed(self) -> bool:
        return self.close in ("OK", "INFORMATIONAL")
