"""Many listeners of one channel and one publisher, on plain sockets: what they do to a node is known to the byte."""

import resource
import selectors
import socket
import time

import pytest

from harness.raw import Opcode, frame

LIMIT = 60.0
_UPGRADE = (
    b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
_MESSAGE = b'"type":"message"'


def upgraded(port: int) -> socket.socket:
    """A WebSocket after the event `connected`."""
    sock = socket.create_connection(("127.0.0.1", port), timeout=LIMIT)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.sendall(_UPGRADE)
    _receive_until(sock, b'"connected"')
    return sock


def subscribed(port: int, channel: str) -> socket.socket:
    """A WebSocket that listens to a channel."""
    sock = upgraded(port)
    sock.sendall(frame(Opcode.TEXT, b'{"type":"subscribe","channel":"%s","id":1}' % channel.encode()))
    _receive_until(sock, b'"subscribed"')
    return sock


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
        self._publisher = upgraded(port)
        self._listeners = [subscribed(port, channel) for _ in range(listeners)]
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


def _receive_until(sock: socket.socket, text: bytes) -> None:
    received = b""
    while text not in received:
        more = sock.recv(4096)
        assert more, f"the node has closed the connection after {received!r}"
        received += more
