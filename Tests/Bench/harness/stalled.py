"""A client that subscribes and then reads nothing."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from .programs import Failure

# So that what is not read piles up at the server soon.
_RECEIVE_BUFFER = 4096
_KEY = "dGhlIHNhbXBsZSBub25jZQ=="


@contextmanager
def stalled_listener(port: int, channel: str) -> Iterator[None]:
    """One of a node on loopback, subscribed from `with` to its end."""
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
        connection.settimeout(30)
        connection.connect(("127.0.0.1", port))
        connection.sendall(
            f"GET /ws HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {_KEY}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        _read_until(connection, b'"connected"')
        command = f'{{"type":"subscribe","channel":"{channel}","id":1}}'.encode()
        # Masked by zeros, which changes nothing.
        connection.sendall(bytes([0x81, 0x80 | len(command)]) + bytes(4) + command)
        _read_until(connection, b'"subscribed"')
        yield


def _read_until(connection: socket.socket, words: bytes) -> None:
    seen = b""
    while words not in seen:
        piece = connection.recv(_RECEIVE_BUFFER)
        if not piece:
            raise Failure(f"the node ended a connection: {seen.decode(errors='replace')}")
        seen += piece
