"""A real nginx with the repository's configuration for a fixed list of nodes."""

import re
import shutil
import socket
from pathlib import Path

from harness.eventually import until
from harness.ports import free_port
from harness.process import Process, program

_CONFIGURATION = Path(__file__).resolve().parents[3] / "nginx"
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

    def start(self) -> "Nginx":
        executable = program("nginx", "nginx")
        shutil.copytree(_CONFIGURATION, self._prefix.parent)
        upstreams = self._prefix / "upstreams.conf"
        upstreams.write_text(with_servers(upstreams.read_text(), self._ports))
        (self._prefix / "listen.conf").write_text(f"listen 127.0.0.1:{self.port};\n")
        self.spawn(executable, "-p", self._prefix, "-c", self._prefix / "nginx.conf", "-g", "daemon off;")
        until(self._listens, what=f"nginx did not start\n{self.tail()}")
        return self

    def _listens(self) -> bool:
        assert self.running, f"nginx ended with {self.exit_code}\n{self.tail()}"
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


def with_servers(upstreams: str, ports: list[int]) -> str:
    """The upstream blocks with these servers in place of those they name; everything else stays as it is."""

    def replace(block: re.Match[str]) -> str:
        first = _SERVER.search(block[0])
        assert first, f"an upstream without servers: {block[0]}"
        servers = "".join(f"{first['indent']}server 127.0.0.1:{port}{first['options']};\n" for port in ports)
        return block[0][: first.start()] + servers + _SERVER.sub("", block[0][first.start() :])

    return _UPSTREAM.sub(replace, upstreams)
