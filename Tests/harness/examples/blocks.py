"""The fenced blocks of the pages."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.repository import REPOSITORY

_FENCE = re.compile(r"^```(\S*)\s*(.*)$")
_HEADING = re.compile(r"^#+ (.*)$")
_NO_RUN = "no-run:"


@dataclass(frozen=True)
class Block:
    """One block: `page` and `line` say where it begins, `heading` is the last one before it."""

    page: str
    line: int
    heading: str
    language: str
    note: str
    text: str

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def reason(self) -> str | None:
        """Why it is not run; None where it is."""
        return self.note.removeprefix(_NO_RUN).strip() if self.note.startswith(_NO_RUN) else None

    @property
    def is_session(self) -> bool:
        lines = self.text.splitlines()
        return not self.language and bool(lines) and all(line[:2] in ("> ", "< ") for line in lines)


def pages() -> list[Path]:
    """Every page that may have examples."""
    return [*sorted(REPOSITORY.glob("*.md")), *sorted((REPOSITORY / "docs").glob("*.md"))]


def blocks(page: Path) -> Iterator[Block]:
    """The blocks of a page, in order."""
    name = str(page.relative_to(REPOSITORY))
    heading, begin, lines = "", None, []
    for number, line in enumerate(page.read_text().splitlines(), 1):
        fence = _FENCE.match(line)
        if begin is not None:
            if line == "```":
                yield Block(name, begin[0], heading, *begin[1], "\n".join(lines) + "\n" if lines else "")
                begin, lines = None, []
            else:
                lines.append(line)
        elif fence:
            begin = (number, fence.groups())
        elif title := _HEADING.match(line):
            heading = title[1].replace("`", "")
    assert begin is None, f"{name}:{begin[0]}: the block has no end"
