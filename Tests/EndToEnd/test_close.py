"""The closing handshake from outside: RFC 6455 sections 5.5.1 and 7, and the close codes of docs/protocol.md."""

import asyncio
import itertools
import json
import signal
import struct

import pytest

from harness import Node, Opcode, RawSocket, eventually
from harness.client import Client
from harness.raw import frame

pytestmark = pytest.mark.loops


def close(code: int | None = None, reason: bytes = b"", **how) -> bytes:
    """The bytes of a close frame."""
    return frame(Opcode.CLOSE, b"" if code is None else struct.pack("!H", code) + reason, **how)


def text(type: str, **members) -> bytes:
    """The bytes of a command."""
    return frame(Opcode.TEXT, json.dumps({"type": type, **members}).encode())


UNMASKED = frame(Opcode.TEXT, b"{}", masked=False)

MAY_BE_SENT = [*range(1000, 1004), *range(1007, 1015), 3000, 3001, 3456, 3999, 4000, 4001, 4010, 4998, 4999]
MAY_NOT_BE_SENT = [0, 1, 125, 999, 1004, 1005, 1006, 1015, 1016, 1099, 1100, 1999, 2000, 2999]
MAY_NOT_BE_SENT += [5000, 5001, 9999, 32768, 32768 + 1000, 65535]

# What the client sends, and the code it is answered with; None stands for an empty close frame.
CLOSES = {
    **{f"code {code}": (close(code), code) for code in MAY_BE_SENT},
    "empty": (close(), None),
    "reason": (close(1000, b"bye"), 1000),
    "longest reason": (close(3000, b"x" * 123), 3000),
    "longest reason in UTF-8": (close(3000, "€".encode() * 41), 3000),
    "reason with odd characters": (close(1001, "\0\ufffe\ufeff\U0010ffff".encode()), 1001),
    "inside a message": (frame(Opcode.TEXT, b'{"type":', fin=False) + close(1000), 1000),
    "inside a character": (frame(Opcode.TEXT, b"\xf0\x9f", fin=False) + close(1000), 1000),
    "inside a binary message": (frame(Opcode.BINARY, b"\0", fin=False) + close(1001), 1001),
    "behind a pong nobody asked for": (frame(Opcode.PONG, b"x") + close(1000), 1000),
    # What follows is ignored, whatever it is.
    "another behind it": (close(1000) + close(1001), 1000),
    "a ping behind it": (close(1000) + frame(Opcode.PING, b"x"), 1000),
    "a command behind it": (close(4000) + text("ping"), 4000),
    "a broken frame behind it": (close(1000) + UNMASKED, 1000),
    "a broken close behind it": (close(1000) + close(1005), 1000),
    "half a frame behind it": (close(1000) + b"\x81\xfe", 1000),
    "the rest of a message behind it": (
        frame(Opcode.TEXT, b"{", fin=False) + close(1000) + frame(Opcode.CONTINUATION, b"\xff"),
        1000,
    ),
    # Broken.
    **{f"forbidden code {code}": (close(code), 1002) for code in MAY_NOT_BE_SENT},
    "forbidden code with a reason": (close(1006, b"bye"), 1002),
    "half a code": (frame(Opcode.CLOSE, b"\x03"), 1002),
    "reason too long": (close(1000, b"x" * 124), 1002),
    "reason far too long": (close(1000, b"x" * 70_000), 1002),
    "length in two bytes": (b"\x88\xfe\x00\x02\0\0\0\0\x03\xe8", 1002),
    "length in eight bytes": (b"\x88\xff" + bytes(7) + b"\x02\0\0\0\0\x03\xe8", 1002),
    "reason not in UTF-8": (close(1000, b"caf\xe9"), 1007),
    "reason cut in a character": (close(1000, "€".encode()[:2]), 1007),
    "reason in overlong UTF-8": (close(1000, b"\xc0\xaf"), 1007),
    "reason with a surrogate": (close(1000, b"\xed\xa0\x80"), 1007),
    "reason beyond Unicode": (close(1000, b"\xf4\x90\x80\x80"), 1007),
    "longest reason cut in a character": (close(1000, ("€".encode() * 42)[:122]), 1007),
    "unmasked": (close(1000, masked=False), 1002),
    "unmasked and empty": (close(masked=False), 1002),
    "first part": (close(1000, fin=False), 1002),
    "in two parts": (close(1000, fin=False) + frame(Opcode.CONTINUATION, b""), 1002),
    "reserved bit 1": (close(1000, reserved=4), 1002),
    "reserved bit 2": (close(1000, reserved=2), 1002),
    "reserved bit 3": (close(1000, reserved=1), 1002),
    "broken inside a message": (frame(Opcode.TEXT, b"{", fin=False) + close(1005), 1002),
    "behind a broken frame": (UNMASKED + close(1000), 1002),
}


def disconnects(node: Node) -> dict[int | str, int]:
    """How many connections have ended, by close code; codes that mean nothing to a node are `other`."""
    samples = node.metrics().samples.items()
    by_code = {dict(labels)["code"]: int(n) for (name, labels), n in samples if name == "apus_disconnects_total"}
    return {code if code == "other" else int(code): n for code, n in by_code.items()}


async def check_end(connection: RawSocket, code: int | None) -> None:
    """One close frame comes, with that code, and nothing behind it but the end."""
    payload = await connection.close_frame()
    assert payload[:2] == (b"" if code is None else struct.pack("!H", code))
    payload[2:].decode()
    assert await connection.ended() == b""


@pytest.mark.parametrize("is_cut", [False, True], ids=["whole", "byte by byte"])
@pytest.mark.parametrize("sent, code", CLOSES.values(), ids=CLOSES.keys())
async def test_a_close_is_answered(memory_node, raw, sent, code, is_cut):
    connection = await raw(memory_node.port, upgraded=True)
    # Of a frame far too long the first bytes say it all.
    for piece in [bytes([byte]) for byte in sent[:500]] if is_cut else [sent]:
        await connection.send(piece)
        await asyncio.sleep(0)
    await check_end(connection, code)


async def test_what_came_before_a_close_is_answered_first(memory_node, raw):
    connection = await raw(memory_node.port, upgraded=True)
    await connection.send(text("ping", id=1) + frame(Opcode.PING, b"before") + text("ping", id=2) + close(1000))
    frames = [await connection.receive_frame() for _ in range(4)]
    assert [opcode for opcode, _ in frames] == [Opcode.TEXT, Opcode.TEXT, Opcode.PONG, Opcode.TEXT]
    assert frames[2][1] == b"before"
    await check_end(connection, 1000)


async def test_commands_behind_a_close_have_no_effect(memory_node, connect, raw, channel):
    listener = await connect(memory_node.ws)
    await listener.subscribe(channel)
    connection = await raw(memory_node.port, upgraded=True)
    publish = [text("publish", channel=channel, data=number) for number in range(4)]
    await connection.send(publish[0] + close(1000) + publish[1])
    await connection.send(publish[2])
    await check_end(connection, 1000)
    await connection.send(publish[3])
    await listener.publish(channel, "last")
    await listener.expect("message", data="last")
    assert [event["data"] for event in listener.events("message")] == [0, "last"]


async def test_a_close_right_behind_the_101(memory_node, raw):
    for sent, code in [(close(1000), 1000), (UNMASKED, 1002)]:
        connection = await raw(memory_node.port, upgraded=True)
        await connection.send(sent)
        assert (await connection.receive_frame())[0] is Opcode.TEXT
        await check_end(connection, code)


# A protocol error must be told whatever the client does at that moment.
@pytest.mark.parametrize("behind", [b"", bytes(1 << 20), close(1000), text("ping") * 1000], ids=len)
@pytest.mark.parametrize("ends", [False, True], ids=["stays", "ends its side"])
async def test_an_error_is_told_before_the_end(memory_node, raw, behind, ends):
    connection = await raw(memory_node.port, upgraded=True)
    await connection.send(UNMASKED + behind)
    if ends:
        await connection.end_writing()
    await check_end(connection, 1002)


# The client reads nothing, or does not close the TCP connection.


async def is_reset(connection: RawSocket) -> bool:
    """Whether the other end has let go, so that what is sent there is answered by a reset."""
    try:
        await connection.send(b"\0")
    except ConnectionError:
        return True
    return False


async def test_a_client_that_keeps_the_connection_is_let_go(memory_node, raw):
    """It is the client that waits for the end of the TCP connection, not the node: RFC 6455 section 7.1.1."""
    for sent, code in [(close(1000), 1000), (UNMASKED, 1002)]:
        connection = await raw(memory_node.port, upgraded=True)
        await connection.send(sent)
        await check_end(connection, code)
        await eventually(is_reset, connection, what="the node holds the connection for ever")


async def unread(node: Node, publisher: Client, stalled: RawSocket, channel: str) -> int:
    """Publishes until a client that does not read has something waiting in the node: how many messages."""
    await stalled.send_command("subscribe", channel=channel)
    await eventually(lambda: node.metrics().total("apus_subscriptions") == 1)
    count = 0
    while node.metrics().total("apus_outbox_bytes") == 0:
        assert count < 1000, "the kernel has taken 60 MB"
        for _ in range(5):
            await publisher.publish(channel, [count, "x" * 60_000])
            count += 1
    return count


# What the client sends, and what its end is counted as.
ENDINGS = {"close": (close(1000), 1000), "empty close": (close(), 1005), "broken frame": (UNMASKED, 1002)}
each_ending = pytest.mark.parametrize("sent, code", ENDINGS.values(), ids=ENDINGS.keys())


@each_ending
async def test_what_waits_for_a_client_arrives_before_the_close(own_node, connect, raw, channel, sent, code):
    node = own_node({"--max-outbox": 16 << 20})
    stalled = await raw(node.port, upgraded=True, receive_buffer=4096)
    count = await unread(node, await connect(node.ws), stalled, channel)
    await stalled.send(sent)
    opcodes = []
    while not opcodes or opcodes[-1] is not Opcode.CLOSE:
        opcode, payload = await stalled.receive_frame()
        opcodes.append(opcode)
    assert payload[:2] == (b"" if code == 1005 else struct.pack("!H", code))
    # `connected`, `subscribed` and the messages.
    assert opcodes[:-1] == [Opcode.TEXT] * (2 + count)
    assert await stalled.ended() == b""
    assert disconnects(node) == {code: 1}


@each_ending
async def test_a_client_that_closes_and_never_reads_is_let_go(own_node, connect, raw, channel, sent, code):
    node = own_node({"--max-outbox": 16 << 20})
    stalled = await raw(node.port, upgraded=True, receive_buffer=4096)
    publisher = await connect(node.ws)
    await unread(node, publisher, stalled, channel)
    await stalled.send(sent)
    await eventually(lambda: node.metrics().total("apus_outbox_bytes") == 0, what="the node keeps what nobody reads")
    assert disconnects(node) == {code: 1}
    await publisher.ping()


# The node closes, too. What the client answers:
ANSWERS = {
    "the same code": close(4010),
    "a code of its own": close(1001, b"tired"),
    "empty": close(),
    "forbidden code": close(1005),
    "half a code": frame(Opcode.CLOSE, b"\x03"),
    "unmasked": close(4010, masked=False),
    "broken frame": UNMASKED,
    "the pong, too late": frame(Opcode.PONG, b"") + close(1000),
    "commands, then a close": text("ping") + text("dance") + frame(Opcode.PING, b"x") + close(1000),
    "half a message, then a close": frame(Opcode.TEXT, b"{", fin=False) + close(1000),
    "two closes": close(1000) + close(1001),
    "nothing": b"",
}


async def test_both_sides_close_at_once(own_node, raw):
    """The client's close frame meets the node's on the way: neither is answered, and the node's code counts."""
    node = own_node({"--ping-interval": "100ms", "--pong-timeout": "100ms"})

    def has_closed(count: int) -> bool:
        return disconnects(node) == {4010: count}

    for number, answer in enumerate(ANSWERS.values(), 1):
        connection = await raw(node.port, upgraded=True)
        await eventually(has_closed, number)
        await connection.send(answer)
        await check_end(connection, 4010)
    assert disconnects(node) == {4010: len(ANSWERS)}


async def test_a_drain_meets_clients_that_close(own_node, raw):
    node = own_node({"--drain": "0s"})
    connections = [await raw(node.port, upgraded=True) for _ in range(50)]
    node.signal(signal.SIGTERM)
    for connection in connections:
        await connection.send(close(1001))
    codes = await asyncio.gather(*(connection.close_code() for connection in connections))
    assert set(codes) <= {1001, 1012}
    assert [await connection.ended() for connection in connections] == [b""] * len(connections)
    assert await asyncio.to_thread(node.wait) == 0


async def test_a_drain_does_not_wait_for_clients_that_never_answer(own_node, raw):
    node = own_node({"--drain": "0s"})
    connections = [await raw(node.port, upgraded=True) for _ in range(5)]
    node.signal(signal.SIGTERM)
    for connection in connections:
        await check_end(connection, 1012)
    assert await asyncio.to_thread(node.wait) == 0


async def test_every_end_is_counted_once(own_node, raw):
    node = own_node()
    ends = {
        1000: [close(1000), close(1000, b"bye"), close(1000) + close(1001), close(1000) + UNMASKED],
        1001: [close(1001)],
        1002: [close(1002), UNMASKED, UNMASKED + close(1000), close(1005), close(5000), frame(Opcode.CLOSE, b"x")],
        1005: [close(), close() + close(1000)],
        1007: [close(1000, b"\xff"), frame(Opcode.TEXT, b"\xff")],
        1009: [frame(Opcode.TEXT, b" " * 70_000)],
        "other": [close(3000), close(4999)],
    }
    for sent in itertools.chain(*ends.values()):
        connection = await raw(node.port, upgraded=True)
        await connection.send(sent)
        await connection.close_frame()
        assert await connection.ended() == b""
    # Without a close frame: an end, one inside a frame, one inside a message, and a reset.
    for sent in (b"", b"\x81", frame(Opcode.TEXT, b"{", fin=False)):
        connection = await raw(node.port, upgraded=True)
        await connection.send(sent)
        await connection.end_writing()
        await connection.ended()
    connection = await raw(node.port, upgraded=True)
    connection.reset()
    expected = {code: len(all) for code, all in ends.items()} | {1006: 4}
    await eventually(lambda: disconnects(node) == expected)
    await eventually(lambda: node.metrics().total("apus_connections") == 0)
    assert node.metrics().total("apus_connects_total") == sum(expected.values())
