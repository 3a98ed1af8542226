"""What a node with idle connections does, and has Redis do."""

import time
from collections.abc import Sequence
from pathlib import Path

from harness import Process, Redis, until

from ..report import number
from ..servers import MeasuredNode
from .kinds import ALL, CHANNELS, ONE, PLAIN, Bench, Kind, Site, even_prefix
from .table import Table, listed, ratio, times


def _run_seconds(process: Process) -> float:
    """The CPU time of all threads that a process has now, finer than the ticks of `cpu_seconds`."""
    tasks = Path(f"/proc/{process.pid}/task").glob("*/schedstat")
    return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9


def _sleeps(process: Process) -> int:
    """How often the threads of a process have gone to sleep."""
    rows = [row for task in Path(f"/proc/{process.pid}/task").glob("*/status") for row in task.read_text().splitlines()]
    return sum(int(row.split()[1]) for row in rows if row.startswith("voluntary_ctxt_switches"))


def _commands(stores: Sequence[Redis]) -> list[int]:
    """How many commands each Redis has run, those of scripts too."""
    return [sum(row["calls"] for row in each.client.info("commandstats").values()) for each in stores]


def _rates(stores: Sequence[Redis], seconds: float) -> tuple[float, list[float]]:
    """Waits: the seconds it took, and the commands a second of each Redis."""
    start, before = time.monotonic(), _commands(stores)
    time.sleep(seconds)
    # The question itself is one.
    counts = [after - each - 1 for each, after in zip(before, _commands(stores), strict=True)]
    took = time.monotonic() - start
    return took, [count / took for count in counts]


def idle(bench: Bench) -> Table:
    # Long beside the 3 s from one renewal of a lease to the next, and the 5 s from probe to probe.
    seconds = 5 * bench.seconds

    def measure(kind: Kind) -> dict[str, float]:
        with bench.redis(kind) as site:
            # The first time connects.
            _commands(site.stores)
            _, without = _rates(site.stores, seconds / 2)
            with bench.nodes(site, 1):
                return _held(bench, site, without, seconds)

    found = bench.in_turns(ALL, measure)
    one = found[ALL.index(ONE)]
    rows = []
    for kind, figures in zip(ALL, found, strict=True):
        commands = [figure for name, figure in figures.items() if name.startswith("commands")]
        primaries = commands[: kind.primaries]
        rows.append(
            [
                kind.title,
                f"{number(figures['cpu'])}, {ratio(figures['cpu'], one['cpu'])}",
                f"{number(figures['sleeps'])}, {ratio(figures['sleeps'], one['sleeps'])}",
                f"{listed(primaries)}; {number(sum(commands))}, {ratio(sum(commands), one['commands-0'])}",
                f"{number(figures['without'])}",
                f"{number(figures['redis'])}, {ratio(figures['redis'], one['redis'])}",
            ]
        )
    return Table(
        [
            "",
            "node: CPU ms/s",
            "node: sleeps/s",
            "commands/s of each primary; of all Redis",
            "commands/s without a node",
            "Redis and Sentinels: CPU ms/s",
        ],
        rows,
        f"{bench.connections:,} connections, each subscribed to one of {CHANNELS} channels; sleeps are voluntary "
        "context switches of all threads; commands in scripts and of replicas count, and those without a node are "
        "taken off. "
        f"{times(bench.repetitions).capitalize()} of {seconds:g} s.",
    )


def _held(bench: Bench, site: Site, without: Sequence[float], seconds: float) -> dict[str, float]:
    """With all connections open; `without` are the commands a second of each Redis when there was no node."""
    [node], count = site.nodes, bench.connections
    load = bench.load.start(
        node, subs=count, channels=CHANNELS, prefix=even_prefix(PLAIN), idle=1, duration=10 * seconds
    )
    with load as generator:
        # Fails with what wsload says where it has ended.
        until(lambda: _are_open(node, count) or generator.poll() is not None, 120, f"{count:,} connections")
        if generator.poll() is not None:
            bench.load.finish(generator)
        # What the start has put off.
        time.sleep(min(3.0, seconds))
        cpu, redis, sleeps = _run_seconds(node), sum(map(_run_seconds, site.processes)), _sleeps(node)
        took, rates = _rates(site.stores, seconds)
        commands = [rate - each for rate, each in zip(rates, without, strict=True)]
        return {
            "cpu": (_run_seconds(node) - cpu) * 1e3 / took,
            "redis": (sum(map(_run_seconds, site.processes)) - redis) * 1e3 / took,
            "sleeps": (_sleeps(node) - sleeps) / took,
            "without": sum(without),
            **{f"commands-{place}": each for place, each in enumerate(commands)},
        }


def _are_open(node: MeasuredNode, count: int) -> bool:
    return node.metrics().total("apus_connections") >= count
