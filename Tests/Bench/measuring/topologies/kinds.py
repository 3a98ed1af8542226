"""The kinds of Redis: each as its servers, and nodes on them."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import count
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from harness import Process, Redis, partitions
from harness.redis_cluster import RedisCluster
from harness.sentinels import Sentinels
from harness.shards import Shards

from .. import servers
from ..load import Load
from ..processes import ALL_CORES
from ..programs import compiled
from ..report import progress
from ..servers import MeasuredNode

# Every measurement is spread over so many channels, of which each Redis has equally many.
CHANNELS = 12
# Channels whose names begin with KEPT keep history.
KEPT = "kept"
PLAIN = "plain"
_RULES = f'channels: [{{ match: "{KEPT}*", history: {{ size: 1000, ttl: 10m }} }}, {{ match: "*" }}]\n'
# No subscriber is closed for being late: what is measured is how fast it can be.
_OPTIONS = ("--loglevel", "warning", "--client-output-buffer-limit", "pubsub 0 0 0")
_PRIMARIES = 3


@dataclass(frozen=True)
class Kind:
    """A kind of Redis. Its first servers are the primaries at the beginning; `keyspaces` is over how many the names are
    spread.
    """

    title: str
    make: Callable[[Path], Shards | Sentinels | RedisCluster]
    primaries: int = 1
    keyspaces: int = 1

    def keyspace(self, name: str) -> int:
        return partitions.keyspace(name, self.keyspaces)


def shards(number: int) -> Kind:
    title = "one Redis" if number == 1 else f"{number} shards"
    return Kind(title, lambda folder: Shards(folder, number, _OPTIONS), number, number)


ONE = shards(1)
SHARDS = shards(4)
SENTINELS = Kind("Sentinels", lambda folder: Sentinels(folder, options=_OPTIONS))
CLUSTER = Kind(
    "Cluster", lambda folder: RedisCluster(folder, _PRIMARIES, options=_OPTIONS), _PRIMARIES, partitions.PARTITIONS
)
ALL = (ONE, SHARDS, SENTINELS, CLUSTER)


def server_of_cluster(name: str) -> int:
    """The primary that has a name while the slots are where they were at the beginning."""
    return partitions.slot(partitions.partition(name)) * _PRIMARIES // partitions.SLOTS


@cache
def even_prefix(stem: str) -> str:
    """What CHANNELS names begin with that two and four shards, and three primaries, have equally many of."""
    places = [
        (2, lambda name: partitions.keyspace(name, 2)),
        (4, lambda name: partitions.keyspace(name, 4)),
        (_PRIMARIES, server_of_cluster),
    ]
    for number in count():
        prefix = f"{stem}{number}-"
        names = [f"{prefix}{channel}" for channel in range(CHANNELS)]
        if all(_is_even([place(name) for name in names], places_there) for places_there, place in places):
            return prefix
    raise AssertionError


def _is_even(found: Sequence[int], places: int) -> bool:
    return all(found.count(place) * places == len(found) for place in range(places))


@dataclass
class Site:
    """A kind of Redis that runs, and nodes on it."""

    kind: Kind
    redis: Shards | Sentinels | RedisCluster
    nodes: list[MeasuredNode]

    @property
    def stores(self) -> list[Redis]:
        """The Redis of this kind, replicas too, in the order of their start."""
        return self.redis.servers

    @property
    def processes(self) -> list[Process]:
        """All that this kind of Redis needs."""
        return [*self.stores, *getattr(self.redis, "sentinels", [])]


class Bench:
    """One run of the whole."""

    def __init__(
        self, apus: Path, work: Path, seconds: float, repetitions: int, connections: int = 1000, members: int = 10_000
    ):
        self.apus = apus
        self.work = work
        self.seconds = seconds
        self.repetitions = repetitions
        self.connections = connections
        self.members = members
        self._rules = work / "rules.yaml"
        self._rules.write_text(_RULES)

    @cached_property
    def load(self) -> Load:
        return Load(compiled("wsload", self.work), self.seconds, ALL_CORES)

    @contextmanager
    def redis(self, kind: Kind) -> Iterator[Site]:
        """Fresh servers without a node. Nothing is pinned: all that runs shares the processors."""
        with TemporaryDirectory(dir=self.work) as folder, kind.make(Path(folder) / "redis") as redis:
            yield Site(kind, redis, [])

    @contextmanager
    def nodes(self, site: Site, number: int, **options: object) -> Iterator[Site]:
        """Nodes on these servers; `options` are more of their options."""
        with ExitStack() as stack:
            for _ in range(number):
                node = servers.node(
                    self.apus, self.work, redis=site.redis, cores=ALL_CORES, dev=False, config=self._rules, **options
                )
                site.nodes.append(stack.enter_context(node))
            yield site

    @contextmanager
    def site(self, kind: Kind, nodes: int = 2, **options: object) -> Iterator[Site]:
        with self.redis(kind) as site, self.nodes(site, nodes, **options):
            yield site

    def in_turns(self, kinds: Sequence[Kind], measure: Callable[[Kind], dict[str, float]]) -> list[dict[str, float]]:
        """The medians of each kind, measured in turns: the machine drifts."""
        found: list[list[dict[str, float]]] = [[] for _ in kinds]
        for repetition in range(1, self.repetitions + 1):
            for kind, results in zip(kinds, found, strict=True):
                progress(f"  {repetition} of {self.repetitions}: {kind.title}")
                results.append(measure(kind))
        return [{name: median(each[name] for each in results) for name in results[0]} for results in found]
