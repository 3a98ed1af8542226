"""A node whose system calls are written down by strace."""

from pathlib import Path

from harness import Node, until
from harness.process import program
from strace import WAITS, Call, parse

_TRACED = "sendto,sendmsg,sendmmsg,write,writev,eventfd2,epoll_wait,epoll_pwait,epoll_pwait2"

# How often in a row the trace must show nothing new.
QUIET_LOOKS = 5


class TracedNode(Node):
    """A node under strace."""

    def __init__(self, name: str, directory: Path, **options):
        super().__init__(name, directory, **options)
        self._trace = directory / f"{name}.strace"
        self._start = 0

    def spawn(self, *command, **options) -> None:
        # With -D strace is the grandchild, so that the process we start, signal and wait for is the node itself.
        # The bytes that are sent are not wanted (-s 0).
        words = ["-D", "-f", "-s", "0", "-e", f"trace={_TRACED}", "-e", "signal=none", "-o", self._trace]
        super().spawn(program("strace", "strace"), *words, *command, **options)

    def eventfds(self) -> set[int]:
        """The descriptors by which threads wake one another."""
        return {call.result for call in self._calls(0) if call.name == "eventfd2"}

    def begin(self) -> None:
        """Forgets the calls until now."""
        self._start = self._settled()

    def calls(self) -> list[Call]:
        """The calls since `begin`, now that the node has come to rest."""
        self._settled()
        return list(self._calls(self._start))

    def _calls(self, start: int) -> list[Call]:
        with self._trace.open() as trace:
            trace.seek(start)
            return list(parse(trace))

    def _settled(self) -> int:
        """The length of the trace once nothing is added to it for a while but waits: a node at rest has timers, too."""
        sizes: list[int] = []

        def is_settled() -> bool:
            sizes.append(self._trace.stat().st_size)
            return len(sizes) > QUIET_LOOKS and all(call.name in WAITS for call in self._calls(sizes[-QUIET_LOOKS]))

        until(is_settled, what="the node does not come to rest")
        return sizes[-1]
