"""The C programs of the measurements, compiled for one run."""

import shutil
import subprocess
from pathlib import Path

_SOURCES = Path(__file__).resolve().parents[1] / "programs"
_LIBRARIES = {"redis-rtt": ["-lhiredis", "-lpthread"], "intake": ["-lhiredis"]}


class Failure(Exception):
    """Why nothing can be measured, for people to read."""


def installed(name: str, package: str) -> str:
    """The path of an installed program."""
    path = shutil.which(name)
    if path is None:
        raise Failure(f"{name} is missing. Install it with: apt-get install {package}")
    return path


def compiled(name: str, directory: Path) -> Path:
    """The executable of one of the C programs, made in `directory` unless it is there."""
    executable = directory / name
    if not executable.exists():
        compiler = installed("cc", "gcc libc6-dev")
        command = [compiler, "-O2", "-Wall", "-o", executable, _SOURCES / f"{name}.c", *_LIBRARIES.get(name, [])]
        result = subprocess.run(command, capture_output=True, text=True)
        if result.returncode:
            hint = "It needs: apt-get install libhiredis-dev\n" if name in _LIBRARIES else ""
            raise Failure(f"{name}.c does not compile. {hint}{result.stderr}")
    return executable
