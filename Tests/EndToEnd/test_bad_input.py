"""What clients should not send: each is refused in its own way, and nobody else notices."""

import asyncio
import itertools
import json
import struct

import pytest
import pytest_asyncio

import harness
from harness import Opcode, eventually
from harness.client import Client

CHANNEL_201 = "x" * 201
DEEP = "[" * 100 + "]" * 100

# Text of a command, the error's code, and whether the error carries the command's id.
REFUSED = {
    "not JSON": ("hello", "bad_request", None),
    "empty": ("", "bad_request", None),
    "a number": ("1", "bad_request", None),
    "null": ("null", "bad_request", None),
    "truncated": ('{"type":"ping","id":1', "bad_request", None),
    "trailing": ('{"type":"ping"}{"type":"ping"}', "bad_request", None),
    "trailing comma": ('{"type":"ping",}', "bad_request", None),
    "single quotes": ("{'type':'ping'}", "bad_request", None),
    "control character": ('{"type":"ping","x":"\n"}', "bad_request", None),
    "NaN": ('{"type":"ping","x":NaN}', "bad_request", None),
    "leading zero": ('{"type":"ping","x":01}', "bad_request", None),
    "byte order mark": ('\ufeff{"type":"ping"}', "bad_request", None),
    "no type": ('{"id":1}', "bad_request", 1),
    "type is a number": ('{"type":1,"id":1}', "bad_request", 1),
    "type is null": ('{"type":null,"id":1}', "bad_request", 1),
    "unknown type": ('{"type":"dance","id":1}', "unknown_type", 1),
    "type in capitals": ('{"type":"PING","id":1}', "unknown_type", 1),
    "no channel": ('{"type":"subscribe","id":1}', "bad_request", 1),
    "channel is a number": ('{"type":"subscribe","channel":5,"id":1}', "bad_request", 1),
    "channel is null": ('{"type":"publish","channel":null,"data":1,"id":1}', "bad_request", 1),
    "channel is empty": ('{"type":"subscribe","channel":"","id":1}', "invalid_channel", 1),
    "channel with a space": ('{"type":"subscribe","channel":"a b","id":1}', "invalid_channel", 1),
    "channel with a brace": ('{"type":"subscribe","channel":"a{b","id":1}', "invalid_channel", 1),
    "channel with a closing brace": ('{"type":"publish","channel":"a}","data":1,"id":1}', "invalid_channel", 1),
    "channel with NUL": (r'{"type":"subscribe","channel":"a\u0000b","id":1}', "invalid_channel", 1),
    "channel with newline": (r'{"type":"subscribe","channel":"a\nb","id":1}', "invalid_channel", 1),
    "channel too long": (f'{{"type":"subscribe","channel":"{CHANNEL_201}","id":1}}', "invalid_channel", 1),
    "channel too long in bytes": (f'{{"type":"subscribe","channel":"{"é" * 101}","id":1}}', "invalid_channel", 1),
    "lone surrogate": (r'{"type":"subscribe","channel":"a\ud800","id":1}', "invalid_channel", 1),
    "publish without data": ('{"type":"publish","channel":"a","id":1}', "bad_request", 1),
    "data is no JSON": ('{"type":"publish","channel":"a","data":{a:1},"id":1}', "bad_request", None),
    "data with a bad escape": (r'{"type":"publish","channel":"a","data":"\x","id":1}', "bad_request", None),
    "data too deep": (f'{{"type":"publish","channel":"a","data":{DEEP},"id":1}}', "bad_request", None),
    "unknown member too deep": (f'{{"type":"ping","x":{DEEP}}}', "bad_request", None),
    "echo is a string": ('{"type":"publish","channel":"a","data":1,"echo":"no","id":1}', "bad_request", 1),
    "presence is a number": ('{"type":"subscribe","channel":"a","presence":1,"id":1}', "bad_request", 1),
    "presence is unknown": ('{"type":"subscribe","channel":"a","presence":"maybe","id":1}', "bad_request", 1),
    "only is unknown": ('{"type":"presence","channel":"a","only":"names","id":1}', "bad_request", 1),
    "id is null": ('{"type":"ping","id":null}', "bad_request", None),
    "id is a fraction": ('{"type":"ping","id":1.5}', "bad_request", None),
    "id has an exponent": ('{"type":"ping","id":1e3}', "bad_request", None),
    "id is an object": ('{"type":"ping","id":{}}', "bad_request", None),
    "id is over 64 bits": ('{"type":"ping","id":9223372036854775808}', "bad_request", None),
    "id is too long": (f'{{"type":"ping","id":"{"x" * 65}"}}', "bad_request", None),
    "type twice": ('{"type":"ping","type":"ping"}', "bad_request", None),
    "type twice, escaped": (r'{"type":"ping","\u0074ype":"ping"}', "bad_request", None),
    "channel twice": ('{"type":"subscribe","channel":"a","channel":"b"}', "bad_request", None),
    "data twice": ('{"type":"publish","channel":"a","data":1,"data":2}', "bad_request", None),
    "id twice": ('{"type":"ping","id":1,"id":1}', "bad_request", None),
}


@pytest_asyncio.fixture
async def bystanders(memory_node, connect, channel):
    """Of the node that this file's tests share."""
    async with harness.bystanders(memory_node, connect, channel):
        yield


@pytest_asyncio.fixture
async def client(memory_node, bystanders, connect) -> Client:
    return await connect(memory_node.ws)


@pytest.mark.parametrize("text, code, id", REFUSED.values(), ids=REFUSED.keys())
async def test_a_bad_command_is_refused_and_no_more(client, text, code, id):
    await client.send_text(text)
    if id is None:
        # Whether an id could be read from broken JSON is the node's affair.
        (error,) = await eventually(lambda: client.events("error") or client.replies.get(1))
    else:
        (error,) = await eventually(lambda: client.replies.get(id))
    assert error.type == "error" and error["code"] == code, error.raw
    assert isinstance(error["error"], str) and error["error"]
    assert error["temporary"] is False
    await client.ping()
    answers = itertools.chain(client.received, *client.replies.values())
    assert [answer.type for answer in answers if answer.type not in ("connected", "pong")] == ["error"]


@pytest.mark.parametrize(
    "text, hint",
    {
        "Socket.IO": ('{"type":"join","room":"a"}', "Did you mean subscribe?"),
        "Socket.IO as it is": ('42["join","a"]', "such as {"),
        "Pusher": ('{"event":"pusher:subscribe","data":{"channel":"a"}}', "The member is called type. Did you mean subscribe?"),
        "Phoenix": ('{"topic":"a","event":"phx_join","payload":{},"ref":"1"}', "Did you mean subscribe?"),
        "Django Channels": ('{"message":"hello"}', '{"type":"publish","channel":"lobby","data":"hello"}'),
        "ws": ("hello", '{"type":"publish","channel":"lobby","data":"hello"}'),
        "room": ('{"type":"subscribe","room":"a"}', "The member is called channel."),
        "message": ('{"type":"publish","channel":"a","message":"x"}', "The member is called data."),
        "misspelt": ('{"type":"subcribe","channel":"a"}', "Did you mean subscribe?"),
        "single quotes": ("{'type':'ping'}", "double quotes"),
    }.values(),
)
async def test_who_speaks_another_protocol_is_helped(client, text, hint):
    await client.send_text(text)
    error = await client.expect("error")
    assert hint in error["error"], error.raw
    await client.ping()


async def test_json_in_a_binary_frame_is_told(client):
    await client.socket.send(b'{"type":"ping"}')
    assert "text frame" in (await client.expect("error"))["error"]


async def test_a_reserved_channel_is_refused(client):
    for type in ("subscribe", "publish"):
        reply = await client.command(type, channel="$server", data=1)
        assert reply.type == "error" and reply["code"] in ("invalid_channel", "forbidden"), reply.raw
    await client.ping()


async def test_long_texts_in_errors_stay_short(client):
    reply = await client.command("z" * 10_000)
    assert reply["code"] == "unknown_type" and len(reply.raw) < 1000
    reply = await client.command("subscribe", channel="z" * 10_000)
    assert reply["code"] == "invalid_channel" and len(reply.raw) < 1000


async def test_unknown_members_and_depth_within_the_limit_are_fine(client, channel):
    deep = "[" * 60 + "]" * 60
    await client.send_text(f'{{"type":"ping","id":1,"x":{deep},"y":{{"type":"z","type":"z"}},"z":null,"z":1}}')
    await eventually(lambda: client.replies[1])
    assert client.replies[1][0].type == "pong"
    longest = channel + "é" * ((200 - len(channel)) // 2)
    assert (await client.subscribe(longest))["channel"] == longest


@pytest.mark.parametrize("extra, fits", [(0, True), (1, False)])
async def test_message_size(client, channel, extra, fits):
    limit = client.hello["maxMessageSize"]
    assert limit == 65536
    head, tail = f'{{"type":"publish","channel":"{channel}","id":1,"data":"', '"}'
    await client.send_text(head + "x" * (limit - len(head) - len(tail) + extra) + tail)
    if fits:
        await eventually(lambda: client.replies[1])
        assert client.replies[1][0].type == "published"
    else:
        assert await client.closed_with() == 1009


async def test_binary_of_unknown_kind(client):
    await client.socket.send(b"\x07binary")
    error = await client.expect("error")
    assert error["code"] == "bad_request"
    await client.ping()


# Frames as (opcode, payload, how), and the close code they earn.
BROKEN = {
    "unmasked": ([(Opcode.TEXT, b"{}", {"masked": False})], 1002),
    "reserved bit 1": ([(Opcode.TEXT, b"{}", {"reserved": 4})], 1002),
    "reserved bit 3": ([(Opcode.TEXT, b"{}", {"reserved": 1})], 1002),
    "reserved opcode": ([(Opcode.RESERVED, b"", {})], 1002),
    "continuation of nothing": ([(Opcode.CONTINUATION, b"{}", {})], 1002),
    "text inside a message": ([(Opcode.TEXT, b"{", {"fin": False}), (Opcode.TEXT, b"}", {})], 1002),
    "ping in parts": ([(Opcode.PING, b"", {"fin": False})], 1002),
    "ping too long": ([(Opcode.PING, b"x" * 126, {})], 1002),
    "text not in UTF-8": ([(Opcode.TEXT, b'{"type":"\xc3\x28"}', {})], 1007),
    "a surrogate in UTF-8": ([(Opcode.TEXT, b"\xed\xa0\x80", {})], 1007),
    "a character cut off": ([(Opcode.TEXT, b"\xf0\x9f\xa6", {})], 1007),
    "bad UTF-8 in the first part": ([(Opcode.TEXT, b"\xff", {"fin": False})], 1007),
    "parts over the limit": (
        [(Opcode.TEXT, b" " * 60_000, {"fin": False}), (Opcode.CONTINUATION, b" " * 60_000, {})],
        1009,
    ),
}


@pytest.mark.parametrize("frames, code", BROKEN.values(), ids=BROKEN.keys())
async def test_a_broken_frame_closes(memory_node, bystanders, raw, frames, code):
    connection = await raw(memory_node.port, upgraded=True)
    for opcode, payload, how in frames:
        await connection.send_frame(opcode, payload, **how)
    assert await connection.close_code() == code
    await connection.ended()


@pytest.mark.parametrize("header", [b"\x81\xfe\x00\x05", b"\x81\xff" + bytes(7) + b"\x05", b"\x81\xff\x80" + bytes(7)])
async def test_a_length_in_the_wrong_form_closes(memory_node, bystanders, raw, header):
    connection = await raw(memory_node.port, upgraded=True)
    await connection.send(header + b"\0\0\0\0hello")
    assert await connection.close_code() == 1002
    await connection.ended()


async def test_an_announced_length_over_the_limit_closes_before_it_comes(memory_node, bystanders, raw):
    connection = await raw(memory_node.port, upgraded=True)
    await connection.send(b"\x81\xff" + struct.pack("!Q", 1 << 40) + b"\0\0\0\0")
    assert await connection.close_code() == 1009
    await connection.ended()


async def test_messages_in_parts_with_pings_between(memory_node, bystanders, raw):
    connection = await raw(memory_node.port, upgraded=True)
    assert (await connection.receive_frame())[0] is Opcode.TEXT
    await connection.send_frame(Opcode.TEXT, b'{"type":', fin=False)
    await connection.send_frame(Opcode.PING, b"between")
    await connection.send_frame(Opcode.CONTINUATION, b"", fin=False)
    await connection.send_frame(Opcode.CONTINUATION, b'"ping","id":"parts"}')
    assert await connection.receive_frame() == (Opcode.PONG, b"between")
    opcode, payload = await connection.receive_frame()
    assert opcode is Opcode.TEXT and json.loads(payload).items() >= {"type": "pong", "id": "parts"}.items()
