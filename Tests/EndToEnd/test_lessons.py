"""What has brought other WebSocket servers and clients down: one test for each lesson, by its CVE.

None of them asserts a time. What took quadratic time elsewhere would here keep the bystander from being answered.
"""

import struct

import pytest
import pytest_asyncio

from harness import Opcode, eventually
from harness.client import Client
from harness.raw import frame


@pytest_asyncio.fixture
async def bystander(memory_node, connect):
    """A client that is there before and must be answered afterwards."""
    client: Client = await connect(memory_node.ws)
    yield client
    await client.ping()


async def test_cve_2024_37890_more_headers_than_are_counted(memory_node, raw, bystander):
    """ws: headers beyond the limit were left out, `Upgrade` among them, and the code relied on it."""
    filler = b"".join(b"X-%d: y\r\n" % n for n in range(200))
    for head in (b"", b"Upgrade: websocket\r\nConnection: Upgrade\r\n"):
        socket = await raw(memory_node.port)
        await socket.send(b"GET /ws HTTP/1.1\r\nHost: a\r\n" + filler + head + b"\r\n")
        assert (await socket.response()).status == 431


async def test_cve_2021_32640_a_list_that_takes_long_to_split(memory_node, raw, bystander):
    """ws: a regular expression took quadratic time for blanks in `Sec-WebSocket-Protocol`."""
    for value in ("a" + " " * 8000 + "b", "a," * 4000, "," * 8000, " \t" * 4000 + "a", "b" * 8000):
        for name in ("Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions", "Connection", "Upgrade"):
            for _ in range(5):
                socket = await raw(memory_node.port)
                assert (await socket.upgrade(headers={name: value})).status in (101, 400)


async def test_cve_2023_43669_a_head_that_grows_slowly(memory_node, raw, bystander):
    """tungstenite: the whole head was parsed anew with each piece of it."""
    before = memory_node.metrics().total("apus_loop_turns_total")
    socket = await raw(memory_node.port)
    await socket.send(b"GET /ws HTTP/1.1\r\nHost: a\r\nX: ")
    for _ in range(400):
        await socket.send(b"y" * 40)
    assert (await socket.response()).status == 431
    assert memory_node.metrics().total("apus_loop_turns_total") - before < 5000


async def test_cve_2020_27813_lengths_that_overflow_together(memory_node, raw, bystander):
    """gorilla/websocket: what was left of a message overflowed when a length was added to it."""
    for length in ((1 << 63) - 1, (1 << 63) - 4, 1 << 62):
        socket = await raw(memory_node.port, upgraded=True)
        await socket.send(frame(Opcode.TEXT, b"abcd", fin=False))
        await socket.send(b"\x80\xff" + struct.pack("!Q", length) + b"mask")
        assert await socket.close_code() == 1009


async def test_cve_2026_2229_windows_that_cannot_be(own_node, raw):
    """undici: a window outside of 8 to 15 bits went to zlib, whose refusal nobody caught."""
    node = own_node({"--compression": None})
    for bits in ("0", "7", "16", "99", "-1", "1000000000000", "15x", '"15', ""):
        for name in ("server_max_window_bits", "client_max_window_bits"):
            socket = await raw(node.port)
            answer = await socket.upgrade(headers={"Sec-WebSocket-Extensions": f"permessage-deflate; {name}={bits}"})
            assert answer.status == 400 or (answer.status == 101 and "sec-websocket-extensions" not in answer.headers)
    assert node.readiness() == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1.evil.example"])
async def test_a_page_of_another_site_does_not_get_in(memory_node, raw, bystander, origin):
    """Cross-site WebSocket hijacking: browsers send cookies with a handshake of any page, and tell its origin."""
    socket = await raw(memory_node.port)
    assert (await socket.upgrade(headers={"Origin": origin, "Cookie": "session=alice"})).status == 403
    await eventually(lambda: memory_node.metrics().total("apus_handshakes_refused_total", status="403") > 0)
