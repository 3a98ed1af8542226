"""Runs Autobahn's fuzzing client: the cases, their progress, and what came out of each."""

import ast
import json
import os
import re
import select
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from harness.servers import Failure, tail

# How many cases each section has, so that none is lost without a word.
SECTIONS = {1: 16, 2: 11, 3: 7, 4: 10, 5: 20, 6: 145, 7: 37, 9: 54, 10: 1, 12: 90, 13: 126}

# The longest case ends itself after 480 s; a client that says nothing for longer hangs.
_SILENCE = 600.0
_CASES = re.compile(r"^Cases = (\[.*\])$")
_CASE = re.compile(r"^Running test case ID (\S+) ")


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


def section(case: str) -> int:
    return int(case.split(".")[0])


def run(wstest: Path, url: str, patterns: list, folder: Path) -> list:
    """Runs the cases that match the patterns, in order, and returns an `Outcome` for each.

    The client's reports and its log are left in the folder, those of an earlier run are removed.
    """
    for report in [*folder.glob("index.*"), *folder.glob("apus_case_*")]:
        report.unlink()
    specification = folder / "spec.json"
    servers = [{"agent": "apus", "url": url}]
    specification.write_text(
        json.dumps({"outdir": str(folder), "servers": servers, "cases": patterns, "exclude-cases": []})
    )
    log = folder / "wstest.log"
    cases = _follow([str(wstest), "-m", "fuzzingclient", "-s", str(specification)], patterns, log)
    index = folder / "index.json"
    if not index.exists():
        raise Failure(f"the fuzzing client wrote no report\n{tail(log)}")
    results = json.loads(index.read_text()).get("apus", {})
    return [_outcome(case, results.get(case), folder) for case in cases]


def _outcome(case: str, result: dict, folder: Path) -> Outcome:
    if result is None:
        return Outcome(case, "MISSING", "MISSING", 0, folder / "wstest.log")
    # Where the handshake failed it counts from 1970 on.
    seconds = result["duration"] / 1000 if result["duration"] < 1e9 else 0
    return Outcome(case, result["behavior"], result["behaviorClose"], seconds, folder / result["reportfile"])


def _check_number(cases: list, patterns: list) -> None:
    """Fails unless each section that is asked for as a whole has all its cases."""
    found = Counter(map(section, cases))
    for number, expected in SECTIONS.items():
        if ("*" in patterns or f"{number}.*" in patterns) and found[number] != expected:
            raise Failure(f"section {number} has {found[number]} cases instead of {expected}")
    if not cases:
        raise Failure(f"no case matches {','.join(patterns)}")


def _follow(command: list, patterns: list, log: Path) -> list:
    """Runs the client to its end, showing how far it is: the cases it has chosen."""
    progress = _Progress(patterns)
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONWARNINGS": "ignore"}
    with log.open("wb") as copy, subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment, bufsize=0
    ) as client:
        try:
            rest = b""
            while True:
                if not select.select([client.stdout], [], [], _SILENCE)[0]:
                    raise Failure(f"the fuzzing client has said nothing for {_SILENCE:g} s\n{tail(log)}")
                chunk = client.stdout.read(65536)
                if not chunk:
                    break
                copy.write(chunk)
                copy.flush()
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    progress.take(line.decode(errors="replace"))
            status = client.wait()
        except BaseException:
            client.kill()
            raise
        finally:
            progress.end()
    if status != 0:
        raise Failure(f"the fuzzing client ended with {status}\n{tail(log)}")
    return progress.cases


class _Progress:
    """One line that changes on a terminal; elsewhere a line now and then."""

    _EVERY = 50

    def __init__(self, patterns: list) -> None:
        self.cases: list = []
        self._patterns = patterns
        self._begin = time.monotonic()
        self._is_terminal = sys.stdout.isatty()
        self._shown = (0, 0)

    def take(self, line: str) -> None:
        chosen, case = _CASES.match(line), _CASE.match(line)
        if chosen:
            self.cases = [str(name) for name in ast.literal_eval(chosen[1])]
            # Now and not at the end: without a case the client would wait for ever.
            _check_number(self.cases, self._patterns)
        elif case and case[1] in self.cases:
            self._show(case[1])

    def end(self) -> None:
        if self._is_terminal:
            sys.stdout.write("\r\x1b[K")
            sys.stdout.flush()

    def _show(self, case: str) -> None:
        position = self.cases.index(case) + 1
        text = f"{position:>4} of {len(self.cases)}  {case:<8} {time.monotonic() - self._begin:4.0f} s"
        if self._is_terminal:
            sys.stdout.write(f"\r{text}\x1b[K")
            sys.stdout.flush()
        elif section(case) != self._shown[0] or position - self._shown[1] >= self._EVERY:
            self._shown = (section(case), position)
            print(text, flush=True)
