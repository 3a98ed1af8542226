"""One server of a Redis Cluster."""

from collections.abc import Iterable
from functools import cached_property
from pathlib import Path

from harness.bus_proxy import BusProxy
from harness.ports import free_port
from harness.redis_server import Redis

# Milliseconds without a word after which a server counts as failed.
NODE_TIMEOUT = 2000


class ClusterServer(Redis):
    """One server of a Cluster. It knows its place there again after a restart, and its data not.

    `told` is the port that it tells the others, which is the one with TLS where there is one.
    """

    def __init__(self, directory: Path, options: Iterable[object], secure: Iterable[object]):
        port = free_port()
        self.told = free_port() if secure else port
        own = free_port()
        # The others come by it, and can be kept from coming. With TLS it could not tell who comes.
        self.proxy = None if secure else BusProxy(own)
        self.bus = self.proxy.port if self.proxy else own
        words = [
            *("--cluster-enabled", "yes"),
            *("--cluster-port", own),
            *("--cluster-announce-bus-port", self.bus),
            *("--cluster-config-file", directory / "nodes.conf"),
            *("--cluster-node-timeout", NODE_TIMEOUT),
            *("--cluster-require-full-coverage", "no"),
            # A replica takes over however long it has not heard of its primary.
            *("--cluster-replica-validity-factor", 0),
            # A primary waits for more replicas before it sends its data, unless it is told not to.
            *("--repl-diskless-sync-delay", 0),
            *(("--tls-port", self.told) if secure else ()),
            *secure,
            *options,
        ]
        super().__init__(directory, port, words)
        self.name = directory.name

    @cached_property
    def id(self) -> str:
        """What the others know it by, also after a restart."""
        return self.cluster("MYID")

    def cluster(self, *words: object) -> object:
        """The answer to a CLUSTER command, as it comes."""
        return self.client.execute_command("CLUSTER", *words)

    @property
    def is_up(self) -> bool:
        """Whether it can answer."""
        return self.running and not self.is_paused

    @property
    def is_primary(self) -> bool:
        return self.client.role()[0] == "master"

    def state(self) -> dict[str, str]:
        """What CLUSTER INFO tells."""
        return dict(line.split(":", 1) for line in self.cluster("INFO").split("\r\n") if ":" in line)

    def owners(self) -> dict[int, str]:
        """Who has each slot, by what this server knows."""
        found = {}
        for first, last, primary, *_ in self.cluster("SLOTS"):
            found.update(dict.fromkeys(range(first, last + 1), primary[2]))
        return found

    def known(self) -> dict[str, tuple[set[str], str]]:
        """Every server that this one knows, itself too, by id: its flags, and the id of its primary or "-"."""
        lines = [line.split() for line in self.cluster("NODES").splitlines()]
        return {words[0]: (set(words[2].split(",")), words[3]) for words in lines}

    def has_migrated(self) -> bool:
        """Whether all moves of slots away from here that are atomic are over; fails where one of them did."""
        jobs = [job for job in self.cluster("GETSLOTMIGRATIONS") if job["operation"] == "EXPORT"]
        for job in jobs:
            assert job["state"] not in ("failed", "cancelled"), f"a move of slots failed: {job}"
        return all(job["state"] == "success" for job in jobs)

    def is_in_step(self) -> bool:
        """Whether it is a primary, or has what its primary has."""
        kind, *rest = self.client.role()
        return kind == "master" or rest[2] == "connected"
