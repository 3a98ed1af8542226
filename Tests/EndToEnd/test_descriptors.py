"""A node whose open files are few: it turns clients away, goes on, and keeps what it needs for itself."""

import asyncio
import re
import socket
import subprocess
import threading

import pytest
import requests

from harness import Node, RawSocket, eventually, free_port, until
from harness.http_cases import get
from harness.node import binary


@pytest.fixture(scope="session")
def loops() -> int:
    """Places are counted over all loops."""
    return 2


def room(node: Node) -> int:
    """How many connections the node has found room for, as its log says."""
    return int(logged(node, r"room for connections.* room=(\d+)")[1])


def logged(node: Node, pattern: str) -> re.Match[str]:
    """What the node logs; the lines are written beside its work, so that it may be ready before they are."""
    return until(lambda: re.search(pattern, node.log.read_text()), what=pattern)


def is_empty(node: Node) -> bool:
    """Whether no client has a place: what is open is what was at the start, and a little that the runtime opens later."""
    return node.open_files() <= 100 - 32 - room(node) + 4


def complaints(node: Node) -> int:
    return node.log.read_text().count("the node is full")


async def is_healthy(node: Node, path: str = "/healthz") -> bool:
    """Whether a supervisor, which tries more than once, gets the answer that the node is well."""
    try:
        return (await asyncio.to_thread(node.get, path)).status_code == 200
    except requests.RequestException:
        return False


async def ask_all_the_time(node: Node, asked: list[int]) -> None:
    """A kept HTTP connection that asks for the metrics, below the rate."""
    while True:
        try:
            connection = await RawSocket.open(node.port)
            while True:
                asked.append((await connection.request("/metrics")).status)
                await asyncio.sleep(0.02)
        except (OSError, asyncio.IncompleteReadError):
            await asyncio.sleep(0.05)


async def knock(node: Node) -> None:
    """Connects, asks for a WebSocket, keeps it if it gets one, and tries again."""
    while True:
        connection = None
        try:
            connection = await RawSocket.open(node.port)
            if (await connection.upgrade()).status == 101:
                while True:
                    await connection.receive_frame()
            await asyncio.sleep(0.2)
        except (OSError, asyncio.IncompleteReadError, TimeoutError):
            await asyncio.sleep(0.2)
        finally:
            if connection:
                connection.close()


async def test_a_full_node_lives_and_says_that_it_is_well(own_node, raw):
    node = own_node(descriptors=100)
    places = room(node)
    assert 16 <= places <= 60
    asked: list[int] = []
    tasks = [asyncio.create_task(ask_all_the_time(node, asked)) for _ in range(12)]
    await eventually(lambda: len(asked) > 100)
    tasks += [asyncio.create_task(knock(node)) for _ in range(130)]
    try:
        await eventually(lambda: node.open_files() >= places)
        for _ in range(10):
            for path in ("/healthz", "/readyz", "/metrics"):
                await eventually(is_healthy, node, path)
            await asyncio.sleep(0.5)
        assert node.running
        assert node.open_files() < 100 - 10, "what the node needs for itself is free"
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    assert set(asked) == {200}
    assert complaints(node) == 1
    # Every place is free again.
    await eventually(is_empty, node)
    sockets = [await raw(node.port, upgraded=True) for _ in range(places - 1)]
    assert len(sockets) == places - 1
    assert node.metrics().total("apus_limited_total", limit="descriptors") > 0


async def test_beyond_the_room_there_is_health_alone(own_node, raw):
    node = own_node(descriptors=100)
    places = room(node)
    await eventually(is_empty, node)
    inside = [await raw(node.port, upgraded=True) for _ in range(places)]
    for path in ("/healthz", "/readyz", "/metrics"):
        connection = await raw(node.port)
        answer = await connection.request(path)
        assert (answer.status, answer.headers["connection"]) == (200, "close")
    for path in ("/", "/nope", "/api/notifications"):
        connection = await raw(node.port)
        answer = await connection.request(path)
        assert answer.status == 503 and int(answer.headers["retry-after"]) > 0
        assert answer.headers["content-type"] == "application/json; charset=utf-8"
    answer = await (await raw(node.port)).upgrade()
    assert answer.status == 503 and b"full" in answer.body
    # Those that say nothing have the few places beyond for a moment only.
    silent = [await raw(node.port) for _ in range(30)]
    await asyncio.gather(*(connection.ended() for connection in silent))
    await eventually(is_healthy, node)
    # A place of one is a place for another, whichever way the one goes.
    full = node.open_files()
    for number, connection in enumerate(inside[:4]):
        connection.reset() if number % 2 else connection.close()
    await eventually(lambda: node.open_files() <= full - 4)
    for _ in range(4):
        await raw(node.port, upgraded=True)
    assert (await (await raw(node.port)).upgrade()).status == 503
    assert complaints(node) == 1


async def test_checks_get_through_a_storm(own_node, raw):
    """Connections that come by the dozen and say nothing, faster than any supervisor asks."""
    node = own_node(descriptors=100)
    inside = [await raw(node.port, upgraded=True) for _ in range(room(node))]
    over = threading.Event()

    def storm() -> None:
        while not over.is_set():
            burst = []
            for _ in range(40):
                burst.append(connection := socket.socket())
                connection.setblocking(False)
                connection.connect_ex(("127.0.0.1", node.port))
            for connection in burst:
                connection.close()

    thread = threading.Thread(target=storm)
    thread.start()
    try:
        healthy = [await is_healthy(node) for _ in range(40)]
    finally:
        over.set()
        thread.join()
    assert healthy.count(True) >= 20, healthy
    assert len(inside) == room(node)


async def test_every_way_out_leaves_the_room(own_node, raw):
    """More connections of each kind, one after the other, than there are places."""
    node = own_node(descriptors=100)
    places = room(node)

    async def gone(*parts: bytes, ends: bool = False, resets: bool = False) -> None:
        connection = await raw(node.port)
        for part in parts:
            await connection.send(part)
        if ends:
            await connection.end_writing()
        if resets:
            connection.reset()
        else:
            await connection.ended()
            connection.close()

    async def websocket(closes: bool) -> None:
        connection = await raw(node.port, upgraded=True)
        if closes:
            await connection.send_frame(8, b"\x03\xe8")
            await connection.ended()
        connection.close()

    ways = [
        lambda: gone(ends=True),
        lambda: gone(resets=True),
        lambda: gone(b"GET /ws HT", ends=True),
        lambda: gone(b"GET /ws HTTP/1.1\r\n\r\n"),
        lambda: gone(b"\x16\x03"),
        lambda: gone(get(b"")),
        lambda: gone(get(), ends=True),
        lambda: gone(get(), resets=True),
        lambda: gone(get() * 5, b"GET / HTT", ends=True),
        lambda: gone(get(b"Host: localhost\r\nConnection: close\r\n")),
        lambda: gone(get(), b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx", resets=True),
        lambda: websocket(True),
        lambda: websocket(False),
    ]
    for way in ways:
        for _ in range(2):
            await asyncio.gather(*(way() for _ in range(places // 2)))
            await eventually(is_empty, node)
    inside = [await raw(node.port, upgraded=True) for _ in range(places - 1)]
    assert len(inside) == places - 1


async def test_redis_comes_back_while_clients_knock(own_cluster):
    """A client that waits must not get the descriptor that a link to Redis has lost."""
    cluster = own_cluster(nodes=1, descriptors=100)
    (node,) = cluster.nodes
    places = room(node)
    knocking = [asyncio.create_task(knock(node)) for _ in range(200)]
    try:
        await eventually(lambda: node.open_files() >= places)
        for lost in (2, 4, 6):
            assert cluster.redis.client.client_kill_filter(_type="normal", skipme=True) >= 1
            assert cluster.redis.client.client_kill_filter(_type="pubsub") >= 1
            await eventually(lambda: node.metrics().total("apus_redis_reconnects_total") >= lost)
            await eventually(lambda: node.readiness() == 200, within=60)
        assert node.running
    finally:
        for task in knocking:
            task.cancel()
        await asyncio.gather(*knocking, return_exceptions=True)


def run(descriptors: int, *arguments: object) -> subprocess.CompletedProcess[str]:
    words = ["prlimit", f"--nofile={descriptors}:{descriptors}", binary(), *arguments]
    return subprocess.run(
        [str(word) for word in words], capture_output=True, text=True, timeout=30, check=False
    )


@pytest.mark.parametrize("backend", [[], ["--backend", "http://127.0.0.1:9/"]], ids=["alone", "backend"])
def test_too_few_files_are_refused(backend):
    limit = 50 + 64 * bool(backend)
    outcome = run(limit, "serve", "--dev", "--port", free_port(), *backend)
    assert outcome.returncode == 1
    assert f"limit of open files is {limit}." in outcome.stderr and "ulimit -n" in outcome.stderr


@pytest.mark.parametrize("threads", [1, 4])
def test_more_connections_than_files_are_warned_of(tmp_path, threads):
    node = Node("warned", tmp_path, loops=threads, options={"--max-connections": 150}, descriptors=150)
    try:
        node.start()
        assert logged(node, r"warning .*--max-connections is 150.*ulimit -n")
        found = room(node)
    finally:
        node.end()
    outcome = run(150, "check", "--dev", "--loops", threads, "--max-connections", 150)
    assert re.search(r"warning +--max-connections is 150.*ulimit -n", outcome.stdout), outcome.stdout
    guessed = int(re.search(r"room for about (\d+) connections", outcome.stdout)[1])
    assert abs(found - guessed) <= 4
    assert run(40, "check", "--dev").returncode == 1
