"""The load generator and what it is asked to do."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from harness.processes import Failure, pinned, program
from harness.servers import Server

# It waits itself for at most 150 s until all are connected.
_PATIENCE = 240


def compiled(source: Path, folder: Path) -> Path:
    if not source.exists():
        raise Failure(f"{source} is missing")
    executable = folder / "wsload"
    outcome = subprocess.run([program("cc"), "-O2", "-o", executable, source], capture_output=True, text=True)
    if outcome.returncode != 0:
        raise Failure(f"{source} does not compile\n{outcome.stderr}")
    return executable


@dataclass(frozen=True)
class Load:
    """Runs of the load generator; its report is one line of JSON."""

    executable: Path
    core: int

    def run(self, server: Server, port: int, pids: list[int], seconds: float, *options: str) -> dict:
        command = pinned(
            self.core,
            [
                *(self.executable, "--port", str(port), *server.protocol),
                *("--pid", ",".join(map(str, pids)), "--duration", str(seconds), *options),
            ],
        )
        try:
            outcome = subprocess.run(command, capture_output=True, text=True, timeout=seconds + _PATIENCE)
        except subprocess.TimeoutExpired:
            raise Failure("the load generator did not come to its end") from None
        if outcome.returncode != 0:
            raise Failure(outcome.stderr.strip() or f"the load generator ended with {outcome.returncode}")
        return json.loads(outcome.stdout)


def scenarios(listeners: int, connections: int, rate: float) -> dict[str, tuple[str, ...]]:
    """What every server is given: the name in the JSON, and the load generator's options."""
    listening = ("--subs", str(listeners))
    return {
        "window1": (*listening, "--window", "1"),
        "window8": (*listening, "--window", "8"),
        "open": (*listening, "--rate", str(rate)),
        "idle": ("--idle", "1", "--subs", str(connections), "--pubs", "0"),
    }


# A little of everything, on a channel of its own, so that what a server does once only is done before it is measured.
WARMING_UP = ("--prefix", "warm", "--subs", "20", "--rate", "50", "--warmup", "0")
