"""One `apus serve` process."""

import contextlib
import os
import signal
from collections.abc import Mapping
from pathlib import Path

import pytest
import requests

from harness.eventually import until
from harness.metrics import Metrics
from harness.ports import free_port
from harness.process import Process

# Command line options by name. A flag has the value None, an option that is repeated has a list.
Options = Mapping[str, object]

_REPOSITORY = Path(__file__).resolve().parents[3]


def binary() -> Path:
    """The executable under test: `APUS_BINARY`, else the release build of this repository."""
    path = Path(os.environ.get("APUS_BINARY", _REPOSITORY / ".build/release/apus")).absolute()
    if not path.is_file():
        pytest.fail(f"{path} is missing. Build it with: swift build -c release --product apus", pytrace=False)
    return path


def _words(name: str, value: object) -> list[str]:
    """An option as it stands on the command line."""
    if value is None:
        return [name]
    return [word for each in (value if isinstance(value, list) else [value]) for word in (name, str(each))]


class Node(Process):
    """A node in `--dev` mode: on loopback, open to anonymous clients, `?user=alice` names one.

    Without `redis` it keeps everything in memory. There is no rate limit unless `options` set one; an option in
    `options` replaces the one of the same name given here; a flag has the value None. Without `dev` it is on loopback,
    too, and `options` or `environment`, variables besides those of the tests, say who may come in. `descriptors` is how
    many files it may have open, else as many as the tests.
    """

    def __init__(
        self,
        name: str,
        directory: Path,
        *,
        redis: str | None = None,
        port: int | None = None,
        loops: int = 1,
        options: Options | None = None,
        dev: bool = True,
        environment: Mapping[str, str] | None = None,
        descriptors: int | None = None,
    ):
        super().__init__(name, directory)
        self.port = port or free_port()
        self.http = f"http://127.0.0.1:{self.port}"
        self.ws = f"ws://127.0.0.1:{self.port}/ws"
        self._options = {"--port": self.port, "--node": name, "--loops": loops, "--rate": 0, "--drain": "1s"}
        if redis is not None:
            self._options["--redis"] = redis
        self._options |= {"--dev": None} if dev else {"--host": "127.0.0.1"}
        self._options |= options or {}
        self._environment = dict(environment or {})
        self._descriptors = descriptors
        self._session = requests.Session()
        # Neither a proxy from the environment nor a connection that lives on between requests.
        self._session.trust_env = False
        self._session.headers["Connection"] = "close"

    def launch(self) -> "Node":
        """Starts the process without waiting for it to be ready."""
        words = [word for name, value in self._options.items() for word in _words(name, value)]
        variables = ["env", *(f"{name}={value}" for name, value in self._environment.items())]
        self.spawn(*(variables if self._environment else []), binary(), "serve", *words, descriptors=self._descriptors)
        return self

    def start(self) -> "Node":
        """Starts the process and waits until it is ready."""
        self.launch()
        self.wait_ready()
        return self

    def wait_ready(self) -> None:
        until(self._is_ready, what=f"{self.name} is not ready\n{self.tail()}")

    def end(self) -> None:
        """Ends the node without waiting for graces (SIGINT), or in whichever way works."""
        if self.running:
            self.signal(signal.SIGCONT)
            self.signal(signal.SIGINT)
            with contextlib.suppress(AssertionError):
                self.wait(5)
        super().end()

    def get(self, path: str, **arguments) -> requests.Response:
        """One HTTP request on a connection of its own."""
        return self._session.get(self.http + path, timeout=10, **arguments)

    def request(self, method: str, path: str, **arguments) -> requests.Response:
        """One HTTP request of any method on a connection of its own."""
        return self._session.request(method, self.http + path, timeout=10, **arguments)

    def readiness(self) -> int | None:
        """The status of `/readyz`, or None where nobody answers."""
        try:
            return self.get("/readyz").status_code
        except requests.RequestException:
            return None

    def memory(self) -> int:
        """Bytes of memory the process has in use now."""
        return self._memory("VmRSS")

    def peak_memory(self) -> int:
        """The most bytes of memory the process has ever had in use."""
        return self._memory("VmHWM")

    def _memory(self, row: str) -> int:
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith(row)).split()[1]) * 1024

    def metrics(self) -> Metrics:
        answer = self.get("/metrics")
        assert answer.status_code == 200, answer.text
        return Metrics.parse(answer.text)

    def _is_ready(self) -> bool:
        assert self.running, f"{self.name} ended with {self.exit_code}\n{self.tail()}"
        return self.readiness() == 200
