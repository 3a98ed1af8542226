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
import socket
import sys
import tempfile
import time
from contextlib import contextmanager
from multiprocessing import Process as Attacker
from pathlib import Path

# The harness lies beside this folder.
sys.path.insert(1, str(Path(__file__).resolve().parents[1]))

from harness import Opcode
from harness.driver import end_in_order
from harness.plain import upgraded
from harness.raw import frame
from measuring.attacks import ATTACKS, KEYS
from measuring.processes import ALL_CORES
from measuring.servers import MeasuredNode


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
            await loop.sock_sendall(sock, frame(Opcode.TEXT, b'{"type":"subscribe","channel":"calm"}'))
        await asyncio.sleep(0.3)
        tasks = [asyncio.create_task(listen(sock)) for sock in self.listeners]
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            data = f"@{time.perf_counter()}#"
            text = json.dumps({"type": "publish", "channel": "calm", "data": data})
            await loop.sock_sendall(self.sender, frame(Opcode.TEXT, text.encode()))
            published += 1
            await asyncio.sleep(0.005)
        await asyncio.sleep(1)
        for task in tasks:
            task.cancel()
        assert len(found) == published * len(self.listeners), f"{len(found)} of {published * len(self.listeners)} came"
        return sorted(found)


@contextmanager
def running(apus: str):
    """A node."""
    with tempfile.TemporaryDirectory() as folder:
        keys = Path(folder) / "keys.json"
        keys.write_text(KEYS)
        options = {"--compression": None, "--rate": 300, "--burst": 300, "--jwks": keys}
        with MeasuredNode("apus", Path(folder), options=options, executable=Path(apus), cores=ALL_CORES) as node:
            yield node


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
    with running(apus) as node:
        return asyncio.run(Calm(node.port).latencies(seconds))


def beside(apus: str, attack, seconds: float) -> list[float]:
    """Latencies while another node of the machine is attacked."""
    with running(apus) as node, running(apus) as other:
        calm = Calm(node.port)
        with attacked(attack, other.port):
            return asyncio.run(calm.latencies(seconds))


def under(apus: str, attack, seconds: float) -> tuple[list[float], int, int]:
    """Latencies under attack, and the memory of the node before and at most, in bytes."""
    with running(apus) as node:
        calm = Calm(node.port)
        before = node.memory()
        with attacked(attack, node.port):
            found = asyncio.run(calm.latencies(seconds))
        return found, before, node.peak_memory()


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
            f"     {before / 2**20:.1f} -> {most / 2**20:.1f} MiB",
            flush=True,
        )


if __name__ == "__main__":
    sys.exit(end_in_order(main))
