"""A program under test."""

import atexit
import os
import resource
import shutil
import signal
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import ClassVar

from harness.eventually import until
from harness.failure import Failure, Missing


def find(name: str) -> str | None:
    """The path of a program. Debian keeps servers where not every user's PATH leads."""
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


def program(name: str, package: str) -> str:
    """The path of an installed program; without it the test fails with the command that installs it."""
    path = find(name)
    if path is None:
        raise Missing(f"{name} is missing. Install it with: apt-get install {package}")
    return path


def popen(
    command: Iterable[object],
    *,
    cores: set[int] | None = None,
    descriptors: int | None = None,
    is_leader: bool = False,
    **options: object,
) -> subprocess.Popen:
    """Starts a program: on these processors alone, with so many open files at most, as leader of a process group."""

    def prepare() -> None:
        if descriptors is not None:
            resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))
        if cores is not None:
            os.sched_setaffinity(0, cores)
        if is_leader:
            os.setpgid(0, 0)

    words = [str(word) for word in command]
    try:
        return subprocess.Popen(words, preexec_fn=prepare, **options)
    except subprocess.SubprocessError:
        # All that it says is that the function above has failed.
        raise Failure(f"{words[0]} cannot have processors {cores} and {descriptors} open files") from None


class Process:
    """One run of a program. What it prints goes to `log`; it is ended at the latest when the tests end.

    Most know their command: these have `launch` and `_is_ready`, and run inside a `with`, too.
    """

    # Every process that may still run or whose log the current test may want to show.
    known: ClassVar[list["Process"]] = []

    def __init__(self, name: str, directory: Path):
        self.name = name
        self.log = directory / f"{name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    def spawn(
        self,
        *command: object,
        cwd: Path | None = None,
        environment: Mapping[str, str] | None = None,
        **options: object,
    ) -> None:
        """Starts the program; its log is appended to when it ran before.

        `environment` has variables besides those of the tests, and `options` are those of `popen`.
        """
        assert not self.running, f"{self.name} runs already"
        with self.log.open("ab") as log:
            self._process = popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=cwd,
                env={**os.environ, **(environment or {})},
                **options,
            )
        if self not in Process.known:
            Process.known.append(self)

    def launch(self) -> "Process":
        """Starts the program without waiting for it to be ready."""
        raise NotImplementedError

    def _is_ready(self) -> bool:
        """Whether it serves."""
        raise NotImplementedError

    def start(self) -> "Process":
        """Starts the program and waits until it is ready."""
        self.launch()
        self.wait_ready()
        return self

    def wait_ready(self) -> None:
        """Waits until it is ready; fails with its log where it ends instead, or takes too long."""

        def is_ready() -> bool:
            self.check()
            return self._is_ready()

        until(is_ready, what=lambda: f"{self.name} is not ready\n{self.tail()}")

    def __enter__(self) -> "Process":
        try:
            return self.start()
        except BaseException:
            self.end()
            raise

    def __exit__(self, *_: object) -> None:
        self.end()

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def is_paused(self) -> bool:
        """Whether it stands still, as after `pause`."""
        return self.running and Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"

    @property
    def pid(self) -> int:
        assert self._process is not None, f"{self.name} was never started"
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative when a signal ended it."""
        return None if self._process is None else self._process.poll()

    def check(self, when: str = "") -> None:
        """Fails when the program has ended by itself."""
        if not self.running:
            raise Failure(f"{self.name} has ended with {self.exit_code}{when}\n{self.tail()}")

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None, f"{self.name} was never started"
        self._process.send_signal(number)

    def pause(self) -> None:
        """Stops the program where it stands; returns when the last of its threads has stopped.

        That is some time after the signal: on a busy machine a thread still answers in between.
        """
        assert self.running, f"{self.name} does not run"
        self.signal(signal.SIGSTOP)
        # Left for `poll` to collect, should it have ended instead.
        os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        self.check()

    def resume(self) -> None:
        """Lets a paused program go on."""
        self.signal(signal.SIGCONT)

    def wait(self, within: float = 30) -> int:
        """Waits for the program to end by itself: its exit code."""
        assert self._process is not None, f"{self.name} was never started"
        try:
            return self._process.wait(within)
        except subprocess.TimeoutExpired:
            raise Failure(f"{self.name} did not end within {within:g} s\n{self.tail()}") from None

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
        self.resume()
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

    def memory(self) -> int:
        """Bytes of memory the process has in use now."""
        return self._memory("VmRSS")

    def peak_memory(self) -> int:
        """The most bytes of memory the process has ever had in use."""
        return self._memory("VmHWM")

    def _memory(self, row: str) -> int:
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith(row)).split()[1]) * 1024

    def open_files(self) -> int:
        """How many descriptors the process has."""
        return len(os.listdir(f"/proc/{self.pid}/fd"))


def end_all() -> None:
    """Ends whatever still runs."""
    for process in list(Process.known):
        process.kill()


atexit.register(end_all)
