"""The opening handshake, byte by byte: what is accepted, what is refused and how, however the bytes arrive."""

import asyncio
import base64
import hashlib
import json
import re

import pytest
import websockets

from harness import Node, Opcode, RawSocket
from harness.handshake import ACCEPT, HOSTS, KEY, Case, request
from harness.handshakes_accepted import ACCEPTED
from harness.handshakes_refused import REFUSED
from harness.raw import Response

CASES = [
    *(Case(name, 101, sent) for name, sent in ACCEPTED.items()),
    *(Case(name, status, sent) for status, cases in REFUSED.items() for name, sent in cases.items()),
]

# These are sent in pieces, too. None has bytes behind the request: a node may answer before those come.
IN_PIECES = """
plain; of a browser; blanks around values; empty lines in front; bytes over 0x7F in a value; absolute form with a query;
connection list with tabs; subprotocol in the second header; escaped letters in the path; compression with parameters;
user in UTF-8; line feeds alone; line feed alone behind a header; carriage return inside a value; carriage return twice;
NUL in a name; folded connection; space before the colon of the host; no colon; two spaces before the version; two keys;
tab before the target; HTTP in lower case; asterisk form; two hosts; no host; key without padding; fragment;
two versions; other subprotocols; body announced; foreign origin; foreign host; unknown path; path with two slashes; POST; version 12;
HTTP/2.0
"""

each_case = pytest.mark.parametrize("case", [pytest.param(case, id=f"{case.status}-{case.name}") for case in CASES])
each_in_pieces = pytest.mark.parametrize(
    "case",
    [
        pytest.param(next(case for case in CASES if case.name == name), id=name)
        for name in IN_PIECES.strip().replace("\n", " ").split("; ")
    ],
)


def accept(key: str) -> str:
    """`Sec-WebSocket-Accept` for a key: RFC 6455 section 4.2.2."""
    return base64.b64encode(hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()).decode()


def check_accepted(case: Case, response: Response) -> None:
    """RFC 6455 section 4.2.2: nothing is left out, and nothing named that the client has not offered."""
    key = re.search(rb"(?i)^sec-websocket-key:[ \t]*(\S+)", case.sent, re.MULTILINE)[1].decode()
    expected = {"upgrade": "websocket", "connection": "Upgrade", "sec-websocket-accept": accept(key)}
    if b"\r\nSec-WebSocket-Protocol:" in case.sent:
        expected["sec-websocket-protocol"] = "apus.v1"
    headers = dict(response.headers)
    if b"\r\nSec-WebSocket-Extensions:" in case.sent:
        assert headers.pop("sec-websocket-extensions", "permessage-deflate").startswith("permessage-deflate")
    assert headers == expected
    assert response.body == b""


def options(response: Response) -> set[str]:
    """The options of the connection."""
    return {option.strip().lower() for option in response.headers["connection"].split(",")}


def check_refused(case: Case, response: Response) -> None:
    """docs/protocol.md: JSON that says why; at another path it is that of the HTTP side."""
    assert response.headers["content-type"] == "application/json; charset=utf-8"
    answer = json.loads(response.body)
    assert answer.keys() == {"code", "error"}
    assert answer["code"] == {403: "forbidden", 404: "not_found"}.get(case.status, answer["code"])
    assert "close" in options(response)
    if case.status == 403 and b"--allowed-host" not in response.body:
        assert b"--allowed-origin" in response.body
    if case.status == 405:
        assert response.headers["allow"] == "GET"
    if case.status == 426:
        assert response.headers["sec-websocket-version"] == "13"


async def use(connection: RawSocket, response: Response) -> None:
    """The connection serves: it is greeted, and a command is answered."""
    await connection.send_command("ping")
    frames = [await connection.receive_frame() for _ in range(2)]
    assert [opcode for opcode, _ in frames] == [Opcode.TEXT] * 2
    if "sec-websocket-extensions" not in response.headers:
        assert [json.loads(payload)["type"] for _, payload in frames] == ["connected", "pong"]


@each_case
async def test_a_handshake(memory_node, raw, case):
    connection = await raw(memory_node.port)
    await connection.send(case.sent)
    response = await connection.response()
    assert response.status == case.status, response
    if case.status == 101:
        check_accepted(case, response)
        await use(connection, response)
    else:
        check_refused(case, response)
        assert await connection.ended() == b""


async def answer(node: Node, raw, *pieces: bytes) -> Response:
    """What the node says when the request comes in pieces, with whatever happens in between."""
    connection = await raw(node.port)
    for piece in pieces:
        await connection.send(piece)
        await asyncio.sleep(0)
    response = await connection.response()
    response.headers.pop("date", None)
    connection.close()
    return response


@each_in_pieces
async def test_a_handshake_byte_by_byte(memory_node, raw, case):
    whole = await answer(memory_node, raw, case.sent)
    assert whole.status == case.status, whole
    assert await answer(memory_node, raw, *(bytes([byte]) for byte in case.sent)) == whole


@each_in_pieces
async def test_a_handshake_cut_at_its_line_ends(memory_node, raw, case):
    whole = await answer(memory_node, raw, case.sent)
    assert whole.status == case.status, whole
    ends = [index for index, byte in enumerate(case.sent) if byte in b"\r\n"]
    # Before each, and behind each.
    cuts = {cut for index in ends for cut in (index, index + 1)} - {0, len(case.sent)}
    answers = await asyncio.gather(*(answer(memory_node, raw, case.sent[:cut], case.sent[cut:]) for cut in cuts))
    assert [response for response in answers if response != whole] == []


def test_the_example_of_the_standard():
    assert accept(KEY) == ACCEPT


async def test_an_answer_to_head_has_no_body(memory_node, raw):
    """RFC 9110 section 9.3.2."""
    connection = await raw(memory_node.port)
    await connection.send(request(line="HEAD /ws HTTP/1.1"))
    answer = await connection.ended()
    assert answer.startswith(b"HTTP/1.1 405 ") and answer.endswith(b"\r\n\r\n"), answer


async def test_an_upgrade_that_is_named_is_an_option_of_the_connection(memory_node, raw):
    """RFC 9110 sections 7.8 and 15.5.22."""
    connection = await raw(memory_node.port)
    await connection.send(request(version="8"))
    response = await connection.response()
    assert response.status == 426 and response.headers["upgrade"] == "websocket"
    assert options(response) == {"close", "upgrade"}


HALVES = [b"", b"GE", b"GET /w", b"GET /ws HTTP/1.1\r\n", b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgr", request()[:-1]]


async def test_half_a_handshake_is_ended(memory_node, raw):
    async def ended(half: bytes) -> Response:
        connection = await raw(memory_node.port)
        await connection.send(half)
        response = await connection.response()
        assert await connection.ended() == b""
        return response

    for response in await asyncio.gather(*(ended(half) for half in HALVES)):
        assert response.status == 408, response
        assert "close" in options(response)


async def test_half_a_handshake_and_an_end_is_let_go(memory_node, raw):
    for half in HALVES:
        connection = await raw(memory_node.port)
        await connection.send(half)
        await connection.end_writing()
        assert b" 101 " not in await connection.ended()


ONE_OF_EACH = {case.status: case for case in CASES if case.status != 101}


@pytest.mark.parametrize("case", ONE_OF_EACH.values(), ids=ONE_OF_EACH.keys())
async def test_a_refusal_reaches_a_client_that_has_ended_its_side(memory_node, raw, case):
    """Whichever the node sees first; hence more than once."""
    for _ in range(20):
        connection = await raw(memory_node.port)
        await connection.send(case.sent)
        await connection.end_writing()
        answer = await connection.ended()
        assert answer.startswith(f"HTTP/1.1 {case.status} ".encode()), answer


async def test_a_request_line_that_comes_slowly_costs_no_turns(own_node, raw):
    """It stays unread until its path is known, and must not wake the loop all the while."""
    node = own_node()
    before = node.metrics().total("apus_loop_turns_total")
    line = b"GET /" + b"x" * 30
    waiting = [await raw(node.port) for _ in range(10)]
    for index in range(len(line)):
        for connection in waiting:
            await connection.send(line[index : index + 1])
        # A turn of the loop takes microseconds and a scrape takes milliseconds.
        await asyncio.to_thread(node.metrics)
    turns = node.metrics().total("apus_loop_turns_total") - before
    assert turns < 5 * len(line) * len(waiting), "the node was busy with bytes it had seen"


async def subprotocol(node: Node, *offered: str) -> str | None:
    async with websockets.connect(node.ws, subprotocols=offered or None, proxy=None, compression=None) as socket:
        assert json.loads(await socket.recv())["protocol"] == 1
        assert "Sec-WebSocket-Extensions" not in socket.response.headers
        return socket.subprotocol


async def test_subprotocol_of_a_library(memory_node):
    assert await subprotocol(memory_node) is None
    assert await subprotocol(memory_node, "apus.v1") == "apus.v1"
    assert await subprotocol(memory_node, "other", "apus.v1") == "apus.v1"


async def test_origin_of_the_same_host(memory_node, connect):
    client = await connect(memory_node.ws, origin=memory_node.http)
    await client.ping()


async def test_refusals_are_counted(own_node, raw):
    node = own_node({"--allowed-host": HOSTS})
    sent = [request(host=None), request(key="x"), request(origin="null"), request(version="8"), request()]
    for handshake in sent:
        connection = await raw(node.port)
        await connection.send(handshake)
        await connection.response()
    metrics = node.metrics()
    assert metrics.total("apus_connects_total") == 1
    for status, count in {"400": 2, "403": 1, "426": 1}.items():
        assert metrics.total("apus_handshakes_refused_total", status=status) == count, status
