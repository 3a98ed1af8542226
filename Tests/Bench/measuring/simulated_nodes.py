"""Nodes that are none: a process that answers for many what every node is asked about its channels."""

import functools
import json
import multiprocessing
import socket
import time
from bisect import bisect_right

from harness import Failure
from harness.plain import connected

CHANNELS = 100_000
# Each channel is on one node in so many, and each node has one in so many of all.
_STEP = 10


def name(number: int) -> str:
    """Numbers and names have one order."""
    return f"room:{number:07}"


def subscribers(number: int) -> int:
    return number * 7919 % 1009 + 1


def numbers(node: int) -> range:
    """The channels of a node."""
    return range(node % _STEP, CHANNELS * _STEP, _STEP)


def check_page(page: dict, limit: int, count: int) -> None:
    """Whether a page of channels is right for so many simulated nodes, and one that listens once to each of `numbers(0)`."""
    assert "partial" not in page, page["partial"]
    assert len(page["channels"]) > limit - 100, len(page["channels"])
    for channel in page["channels"]:
        number = int(channel["name"].removeprefix("room:"))
        others = sum(1 for node in range(count) if node % _STEP == number % _STEP)
        assert channel["subscribers"] == others * subscribers(number) + (number % _STEP == 0), channel


class SimulatedNodes:
    """So many nodes at that Redis, alive for an hour. A context manager."""

    def __init__(self, redis_port: int, count: int):
        self._port = redis_port
        self._count = count

    def __enter__(self) -> "SimulatedNodes":
        is_ready = multiprocessing.Event()
        # Not by spawning: the program that runs has no name that could be imported.
        self._process = multiprocessing.get_context("fork").Process(target=self._run, args=(is_ready,), daemon=True)
        self._process.start()
        if not is_ready.wait(60):
            raise Failure("the simulated nodes have not started")
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()

    def _run(self, is_ready) -> None:
        commands, subscription = connected(self._port), connected(self._port)
        ids = [f"simulated-{number}.abcdef" for number in range(self._count)]
        for node in range(_STEP):
            _largest(node)
        for id in ids:
            _send(commands, "ZADD", "apus:nodes", str(int(time.time() * 1000) + 3_600_000), id)
        commands.recv(1 << 16)
        _send(subscription, "SUBSCRIBE", "apus:control")
        messages = _messages(subscription)
        next(messages)
        is_ready.set()
        for message in messages:
            if not message.startswith(b"q "):
                continue
            line, text = message.split(b"\n", 1)
            _, number, asker = line.decode().split(" ")
            question = text.decode()
            for node, id in enumerate(ids):
                answer = f"a {number} {id}\n{_answer(node % _STEP, question)}"
                _send(commands, "PUBLISH", f"apus:control:{asker}", answer)
            commands.recv(1 << 16)


@functools.lru_cache(1000)
def _answer(node: int, question: str) -> str:
    asked = json.loads(question)
    match asked["ask"]:
        case "channels":
            after = bisect_right(range(CHANNELS * _STEP), asked.get("after", ""), key=name)
            start = max(0, -(-(after - node) // _STEP))
            found = numbers(node)[start : start + asked["limit"]]
            return _page(found, more=start + asked["limit"] < CHANNELS)
        case "largestChannels":
            return _page(_largest(node)[: asked["limit"]])
        case "subscribers":
            asked_for = [int(name.removeprefix("room:")) for name in asked["channels"]]
            return _page([number for number in asked_for if number % _STEP == node])
    return "{}"


def _page(found, more: bool = False) -> str:
    page = {"names": [name(number) for number in found], "subscribers": [subscribers(number) for number in found]}
    return json.dumps(page | ({"more": True} if more else {}), separators=(",", ":"))


@functools.cache
def _largest(node: int) -> list[int]:
    return sorted(numbers(node), key=lambda number: (-subscribers(number), number))[:2000]


def _send(sock: socket.socket, *words: str) -> None:
    parts = [word.encode() for word in words]
    sock.sendall(b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts))


def _messages(sock: socket.socket):
    """What is published, behind the answer to SUBSCRIBE."""
    stream = sock.makefile("rb")
    while header := stream.readline():
        assert header == b"*3\r\n", header
        words = []
        for _ in range(3):
            kind = stream.readline()
            words.append(kind if kind.startswith(b":") else stream.read(int(kind[1:]) + 2)[:-2])
        yield words[2]
