"""Seconds without service: Redis restarted, failed over, killed, and slots moved."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count

from harness import partitions
from harness.redis_cluster import NODE_TIMEOUT, ClusterServer, RedisCluster

from ..report import progress
from .kinds import CLUSTER, KEPT, ONE, PLAIN, SENTINELS, SHARDS, Bench, Kind, Site, server_of_cluster
from .table import Table, middle_and_most, times
from .watch import PAUSE, Outage, Watch

# Keys in a slot that is moved, besides those of the measurement.
_KEYS = 1000


def _names(kind: Kind) -> tuple[str, str, str | None]:
    """A channel that keeps history, one of the same keyspace that does not, and one at another Redis."""
    kept = f"{KEPT}:0"
    plain = next(name for number in count() if kind.keyspace(name := f"{PLAIN}:{number}") == kind.keyspace(kept))
    if kind.keyspaces == 1:
        return kept, plain, None
    place = server_of_cluster if kind is CLUSTER else kind.keyspace
    return kept, plain, next(name for number in count() if place(name := f"{PLAIN}:{number}") != place(kept))


class _Seen:
    """What all repetitions of one row have seen: of the two channels concerned, and of the one elsewhere."""

    def __init__(self) -> None:
        self.kept: list[Outage] = []
        self.plain: list[Outage] = []
        self.elsewhere: list[Outage] = []

    def cells(self) -> list[str]:
        both = [max(kept.refused, plain.refused) for kept, plain in zip(self.kept, self.plain, strict=True)]
        silences = [[each.silence for each in own] for own in (self.kept, self.plain)]
        return [
            middle_and_most(both),
            *(middle_and_most(each) for each in silences),
            *(_count([each.unheard for each in own]) for own in (self.kept, self.plain)),
            _count([each.gaps for each in self.kept]),
            _count([each.unconfirmed + each.unheard for each in self.elsewhere]) if self.elsewhere else "-",
        ]


def _count(figures: list[int]) -> str:
    """Of all repetitions: a median would hide what has happened once."""
    least, most = min(figures), max(figures)
    return str(least) if least == most else f"{least} to {most}"


class _Row:
    """One thing that happens, named as in the table."""

    def __init__(self, title: str, act: Callable[[], object]):
        self.title = title
        self.act = act


# ---- what happens ----


def _restart(site: Site) -> Iterator[_Row]:
    store = site.stores[site.kind.keyspace(_names(site.kind)[0])]

    def act() -> None:
        store.kill()
        store.start()

    yield _Row(f"{'one shard of four' if site.kind is SHARDS else 'the one Redis'} is killed and started again", act)


def _failover(site: Site) -> Iterator[_Row]:
    yield _Row("`SENTINEL FAILOVER`", site.redis.failover)


def _primary_killed(site: Site) -> Iterator[_Row]:
    def act() -> None:
        old = site.redis.primary
        old.kill()
        site.redis.successor(old)

    yield _Row("a primary behind Sentinels is killed (`down-after-milliseconds 2000`)", act)


def _cluster(site: Site) -> Iterator[_Row]:
    """One after another on the same Cluster."""
    redis: RedisCluster = site.redis
    name = _names(site.kind)[0]
    slot = partitions.slot(partitions.partition(name))
    home = redis.owner(slot)
    away = next(each for each in redis.primaries if each is not home)
    _fill(redis, name)

    def moved(to: ClusterServer) -> Callable[[], None]:
        def act() -> None:
            redis.moving(slot, to).whole()
            redis.settle()

        return act

    yield _Row(f"a slot of {_KEYS:,} keys is moved key by key", moved(away))
    yield _Row("and back", moved(home))
    yield _Row("`CLUSTER FAILOVER`", lambda: redis.failover(redis.replicas(redis.owner(slot))[0]))
    killed = f"a primary of a Cluster is killed (`cluster-node-timeout {NODE_TIMEOUT}`)"
    yield _Row(killed, lambda: redis.kill(redis.owner(slot)))


def _fill(redis: RedisCluster, name: str) -> None:
    """Puts keys that nobody reads into the slot of a name."""
    pipeline = redis.at(name).pipeline(transaction=False)
    for number in range(_KEYS):
        pipeline.set(f"{partitions.prefix(name)}key:filler ::{number}", f"{'x' * 16} {number}")
    pipeline.execute()


_HAPPENINGS = (
    (ONE, _restart),
    (SHARDS, _restart),
    (SENTINELS, _failover),
    (SENTINELS, _primary_killed),
    (CLUSTER, _cluster),
)


# ---- how it is seen ----


@contextmanager
def _watched(site: Site, seen: _Seen) -> Iterator[None]:
    kept, plain, elsewhere = _names(site.kind)
    publishing, listening = (node.port for node in site.nodes)
    with Watch(publishing, listening, [name for name in (kept, plain, elsewhere) if name]) as watch:
        yield
        watch.wait_until_well()
    seen.kept.append(watch.outage(kept))
    seen.plain.append(watch.outage(plain))
    if elsewhere:
        seen.elsewhere.append(watch.outage(elsewhere))


def outages(bench: Bench) -> Table:
    found: dict[str, _Seen] = {}
    for repetition in range(1, bench.repetitions + 1):
        for kind, happenings in _HAPPENINGS:
            with bench.site(kind, ping_interval="1h") as site:
                for row in happenings(site):
                    progress(f"  {repetition} of {bench.repetitions}: {row.title}")
                    with _watched(site, found.setdefault(row.title, _Seen())):
                        row.act()
    every = f"{PAUSE * 1000:g} ms"
    repetitions = times(bench.repetitions) + (", the worst in parentheses; counts of all" if bench.repetitions > 1 else "")
    return Table(
        [
            "",
            "publishing fails, s",
            "silence, s: with history",
            "without",
            "never heard: with history",
            "without",
            "gaps",
            "failed elsewhere",
        ],
        [[title, *seen.cells()] for title, seen in found.items()],
        f"A message every {every} to each channel at one node, and a listener at another. Publishing fails from one "
        "that is refused or lost until the next is confirmed, added up; never heard are messages that were confirmed; "
        "elsewhere is a channel at another Redis. "
        f"{repetitions.capitalize()}.",
    )
