"""A real nginx with the repository's configuration for a fixed list of nodes."""

import re
import shutil
from pathlib import Path

from harness.ports import free_port, is_taken
from harness.process import Process, program
from harness.repository import REPOSITORY

_SERVER = re.compile(r"^(?P<indent> *)server\s+[^\s;]+(?P<options>[^;]*);.*\n", re.MULTILINE)
_UPSTREAM = re.compile(r"^upstream[^{]*\{.*?^\}", re.MULTILINE | re.DOTALL)


class Nginx(Process):
    """The front of a cluster: `nginx/fixed` as it stands in the repository, with this cluster's ports."""

    def __init__(self, directory: Path, ports: list[int]):
        super().__init__("nginx", directory)
        self.port = free_port()
        self.http = f"http://127.0.0.1:{self.port}"
        self.ws = f"ws://127.0.0.1:{self.port}/ws"
        self._prefix = directory / "nginx" / "fixed"
        self._ports = ports

    def launch(self) -> "Nginx":
        executable = program("nginx", "nginx-light")
        self.configure(self._prefix.parent)
        self.spawn(executable, "-p", self._prefix, "-c", self._prefix / "nginx.conf", "-g", "daemon off;")
        return self

    def configure(self, folder: Path) -> None:
        """Writes the configuration, in place of what an earlier run has left there."""
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(REPOSITORY / "nginx", folder)
        upstreams = self._prefix / "upstreams.conf"
        upstreams.write_text(with_servers(upstreams.read_text(), self._ports))
        (self._prefix / "listen.conf").write_text(f"listen 127.0.0.1:{self.port};\n")

    def _is_ready(self) -> bool:
        return is_taken(self.port)


def with_servers(upstreams: str, ports: list[int]) -> str:
    """The upstream blocks with these servers in place of those they name; everything else stays as it is."""

    def replace(block: re.Match[str]) -> str:
        first = _SERVER.search(block[0])
        assert first, f"an upstream without servers: {block[0]}"
        servers = "".join(f"{first['indent']}server 127.0.0.1:{port}{first['options']};\n" for port in ports)
        return block[0][: first.start()] + servers + _SERVER.sub("", block[0][first.start() :])

    return _UPSTREAM.sub(replace, upstreams)
