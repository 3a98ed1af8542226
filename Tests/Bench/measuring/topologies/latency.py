"""How late a message is at another node."""

from .kinds import ALL, CHANNELS, ONE, PLAIN, Bench, Kind, even_prefix
from .table import Table, ratio, times

_RATE = 100
# In turns, a closed loop and an open one.
_LOADS = {"one at a time": {"window": 1}, f"{_RATE} messages/s": {"rate": _RATE}}
_SHARES = ("p50", "p99")


def latency(bench: Bench) -> Table:
    seconds = 3 * bench.seconds

    def measure(kind: Kind) -> dict[str, float]:
        found = {}
        with bench.site(kind) as site:
            publishing, listening = site.nodes
            for name, load in _LOADS.items():
                result = bench.load.run(
                    listening,
                    subs=CHANNELS,
                    channels=CHANNELS,
                    pubport=publishing.port,
                    prefix=even_prefix(PLAIN),
                    duration=seconds,
                    **load,
                )
                found |= {f"{name} {share}": result[f"{share}_us"] for share in _SHARES}
                found[f"{name} lost"] = result["lost"]
        return found

    found = bench.in_turns(ALL, measure)
    one = found[ALL.index(ONE)]
    rows = []
    for kind, figures in zip(ALL, found, strict=True):
        cells = [kind.title]
        for name in _LOADS:
            for share in _SHARES:
                key = f"{name} {share}"
                cells.append(f"{figures[key] / 1e3:.2f} ms, {ratio(figures[key], one[key])}")
            if figures[f"{name} lost"]:
                cells[-1] += f", lost {figures[f'{name} lost']:.0f}"
        rows.append(cells)
    return Table(
        ["", *(f"{name}: {share}" for name in _LOADS for share in _SHARES)],
        rows,
        f"From publish at one node to a listener at the other, {CHANNELS} channels in turn; nothing pinned. "
        f"{times(bench.repetitions).capitalize()} of {seconds:g} s.",
    )
