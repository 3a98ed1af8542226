"""One `apus serve` process."""

import contextlib
import os
import signal
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from harness.failure import Missing
from harness.metrics import Metrics
from harness.ports import free_port, status
from harness.process import Process
from harness.repository import REPOSITORY

if TYPE_CHECKING:
    import requests

# Command line options by name. A flag has the value None, an option that is repeated has a list.
Options = Mapping[str, object]


def default_binary() -> Path:
    """Where the executable under test should be: `APUS_BINARY`, else the release build of this repository."""
    return Path(os.environ.get("APUS_BINARY") or REPOSITORY / ".build/release/apus")


def binary(path: Path | None = None) -> Path:
    """The executable under test; without it the test fails with the command that builds it."""
    path = (path or default_binary()).absolute()
    if not path.is_file():
        raise Missing(f"{path} is missing. Build it with: make build")
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
    many files it may have open, else as many as the tests. `executable` is by default the one of `binary()`.
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
        executable: Path | None = None,
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
        self._environment = environment
        self._descriptors = descriptors
        self._executable = executable

    def launch(self) -> "Node":
        words = [word for name, value in self._options.items() for word in _words(name, value)]
        command = [binary(self._executable), "serve", *words]
        self.spawn(*command, environment=self._environment, descriptors=self._descriptors)
        return self

    def _is_ready(self) -> bool:
        return self.readiness() == 200

    def end(self) -> None:
        """Ends the node without waiting for graces (SIGINT), or in whichever way works."""
        if self.running:
            self.resume()
            self.signal(signal.SIGINT)
            with contextlib.suppress(AssertionError):
                self.wait(5)
        super().end()

    @cached_property
    def _session(self) -> "requests.Session":
        # Here, since those who only start nodes run under a Python that has no packages.
        import requests

        session = requests.Session()
        # Neither a proxy from the environment nor a connection that lives on between requests.
        session.trust_env = False
        session.headers["Connection"] = "close"
        return session

    def get(self, path: str, **arguments) -> "requests.Response":
        """One HTTP request on a connection of its own."""
        return self._session.get(self.http + path, timeout=10, **arguments)

    def request(self, method: str, path: str, **arguments) -> "requests.Response":
        """One HTTP request of any method on a connection of its own."""
        return self._session.request(method, self.http + path, timeout=10, **arguments)

    def readiness(self) -> int | None:
        """The status of `/readyz`, or None where nobody answers."""
        return status(self.port, "/readyz")

    def metrics(self) -> Metrics:
        answer = self.get("/metrics")
        assert answer.status_code == 200, answer.text
        return Metrics.parse(answer.text)
