"""A primary, its replicas, and the Sentinels that watch them, as processes."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from harness.eventually import until
from harness.ports import free_port
from harness.process import Process, program
from harness.redis_server import Redis, is_pong

if TYPE_CHECKING:
    import redis

# The name under which they watch the primary.
NAME = "mymaster"


class Sentinel(Process):
    """One of the Sentinels. It writes what it learns into its configuration, and knows it again after a restart."""

    def __init__(self, directory: Path, primary: int, quorum: int, options: Iterable[str] = ()):
        super().__init__("sentinel", directory)
        self.port = free_port()
        self._configuration = directory / "sentinel.conf"
        self._configuration.write_text(
            "\n".join(
                [
                    f"port {self.port}",
                    "bind 127.0.0.1",
                    f"dir {directory}",
                    f"sentinel monitor {NAME} 127.0.0.1 {primary} {quorum}",
                    # Short, so that tests need not wait; a busy machine is no reason for a failover yet.
                    f"sentinel down-after-milliseconds {NAME} 2000",
                    f"sentinel failover-timeout {NAME} 4000",
                    *options,
                    "",
                ]
            )
        )

    @cached_property
    def client(self) -> "redis.Redis":
        # Here, since those who only start servers run under a Python that has no packages.
        import redis

        return redis.Redis(port=self.port, decode_responses=True, protocol=2)

    def launch(self) -> "Sentinel":
        self.spawn(program("redis-server", "redis-server"), self._configuration, "--sentinel")
        return self

    def _is_ready(self) -> bool:
        return is_pong(self.port)

    def end(self) -> None:
        if "client" in self.__dict__:
            self.client.close()
        super().end()

    def command(self, *words: object) -> object:
        """What the Sentinel answers, as it comes."""
        # The package reads some answers into types of its own, others not.
        connection = self.client.connection_pool.get_connection()
        try:
            connection.send_command("SENTINEL", *words)
            return connection.read_response()
        finally:
            self.client.connection_pool.release(connection)

    def primary(self) -> int | None:
        """The port of the primary that it names; None where it knows none."""
        address = self.command("GET-MASTER-ADDR-BY-NAME", NAME)
        return None if address is None else int(address[1])

    def state(self) -> dict[str, str]:
        """What it knows of the primary."""
        words = self.command("MASTER", NAME)
        return dict(zip(words[::2], words[1::2], strict=True))


class Sentinels:
    """Some Redis, of which the first is the primary at the beginning, and some Sentinels. A context manager.

    `options` are words of the command line of every Redis, besides those given here.
    """

    def __init__(self, directory: Path, servers: int = 2, sentinels: int = 3, options: Iterable[object] = ()):
        self._stack = ExitStack()
        self._directory = directory
        self._count = sentinels
        first = free_port()
        ports = [first, *(free_port() for _ in range(1, servers))]
        # A replica asks for its data at once, and the primary does not wait for more of them.
        common = ["--repl-diskless-sync-delay", "0", "--repl-timeout", "10", *options]
        self.redis = [self._server(number, port, first, common) for number, port in enumerate(ports)]
        quorum = sentinels // 2 + 1
        self.sentinels = [
            Sentinel(self._folder(f"sentinel-{number}"), first, quorum) for number in range(sentinels)
        ]
        hosts = ",".join(f"127.0.0.1:{each.port}" for each in self.sentinels)
        self.url = f"redis+sentinel://{hosts}/{NAME}"

    def _server(self, number: int, port: int, first: int, options: Iterable[object]) -> Redis:
        folder = self._folder(f"redis-{number}")
        # The Sentinels have it write down whose replica it is, so that it knows that again after a restart.
        file = folder / "redis.conf"
        file.write_text("" if port == first else f"replicaof 127.0.0.1 {first}\n")
        return Redis(folder, port, options, configuration=file)

    def _folder(self, name: str) -> Path:
        folder = self._directory / name
        folder.mkdir()
        return folder

    def __enter__(self) -> "Sentinels":
        with self._stack:
            for each in self.redis:
                self._stack.enter_context(each)
            until(lambda: self.replicas(self.redis[0]) == len(self.redis) - 1, what="the replicas are not in step")
            for each in self.sentinels:
                self._stack.enter_context(each)
            # Else a debugger's pause, or a busy machine, has them stop working for 30 s: TILT.
            for each in self.sentinels:
                each.command("DEBUG", "tilt-trigger", 60_000)
            until(self._know_all, what=lambda: "the Sentinels do not know each other")
            self._stack = self._stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _know_all(self) -> bool:
        """Whether each knows the others and the replicas: before that there is no failover."""
        states = [each.state() for each in self.sentinels]
        return all(
            int(state["num-other-sentinels"]) == self._count - 1 and int(state["num-slaves"]) == len(self.redis) - 1
            for state in states
        )

    @staticmethod
    def replicas(primary: Redis) -> int:
        """How many replicas a server has that are in step."""
        info = primary.client.info("replication")
        return sum(1 for name, value in info.items() if name.startswith("slave") and value["state"] == "online")

    @property
    def primary(self) -> Redis:
        """The primary that all who run name; fails while they differ."""
        named = {each.primary() for each in self._awake()}
        assert len(named) == 1, f"they name {named}"
        return next(each for each in self.redis if each.port in named)

    def successor(self, old: Redis) -> Redis:
        """Waits until all name another primary than that one, and it is one."""

        def other() -> Redis | None:
            named = {each.primary() for each in self._awake()}
            if len(named) != 1 or old.port in named:
                return None
            found = next(each for each in self.redis if each.port in named)
            return found if found.client.role()[0] == "master" else None

        return until(other, within=60, what=lambda: "\n".join(each.tail(20) for each in self.sentinels))

    def others(self, primary: Redis) -> Iterator[Redis]:
        return (each for each in self.redis if each is not primary)

    def failover(self) -> Redis:
        """Has the Sentinels make another Redis the primary, as an operator does: that one."""
        old = self.primary
        # Refused for a moment where the last one is hardly over, or a replica is not known to be well.
        until(lambda: self._begin_failover(), what="no failover begins")
        return self.successor(old)

    def _begin_failover(self) -> bool:
        import redis

        try:
            return self.sentinels[0].command("FAILOVER", NAME) == "OK"
        except redis.ResponseError:
            return False

    def _awake(self) -> list[Sentinel]:
        return [each for each in self.sentinels if each.running and not each.is_paused]
