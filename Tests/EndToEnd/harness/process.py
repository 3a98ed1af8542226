"""A program under test."""

import atexit
import os
import resource
import shutil
import signal
import subprocess
from pathlib import Path
from typing import ClassVar

import pytest


def program(name: str, package: str) -> str:
    """The path of an installed program; a missing one fails the test with the command that installs it."""
    path = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if path is None:
        pytest.fail(f"{name} is missing. Install it with: apt-get install {package}", pytrace=False)
    return path


class Process:
    """One run of a program. What it prints goes to `log`; it is ended at the latest when the tests end."""

    # Every process that may still run or whose log the current test may want to show.
    known: ClassVar[list["Process"]] = []

    def __init__(self, name: str, directory: Path):
        self.name = name
        self.log = directory / f"{name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    def spawn(self, *command: str | Path, cwd: Path | None = None, descriptors: int | None = None) -> None:
        """Starts the program; its log is appended to when it ran before. `descriptors`: how many it may have open."""

        def limit() -> None:
            if descriptors is not None:
                resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))

        assert not self.running, f"{self.name} runs already"
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [str(word) for word in command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=cwd,
                preexec_fn=limit,
            )
        if self not in Process.known:
            Process.known.append(self)

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        assert self._process is not None, f"{self.name} was never started"
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative when a signal ended it."""
        return None if self._process is None else self._process.poll()

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None, f"{self.name} was never started"
        self._process.send_signal(number)

    def wait(self, within: float = 30) -> int:
        """Waits for the program to end by itself: its exit code."""
        assert self._process is not None, f"{self.name} was never started"
        try:
            return self._process.wait(within)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} did not end within {within:g} s\n{self.tail()}") from None

    def stop(self, within: float = 30) -> int:
        """Asks the program to end (SIGTERM) and waits: its exit code."""
        self.signal(signal.SIGTERM)
        return self.wait(within)

    def kill(self) -> None:
        """Ends the program at once (SIGKILL), whatever state it is in."""
        if self.running:
            self.signal(signal.SIGKILL)
            self.wait()

    def end(self) -> None:
        """Ends the program in whichever way works: for the end of a test, where it may be paused or hang."""
        if not self.running:
            return
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self.kill()

    def tail(self, lines: int = 60) -> str:
        """The last lines it printed."""
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


def end_all() -> None:
    """Ends whatever still runs."""
    for process in Process.known:
        process.kill()


atexit.register(end_all)
