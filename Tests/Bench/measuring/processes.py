"""Programs that run for a while: each pinned to processors and ended with the driver."""

import os
import signal
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from harness import Process
from harness.ports import is_taken
from harness.process import popen

_CORES = sorted(os.sched_getaffinity(0))
# Where servers run and where everything else does. Pinned, neither takes time from the other, and the ratios of two
# servers compare what the same core has done.
SERVER_CORE = {_CORES[0]}
LOAD_CORE = {_CORES[-1]}
ALL_CORES = set(_CORES)


@contextmanager
def helper(command: Iterable[object], cores: set[int], **options) -> Iterator[subprocess.Popen]:
    """A program of the driver's own that is ended when it is left."""
    with popen(command, cores=cores, **options) as process:
        try:
            yield process
        finally:
            process.kill()


def cpu_seconds(process: Process) -> float:
    """The CPU time that a process has taken so far, user and kernel."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Measured(Process):
    """A server on processors of its own, from `with` to its end, at which it must still run.

    `protocol` is how wsload speaks with it: wsload's options.
    """

    def __init__(self, *arguments, cores: set[int], protocol: Iterable[str] = (), **options):
        super().__init__(*arguments, **options)
        self.protocol = tuple(protocol)
        self._cores = cores

    def spawn(self, *command: object, **options) -> None:
        # In a group of its own: Ctrl-C goes to the driver, which ends it together with its children. In a session of
        # its own the kernel may give it another share of a busy processor than the rest.
        super().spawn(*command, cores=self._cores, is_leader=True, **options)

    def __exit__(self, error: type | None, *_: object) -> None:
        try:
            if error is None:
                self.check(" while it was measured")
        finally:
            self.end()

    def pids(self) -> list[int]:
        """Itself and its children, of which nginx has one that does the work."""
        found = []
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and os.getpgid(int(entry.name)) == self.pid:
                    found.append(int(entry.name))
            except ProcessLookupError:
                continue
        return found

    def cpu_seconds(self) -> float:
        """The CPU time the process has taken so far."""
        return cpu_seconds(self)

    def kill(self) -> None:
        # Once: later its number may be that of somebody else.
        if self in Process.known:
            Process.known.remove(self)
            with suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
            self.wait()

    def end(self) -> None:
        # At once: nothing of it is needed later, and an orderly end can take longer than the measurement.
        self.kill()


class Server(Measured):
    """Any program that listens on a port; it runs in the folder of its log."""

    def __init__(
        self,
        name: str,
        directory: Path,
        command: Iterable[object],
        port: int,
        *,
        environment: Mapping[str, str] | None = None,
        **options,
    ):
        super().__init__(name, directory, **options)
        self.port = port
        self._command = command
        self._environment = environment

    def launch(self) -> "Server":
        self.spawn(*self._command, cwd=self.log.parent, environment=self._environment)
        return self

    def _is_ready(self) -> bool:
        return is_taken(self.port)
