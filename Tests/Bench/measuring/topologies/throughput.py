"""Messages a second between two nodes, and what each process pays for them."""

from ..processes import cpu_seconds
from ..report import number
from .kinds import CHANNELS, CLUSTER, KEPT, ONE, PLAIN, SENTINELS, SHARDS, Bench, Kind, Site, even_prefix, shards
from .table import Table, listed, ratio, times

_KINDS = (ONE, shards(2), SHARDS, SENTINELS, CLUSTER)
_BYTES = 256
_IN_FLIGHT = 512


def _published(site: Site) -> float:
    return site.nodes[0].metrics().total("apus_published_total")


def _carried(bench: Bench, site: Site, stem: str) -> dict[str, float]:
    """Of the channels that begin with `stem`; CPU is in milliseconds per 1,000 messages, connecting included."""
    publishing, listening = site.nodes
    processes = {
        "publishing": publishing,
        "listening": listening,
        **{f"redis-{place}": each for place, each in enumerate(site.stores)},
    }
    before = {name: cpu_seconds(each) for name, each in processes.items()}
    count = _published(site)
    result = bench.load.run(
        listening,
        subs=CHANNELS,
        channels=CHANNELS,
        pubs=4,
        pubport=publishing.port,
        payload=_BYTES,
        window=_IN_FLIGHT,
        prefix=even_prefix(stem),
    )
    count = _published(site) - count
    found = {name: (cpu_seconds(each) - before[name]) * 1e6 / count for name, each in processes.items()}
    return found | {"rate": result["pub_per_s"], "lost": result["lost"]}


def throughput(bench: Bench) -> Table:
    def measure(kind: Kind) -> dict[str, float]:
        with bench.site(kind) as site:
            return {
                f"{stem} {name}": figure
                for stem in (PLAIN, KEPT)
                for name, figure in _carried(bench, site, stem).items()
            }

    found = bench.in_turns(_KINDS, measure)
    rows = []
    for stem, title in ((PLAIN, "no history"), (KEPT, "with history")):
        one: dict[str, float] = {}
        for kind, figures in zip(_KINDS, found, strict=True):
            mine = {name.removeprefix(f"{stem} "): each for name, each in figures.items() if name.startswith(stem)}
            redis = [each for name, each in mine.items() if name.startswith("redis")]
            primaries, replicas = redis[: kind.primaries], redis[kind.primaries :]
            # The busiest one is full first.
            mine["capacity"] = 1e6 / max(primaries)
            one = one or mine
            rows.append(
                [
                    f"{kind.title}, {title}",
                    f"{mine['rate']:,.0f}",
                    ratio(mine["rate"], one["rate"]),
                    listed(primaries),
                    listed(replicas) if replicas else "-",
                    f"{number(mine['publishing'])}, {number(mine['listening'])}",
                    f"{mine['capacity']:,.0f}",
                    ratio(mine["capacity"], one["capacity"]) + (f", lost {mine['lost']:.0f}" if mine["lost"] else ""),
                ]
            )
    return Table(
        [
            "",
            "messages/s here",
            "to one Redis",
            "each Redis, CPU ms",
            "each replica, CPU ms",
            "publishing, listening node, CPU ms",
            "messages/s with a core for each",
            "to one Redis",
        ],
        rows,
        f"{_BYTES} bytes of data, {CHANNELS} channels of one listener, {_IN_FLIGHT} messages in flight. CPU is for "
        "1,000 messages of the whole; the last figure is what fills a core of the busiest Redis. "
        f"{times(bench.repetitions).capitalize()} of {bench.seconds:g} s.",
    )
