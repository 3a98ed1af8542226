"""The programs that are measured, each a process on a port of its own."""

import os
import random
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from .programs import Failure, compiled, installed

ROOT = Path(__file__).resolve().parents[3]
START_LIMIT = 30.0

_CORES = sorted(os.sched_getaffinity(0))
# Where servers run and where everything else does. Pinned, neither takes time from the other, and the ratios of two
# servers compare what the same core has done.
SERVER_CORE = {_CORES[0]}
LOAD_CORE = {_CORES[-1]}
ALL_CORES = set(_CORES)


def default_apus() -> Path:
    return Path(os.environ.get("APUS_BINARY") or ROOT / ".build/release/apus")


def free_port() -> int:
    """A port nobody listens on, below those that the kernel takes for outgoing connections."""
    while True:
        port = random.randrange(12000, 32000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port


class Server:
    """One running server."""

    def __init__(self, name: str, process: subprocess.Popen, port: int):
        self.name = name
        self.process = process
        self.port = port

    @property
    def pid(self) -> int:
        return self.process.pid

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


@contextmanager
def _running(name: str, command: list, port: int, cores: set[int], ready: Callable[[int], bool]) -> Iterator[Server]:
    # No log file: what these programs print below an error is for nobody here.
    process = subprocess.Popen(
        [str(word) for word in command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        preexec_fn=lambda: os.sched_setaffinity(0, cores),
    )
    try:
        deadline = time.monotonic() + START_LIMIT
        while not ready(port):
            if process.poll() is not None:
                raise Failure(f"{name} has ended with {process.returncode}")
            if time.monotonic() > deadline:
                raise Failure(f"{name} was not ready within {START_LIMIT:g} s")
            time.sleep(0.05)
        yield Server(name, process, port)
        if process.poll() is not None:
            raise Failure(f"{name} has ended with {process.returncode} while it was measured")
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def _accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    except OSError:
        return False


def _is_ready(port: int) -> bool:
    # A proxy of the environment must not stand between us and the node.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        return opener.open(f"http://127.0.0.1:{port}/readyz", timeout=1).status == 200
    except (urllib.error.URLError, OSError):
        return False


def floor(work: Path, cores: set[int] = SERVER_CORE):
    """The floor: floor.c."""
    port = free_port()
    return _running("floor", [compiled("floor", work), port], port, cores, _accepts)


def node(apus: Path, cores: set[int] = SERVER_CORE, *, redis: Server | None = None, loops: int = 1, **options):
    """A node in `--dev` without a limit of commands; `options` are more of its options."""
    port = free_port()
    words = ["--port", port, "--loops", loops, "--rate", 0, "--node", f"bench-{port}", "--log-level", "error"]
    if redis:
        words += ["--redis", f"redis://127.0.0.1:{redis.port}"]
    for name, value in options.items():
        words += [f"--{name.replace('_', '-')}", value]
    return _running("apus", [apus, "serve", "--dev", *words], port, cores, _is_ready)


def redis_server(cores: set[int] = LOAD_CORE):
    """A Redis that keeps nothing on disk and closes no subscriber that is behind."""
    port = free_port()
    words = ["--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", "/tmp"]
    limits = ["--client-output-buffer-limit", "pubsub 0 0 0"]
    return _running("redis", [installed("redis-server", "redis-server"), *words, *limits], port, cores, _accepts)
