"""What the command lines of the measurements have in common."""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from harness import Failure
from harness.failure import Missing
from harness.node import binary, default_binary

from .report import Row, print_table, progress, write_json


def parser(description: str, rows: Mapping[str, Callable]) -> argparse.ArgumentParser:
    """The options that every measurement has."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--apus", type=Path, default=default_binary(), help="the node (default: $APUS_BINARY, else .build/release/apus)"
    )
    parser.add_argument("--rows", metavar="NAME,...", help=f"only these, of {', '.join(rows)}")
    parser.add_argument("--seconds", type=float, default=3, help="of each measurement (default: %(default)s)")
    parser.add_argument("--repetitions", type=int, default=3, help="of each measurement (default: %(default)s)")
    parser.add_argument("--quick", action="store_true", help="one repetition of a second each: to see that it works")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    return parser


def parse(parser: argparse.ArgumentParser, rows: Mapping[str, Callable]) -> argparse.Namespace:
    """The command line, with `rows` the names of what is to be measured."""
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.seconds, arguments.repetitions = 1, 1
    arguments.rows = arguments.rows.split(",") if arguments.rows else list(rows)
    if unknown := set(arguments.rows) - set(rows):
        parser.error(f"no such row: {', '.join(sorted(unknown))}; there are {', '.join(rows)}")
    try:
        binary(arguments.apus)
    except Missing as missing:
        parser.error(str(missing))
    return arguments


def run(arguments: argparse.Namespace, rows: Mapping[str, Callable], prepare: Callable[[Path], object]) -> int:
    """Measures the rows, each with what `prepare` makes of a folder, and prints them: the exit code."""
    measured: list[Row] = []
    with tempfile.TemporaryDirectory() as work:
        bench = prepare(Path(work))
        for position, name in enumerate(arguments.rows, 1):
            progress(f"[{position}/{len(arguments.rows)}] {name}")
            try:
                measured += rows[name](bench)
            except (Failure, OSError, subprocess.SubprocessError) as failure:
                print(f"{name}: {failure}", file=sys.stderr)
                return 1
    print_table(measured)
    if arguments.json:
        write_json(measured, arguments.json)
    return 0
