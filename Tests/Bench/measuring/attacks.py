"""What is done to a node by those who mean it ill: each attack goes on until its process is ended."""

import base64
import json
import os
import random
import socket
import time
import zlib

from harness.plain import connected, upgrade, upgraded
from harness.raw import Opcode, frame

DEFLATE = "Sec-WebSocket-Extensions: permessage-deflate\r\n"


def persistently(attack):
    """Repeats an attack that the node ends."""

    def run(port: int) -> None:
        while True:
            try:
                attack(port)
            except OSError:
                time.sleep(0.001)

    return run


def half_open(path: str):
    def attack(port: int) -> None:
        sockets: list[socket.socket] = []
        while True:
            # 5,000 at a time; each is thrown out after 5 s and comes back.
            while len(sockets) < 5000:
                try:
                    sock = connected(port)
                    sock.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nX: ".encode())
                    sockets.append(sock)
                except OSError:
                    time.sleep(0.1)
            for sock in random.sample(sockets, 500):
                try:
                    sock.send(b"x", socket.MSG_DONTWAIT)
                    if sock.recv(1, socket.MSG_DONTWAIT | socket.MSG_PEEK):
                        raise ConnectionError
                except BlockingIOError:
                    continue
                except OSError:
                    sockets.remove(sock)
                    sock.close()
            time.sleep(0.05)

    return attack


@persistently
def byte_by_byte(port: int) -> None:
    sock = connected(port)
    for _ in range(4000):
        sock.send(b"G")


@persistently
def one_byte_frames(port: int) -> None:
    sock = upgraded(port)
    while True:
        sock.sendall(frame(Opcode.TEXT, b"1") * 1000)
        sock.recv(1 << 20)


@persistently
def ping_flood(port: int) -> None:
    sock = upgraded(port)
    while True:
        sock.sendall(frame(Opcode.PING, b"x") * 1000)


@persistently
def empty_fragments(port: int) -> None:
    sock = upgraded(port)
    sock.sendall(frame(Opcode.TEXT, b"{", fin=False))
    for _ in range(1000):
        sock.sendall(frame(Opcode.CONTINUATION, fin=False) * 1000)


compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
BOMB = (compressor.compress(b" " * 60_000_000) + compressor.flush(zlib.Z_SYNC_FLUSH))[:60_000]


@persistently
def inflate_bombs(port: int) -> None:
    sock = upgraded(port, DEFLATE)
    sock.sendall(frame(Opcode.TEXT, BOMB, reserved=4))
    while sock.recv(1 << 16):
        pass


@persistently
def huge_lengths(port: int) -> None:
    sock = upgraded(port)
    sock.sendall(b"\x82\xff" + b"\xff" * 8 + b"mask" + b"x" * 1000)
    while sock.recv(1 << 16):
        pass


@persistently
def many_headers(port: int) -> None:
    sock = connected(port)
    sock.sendall(b"GET /ws HTTP/1.1\r\nHost: localhost\r\n" + b"".join(b"x%d: y\r\n" % n for n in range(2000)) + b"\r\n")
    while sock.recv(1 << 16):
        pass


def never_reading(port: int) -> None:
    """200 listeners that read nothing, and one who publishes to them as fast as the node takes it."""
    stalled: list[socket.socket] = []
    subscribe = frame(Opcode.TEXT, b'{"type":"subscribe","channel":"flood"}')
    publish = frame(Opcode.TEXT, json.dumps({"type": "publish", "channel": "flood", "data": "x" * 20_000}).encode())
    publisher = upgraded(port)
    while True:
        while len(stalled) < 200:
            sock = upgraded(port, receive_buffer=4096)
            sock.sendall(subscribe)
            stalled.append(sock)
        for _ in range(50):
            publisher.sendall(publish)
            time.sleep(0.002)
        for sock in stalled[:]:
            try:
                sock.sendall(b"")
                if sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                    raise ConnectionError
            except OSError:
                stalled.remove(sock)
                sock.close()
        # They are closed by the node, which they do not see: all of them anew from time to time.
        if random.random() < 0.1:
            for sock in stalled:
                sock.close()
            stalled.clear()


def _base64url(content: bytes | str) -> str:
    return base64.urlsafe_b64encode(content.encode() if isinstance(content, str) else content).decode().rstrip("=")


# The base point of P-256 as the key of the node: it costs as much to verify with as any other.
KEYS = json.dumps({"keys": [{
    "kty": "EC", "crv": "P-256", "alg": "ES256", "kid": "bench",
    "x": "axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY", "y": "T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU",
}]})


def bad_tokens(port: int) -> None:
    """A thousand connections a second, each with a token whose signature takes a whole verification to be found wrong."""
    head = _base64url('{"alg":"ES256","kid":"bench"}') + "." + _base64url('{"sub":"mallory","exp":4000000000}')
    waiting: list[socket.socket] = []
    start = time.perf_counter()
    count = 0
    while True:
        try:
            sock = connected(port)
            sock.sendall(upgrade(f"/ws?token={head}.{_base64url(b'1' * 32 + os.urandom(32))}"))
            waiting.append(sock)
        except OSError:
            time.sleep(0.001)
        count += 1
        # Each has a second for its answer.
        while len(waiting) > 1000:
            waiting.pop(0).close()
        time.sleep(max(0, start + count / 1000 - time.perf_counter()))


ATTACKS = {
    "5,000 half-open WebSocket handshakes": half_open("/ws"),
    "5,000 half-open HTTP requests": half_open("/healthz"),
    "request lines byte by byte": byte_by_byte,
    "frames of one byte": one_byte_frames,
    "flood of pings": ping_flood,
    "endless empty fragments": empty_fragments,
    "bombs of 1000:1": inflate_bombs,
    "lengths with the top bit set": huge_lengths,
    "2,000 headers": many_headers,
    "200 who never read": never_reading,
    "1,000 bad tokens a second": bad_tokens,
}
