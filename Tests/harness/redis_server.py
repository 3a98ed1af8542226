"""A real Redis of one test or one session."""

import os
import socket
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from harness.failure import Missing
from harness.ports import free_port
from harness.process import Process, find, program
from harness.stored import Stored

if TYPE_CHECKING:
    import redis

    from harness.certificates import Authority, Certificate


def server_program() -> str:
    """The program of all Redis, Sentinels and servers of a Cluster: `APUS_REDIS_SERVER`, else the system's."""
    named = os.environ.get("APUS_REDIS_SERVER")
    if not named:
        return program("redis-server", "redis-server")
    path = find(named)
    if path is None:
        raise Missing(f"APUS_REDIS_SERVER is {named}, and there is no such program")
    return path


def is_pong(port: int) -> bool:
    """Whether a Redis or a Sentinel answers there."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as link:
            link.sendall(b"PING\r\n")
            return link.recv(64).startswith(b"+PONG")
    except OSError:
        return False


class Redis(Process, Stored):
    """A redis-server on a port of its own that keeps nothing on disk: a restart is an empty database.

    `options` are words of its command line, besides those given here. `configuration` is a file that it may write to.
    """

    def __init__(
        self,
        directory: Path,
        port: int | None = None,
        options: Iterable[object] = (),
        configuration: Path | None = None,
    ):
        super().__init__("redis", directory)
        self._options = options
        self._configuration = configuration
        self.port = port or free_port()
        self.url = f"redis://127.0.0.1:{self.port}"

    @cached_property
    def client(self) -> "redis.Redis":
        # Here, since those who only start Redis run under a Python that has no packages.
        import redis

        return redis.Redis(port=self.port, decode_responses=True)

    def launch(self) -> "Redis":
        self.spawn(
            server_program(),
            *([self._configuration] if self._configuration else []),
            *("--port", str(self.port)),
            *("--bind", "127.0.0.1"),
            *("--save", ""),
            *("--appendonly", "no"),
            *("--dir", self.log.parent),
            *("--maxmemory-policy", "noeviction"),
            *map(str, self._options),
        )
        return self

    def _is_ready(self) -> bool:
        return is_pong(self.port)

    def end(self) -> None:
        # Who only starts Redis needs no client, and may not have its package.
        if "client" in self.__dict__:
            self.client.close()
        super().end()

    def key(self, kind: str, name: str) -> str:
        return f"apus:{kind}:{name}"

    def at(self, name: str) -> "redis.Redis":
        return self.client

    @property
    def clients(self) -> "list[redis.Redis]":
        return [self.client]


class SecureRedis(Redis):
    """A Redis that also has a port with TLS, at `secure_url`; the tests look into it by the plain one.

    `demands` is the authority that certificates of clients must be signed by; without it they need none. `options` are
    words of its command line, besides those given here.
    """

    def __init__(
        self,
        directory: Path,
        certificate: "Certificate",
        demands: "Authority | None" = None,
        options: Iterable[object] = (),
    ):
        self.secure_port = free_port()
        super().__init__(
            directory,
            options=[
                *("--tls-port", self.secure_port),
                *("--tls-cert-file", certificate.certificate),
                *("--tls-key-file", certificate.key),
                *("--tls-auth-clients", "yes" if demands else "no"),
                *("--tls-ca-cert-file", demands.file if demands else certificate.certificate),
                *options,
            ],
        )
        self.secure_url = f"rediss://localhost:{self.secure_port}"
