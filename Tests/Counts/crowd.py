"""Many listeners of one channel and one publisher, on plain sockets: what they do to a node is known to the byte."""

import resource
import selectors
import time

import pytest

from harness import plain
from harness.raw import Opcode, frame

LIMIT = 60.0
_MESSAGE = b'"type":"message"'


def allow_descriptors(count: int) -> None:
    """Takes as many descriptors as there may be; fails the test when they do not suffice."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    if most < count:
        pytest.fail(f"this needs {count} open files, and `ulimit -Hn` says {most}", pytrace=False)


class Crowd:
    """A context manager: everybody is there inside the `with` and gone afterwards."""

    def __init__(self, port: int, *, listeners: int, channel: str = "crowd"):
        self.channel = channel
        self._publisher = plain.upgraded(port, timeout=LIMIT)
        self._listeners = [plain.subscribed(port, channel, timeout=LIMIT) for _ in range(listeners)]
        self._selector = selectors.DefaultSelector()
        for listener in self._listeners:
            self._selector.register(listener, selectors.EVENT_READ)

    def __enter__(self) -> "Crowd":
        return self

    def __exit__(self, *_) -> None:
        self._selector.close()
        for sock in [self._publisher, *self._listeners]:
            sock.close()

    def publish(self, messages: int) -> None:
        """Publishes that many messages in one write, and waits until every listener has all of them."""
        command = b'{"type":"publish","channel":"%s","data":{"text":"%s"}}' % (self.channel.encode(), b"x" * 40)
        self._publisher.sendall(frame(Opcode.TEXT, command) * messages)
        missing = dict.fromkeys(self._listeners, messages)
        tails = dict.fromkeys(self._listeners, b"")
        deadline = time.monotonic() + LIMIT
        while any(missing.values()):
            assert time.monotonic() < deadline, f"{sum(missing.values())} deliveries are missing after {LIMIT:g} s"
            for key, _ in self._selector.select(1):
                listener = key.fileobj
                received = listener.recv(1 << 18)
                assert received, "the node has closed a listener"
                received = tails[listener] + received
                missing[listener] -= received.count(_MESSAGE)
                assert missing[listener] >= 0, "a listener has got more than was published"
                # Too short for a whole mark, which was counted.
                tails[listener] = received[-len(_MESSAGE) + 1 :]

    def publish_bursts(self, messages: int, *, burst: int) -> None:
        """The same, `burst` messages at a time."""
        for start in range(0, messages, burst):
            self.publish(min(burst, messages - start))
