"""Programs that run for a while: each pinned to processors and ended with the driver."""

import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from .programs import Failure

# Below the range the kernel takes for outgoing connections: the load generator opens thousands of these.
_PORTS = range(12000, 32000)
START_LIMIT = 30.0
_TAIL = 15

_CORES = sorted(os.sched_getaffinity(0))
# Where servers run and where everything else does. Pinned, neither takes time from the other, and the ratios of two
# servers compare what the same core has done.
SERVER_CORE = {_CORES[0]}
LOAD_CORE = {_CORES[-1]}
ALL_CORES = set(_CORES)


def free_port() -> int:
    """A port nobody listens on."""
    while True:
        port = random.choice(_PORTS)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    except OSError:
        return False


def pinned(command: Iterable[object], cores: set[int], **options) -> subprocess.Popen:
    """Starts a program on these processors alone."""
    try:
        return subprocess.Popen(
            [str(word) for word in command], preexec_fn=lambda: os.sched_setaffinity(0, cores), **options
        )
    except subprocess.SubprocessError:
        # All that it says is that the function above has failed.
        raise Failure(f"nothing can run on processor {', '.join(map(str, sorted(cores)))}") from None


@contextmanager
def helper(command: Iterable[object], cores: set[int], **options) -> Iterator[subprocess.Popen]:
    """A program of the driver's own that is ended when it is left."""
    with pinned(command, cores, **options) as process:
        try:
            yield process
        finally:
            process.kill()


def end_in_order(run: Callable[[], int | None]) -> int | None:
    """The exit code of `run`, which ends what it has started however the driver is told to end.

    Servers have process groups of their own, so that a signal for the driver's is not one for them.
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _exit)
    try:
        return run()
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def _exit(number: int, _: object) -> None:
    raise SystemExit(128 + number)


def last_lines(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-_TAIL:])


class Process:
    """A server on a port, from `with` to its end.

    With a `folder` it runs in there, and what it prints is in a log there; without, its errors are the driver's.
    `protocol` is how wsload speaks with it: wsload's options.
    """

    def __init__(
        self,
        name: str,
        command: Iterable[object],
        port: int,
        cores: set[int],
        *,
        folder: Path | None = None,
        environment: Mapping[str, str] | None = None,
        protocol: Iterable[str] = (),
        ready: Callable[[int], bool] = accepts,
    ):
        self.name = name
        self.port = port
        self.protocol = tuple(protocol)
        self._command = command
        self._cores = cores
        self._folder = folder
        self._log = folder / f"{name}.log" if folder else None
        self._environment = os.environ | (environment or {})
        self._ready = ready

    def __enter__(self) -> "Process":
        self._start()
        try:
            self._wait_until_ready()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, error: type | None, *_: object) -> None:
        try:
            if error is None:
                self._check(" while it was measured")
        finally:
            self._end()

    @property
    def pid(self) -> int:
        return self._process.pid

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
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident_bytes(self) -> int:
        """The memory of the process that is in RAM."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) * 1024

    def descriptors(self) -> int:
        """How many the process has open."""
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def _start(self) -> None:
        # In a group of its own: Ctrl-C goes to the driver, which ends it together with its children. In a session of
        # its own the kernel may give it another share of a busy processor than the rest.
        options = {"stdin": subprocess.DEVNULL, "cwd": self._folder, "env": self._environment, "process_group": 0}
        if self._log is None:
            self._process = pinned(self._command, self._cores, stdout=subprocess.DEVNULL, **options)
            return
        with self._log.open("wb") as log:
            self._process = pinned(self._command, self._cores, stdout=log, stderr=log, **options)

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_LIMIT
        while True:
            self._check()
            if self._ready(self.port):
                return
            if time.monotonic() > deadline:
                raise Failure(f"{self.name} was not ready within {START_LIMIT:g} s")
            time.sleep(0.05)

    def _check(self, when: str = "") -> None:
        """A server that has ended by itself is a failure."""
        if self._process.poll() is not None:
            # Mostly its last line says why.
            lines = last_lines(self._log).splitlines() if self._log else []
            raise Failure(": ".join([f"{self.name} has ended with {self._process.returncode}{when}", *lines[-1:]]))

    def _end(self) -> None:
        # At once: nothing of it is needed later, and an orderly end can take longer than the measurement.
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self._process.wait()
