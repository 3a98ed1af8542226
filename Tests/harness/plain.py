"""WebSockets on plain sockets, for what counts and measures: nothing is done but what stands here."""

import socket

from harness.handshake import KEY
from harness.raw import Opcode, frame


def upgrade(path: str = "/ws", more: str = "") -> bytes:
    """A handshake; `more` has further headers, each with the end of its line."""
    head = (
        f"GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n{more}\r\n"
    )
    return head.encode()


def connected(port: int, *, receive_buffer: int | None = None, timeout: float | None = None) -> socket.socket:
    """A connection. With a small `receive_buffer` (bytes) what is not read piles up at the node soon."""
    sock = socket.socket()
    if receive_buffer is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    sock.settimeout(timeout)
    sock.connect(("127.0.0.1", port))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def upgraded(port: int, more: str = "", **options) -> socket.socket:
    """A connection whose handshake has been answered."""
    sock = connected(port, **options)
    sock.sendall(upgrade(more=more))
    answer = receive_until(sock, b"\r\n\r\n")
    assert b" 101 " in answer.split(b"\r\n", 1)[0], answer
    return sock


def subscribed(port: int, channel: str, **options) -> socket.socket:
    """A WebSocket that listens to a channel."""
    sock = upgraded(port, **options)
    sock.sendall(frame(Opcode.TEXT, b'{"type":"subscribe","channel":"%s","id":1}' % channel.encode()))
    receive_until(sock, b'"subscribed"')
    return sock


def receive_until(sock: socket.socket, text: bytes) -> bytes:
    """Reads up to that text; returns what has come, whatever came with it."""
    received = b""
    while text not in received:
        more = sock.recv(4096)
        if not more:
            raise ConnectionError(f"the node has closed the connection after {received!r}")
        received += more
    return received
