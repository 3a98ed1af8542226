"""Autobahn's fuzzing client, which runs one case after the other."""

import ast
import json
import re
import shutil
import time
from pathlib import Path

from harness import Failure, Process, until

# The longest case ends itself after 480 s; a client that says nothing for longer hangs.
_SILENCE = 600.0
_CASES = re.compile(r"^Cases = (\[.*\])$", re.MULTILINE)
_CASE = re.compile(r"^Running test case ID (\S+) ", re.MULTILINE)


class FuzzingClient(Process):
    """One run of `wstest`; its reports and its specification are in a folder named after it."""

    def __init__(self, name: str, directory: Path, wstest: Path, url: str, patterns: list, excluded: list):
        super().__init__(name, directory)
        self.folder = directory / name
        # Those it has chosen, in order; None until it says so.
        self.cases: list | None = None
        # How many of them it has begun.
        self.begun = 0
        self._wstest = wstest
        self._specification = {
            "outdir": str(self.folder),
            "servers": [{"agent": "apus", "url": url}],
            "cases": patterns,
            "exclude-cases": excluded,
        }
        self._read = 0
        self._heard = time.monotonic()

    def launch(self) -> "FuzzingClient":
        # What an earlier run has left.
        shutil.rmtree(self.folder, ignore_errors=True)
        self.log.unlink(missing_ok=True)
        self.folder.mkdir()
        specification = self.folder / "spec.json"
        specification.write_text(json.dumps(self._specification))
        environment = {"PYTHONUNBUFFERED": "1", "PYTHONWARNINGS": "ignore"}
        self.spawn(self._wstest, "-m", "fuzzingclient", "-s", specification, environment=environment)
        return self

    def wait_ready(self) -> None:
        """Waits until it has said which cases it runs; few may be over by then."""

        def is_ready() -> bool:
            has_ended = not self.running
            self.look()
            if has_ended and self.cases is None:
                self.check()
            return self.cases is not None

        until(is_ready, what=lambda: f"{self.name} chooses no cases\n{self.tail()}")

    @property
    def case(self) -> str:
        """The one that is running, or was the last."""
        return self.cases[self.begun - 1] if self.begun else ""

    def look(self) -> None:
        """Takes in what it has printed since."""
        with self.log.open("rb") as log:
            log.seek(self._read)
            # Without a line that is not whole yet.
            text, newline, _ = log.read().rpartition(b"\n")
        if newline:
            self._read += len(text) + 1
            self._heard = time.monotonic()
        if self.exit_code:
            self.check()
        if self.running and time.monotonic() - self._heard > _SILENCE:
            raise Failure(f"{self.name} has said nothing for {_SILENCE:g} s\n{self.tail()}")
        text = text.decode(errors="replace")
        if chosen := _CASES.search(text):
            self.cases = [str(name) for name in ast.literal_eval(chosen[1])]
        for case in _CASE.findall(text):
            if case in self.cases:
                self.begun = self.cases.index(case) + 1

    def results(self) -> dict:
        """What it has written of each case it has come to, when it has ended."""
        index = self.folder / "index.json"
        if not index.exists():
            raise Failure(f"{self.name} wrote no report\n{self.tail()}")
        return json.loads(index.read_text()).get("apus", {})
