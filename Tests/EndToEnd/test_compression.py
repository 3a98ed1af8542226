"""permessage-deflate (RFC 7692): agreed on, shared, limited."""

import asyncio
import base64
import json
import os
import zlib

import pytest
import websockets
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory

from harness import Opcode, eventually
from harness.client import Client
from harness.raw import frame

OFFER = {"Sec-WebSocket-Extensions": "permessage-deflate"}


@pytest.fixture
def node(own_node):
    return own_node({"--echo": None, "--compression": None})


async def offering(url: str, **parameters) -> websockets.ClientConnection:
    """Connects with that one offer."""
    factory = ClientPerMessageDeflateFactory(**parameters)
    return await websockets.connect(url, extensions=[factory], compression=None, proxy=None, max_size=None)


async def test_off_unless_switched_on(memory_node, raw):
    connection = await raw(memory_node.port)
    answer = await connection.upgrade(headers=OFFER)
    assert answer.status == 101 and "sec-websocket-extensions" not in answer.headers


@pytest.mark.parametrize("window", [None, 9, 10, 11, 12, 13, 14, 15])
async def test_echo_with_each_window(node, window):
    async with await offering(
        node.ws.replace("/ws", "/echo"), server_max_window_bits=window, client_max_window_bits=True
    ) as socket:
        (extension,) = socket.protocol.extensions
        assert extension.remote_no_context_takeover and extension.local_no_context_takeover
        # Two sizes of window, so that no message is compressed more often than that.
        assert extension.remote_max_window_bits == (15 if window in (None, 15) else 9)
        for message in ["", "a", "text " * 200, "é" * 70_000, os.urandom(300), os.urandom(100_000), b"\0" * 1_000_000]:
            for _ in range(2):
                await socket.send(message)
                assert await asyncio.wait_for(socket.recv(), 30) == message


async def test_those_with_and_without_get_the_same(node, connect, channel):
    with_it = [Client(await offering(node.ws, client_max_window_bits=bits)) for bits in (True, 9)]
    plain = await connect(node.ws)
    clients = [*with_it, plain]
    for client in clients:
        await client.subscribe(channel)
    for size in (10, 255, 256, 3000, 60_000):
        data = [size, "long and dull " * (size // 14)]
        await plain.publish(channel, data)
        for client in clients:
            assert (await client.expect("message"))["data"] == data
    for client in with_it:
        await client.publish(channel, "compressed " * 1000)
        for listener in clients:
            assert (await listener.expect("message"))["data"] == "compressed " * 1000
    for client in with_it:
        await client.close()


async def test_what_is_sent_is_smaller(node, raw, connect, channel):
    connection = await raw(node.port)
    assert (await connection.upgrade(headers=OFFER)).status == 101
    await connection.receive_frame()
    await connection.send_command("subscribe", channel=channel)
    await connection.receive_frame()
    publisher = await connect(node.ws)
    await publisher.publish(channel, "again and " * 1000)
    opcode, payload = await connection.receive_frame()
    assert opcode is Opcode.TEXT and len(payload) < 500
    text = zlib.decompressobj(-15).decompress(payload + b"\0\0\xff\xff")
    assert json.loads(text)["data"] == "again and " * 1000


async def test_large_answers_go_as_they_are(node, raw, connect):
    """They are for one client alone, which could have a loop compress and do nothing else."""
    connection = await raw(node.port)
    assert (await connection.upgrade(headers=OFFER)).status == 101
    await connection.receive_frame()
    publisher = await connect(node.ws)

    async def history(limit: int) -> bytes:
        await connection.send_command("history", channel="demo:large", limit=limit)
        return (await connection.receive_frame())[1]

    for number in range(3):
        await publisher.publish("demo:large", f"{number} and again " * 4000)
    # As large as a message may be, and larger.
    one, three = await history(1), await history(3)
    assert len(one) < 5000 and zlib.decompressobj(-15).decompress(one + b"\0\0\xff\xff").startswith(b'{"type":"history"')
    assert len(json.loads(three)["messages"]) == 3


def compressed(data: bytes) -> bytes:
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    return (compressor.compress(data) + compressor.flush(zlib.Z_SYNC_FLUSH))[:-4]


@pytest.mark.parametrize(
    "payload, code",
    {
        "a bomb of 1000:1": (compressed(b" " * 60_000_000), 1009),
        "one byte over the limit": (compressed(b'"' + b"x" * 65_534 + b'"' + b" "), 1009),
        "no deflate at all": (b"\xff\xff\xff", 1007),
        "cut off": (compressed(os.urandom(100))[:-20], 1007),
        "no text inside": (compressed(b"\xff\xfe"), 1007),
    }.values(),
    ids=["bomb", "one-over", "garbage", "cut-off", "not-utf8"],
)
async def test_what_cannot_be_inflated_ends_the_connection(node, raw, connect, payload, code):
    bystander = await connect(node.ws)
    connection = await raw(node.port)
    assert (await connection.upgrade(headers=OFFER)).status == 101
    if len(payload) > 60_000:
        payload = payload[:60_000]
    await connection.send_frame(Opcode.TEXT, payload, reserved=4)
    assert await connection.close_code() == code
    await connection.ended()
    await bystander.ping()


async def test_as_much_as_the_limit_comes_through(node, raw):
    connection = await raw(node.port)
    assert (await connection.upgrade(headers=OFFER)).status == 101
    await connection.receive_frame()
    text = b'{"type":"ping","id":1}'
    await connection.send_frame(Opcode.TEXT, compressed(text + b" " * (65_536 - len(text))), reserved=4)
    assert json.loads((await connection.receive_frame())[1])["id"] == 1


async def test_bombs_leave_no_memory_behind(node, raw):
    bomb = compressed(b" " * 50_000_000)[:60_000]

    async def burst() -> int:
        for _ in range(50):
            connection = await raw(node.port)
            assert (await connection.upgrade(headers=OFFER)).status == 101
            await connection.send_frame(Opcode.TEXT, bomb, reserved=4)
            assert await connection.close_code() == 1009
            connection.close()
        return node.memory()

    first = await burst()
    await burst()
    second = await burst()
    print(f"resident after 50 bombs {first >> 10} KiB, after 150 {second >> 10} KiB")
    assert second - first < 4 << 20
    await eventually(lambda: node.metrics().total("apus_connections") == 0)


async def test_a_refused_command_is_named(own_node, raw):
    """Above the rate small messages are read all the same; large ones are refused without."""
    node = own_node({"--compression": None, "--rate": 1, "--burst": 5})
    connection = await raw(node.port)
    assert (await connection.upgrade(headers=OFFER)).status == 101
    await connection.receive_frame()
    noise = base64.b64encode(os.urandom(6000)).decode()
    for number in range(30):
        small = json.dumps({"type": "publish", "channel": "a", "data": "x" * 500, "id": number}).encode()
        await connection.send_frame(Opcode.TEXT, compressed(small), reserved=4)
    # More than may be read, compressed or inflated; and what is no message at all.
    for large in (noise, "x" * 20_000):
        await connection.send_frame(Opcode.TEXT, compressed(json.dumps({"id": 99, "x": large}).encode()), reserved=4)
    await connection.send_frame(Opcode.TEXT, b"\xff\xff\xff", reserved=4)
    answers = [json.loads((await connection.receive_frame())[1]) for _ in range(33)]
    refused = [answer for answer in answers if answer.get("code") == "rate_limited"]
    assert len(refused) >= 25 + 3
    assert sorted(answer["id"] for answer in answers if "id" in answer) == list(range(30))
    assert [answer for answer in answers if "id" not in answer] == refused[-3:]


async def test_above_the_rate_little_is_inflated(own_node, raw):
    """A hundred in a second: whoever sends more is not told which command it was."""
    node = own_node({"--compression": None, "--rate": 0.1, "--burst": 1})
    connection = await raw(node.port)
    assert (await connection.upgrade(headers=OFFER)).status == 101
    await connection.receive_frame()
    ping = compressed(b'{"type":"ping","id":1}')
    await connection.send(b"".join(frame(Opcode.TEXT, ping, reserved=4) for _ in range(1500)))
    answers = [json.loads((await connection.receive_frame())[1]) for _ in range(1500)]
    named = [answer for answer in answers if answer.get("code") == "rate_limited" and "id" in answer]
    # As many as seconds have passed, hardly more than one.
    assert 100 <= len(named) <= 1000
    assert all(answer.get("code") == "rate_limited" for answer in answers[1:])
