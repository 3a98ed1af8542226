"""Those who publish to a node: a backend by the HTTP API, and a WebSocket. Both spend as little on themselves as they
can: what they send is made before.
"""

import json

from harness import Failure, Opcode
from harness.plain import connected, receive_until, upgraded
from harness.raw import frame

BATCH = 1000
# Who has none may send 100 requests a second.
KEY = "the-key-of-the-measurements-0123456789"
_LIMIT = 120.0
_HEADERS = f"Host: localhost\r\nAuthorization: Bearer {KEY}\r\n"
_DATA = {"d": "x" * 64}


class Backend:
    """One connection to the API."""

    def __init__(self, port: int):
        self._socket = connected(port, timeout=_LIMIT)

    def ask(self, request: bytes) -> bytes:
        """Sends a request that is whole, and returns the body of its answer."""
        self._socket.sendall(request)
        head, _, body = receive_until(self._socket, b"\r\n\r\n").partition(b"\r\n\r\n")
        lines = head.lower().split(b"\r\n")
        if b" 200" not in lines[0]:
            raise Failure(f"the API answers {head.decode(errors='replace')}")
        length = next(int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length:"))
        while len(body) < length:
            if not (more := self._socket.recv(1 << 20)):
                raise Failure("the API has ended within an answer")
            body += more
        return body


def get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\n{_HEADERS}\r\n".encode()


def post(path: str, body: object) -> bytes:
    text = json.dumps(body, separators=(",", ":"))
    return (
        f"POST {path} HTTP/1.1\r\n{_HEADERS}Content-Type: application/json\r\n"
        f"Content-Length: {len(text)}\r\n\r\n{text}"
    ).encode()


def one(channel: str) -> bytes:
    """A request that publishes one message."""
    return post(f"/api/channels/{channel}/messages", {"data": _DATA})


def batch(channel: str, count: int = BATCH) -> bytes:
    """A request that publishes many."""
    return post("/api/messages", {"messages": [{"channel": channel, "data": _DATA}] * count})


class Publisher:
    """One WebSocket that publishes a batch at a time, and waits for the answer to the last of it."""

    def __init__(self, port: int, channel: str):
        self._socket = upgraded(port, timeout=_LIMIT)
        command = {"type": "publish", "channel": channel, "data": _DATA}
        frames = [frame(Opcode.TEXT, json.dumps(command, separators=(",", ":")).encode())] * (BATCH - 1)
        command["id"] = 1
        self._batch = b"".join([*frames, frame(Opcode.TEXT, json.dumps(command, separators=(",", ":")).encode())])

    def publish(self) -> None:
        self._socket.sendall(self._batch)
        answer = receive_until(self._socket, b'"id":1')
        if b'"published"' not in answer:
            raise Failure(f"publishing was answered {answer.decode(errors='replace')}")
