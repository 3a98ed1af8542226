"""A primary, its replicas, and the Sentinels that watch them, as processes."""

from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from harness.eventually import until
from harness.ports import free_port
from harness.process import Process
from harness.redis_server import Redis, is_pong, server_program
from harness.stored import Several

if TYPE_CHECKING:
    import redis

    from harness.certificates import Authority

# The name under which they watch the primary.
NAME = "mymaster"


class Sentinel(Process):
    """One of the Sentinels. It writes what it learns into its configuration, and knows it again after a restart.

    `primary` is the port that it watches at first, `lines` are lines of its configuration besides those given here.
    """

    def __init__(self, directory: Path, primary: int, quorum: int, lines: Iterable[str] = ()):
        super().__init__("sentinel", directory)
        self.port = free_port()
        self._configuration = directory / "sentinel.conf"
        settings = [
            f"port {self.port}",
            "bind 127.0.0.1",
            f"dir {directory}",
            *lines,
            f"sentinel monitor {NAME} 127.0.0.1 {primary} {quorum}",
            # Short, so that tests need not wait, and longer than a busy machine has a server wait.
            f"sentinel down-after-milliseconds {NAME} 2000",
            f"sentinel failover-timeout {NAME} 4000",
        ]
        self._configuration.write_text("\n".join(settings) + "\n")

    @cached_property
    def client(self) -> "redis.Redis":
        # Here, since those who only start servers run under a Python that has no packages.
        import redis

        return redis.Redis(port=self.port, decode_responses=True, protocol=2)

    def launch(self) -> "Sentinel":
        self.spawn(server_program(), self._configuration, "--sentinel")
        return self

    def _is_ready(self) -> bool:
        return is_pong(self.port)

    def end(self) -> None:
        if "client" in self.__dict__:
            self.client.close()
        super().end()

    def command(self, *words: object) -> object:
        """Its answer to a SENTINEL command, as it comes."""
        # The package makes types of its own of some answers, and of others not.
        connection = self.client.connection_pool.get_connection()
        try:
            connection.send_command("SENTINEL", *words)
            return connection.read_response()
        finally:
            self.client.connection_pool.release(connection)

    def names(self) -> int | None:
        """The port of the primary that it names; None where it knows none."""
        address = self.command("GET-MASTER-ADDR-BY-NAME", NAME)
        return None if address is None else int(address[1])

    def state(self) -> dict[str, str]:
        """Its fields of the primary."""
        words = self.command("MASTER", NAME)
        return dict(zip(words[::2], words[1::2], strict=True))


class Watched(Redis):
    """A Redis that Sentinels watch at its port `watched`, which is the one with TLS where there is one.

    They have it write down whose replica it is, so that it knows that again after a restart.
    """

    def __init__(self, directory: Path, port: int, watched: int, primary: int, options: Iterable[object]):
        configuration = directory / "redis.conf"
        configuration.write_text("" if watched == primary else f"replicaof 127.0.0.1 {primary}\n")
        super().__init__(directory, port, options, configuration=configuration)
        self.watched = watched

    @property
    def replicas(self) -> int:
        """How many replicas it has that are in step."""
        info = self.client.info("replication")
        return sum(1 for name, value in info.items() if name.startswith("slave") and value["state"] == "online")


class Sentinels(Several):
    """Some Redis, of which the first is the primary at the beginning, and some Sentinels. A context manager.

    `options` are words of the command line of every Redis, besides those given here. With an `authority` the nodes' way
    to all of them is TLS, and so is theirs to each other.
    """

    def __init__(
        self,
        directory: Path,
        servers: int = 2,
        sentinels: int = 3,
        options: Iterable[object] = (),
        authority: "Authority | None" = None,
    ):
        super().__init__()
        self._directory = directory
        ports = [free_port() for _ in range(servers)]
        watched = [free_port() for _ in range(servers)] if authority else ports
        # A primary waits for more replicas before it sends its data, unless it is told not to.
        common = ["--repl-diskless-sync-delay", 0, "--repl-timeout", 10, *options]
        tls = self._tls(authority) if authority else {}
        self.redis = []
        for number, (port, seen) in enumerate(zip(ports, watched, strict=True)):
            secure = [word for name, value in tls.items() for word in (f"--{name}", value)]
            words = [*common, *(["--tls-port", seen, *secure] if authority else [])]
            self.redis.append(Watched(self._folder(f"redis-{number}"), port, seen, watched[0], words))
        self.sentinels = []
        hosts = []
        for number in range(sentinels):
            lines = [f"{name} {value}" for name, value in tls.items()]
            if authority:
                hosts.append(free_port())
                lines.append(f"tls-port {hosts[-1]}")
            folder = self._folder(f"sentinel-{number}")
            self.sentinels.append(Sentinel(folder, watched[0], sentinels // 2 + 1, lines))
        hosts = hosts or [each.port for each in self.sentinels]
        scheme = "rediss+sentinel" if authority else "redis+sentinel"
        self.url = f"{scheme}://{','.join(f'127.0.0.1:{host}' for host in hosts)}/{NAME}"

    @staticmethod
    def _tls(authority: "Authority") -> dict[str, object]:
        certificate = authority.issue("127.0.0.1", file="sentinels")
        return {
            "tls-replication": "yes",
            "tls-auth-clients": "no",
            "tls-cert-file": certificate.certificate,
            "tls-key-file": certificate.key,
            "tls-ca-cert-file": authority.file,
        }

    def _folder(self, name: str) -> Path:
        folder = self._directory / name
        folder.mkdir(parents=True)
        return folder

    def __enter__(self) -> "Sentinels":
        with self._stack:
            for each in self.redis:
                self._stack.enter_context(each)
            others = len(self.redis) - 1
            until(lambda: self.redis[0].replicas == others, what=lambda: self.redis[-1].tail())
            for each in self.sentinels:
                self._stack.enter_context(each)
                # Else a moment in which the machine is busy has them stop working for 30 s (TILT).
                each.command("DEBUG", "tilt-trigger", 60_000)
            until(self._know_all, what=lambda: self.sentinels[0].tail())
            self._stack = self._stack.pop_all()
        return self

    @property
    def servers(self) -> list[Redis]:
        return self.redis

    def key(self, kind: str, name: str) -> str:
        return f"apus:{kind}:{name}"

    def at(self, name: str) -> "redis.Redis":
        return self.primary.client

    @property
    def clients(self) -> "list[redis.Redis]":
        return [self.primary.client]

    def _know_all(self) -> bool:
        """Whether each knows the others and the replicas: before that there is no failover."""
        wanted = {"num-other-sentinels": len(self.sentinels) - 1, "num-slaves": len(self.redis) - 1}
        states = [each.state() for each in self.sentinels]
        return all(int(state[name]) == number for state in states for name, number in wanted.items())

    @property
    def primary(self) -> Watched:
        """The primary that all who run name; fails while they differ."""
        named = self._named()
        assert len(named) == 1, f"they name {named}"
        return next(each for each in self.redis if each.watched in named)

    def successor(self, old: Watched) -> Watched:
        """Waits until all name another primary than that one, and it is one."""

        def other() -> Watched | None:
            named = self._named()
            if len(named) != 1 or old.watched in named:
                return None
            found = self.primary
            return found if found.client.role()[0] == "master" else None

        return until(other, within=60, what=lambda: "\n".join(each.tail(20) for each in self.sentinels))

    def failover(self) -> Watched:
        """Has another Redis made the primary, as an operator does: that one."""
        old = self.primary
        # Refused where the last one is hardly over, or the replica is not known to be well yet.
        until(self._begin_failover, what="no failover begins")
        return self.successor(old)

    def _begin_failover(self) -> bool:
        import redis

        try:
            return self.sentinels[0].command("FAILOVER", NAME) == "OK"
        except redis.ResponseError:
            return False

    def _named(self) -> set[int | None]:
        return {each.names() for each in self.sentinels if each.running and not each.is_paused}
