"""The command line: long runs by hand."""

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path

from harness.recovery.plan import FAULTS, HALT, LINKS, MOVE, NODE, PAUSE, RESTART, Plan
from harness.recovery.runner import run


def arguments() -> argparse.Namespace:
    default = Plan(seed=0)
    parser = argparse.ArgumentParser(
        prog="recovery",
        description="Cuts clients off again and again, does things to Redis or a node, and checks that every client "
        "gets every message once and in order, or is told of precisely what it lacks. The node is $APUS_BINARY, else "
        ".build/release/apus.",
    )
    parser.add_argument("--seed", type=int, help="of an earlier run, to have it again (default: a new one)")
    parser.add_argument("--runs", type=int, default=1, help="that many, the seed is one more each time (default: 1)")
    parser.add_argument("--clients", type=int, default=default.clients, help="default: %(default)s")
    parser.add_argument("--channels", type=int, default=default.channels, help="default: %(default)s")
    parser.add_argument("--each", type=int, default=default.each, help="channels of a client, at most (%(default)s)")
    parser.add_argument("--rate", type=float, default=default.rate, help="messages a second in all (%(default)s)")
    parser.add_argument("--seconds", type=float, default=default.seconds, help="default: %(default)s")
    parser.add_argument("--nodes", type=int, default=default.nodes, help="default: %(default)s")
    parser.add_argument("--loops", type=int, default=default.loops, help="event loops of a node (%(default)s)")
    parser.add_argument(
        "--faults",
        type=_faults,
        default=(PAUSE, LINKS, RESTART),
        help=f"of {', '.join(FAULTS)}, with commas, or 'none' (default: {PAUSE},{LINKS},{RESTART}); "
        f"{MOVE} and {HALT} are for a Redis Cluster and go with {NODE} and {LINKS} alone",
    )
    return parser.parse_args()


def _faults(text: str) -> tuple[str, ...]:
    faults = () if text == "none" else tuple(text.split(","))
    if not set(faults) <= set(FAULTS):
        raise argparse.ArgumentTypeError(f"one of {', '.join(FAULTS)}")
    return faults


def main() -> int:
    """Whether there was a fault, as an exit code."""
    options = vars(arguments())
    runs, seed = options.pop("runs"), options.pop("seed")
    if seed is None:
        seed = int(time.time())
    has_failed = False
    for number in range(runs):
        plan = Plan(seed=seed + number, **options)
        print(f"== {plan}", flush=True)
        directory = Path(tempfile.mkdtemp(prefix="apus-recovery-"))
        report = asyncio.run(run(plan, directory))
        print("\n".join(str(report).splitlines()[1:]), f"logs: {directory}", sep="\n", flush=True)
        has_failed = has_failed or bool(report.faults)
    return int(has_failed)


if __name__ == "__main__":
    sys.exit(main())
