"""Programs: those that are installed, and those in C, compiled for one run."""

import os
import shutil
import subprocess
from pathlib import Path

_SOURCES = Path(__file__).resolve().parents[1] / "programs"
_LIBRARIES = {"redis-rtt": ["-lhiredis", "-lpthread"], "intake": ["-lhiredis"]}


class Failure(Exception):
    """Why something cannot be measured, for people to read."""


def find(name: str) -> str | None:
    """The path of a program. Debian keeps servers where not every user's PATH leads."""
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


def program(name: str, package: str) -> str:
    """The path of an installed program."""
    path = find(name)
    if path is None:
        raise Failure(f"{name} is missing. Install it with: apt-get install {package}")
    return path


def compiled(name: str, folder: Path) -> Path:
    """The executable of one of the C programs, made in `folder` unless it is there."""
    executable = folder / name
    if not executable.exists():
        compiler = program("cc", "gcc libc6-dev")
        command = [compiler, "-O2", "-Wall", "-o", executable, _SOURCES / f"{name}.c", *_LIBRARIES.get(name, [])]
        result = subprocess.run(command, capture_output=True, text=True)
        if result.returncode:
            hint = "It needs: apt-get install libhiredis-dev\n" if name in _LIBRARIES else ""
            raise Failure(f"{name}.c does not compile. {hint}{result.stderr}")
    return executable
