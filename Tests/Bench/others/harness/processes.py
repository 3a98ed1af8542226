"""Programs that run for a while: each pinned to one processor, its output in a file, ended with the driver."""

import os
import random
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path

# Below the range the kernel takes for outgoing connections: the load generator opens thousands of these.
_PORTS = range(12000, 32000)
_STARTING = 30
_TAIL = 15


class Failure(Exception):
    """What kept a server from being measured, in one line."""


def program(name: str) -> str:
    """The path of an installed program. Debian keeps servers where not every user's PATH leads."""
    path = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if path is None:
        raise Failure(f"{name} is missing, see `install`")
    return path


def free_port() -> int:
    while True:
        port = random.choice(_PORTS)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def pinned(core: int, command: Iterable[str | Path]) -> list[str]:
    return [program("taskset"), "-c", str(core), *map(str, command)]


def last_lines(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-_TAIL:])


class Process:
    """A server on a port, from `with` to its end. It takes part in the driver's run alone and keeps nothing."""

    def __init__(
        self, name: str, command: list[str | Path], port: int, core: int, folder: Path, environment: dict[str, str]
    ):
        self._name = name
        self._log = folder / f"{name}.log"
        self._command = pinned(core, command)
        self._port = port
        self._folder = folder
        self._environment = os.environ | environment

    def __enter__(self) -> "Process":
        with self._log.open("wb") as log:
            # In a session of its own: Ctrl-C goes to the driver, which ends it together with its children.
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._folder,
                env=self._environment,
                start_new_session=True,
            )
        try:
            self._wait_until_it_listens()
        except BaseException:
            self.end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        # At once: nothing of it is needed later, and an orderly end can take longer than the measurement.
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self._process.wait()

    def check(self) -> None:
        """A server that has ended by itself is a failure."""
        if self._process.poll() is not None:
            # Mostly its last line says why.
            lines = last_lines(self._log).splitlines()
            raise Failure(": ".join([f"{self._name} ended with {self._process.returncode}", *lines[-1:]]))

    def pids(self) -> list[int]:
        """Itself and its children, of which nginx has one that does the work."""
        found = []
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and os.getpgid(int(entry.name)) == self._process.pid:
                    found.append(int(entry.name))
            except ProcessLookupError:
                continue
        return found

    def _wait_until_it_listens(self) -> None:
        deadline = time.monotonic() + _STARTING
        while time.monotonic() < deadline:
            self.check()
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self._port)) == 0:
                    return
            time.sleep(0.05)
        raise Failure(f"{self._name} does not listen after {_STARTING} s")
