"""WebSockets that listen, and one that looks how soon the node answers."""

import json
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from harness import Opcode
from harness.plain import receive_until, upgraded
from harness.raw import frame


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def listening(port: int, channels: list[str]) -> socket.socket:
    """A WebSocket that listens to all of these."""
    sock = upgraded(port, timeout=60)
    for channel in channels:
        sock.sendall(frame(Opcode.TEXT, json.dumps({"type": "subscribe", "channel": channel}).encode()))
    sock.sendall(frame(Opcode.TEXT, b'{"type":"unsubscribe","channel":"none","id":1}'))
    received = b""
    while received.count(b'"subscribed"') < len(channels):
        more = sock.recv(1 << 16)
        if not more:
            raise ConnectionError(f"the node has ended the connection after {received[-200:]!r}")
        received += more
    return sock


def pings(port: int, seconds: float, work: Callable[[], None]) -> list[float]:
    """How long a WebSocket has waited for its pongs while `work` was done again and again."""
    sock, found = upgraded(port, timeout=10), []
    sock.sendall(frame(Opcode.PING, b"first"))
    # Behind what a connection is told when it is opened.
    receive_until(sock, b"first")
    is_over = threading.Event()

    def ping() -> None:
        while not is_over.is_set():
            found.append(timed(lambda: (sock.sendall(frame(Opcode.PING, b"x")), receive_until(sock, b"x"))))
            time.sleep(0.02)

    with ThreadPoolExecutor(1) as thread:
        pinging = thread.submit(ping)
        try:
            end = time.perf_counter() + seconds
            while time.perf_counter() < end:
                work()
        finally:
            is_over.set()
        pinging.result()
    return found
