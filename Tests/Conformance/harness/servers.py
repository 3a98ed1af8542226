"""The servers under test: a node with its echo, and nginx in front of it with the repository's configuration."""

import os
import random
import re
import shutil
import socket
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import Callable, Union

ROOT = Path(__file__).resolve().parents[3]
_LIMIT = 30.0


class Failure(Exception):
    """What keeps the tests from running or from being complete; its text is for people."""


class Server:
    """One run of a program on a port of the loopback interface; what it prints goes to `log`. Leaving ends it."""

    name = ""

    def __init__(self, folder: Path):
        self.port = _free_port()
        self.log = folder / f"{self.name}.log"
        self.url = f"ws://127.0.0.1:{self.port}/echo"

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def check(self) -> None:
        """Fails when the program has ended by itself."""
        if self._process.poll() is not None:
            raise Failure(f"{self.name} ended with {self._process.returncode}\n{tail(self.log)}")

    def _start(self, is_ready: Callable[[], bool], *command: Union[str, Path, int]) -> None:
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [str(word) for word in command], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        deadline = time.monotonic() + _LIMIT
        try:
            while not is_ready():
                self.check()
                if time.monotonic() > deadline:
                    raise Failure(f"{self.name} is not ready after {_LIMIT:g} s\n{tail(self.log)}")
                time.sleep(0.05)
        except BaseException:
            self.__exit__()
            raise


class Node(Server):
    """`apus serve --dev --echo` on one loop, in memory."""

    name = "apus"

    def __init__(self, folder: Path, binary: Path):
        super().__init__(folder)
        self._binary = binary

    def __enter__(self) -> "Node":
        if not self._binary.is_file():
            raise Failure(f"{self._binary} is missing. Build it with: make build")
        self._start(self._is_healthy, self._binary, "serve", "--dev", "--echo", "--port", self.port, "--loops", 1)
        return self

    def _is_healthy(self) -> bool:
        # Without the proxies of the environment.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(f"http://127.0.0.1:{self.port}/healthz", timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False


class Nginx(Server):
    """`nginx/fixed` as it stands in the repository, with these ports, and `/echo` in the place of `/ws`."""

    name = "nginx"

    def __init__(self, folder: Path, node: Node):
        super().__init__(folder)
        self._configuration = folder / "nginx"
        self._node = node

    def __enter__(self) -> "Nginx":
        path = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
        executable = shutil.which("nginx", path=path)
        if executable is None:
            raise Failure("nginx is missing. Install it with: apt-get install nginx-light")
        shutil.rmtree(self._configuration, ignore_errors=True)
        shutil.copytree(ROOT / "nginx", self._configuration)
        prefix = self._configuration / "fixed"
        (prefix / "listen.conf").write_text(f"listen 127.0.0.1:{self.port};\n")
        # Of each run of servers the first is kept, with its options and the address of the node.
        _replace(
            prefix / "upstreams.conf",
            r"(?m)^( *)server\s+[^\s;]+([^;]*;)\n(?: *server\s.*\n)*",
            rf"\g<1>server 127.0.0.1:{self._node.port}\g<2>\n",
        )
        # What holds for the WebSocket at /ws then holds for the echo: its upstream, and the upgrade that goes there.
        _replace(
            self._configuration / "common/locations.conf",
            r"location = /ws \{(\s*)proxy_pass http://sockets/ws;",
            r"location = /echo {\g<1>proxy_pass http://sockets/echo;",
        )
        self._start(self._listens, executable, "-p", prefix, "-c", prefix / "nginx.conf", "-g", "daemon off;")
        return self

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


def tail(log: Path, lines: int = 30) -> str:
    """The last lines of a log."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:]) if log.exists() else ""


def _replace(file: Path, pattern: str, replacement: str) -> None:
    text, count = re.subn(pattern, replacement, file.read_text())
    if count == 0:
        raise Failure(f"nothing to replace in {file}; it must have: {pattern}")
    file.write_text(text)


def _free_port() -> int:
    """A port nobody listens on, below the range the kernel takes for outgoing connections."""
    while True:
        port = random.randrange(12000, 32000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
