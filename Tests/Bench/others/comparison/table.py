"""What came out, as a table in Markdown."""

import subprocess
from pathlib import Path

from harness.process import find

from .servers import HERE, SERVERS

_HEAD = (
    "server",
    "deliveries per CPU second, 1 in flight",
    "8 in flight",
    "p50, ms",
    "p99, ms",
    "bytes per connection",
    "CPU per connection, µs",
    "lost",
)
# Below this part of the load offered, the latencies are those of a growing queue.
_SUSTAINED = 0.95


def table(results: dict[str, dict], listeners: int, rate: float) -> str:
    lines = [_row(_HEAD), _row(["---", *["---:"] * (len(_HEAD) - 1)])]
    for name, result in results.items():
        title = SERVERS[name].title
        if "failed" in result:
            lines.append(_row([title, f"failed: {_one_line(result['failed'])}", *[""] * (len(_HEAD) - 2)]))
        else:
            lines.append(_row([title, *_cells(result, listeners * rate)]))
    return "\n".join(lines)


def _cells(result: dict, offered: float) -> list[str]:
    scheduled, idle = result["open"], result["idle"]
    latencies = [f"{scheduled[key] / 1000:.1f}" for key in ("p50_us", "p99_us")]
    if scheduled["deliveries_per_s"] < _SUSTAINED * offered:
        latencies[1] += f" (at {scheduled['deliveries_per_s']:,.0f}/s)"
    return [
        *(_rounded(per_cpu_second(result[scenario])) for scenario in ("window1", "window8")),
        *latencies,
        _rounded(idle["rss_per_conn_bytes"]),
        f"{idle['conn_cpu_us']:.0f}",
        _lost(result),
    ]


def per_cpu_second(run: dict) -> float | None:
    """None where the time was too short for the kernel's clock."""
    return 1e6 / run["server_us_per_delivery"] if run["server_us_per_delivery"] else None


def _lost(result: dict) -> str:
    """Of all runs, or run by run where there is something to tell: with fewer than none, messages came twice."""
    lost = [result[scenario]["lost"] for scenario in ("window1", "window8", "open")]
    text = " / ".join(f"{count:,}" for count in lost) if any(lost) else "0"
    ended = sum(run["failed"] for run in result.values())
    return f"{text}, and {ended:,} connections" if ended else text


def _rounded(number: float | None) -> str:
    return "-" if number is None else f"{float(f'{number:.3g}'):,.0f}"


def _one_line(text: str) -> str:
    return text.splitlines()[0].replace("|", "\\|")


def _row(cells: list[str] | tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"


def versions(apus: Path, virtualenv: Path) -> dict[str, str]:
    """Of what took part; what is not there is left out."""
    commands = {
        "Apus": [str(apus), "--version"],
        "nginx": ["nginx", "-v"],
        "nchan": ["dpkg-query", "-W", "libnginx-mod-nchan"],
        "Redis": ["redis-server", "--version"],
        "Python": [str(virtualenv / "bin/python"), "--version"],
    }
    found = {}
    for name, (executable, *arguments) in commands.items():
        if path := find(executable):
            outcome = subprocess.run([path, *arguments], capture_output=True, text=True)
            if outcome.returncode == 0:
                # nginx prints it on stderr.
                found[name] = (outcome.stdout or outcome.stderr).strip()
    if "Python" in found:
        lines = (HERE / "requirements.txt").read_text().splitlines()
        found["packages"] = " ".join(line for line in lines if "==" in line)
    return found
