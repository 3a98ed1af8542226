"""HTTP clients that ask for more than they read, or send what they do not finish."""

import asyncio
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from harness import Node, RawSocket, eventually
from harness.backend import Backend
from harness.http_cases import HOST, NOTICE, get

MIB = 1 << 20
KEY = "key-of-the-flood-tests"


@pytest.fixture(scope="session")
def loops() -> int:
    """HTTP has a thread of its own, however many loops there are."""
    return 1


def connect_to(node: Node) -> socket.socket:
    """A connection that takes hardly anything before it is read, and sends as much as the node takes."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect(("127.0.0.1", node.port))
    connection.setblocking(False)
    return connection


@contextmanager
def flood(node: Node, count: int) -> Iterator[list[socket.socket]]:
    connections = [connect_to(node) for _ in range(count)]
    try:
        yield connections
    finally:
        for connection in connections:
            connection.close()


def pour(connections: list[socket.socket], data: bytes) -> None:
    """Sends over each connection as much as is taken now."""
    for connection in connections:
        try:
            while True:
                connection.send(data)
        except OSError:
            pass


METRICS = get(target=b"/metrics") * 2000


async def test_pipelined_requests_that_nobody_reads(own_node):
    """Each connection holds one answer, however many requests it has sent; others are served meanwhile."""
    node = own_node()
    before = node.memory()
    with flood(node, 150) as connections:
        for _ in range(15):
            pour(connections, METRICS)
            assert (await asyncio.to_thread(node.get, "/healthz")).status_code == 200
        more = node.peak_memory() - before
    print(f"{more / MIB / 150:.2f} MiB for each connection")
    assert more < 150 * MIB // 2


async def test_requests_before_an_end_are_not_read_without_bound(own_node):
    """SwiftNIO reads what comes before the end of a stream at once."""
    node = own_node()
    before = node.memory()
    with flood(node, 100) as connections:
        for _ in range(3):
            pour(connections, METRICS)
            await asyncio.sleep(0.2)
        for connection in connections:
            try:
                connection.shutdown(socket.SHUT_WR)
            except OSError:
                pass
        for _ in range(10):
            assert (await asyncio.to_thread(node.get, "/healthz")).status_code == 200
        more = node.peak_memory() - before
    print(f"{more / MIB / 100:.2f} MiB for each connection")
    assert more < 100 * MIB // 2


async def test_requests_of_a_connection_are_limited(own_node, raw):
    node = own_node({"--allow-anonymous": None, "--api-key": KEY}, dev=False)
    fast = await raw(node.port)
    await fast.send(get() * 2000)
    statuses = []
    while not statuses or statuses[-1] == 200:
        statuses.append((answer := await fast.response()).status)
    assert statuses[-1] == 429 and 200 < len(statuses) < 1900
    assert answer.headers["connection"] == "close" and int(answer.headers["retry-after"]) > 0
    assert json.loads(answer.body)["code"] == "rate_limited"
    assert await fast.ended() == b""
    # A key that is known has no such limit, one that is not known has.
    for key, is_known in ((KEY, True), ("wrong", False)):
        other = await raw(node.port)
        await other.send(get(HOST + f"Authorization: Bearer {key}\r\n".encode()) * 1000)
        answers = []
        for _ in range(1000):
            answers.append((await other.response()).status)
            if answers[-1] != 200:
                break
        assert (answers == [200] * 1000) == is_known and answers[-1] == (200 if is_known else 429)
    assert node.metrics().total("apus_limited_total", limit="http_rate") == 2


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"POST /api/notifications HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer wrong\r\n", 401),
        (b"POST /api/nothing HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %s\r\n" % KEY.encode(), 404),
        (b"POST /healthz HTTP/1.1\r\nHost: a\r\n", 405),
    ],
)
async def test_an_early_answer_reaches_who_sends_first_and_reads_later(own_node, raw, head, status):
    """The rest of a body that nobody wants is taken and thrown away, or its sender would be reset before it reads."""
    node = own_node({"--allow-anonymous": None, "--api-key": KEY}, dev=False)
    for framing in (b"Content-Length: 5000001\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n4c4b41\r\n"):
        connection = await raw(node.port)
        await connection.send(head + framing)
        for _ in range(50):
            await connection.send(b" " * 100_000)
            await asyncio.sleep(0.005)
        answer = await connection.response()
        assert (answer.status, answer.headers["connection"]) == (status, "close")
        assert await connection.ended() == b""


async def test_a_chunk_beyond_the_limit_is_told_to_who_sends_on(own_node, raw):
    node = own_node()
    connection = await raw(node.port)
    await connection.send(NOTICE + b"Transfer-Encoding: chunked\r\n\r\n100000\r\n" + b" " * 0x100000 + b"\r\n800000\r\n")
    for _ in range(50):
        await connection.send(b" " * 100_000)
        await asyncio.sleep(0.005)
    assert (await connection.response()).status == 413


@pytest.mark.timeout(60)
async def test_a_slow_client_gets_the_answer_that_came_before_its_body_was_over(own_node, raw):
    """One that reads nothing until all is sent, four seconds after the refusal, as many libraries do."""
    node = own_node()
    connection = await raw(node.port)
    await connection.send(NOTICE + b"Content-Length: 9000000\r\n\r\n")
    for _ in range(40):
        await connection.send(b" " * 1000)
        await asyncio.sleep(0.1)
    await connection.end_writing()
    assert (await connection.response()).status == 413


async def test_refusals_of_head_have_no_body(own_node, raw):
    node = own_node()
    fast = await raw(node.port)
    await fast.send(b"HEAD /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n" * 1000)
    answers = (await fast.ended()).split(b"HTTP/1.1 ")[1:]
    assert {answer[:3] for answer in answers[:-1]} == {b"200"} and answers[-1].startswith(b"429")
    assert all(answer.endswith(b"\r\n\r\n") for answer in answers)
    long = await raw(node.port)
    await long.send(b"HEAD / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9000000\r\n\r\n")
    answer = await long.ended()
    assert answer.startswith(b"HTTP/1.1 413") and answer.endswith(b"\r\n\r\n")


async def test_bodies_that_nobody_wants_take_no_room(own_node, raw):
    """Who asks for something else with a body, and reads nothing, must not close the HTTP API."""
    node = own_node()
    connections = [await raw(node.port, receive_buffer=4096) for _ in range(260)]
    for connection in connections:
        await connection.send(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx" * 20)
    for _ in range(20):
        assert node.request("POST", "/api/notifications", json={"data": 1}).status_code == 200
    assert node.metrics().total("apus_limited_total", limit="http_bodies") == 0


async def test_a_byte_in_a_chunk_of_its_own_costs_more(own_node, raw):
    node = own_node()
    connection = await raw(node.port)
    await connection.send(NOTICE + b"Transfer-Encoding: chunked\r\n\r\n")
    with pytest.raises((ConnectionError, AssertionError)):
        for _ in range(100):
            await connection.send(b"1\r\n \r\n" * 10_000)
            assert node.metrics().total("apus_limited_total", limit="http_bodies") == 0
    assert (await connection.response()).status == 503


async def test_below_the_rate_a_connection_stays(memory_node, raw):
    connection = await raw(memory_node.port)
    for _ in range(190):
        assert (await connection.request("/healthz")).status == 200


@pytest.mark.parametrize("framing", ["length", "chunks"])
async def test_bodies_under_way_are_limited(own_node, raw, framing):
    """Forty clients that send 7 MiB each of a body and no more."""
    node = own_node()
    before = node.memory()
    size = 7 * MIB
    if framing == "length":
        head = NOTICE + b"Content-Length: %d\r\n\r\n" % (size + 1)
    else:
        head = NOTICE + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % (size + 1)

    async def half(connection: RawSocket) -> int | None:
        """The status of a refusal; None for one that waits for the rest."""
        await connection.send(head + b" " * size)
        try:
            async with asyncio.timeout(5):
                answer = await connection.response()
        except TimeoutError:
            return None
        assert answer.status == 503 and int(answer.headers["retry-after"]) > 0
        assert json.loads(answer.body)["code"] == "unavailable"
        return answer.status

    connections = [await raw(node.port) for _ in range(40)]
    outcomes = await asyncio.gather(*(half(connection) for connection in connections))
    more = node.peak_memory() - before
    print(f"{more / MIB:.0f} MiB, {outcomes.count(None)} bodies under way, {outcomes.count(503)} refused")
    assert 1 <= outcomes.count(None) <= 4
    assert more < 110 * MIB
    assert node.get("/healthz").status_code == 200
    assert node.metrics().total("apus_limited_total", limit="http_bodies") == 40 - outcomes.count(None)
    # What was taken is given back.
    for connection in connections:
        connection.close()

    def is_taken() -> bool:
        return node.request("POST", "/api/notifications", json={"data": "x" * 1000}).status_code == 200

    await eventually(is_taken)


async def test_the_number_of_bodies_is_limited(own_node, raw):
    node = own_node()
    connections = [await raw(node.port) for _ in range(260)]
    for connection in connections:
        await connection.send(NOTICE + b"Content-Length: 100\r\n\r\n{")
    await eventually(lambda: node.metrics().total("apus_limited_total", limit="http_bodies") == 4)
    for connection in connections:
        connection.close()
    await eventually(lambda: node.request("POST", "/api/notifications", json={"data": 1}).status_code == 200)


async def test_the_bodies_of_one_address_leave_room_for_others(own_node, raw):
    """A client whose bodies never end; another, as a trusted proxy tells, still gets its commands done."""
    node = own_node({"--trusted-proxy": "127.0.0.0/8"})
    head = b"POST /commands HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    connections = [await raw(node.port) for _ in range(200)]
    for connection in connections:
        await connection.send(head + b"X-Forwarded-For: 192.0.2.1\r\nContent-Length: 100\r\n\r\n{")
    await eventually(lambda: node.metrics().total("apus_limited_total", limit="http_bodies") == 200 - 128)
    commands = {"commands": [{"type": "ping", "id": 1}]}
    for address, status in [("192.0.2.1", 503), ("192.0.2.2", 200)]:
        answer = node.request("POST", "/commands", json=commands, headers={"X-Forwarded-For": address})
        assert answer.status_code == status, address


async def test_the_backend_is_called_during_a_flood(own_node, connect):
    backend = await Backend().start()
    try:
        node = own_node(backend.options())
        client = await connect(node.ws)
        with flood(node, 50) as connections:
            for number in range(20):
                pour(connections, METRICS)
                answer = await client.command("request", method="echo", params=number)
                assert answer["result"] == number
    finally:
        await backend.stop()
