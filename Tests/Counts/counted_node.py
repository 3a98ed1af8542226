"""A node whose allocations are counted."""

import struct
import subprocess
from pathlib import Path

import pytest

from harness import Node
from harness.process import program

_SOURCE = Path(__file__).with_name("malloc_count.c")


class CountedNode(Node):
    """A node with malloc_count.c before its allocator."""

    def __init__(self, name: str, directory: Path, **options):
        super().__init__(name, directory, **options)
        self._counters = directory / f"{name}.counters"
        self._library = directory / "malloc_count.so"

    def spawn(self, *command, **options) -> None:
        self._compile()
        # `env` becomes the node: same process, and only it has the variables.
        variables = [f"LD_PRELOAD={self._library}", f"MALLOC_COUNT_FILE={self._counters}"]
        super().spawn("env", *variables, *command, **options)

    def allocations(self) -> int:
        """How often the process has asked for memory so far."""
        allocations, _ = struct.unpack("QQ", self._counters.read_bytes())
        assert allocations > 0, "nothing is counted: does the node not take its allocator from libc.so?"
        return allocations

    def _compile(self) -> None:
        compiler = program("cc", "gcc libc6-dev")
        command = [compiler, "-O2", "-Wall", "-shared", "-fPIC", "-o", self._library, _SOURCE]
        result = subprocess.run(command, capture_output=True, text=True)
        if result.returncode:
            pytest.fail(f"{_SOURCE.name} does not compile (apt-get install gcc libc6-dev)\n{result.stderr}", False)
