"""A Redis Cluster as processes: primaries with slots, and a replica or more of each."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from harness import partitions
from harness.cluster_server import ClusterServer
from harness.eventually import until
from harness.slot_move import SlotMove
from harness.stored import Several

if TYPE_CHECKING:
    import redis

    from harness.certificates import Authority

# Flags of a server that another does not hear.
_FAILING = {"fail", "fail?", "handshake", "noaddr"}
# Seconds that anything the servers agree on may take.
_LIMIT = 60.0


class RedisCluster(Several):
    """Primaries, among which the slots are shared evenly at the beginning, and replicas of each. A context manager.

    `options` are words of the command line of every server, besides those given here. With an `authority` the nodes'
    way to all of them is TLS, and so is theirs to each other.
    """

    def __init__(
        self,
        directory: Path,
        primaries: int = 3,
        replicas: int = 1,
        options: Iterable[object] = (),
        authority: "Authority | None" = None,
    ):
        super().__init__()
        self._directory = directory
        self._options = list(options)
        self._secure = self._tls(authority) if authority else []
        self._first = primaries
        self._scheme = "rediss+cluster" if authority else "redis+cluster"
        self.servers = [self._server() for _ in range(primaries * (1 + replicas))]

    @staticmethod
    def _tls(authority: "Authority") -> list[object]:
        certificate = authority.issue("127.0.0.1", file="cluster")
        return [
            *("--tls-cluster", "yes", "--tls-replication", "yes", "--tls-auth-clients", "no"),
            *("--tls-cert-file", certificate.certificate),
            *("--tls-key-file", certificate.key),
            *("--tls-ca-cert-file", authority.file),
        ]

    def _server(self) -> ClusterServer:
        number = len(self.servers) if hasattr(self, "servers") else 0
        while (folder := self._directory / f"redis-{number}").exists():
            number += 1
        folder.mkdir(parents=True)
        return ClusterServer(folder, self._options, self._secure)

    @property
    def url(self) -> str:
        """Of all its servers."""
        return f"{self._scheme}://{','.join(f'127.0.0.1:{each.told}' for each in self.servers)}"

    # The beginning and the end

    def __enter__(self) -> "RedisCluster":
        with self._stack:
            for each in self.servers:
                self._begin(each)
            primaries, replicas = self.servers[: self._first], self.servers[self._first :]
            for number, each in enumerate(primaries):
                first, end = (partitions.SLOTS * index // len(primaries) for index in (number, number + 1))
                each.cluster("ADDSLOTSRANGE", first, end - 1)
            for number, each in enumerate(self.servers, 1):
                # Else two have the same, and sort that out among themselves later.
                each.cluster("SET-CONFIG-EPOCH", number)
                self._introduce(each, self.servers[: number - 1])
            for number, each in enumerate(replicas):
                self._replicate(each, primaries[number % len(primaries)])
            self.settle()
            self._stack = self._stack.pop_all()
        return self

    def _begin(self, server: ClusterServer) -> None:
        self._stack.enter_context(server)
        if server.proxy:
            self._stack.enter_context(server.proxy)

    def _introduce(self, server: ClusterServer, others: Iterable[ClusterServer]) -> None:
        """Makes it one of them: all know each other afterwards."""
        others = list(others)
        for other in others:
            server.cluster("MEET", "127.0.0.1", other.told, other.bus)
        everybody = {each.id for each in [server, *others]}

        def all_met() -> bool:
            views = [each.known() for each in [server, *others]]
            # Until a handshake is done its name is made up.
            return all(set(view) == everybody and not _FAILING & _flags(view) for view in views)

        until(all_met, _LIMIT, server.tail)

    @staticmethod
    def _replicate(server: ClusterServer, primary: ClusterServer) -> None:
        server.cluster("REPLICATE", primary.id)
        until(server.is_in_step, _LIMIT, server.tail)

    # Who is what

    @property
    def up(self) -> list[ClusterServer]:
        """Those that can answer."""
        return [each for each in self.servers if each.is_up]

    @property
    def primaries(self) -> list[ClusterServer]:
        """Those of them that are primaries, with slots or without."""
        return [each for each in self.up if each.is_primary]

    def replicas(self, primary: ClusterServer) -> list[ClusterServer]:
        """The replicas that a primary has, by what the others know; it need not run."""
        view = next(each for each in self.up if each is not primary).known()
        return [each for each in self.up if each.id in view and view[each.id][1] == primary.id]

    def owner(self, slot: int) -> ClusterServer | None:
        """The server that has a slot, which all who can answer agree on; fails while they differ."""
        named = {each.owners().get(slot) for each in self.up}
        assert len(named) == 1, f"slot {slot} is with {named}"
        return self._by_id(named.pop())

    def slots(self, server: ClusterServer) -> list[int]:
        """The slots that a server has, by what it knows."""
        return [slot for slot, owner in server.owners().items() if owner == server.id]

    def partition_slots(self, server: ClusterServer) -> list[int]:
        """The slots of a server that partitions are in."""
        slots = [partitions.slot(partition) for partition in range(partitions.PARTITIONS)]
        owners = server.owners()
        return [slot for slot in slots if owners.get(slot) == server.id]

    def _by_id(self, id: str | None) -> ClusterServer | None:
        return next((each for each in self.servers if each.running and each.id == id), None)

    def _is_settled(self) -> bool:
        up = self.up
        ids = {each.id for each in up}
        owners = [each.owners() for each in up]
        views = [each.known() for each in up]
        roles = [{id: view[id][1] for id in ids if id in view} for view in views]
        return (
            all(each == owners[0] for each in owners)
            and {*owners[0].values()} <= ids
            and all(each.keys() == ids and each == roles[0] for each in roles)
            and not any(_FAILING & view[id][0] for view in views for id in ids)
            and all(each.state()["cluster_state"] == "ok" for each in up)
            and all(each.is_in_step() for each in up)
        )

    def settle(self) -> None:
        """Waits until all is well and all who can answer agree who has which slot, and replicas are in step."""
        until(self._is_settled, _LIMIT, self.describe)

    def describe(self) -> str:
        """What each server makes of it, for a failure."""
        return "\n".join(f"{each.name} {each.state()}\n{each.cluster('NODES')}" for each in self.up)

    # Where something is

    def server(self, name: str) -> ClusterServer:
        """The server that a channel or a user is on."""
        found = self.owner(partitions.slot(partitions.partition(name)))
        assert found, f"the slot of {name} has no owner"
        return found

    def key(self, kind: str, name: str) -> str:
        return f"{partitions.prefix(name)}{kind}:{name}"

    def at(self, name: str) -> "redis.Redis":
        return self.server(name).client

    @property
    def clients(self) -> "list[redis.Redis]":
        return [each.client for each in self.primaries]

    def channels(self) -> list[str]:
        """The names of all pub/sub channels that somebody listens to, both kinds."""
        asked = [(each, word) for each in self.primaries for word in ("SHARDCHANNELS", "CHANNELS")]
        return [name for each, word in asked for name in each.client.execute_command("PUBSUB", word)]

    # What operators do

    def moving(self, slot: int, to: ClusterServer) -> SlotMove:
        """The move of a slot, step by step."""
        source = self.owner(slot)
        assert source, f"slot {slot} has no owner"
        return self._move(slot, source, to)

    def _move(self, slot: int, source: ClusterServer, to: ClusterServer) -> SlotMove:
        assert source is not to, f"slot {slot} is at {to.name} already"
        return SlotMove(slot, source, to, [each for each in self.primaries if each not in (source, to)])

    def move(self, slots: Iterable[int], to: ClusterServer) -> None:
        """Moves slots key by key, one after another."""
        owners = to.owners()
        for slot in slots:
            self._move(slot, self._by_id(owners[slot]), to).whole()
        self.settle()

    @property
    def moves_atomically(self) -> bool:
        """Whether its servers can move slots atomically, as Valkey does from 9.0 on."""
        return any("MIGRATESLOTS" in line for line in self.servers[0].cluster("HELP"))

    def migrate(self, slots: Iterable[int], to: ClusterServer) -> None:
        """Moves slots atomically, by servers that can: those of one server together."""
        owners = to.owners()
        sources: dict[str, list[int]] = {}
        for slot in slots:
            sources.setdefault(owners[slot], []).append(slot)
        for id, mine in sources.items():
            source = self._by_id(id)
            words = [bound for slot in mine for bound in (slot, slot)]
            source.cluster("MIGRATESLOTS", "SLOTSRANGE", *words, "NODE", to.id)
            until(source.has_migrated, _LIMIT, self.describe)
        self.settle()

    def failover(self, replica: ClusterServer, *how: str) -> None:
        """Has a replica take over from its primary, as an operator does: with its consent, else FORCE or TAKEOVER."""
        replica.cluster("FAILOVER", *how)
        until(lambda: replica.is_primary, _LIMIT, replica.tail)
        self.settle()

    def kill(self, primary: ClusterServer) -> ClusterServer:
        """Kills a primary and waits until a replica has taken over: that one."""
        return self._without(primary, primary.kill)

    def hang(self, primary: ClusterServer) -> ClusterServer:
        """Has a primary stand still, until it is resumed, and waits until a replica has taken over: that one."""
        return self._without(primary, primary.pause)

    def _without(self, primary: ClusterServer, end: Callable[[], None]) -> ClusterServer:
        replicas = self.replicas(primary)
        assert replicas, f"{primary.name} has no replica"
        end()
        until(lambda: any(each.is_primary for each in replicas), _LIMIT, self.describe)
        self.settle()
        return next(each for each in replicas if each.is_primary)

    def add_primary(self) -> ClusterServer:
        """Adds a primary that has no slots yet."""
        server = self._server()
        self._begin(server)
        server.cluster("SET-CONFIG-EPOCH", max(int(each.state()["cluster_current_epoch"]) for each in self.up) + 1)
        self._introduce(server, self.up)
        self.servers.append(server)
        self.settle()
        return server

    def drain(self, primary: ClusterServer) -> None:
        """Gives all slots of a primary to the others in turn, and takes it out of the Cluster."""
        others = [each for each in self.primaries if each is not primary]
        for number, slot in enumerate(self.slots(primary)):
            self._move(slot, primary, others[number % len(others)]).whole()
        # It is a replica by now, and its own go to others by themselves.
        rest = [each for each in self.up if each is not primary]
        until(lambda: all(not self._has_replica(each, primary) for each in rest), _LIMIT, self.describe)
        for each in rest:
            each.cluster("FORGET", primary.id)
        self.servers.remove(primary)
        primary.end()
        self.settle()

    @staticmethod
    def _has_replica(asked: ClusterServer, primary: ClusterServer) -> bool:
        return any(owner == primary.id for _, owner in asked.known().values())

    # What goes wrong

    @contextmanager
    def isolated(self, servers: Iterable[ClusterServer]) -> Iterator[None]:
        """Cuts these off from all others, who stand still meanwhile; inside they have found out."""
        servers = list(servers)
        others = [each for each in self.up if each not in servers]
        with ExitStack() as stack:
            for each in others:
                each.pause()
                stack.callback(each.resume)
            for each in servers:
                until(lambda each=each: each.state()["cluster_state"] == "fail", _LIMIT, each.tail)
            yield
        self.settle()

    @contextmanager
    def split(self, servers: Iterable[ClusterServer]) -> Iterator[None]:
        """Has these and all others not hear each other any more, while clients reach both; not with TLS."""
        servers = list(servers)
        others = [each for each in self.servers if each not in servers]
        for mine, theirs in ((servers, others), (others, servers)):
            for each in mine:
                each.proxy.refuse({other.id for other in theirs})
        try:
            yield
        finally:
            for each in self.servers:
                each.proxy.refuse(set())
            self.settle()

    @contextmanager
    def without_owner(self, slot: int) -> Iterator[None]:
        """Nobody has a slot, with all its keys, for a while."""
        owner = self.owner(slot)
        assert owner, f"slot {slot} has no owner"
        for each in self.up:
            each.cluster("DELSLOTS", slot)
        until(lambda: all(slot not in each.owners() for each in self.up), _LIMIT, self.describe)
        try:
            yield
        finally:
            owner.cluster("ADDSLOTS", slot)
            until(lambda: all(each.owners().get(slot) == owner.id for each in self.up), _LIMIT, self.describe)
            self.settle()


def _flags(view: dict[str, tuple[set[str], str]]) -> set[str]:
    """The flags of all servers that one knows."""
    return {flag for flags, _ in view.values() for flag in flags}
