"""A node whose allocations are counted."""

import struct
from pathlib import Path

from harness import Node
from harness.compiler import compiled

_SOURCE = Path(__file__).with_name("malloc_count.c")


class CountedNode(Node):
    """A node with malloc_count.c before its allocator."""

    def __init__(self, name: str, directory: Path, **options):
        super().__init__(name, directory, **options)
        self._counters = directory / f"{name}.counters"
        self._library = directory / "malloc_count.so"

    def spawn(self, *command, **options) -> None:
        compiled(_SOURCE, self._library, "-shared", "-fPIC")
        # `env` becomes the node: same process, and only it has the variables.
        variables = [f"LD_PRELOAD={self._library}", f"MALLOC_COUNT_FILE={self._counters}"]
        super().spawn("env", *variables, *command, **options)

    def allocations(self) -> int:
        """How often the process has asked for memory so far."""
        allocations, _ = struct.unpack("QQ", self._counters.read_bytes())
        assert allocations > 0, "nothing is counted: does the node not take its allocator from libc.so?"
        return allocations
