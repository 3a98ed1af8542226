"""The programs in C, compiled for one run."""

from pathlib import Path

from harness import compiler

_SOURCES = Path(__file__).resolve().parents[1] / "programs"
_LIBRARIES = {"redis-rtt": ["-lhiredis", "-lpthread"], "intake": ["-lhiredis"]}


def compiled(name: str, folder: Path) -> Path:
    """The executable of one of them, made in `folder` unless it is there."""
    executable = folder / name
    if executable.exists():
        return executable
    packages = "libhiredis-dev" if name in _LIBRARIES else ""
    return compiler.compiled(_SOURCES / f"{name}.c", executable, *_LIBRARIES.get(name, []), packages=packages)
