"""Makes opening handshakes byte by byte: a good one, and what becomes of it by changes."""

from collections.abc import Callable
from typing import NamedTuple

# The example of RFC 6455 section 1.3.
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

# What a head may have: bytes in all, bytes in a line without its end, headers.
MAX_HEAD, MAX_LINE, MAX_HEADERS = 16_384, 8192, 100

# The hosts of the handshakes that are accepted.
HOSTS = ["apus.test", "other.test"]

_GOOD = {"host": "apus.test", "upgrade": "websocket", "connection": "Upgrade", "key": KEY, "version": "13"}
_NAMES = {
    "host": "Host",
    "upgrade": "Upgrade",
    "connection": "Connection",
    "key": "Sec-WebSocket-Key",
    "version": "Sec-WebSocket-Version",
    "protocol": "Sec-WebSocket-Protocol",
    "extensions": "Sec-WebSocket-Extensions",
    "origin": "Origin",
    "length": "Content-Length",
    "coding": "Transfer-Encoding",
}

# One value of a header, several (each in a line of its own), or None to leave it out.
Value = str | list[str] | None


class Case(NamedTuple):
    name: str
    status: int
    sent: bytes


def request(*more: str, line: str = "GET /ws HTTP/1.1", **headers: Value) -> bytes:
    """A good handshake but for these changes; `more` are lines behind the headers. A character stands for a byte."""
    lines = [line]
    for name, value in {**_GOOD, **headers}.items():
        values = value if isinstance(value, list) else [] if value is None else [value]
        lines += [f"{_NAMES[name]}: {each}" for each in values]
    return "\r\n".join([*lines, *more, "", ""]).encode("latin-1")


def get(target: str, *more: str, **headers: Value) -> bytes:
    return request(*more, line=f"GET {target} HTTP/1.1", **headers)


def edited(old: str, new: str) -> bytes:
    """A good handshake with other bytes in one place."""
    sent = request()
    assert sent.count(old.encode()) == 1, old
    return sent.replace(old.encode(), new.encode("latin-1"))


def ordered(change: Callable[[list[bytes]], list[bytes]]) -> bytes:
    """A good handshake with its header lines changed."""
    line, *headers = request().split(b"\r\n")[:-2]
    return b"\r\n".join([line, *change(headers), b"", b""])


def named(change: Callable[[bytes], bytes]) -> bytes:
    """A good handshake with the names of its headers changed."""
    return ordered(lambda lines: [b":".join([change(name), value]) for name, value in (x.split(b":") for x in lines)])


def head_of(size: int) -> bytes:
    """A good handshake of that many bytes, no line of which is too long."""
    start = request("X-Pad: " + "x" * 8000, "X-Pad: " + "x" * 8000, "X-Pad: ")[:-4]
    return start + b"x" * (size - len(start) - 4) + b"\r\n\r\n"


def header_of(size: int) -> bytes:
    return request("X-Large: ".ljust(size, "x"))


def line_of(size: int) -> bytes:
    return get("/ws?".ljust(size - len("GET  HTTP/1.1"), "x"))


def headers_of(count: int) -> bytes:
    return request(*(f"X-{number}: 1" for number in range(count - len(_GOOD))))
