"""HTTP requests byte by byte, and what becomes of each: the same as the first of a connection and as a later one."""

from typing import NamedTuple

HOST = b"Host: localhost\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
JSON = b"Content-Type: application/json\r\n"
NOTICE = b"POST /api/notifications HTTP/1.1\r\n" + HOST + JSON


class HTTPCase(NamedTuple):
    sent: bytes
    status: int
    # Whether the connection ends after the answer.
    closes: bool = False
    # `Connection` of the answer, where it stays.
    connection: str | None = None


def get(headers: bytes = HOST, target: bytes = b"/healthz", version: bytes = b"1.1") -> bytes:
    return b"GET " + target + b" HTTP/" + version + b"\r\n" + headers + b"\r\n"


CASES = {
    # Whether the connection stays.
    "stays": HTTPCase(get(), 200),
    "asks to stay": HTTPCase(get(HOST + b"Connection: keep-alive\r\n"), 200),
    "asks to close": HTTPCase(get(HOST + b"Connection: close\r\n"), 200, True),
    "asks in capitals": HTTPCase(get(HOST + b"CONNECTION: CLOSE\r\n"), 200, True),
    "asks in a list": HTTPCase(get(HOST + b"Connection: te ,\tClose\r\nTE: trailers\r\n"), 200, True),
    "asks in a second header": HTTPCase(get(HOST + b"Connection: te\r\nConnection: close\r\n"), 200, True),
    "asks for both": HTTPCase(get(HOST + b"Connection: keep-alive, close\r\n"), 200, True),
    "names another option": HTTPCase(get(HOST + b"Connection: closed\r\n"), 200),
    "asks to close, nothing there": HTTPCase(get(HOST + b"Connection: close\r\n", b"/nope"), 404, True),
    "HTTP/1.0": HTTPCase(get(b"", version=b"1.0"), 200, True),
    "HTTP/1.0 with a host": HTTPCase(get(version=b"1.0"), 200, True),
    "HTTP/1.0 that stays": HTTPCase(get(b"Connection: Keep-Alive\r\n", version=b"1.0"), 200, False, "keep-alive"),
    "HTTP/1.0 that asks for both": HTTPCase(get(b"Connection: keep-alive, close\r\n", version=b"1.0"), 200, True),
    "HTTP/1.0, nothing there": HTTPCase(get(HOST + b"Connection: keep-alive\r\n", b"/x", b"1.0"), 404, False, "keep-alive"),
    "HTTP/1.2": HTTPCase(get(version=b"1.2"), 200),
    # Hosts.
    "no host": HTTPCase(get(b""), 400, True),
    "two hosts": HTTPCase(get(HOST + HOST), 400, True),
    "two hosts in HTTP/1.0": HTTPCase(get(HOST + HOST, version=b"1.0"), 400, True),
    "an empty host": HTTPCase(get(b"Host: \r\n"), 400, True),
    "a broken host": HTTPCase(get(b"Host: a b\r\n"), 400, True),
    "a host with half a bracket": HTTPCase(get(b"Host: [::1\r\n"), 400, True),
    "an absolute target": HTTPCase(get(target=b"http://localhost/healthz"), 200),
    "an absolute target without a host": HTTPCase(get(b"", b"http://localhost/healthz"), 400, True),
    # Versions and lines.
    "HTTP/2.0": HTTPCase(get(version=b"2.0"), 505, True),
    "HTTP/3.0": HTTPCase(get(version=b"3.0"), 505, True),
    "HTTP/0.9": HTTPCase(get(version=b"0.9"), 505, True),
    "a broken version": HTTPCase(get(version=b"one"), 400, True),
    "no version": HTTPCase(b"GET /healthz\r\n" + HOST + b"\r\n", 400, True),
    "another protocol": HTTPCase(b"GET /healthz RTSP/1.0\r\n" + HOST + b"\r\n", 400, True),
    "the preface of HTTP/2": HTTPCase(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, True),
    "a method that is not a token": HTTPCase(b"G(T /healthz HTTP/1.1\r\n" + HOST + b"\r\n", 400, True),
    "a proxy's request": HTTPCase(b"CONNECT example.com:80 HTTP/1.1\r\n" + HOST + b"\r\n", 400, True),
    "an unknown method": HTTPCase(b"BREW /healthz HTTP/1.1\r\n" + HOST + b"\r\n", 405),
    "bare line feeds": HTTPCase(get().replace(b"\r\n", b"\n"), 400, True),
    "a folded header": HTTPCase(get(HOST + b"X: a\r\n b\r\n"), 400, True),
    "a header without a colon": HTTPCase(get(HOST + b"nothing\r\n"), 400, True),
    "a blank before the colon": HTTPCase(get(b"Host : localhost\r\n"), 400, True),
    "a control character": HTTPCase(get(HOST + b"X: \x01\r\n"), 400, True),
    "a long line": HTTPCase(get(HOST + b"X: " + b"x" * 9000 + b"\r\n"), 431, True),
    "many headers": HTTPCase(get(HOST + b"a:b\r\n" * 150), 431, True),
    # Paths.
    "a path with an escape": HTTPCase(get(target=b"/%6eope"), 404),
    "a broken escape": HTTPCase(get(target=b"/%zz"), 400, True),
    "a broken escape in the API": HTTPCase(get(target=b"/api/users/%4/messages"), 400, True),
    "a broken escape in a health check": HTTPCase(get(target=b"/healthz%"), 400, True),
    "a broken escape in a query": HTTPCase(get(target=b"/healthz?a=%zz"), 200),
    # Bodies.
    "a body": HTTPCase(NOTICE + b'Content-Length: 10\r\n\r\n{"data":1}', 200),
    "chunks": HTTPCase(NOTICE + CHUNKED + b'\r\n5\r\n{"dat\r\n5;x=y\r\na":1}\r\n0\r\nX: y\r\n\r\n', 200),
    "a body that is not JSON": HTTPCase(NOTICE + b"Content-Length: 1\r\n\r\n{", 400),
    "a body nobody needs": HTTPCase(get(HOST + b"Content-Length: 3\r\n") + b"abc", 200),
    "a body announced over the limit": HTTPCase(NOTICE + b"Content-Length: 8388609\r\n\r\n", 413, True),
    "a length without end": HTTPCase(NOTICE + b"Content-Length: 99999999999999999999999\r\n\r\n", 413, True),
    "a chunk announced over the limit": HTTPCase(NOTICE + CHUNKED + b"\r\n800001\r\n", 413, True),
    "a chunk whose size overflows": HTTPCase(NOTICE + CHUNKED + b"\r\nffffffffffffffff1\r\n", 413, True),
    "chunks over the limit together": HTTPCase(NOTICE + CHUNKED + b"\r\n1\r\n{\r\n800000\r\n", 413, True),
    "a broken chunk": HTTPCase(NOTICE + CHUNKED + b"\r\n5\r\nhelloo\r\n", 400, True),
    "a chunk without a size": HTTPCase(NOTICE + CHUNKED + b"\r\nx\r\n", 400, True),
    "an unknown coding": HTTPCase(NOTICE + b"Transfer-Encoding: gzip\r\n\r\n", 501, True),
    "an unknown coding before chunks": HTTPCase(NOTICE + b"Transfer-Encoding: gzip, chunked\r\n\r\n", 501, True),
    "chunked twice": HTTPCase(NOTICE + b"Transfer-Encoding: chunked, chunked\r\n\r\n", 400, True),
    "a length and chunks": HTTPCase(NOTICE + CHUNKED + b"Content-Length: 5\r\n\r\n0\r\n\r\n", 400, True),
    "two lengths": HTTPCase(NOTICE + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n", 400, True),
    "a length that is not a number": HTTPCase(NOTICE + b"Content-Length: 0x5\r\n\r\n", 400, True),
    # Expectations.
    "an unknown expectation": HTTPCase(get(HOST + b"Expect: 200-ok\r\n"), 417, True),
    "asks before nothing": HTTPCase(get(HOST + b"Expect: 100-continue\r\n"), 200),
    "is refused before the body": HTTPCase(
        b"POST /nope HTTP/1.1\r\n" + HOST + b"Expect: 100-continue\r\nContent-Length: 5\r\n\r\n", 404, True
    ),
    "asks to send too much": HTTPCase(
        NOTICE + b"Expect: 100-continue\r\nContent-Length: 8388609\r\n\r\n", 413, True
    ),
}
