"""Blocks of a shell that show what is printed: `$` stands before what is typed, and what is printed comes after it."""

import re
import shlex
from pathlib import Path

# What differs from run to run: ids of connections and nodes, epochs, moments, numbers.
_VARYING = [
    (re.compile(r"c-\w{12}"), "c-#"),
    (re.compile(r'"epoch":"\w+"'), '"epoch":"#"'),
    (re.compile(r'"cursor":"\w+:'), '"cursor":"#:'),
    (re.compile(r"\b([\w-]+)\.\w{6}\b(?=\\?\")"), r"\1.#"),
    (re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z"), "#"),
    (re.compile(r"\d[\d.,]*"), "#"),
    (re.compile(r"\b(second|minute|hour)s?\b"), "times"),
    (re.compile(r"\bissued now\b"), "issued # times ago"),
    # The place of an example is a folder that its reader does not have.
    (re.compile(r"/\S*/work/"), ""),
]


def script(text: str, folder: Path) -> str:
    """A block as a script: of a transcript the commands, each of which prints to a file of that folder."""
    if not text.startswith("$ "):
        return text
    folder.mkdir()
    commands = [line[2:] for line in text.splitlines() if line.startswith("$ ")]
    return "\n".join(
        f"{{ {_without_comment(command)}\n}} >{shlex.quote(str(folder / str(number)))} 2>&1"
        for number, command in enumerate(commands)
    )


def check(text: str, folder: Path) -> None:
    """Asserts that each line after a command was printed by it, in that order; `...` stands for any lines."""
    if not text.startswith("$ "):
        return
    number, printed, everything = -1, iter(()), ""
    for line in text.splitlines():
        if line.startswith("$ "):
            number += 1
            everything = (folder / str(number)).read_text()
            printed = iter([_form(each) for each in everything.splitlines()])
        elif line != "...":
            # A line that ends in dots is the beginning of one.
            form = _form(line.removesuffix("..."))
            matches = (each.startswith(form) if line.endswith("...") else each == form for each in printed)
            assert any(matches), f"{line}\nis not printed, or not at that place:\n{everything}"


def _without_comment(command: str) -> str:
    return re.sub(r"\s+# .*$", "", command)


def _form(line: str) -> str:
    for pattern, replacement in _VARYING:
        line = pattern.sub(replacement, line)
    return line.rstrip()
