#!/usr/bin/env python3
"""What attacks cost everybody else: `hostile.py APUS` runs a node, and for each attack prints the latency of well-behaved
clients as a ratio to that without any attack, and how much memory the node took at most.

Latency is from publish to message on a channel that the attack has nothing to do with. Attacker, node and clients share
one machine, and where it has few cores the attack costs the clients time that the node has nothing to do with. Hence the
second pair of columns: the same attack on another node of the machine. What the first pair has above it is the node's.
"""

import argparse
import asyncio
import json
import os
import random
import socket
import struct
import sys
import tempfile
import time
import zlib
from contextlib import contextmanager
from multiprocessing import Process as Attacker
from pathlib import Path

from harness.processes import ALL_CORES, Process, end_in_order, free_port

HOST = "127.0.0.1"
UPGRADE = (
    "GET {path} HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{more}\r\n"
)
DEFLATE = "Sec-WebSocket-Extensions: permessage-deflate\r\n"


def frame(first: int, payload: bytes) -> bytes:
    """A masked frame whose mask is zero, which changes nothing."""
    if len(payload) < 126:
        length = bytes([0x80 | len(payload)])
    elif len(payload) < 1 << 16:
        length = struct.pack("!BH", 0xFE, len(payload))
    else:
        length = struct.pack("!BQ", 0xFF, len(payload))
    return bytes([first]) + length + b"\0\0\0\0" + payload


def connect(port: int, receive_buffer: int | None = None) -> socket.socket:
    sock = socket.socket()
    if receive_buffer:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    sock.connect((HOST, port))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def upgraded(port: int, more: str = "", **options) -> socket.socket:
    sock = connect(port, **options)
    sock.sendall(UPGRADE.format(path="/ws", more=more).encode())
    sock.recv(4096)
    return sock


def persistently(attack):
    """Repeats an attack that the node ends."""

    def run(port: int) -> None:
        while True:
            try:
                attack(port)
            except OSError:
                time.sleep(0.001)

    return run


# ---- attacks ----


def half_open(path: str):
    def attack(port: int) -> None:
        sockets: list[socket.socket] = []
        while True:
            # 5,000 at a time; each is thrown out after 5 s and comes back.
            while len(sockets) < 5000:
                try:
                    sock = connect(port)
                    sock.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\nX: ".encode())
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
    sock = connect(port)
    for _ in range(4000):
        sock.send(b"G")


@persistently
def one_byte_frames(port: int) -> None:
    sock = upgraded(port)
    while True:
        sock.sendall(frame(0x81, b"1") * 1000)
        sock.recv(1 << 20)


@persistently
def ping_flood(port: int) -> None:
    sock = upgraded(port)
    while True:
        sock.sendall(frame(0x89, b"x") * 1000)


@persistently
def empty_fragments(port: int) -> None:
    sock = upgraded(port)
    sock.sendall(frame(0x01, b"{"))
    for _ in range(1000):
        sock.sendall(frame(0x00, b"") * 1000)


compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
BOMB = (compressor.compress(b" " * 60_000_000) + compressor.flush(zlib.Z_SYNC_FLUSH))[:60_000]


@persistently
def inflate_bombs(port: int) -> None:
    sock = upgraded(port, DEFLATE)
    sock.sendall(frame(0xC1, BOMB))
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
    sock = connect(port)
    sock.sendall(b"GET /ws HTTP/1.1\r\nHost: a\r\n" + b"".join(b"x%d: y\r\n" % n for n in range(2000)) + b"\r\n")
    while sock.recv(1 << 16):
        pass


def never_reading(port: int) -> None:
    """200 listeners that read nothing, and one who publishes to them as fast as the node takes it."""
    stalled: list[socket.socket] = []
    subscribe = frame(0x81, b'{"type":"subscribe","channel":"flood"}')
    publish = frame(0x81, json.dumps({"type": "publish", "channel": "flood", "data": "x" * 20_000}).encode())
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
}


# ---- those who mean well ----


class Calm:
    """Twenty listeners of one channel, 200 messages a second."""

    def __init__(self, port: int):
        self.sender = upgraded(port)
        self.listeners = [upgraded(port) for _ in range(20)]

    async def latencies(self, seconds: float) -> list[float]:
        loop = asyncio.get_running_loop()
        found: list[float] = []
        published = 0

        async def listen(sock: socket.socket) -> None:
            buffer = b""
            while True:
                buffer += await loop.sock_recv(sock, 1 << 16)
                now = time.perf_counter()
                *lines, buffer = buffer.split(b"#")
                found.extend(now - float(line.rsplit(b"@", 1)[1]) for line in lines if b"@" in line)

        for sock in [self.sender, *self.listeners]:
            sock.setblocking(False)
        for sock in self.listeners:
            await loop.sock_sendall(sock, frame(0x81, b'{"type":"subscribe","channel":"calm"}'))
        await asyncio.sleep(0.3)
        tasks = [asyncio.create_task(listen(sock)) for sock in self.listeners]
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            data = f"@{time.perf_counter()}#"
            text = json.dumps({"type": "publish", "channel": "calm", "data": data})
            await loop.sock_sendall(self.sender, frame(0x81, text.encode()))
            published += 1
            await asyncio.sleep(0.005)
        await asyncio.sleep(1)
        for task in tasks:
            task.cancel()
        assert len(found) == published * len(self.listeners), f"{len(found)} of {published * len(self.listeners)} came"
        return sorted(found)


def memory(pid: int) -> tuple[int, int]:
    rows = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return int(rows["VmRSS"].split()[0]), int(rows["VmHWM"].split()[0])


@contextmanager
def running(apus: str):
    """A node: its port and its process."""
    port = free_port()
    options = ["--port", port, "--loops", 1, "--compression", "--rate", 300, "--burst", 300]
    command = [Path(apus).absolute(), "serve", "--dev", *options]
    with (
        tempfile.TemporaryDirectory() as folder,
        Process("apus", command, port, ALL_CORES, folder=Path(folder)) as node,
    ):
        yield port, node


@contextmanager
def attacked(attack, port: int):
    attacker = Attacker(target=attacker_main, args=(attack, port), daemon=True)
    attacker.start()
    time.sleep(4)
    yield
    assert attacker.is_alive(), "the attacker has ended by itself"
    attacker.kill()


def quiet(apus: str, seconds: float) -> list[float]:
    """Latencies without any attack."""
    with running(apus) as (port, _):
        return asyncio.run(Calm(port).latencies(seconds))


def beside(apus: str, attack, seconds: float) -> list[float]:
    """Latencies while another node of the machine is attacked."""
    with running(apus) as (port, _), running(apus) as (other, _):
        calm = Calm(port)
        with attacked(attack, other):
            return asyncio.run(calm.latencies(seconds))


def under(apus: str, attack, seconds: float) -> tuple[list[float], int, int]:
    """Latencies under attack, and the memory of the node before and at most, in KiB."""
    with running(apus) as (port, node):
        calm = Calm(port)
        before, _ = memory(node.pid)
        with attacked(attack, port):
            found = asyncio.run(calm.latencies(seconds))
        return found, before, memory(node.pid)[1]


def attacker_main(attack, port: int) -> None:
    os.nice(10)
    attack(port)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("apus")
    parser.add_argument("--seconds", type=float, default=8, help="of each measurement (default: %(default)s)")
    parser.add_argument("--only", help="attacks whose name contains this")
    arguments = parser.parse_args()
    print(f"{'':40} {'attacked':>13}    {'another attacked':>16}")
    print(f"{'':40} {'p50':>6} {'p99':>6}    {'p50':>8} {'p99':>7}     memory of the node")
    for name, attack in ATTACKS.items():
        if arguments.only and arguments.only not in name:
            continue
        # The machine drifts: what is compared is measured in turns.
        calm = quiet(arguments.apus, arguments.seconds / 2)
        found, before, most = under(arguments.apus, attack, arguments.seconds)
        control = beside(arguments.apus, attack, arguments.seconds)
        calm = sorted(calm + quiet(arguments.apus, arguments.seconds / 2))

        def ratio(latencies: list[float], share: float) -> float:
            return latencies[int(len(latencies) * share)] / calm[int(len(calm) * share)]

        print(
            f"{name:40} {ratio(found, 0.5):6.2f} {ratio(found, 0.99):6.2f}"
            f"    {ratio(control, 0.5):8.2f} {ratio(control, 0.99):7.2f}"
            f"     {before / 1024:.1f} -> {most / 1024:.1f} MiB",
            flush=True,
        )


if __name__ == "__main__":
    sys.exit(end_in_order(main))
