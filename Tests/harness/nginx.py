"""A real nginx with the repository's configurations."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from harness.ports import free_port, is_taken
from harness.process import Process, program
from harness.repository import REPOSITORY

if TYPE_CHECKING:
    from harness.certificates import Certificate

_SERVER = re.compile(r"^(?P<indent> *)server\s+[^\s;]+(?P<options>[^;]*);.*\n", re.MULTILINE)
_UPSTREAM = re.compile(r"^(?P<indent> *)upstream[^{]*\{.*?^(?P=indent)\}", re.MULTILINE | re.DOTALL)
_LISTEN = re.compile(r"^(\s*)listen [^;]+;", re.MULTILINE)


class Nginx(Process):
    """The front of a cluster: `nginx/fixed` as it stands in the repository, with this cluster's ports.

    `inside` is the file that the inside listener comes from, at a port of the same name; without it there is none.
    """

    def __init__(self, directory: Path, ports: list[int], *, inside: str | None = None):
        super().__init__("nginx", directory)
        self.port = free_port()
        self.inside = free_port() if inside else None
        self.http = f"http://127.0.0.1:{self.port}"
        self.ws = f"ws://127.0.0.1:{self.port}/ws"
        self._folder = directory / "nginx"
        self._prefix = self._folder / "fixed"
        self._ports = ports
        self._block = inside

    def launch(self) -> "Nginx":
        executable = program("nginx", "nginx-light")
        self.configure(self._folder)
        self.spawn(executable, "-p", self._prefix, "-c", self._prefix / "nginx.conf", "-g", "daemon off;")
        return self

    def configure(self, folder: Path) -> None:
        """Writes the configuration, in place of what an earlier run has left there."""
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(REPOSITORY / "nginx", folder)
        upstreams = folder / "fixed" / "upstreams.conf"
        upstreams.write_text(with_servers(upstreams.read_text(), self._ports))
        (self._prefix / "listen.conf").write_text(f"listen 127.0.0.1:{self.port};\n")
        if self._block:
            block = without_comment((folder / self._block).read_text())
            (folder / "common/inside.conf").write_text(listening_on(self.inside, block))

    def _is_ready(self) -> bool:
        return is_taken(self.port)


class NamedNginx(Nginx):
    """`nginx/nginx.conf`, for nodes behind one name, with their addresses in its place: the name is known to Docker.

    What an older nginx does not know is left out.
    """

    def __init__(self, directory: Path, ports: list[int], *, inside: str | None = None):
        super().__init__(directory, ports, inside=inside)
        self._prefix = self._folder

    def configure(self, folder: Path) -> None:
        super().configure(folder)
        file = folder / "nginx.conf"
        text = with_servers(file.read_text(), self._ports)
        words = "resolver" if has_sticky() else "resolver|sticky"
        text = re.sub(rf"^ *(?:{words}) .*\n", "", text, flags=re.MULTILINE).replace(" resolve ", " ")
        file.write_text(text)


class SecureNginx(Nginx):
    """The same with `nginx/tls.conf`: HTTPS and `wss` at `secure_port`; the plain port leads there."""

    def __init__(self, directory: Path, ports: list[int], certificate: "Certificate"):
        super().__init__(directory, ports)
        self._certificate = certificate
        self.secure_port = free_port()
        self.wss = f"wss://localhost:{self.secure_port}/ws"

    def configure(self, folder: Path) -> None:
        super().configure(folder)
        text = (folder / "tls.conf").read_text()
        changes = {
            "listen 8443 ssl": f"listen 127.0.0.1:{self.secure_port} ssl",
            "listen 8080": f"listen 127.0.0.1:{self.port}",
            "/etc/apus-tls/fullchain.pem": str(self._certificate.certificate),
            "/etc/apus-tls/privkey.pem": str(self._certificate.key),
        }
        for old, new in changes.items():
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        (self._prefix / "listen.conf").write_text(text)


def has_sticky() -> bool:
    """Whether the nginx that is installed is as new as `nginx/nginx.conf` wants it."""
    said = subprocess.run([program("nginx", "nginx-light"), "-v"], capture_output=True, text=True, check=True).stderr
    return tuple(map(int, re.search(r"nginx/([\d.]+)", said)[1].split("."))) >= (1, 30, 4)


def without_comment(block: str) -> str:
    """A file whose block is commented out, with that block; prose has a space after its `#`, and then a word."""
    return re.sub(r"^#(?! \S)", "", block, flags=re.MULTILINE)


def listening_on(port: int, server: str) -> str:
    """The server block with this port in place of its own."""
    text, count = _LISTEN.subn(rf"\g<1>listen 127.0.0.1:{port};", server)
    assert count == 1, f"not one listener: {server}"
    return text


def with_servers(upstreams: str, ports: list[int]) -> str:
    """The upstream blocks with these servers in place of those they name; everything else stays as it is."""

    def replace(block: re.Match[str]) -> str:
        first = _SERVER.search(block[0])
        assert first, f"an upstream without servers: {block[0]}"
        servers = "".join(f"{first['indent']}server 127.0.0.1:{port}{first['options']};\n" for port in ports)
        return block[0][: first.start()] + servers + _SERVER.sub("", block[0][first.start() :])

    return _UPSTREAM.sub(replace, upstreams)
