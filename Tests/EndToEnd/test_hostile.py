"""Clients that mean harm: none of them costs the node more than its limits say, or anybody else anything.

Each limit is crossed by one step here, and reached without being crossed. What attacks cost in time is measured by
`make bench-hostile`; here it is counts and bytes that are asserted.
"""

import asyncio
import json
import struct
from contextlib import asynccontextmanager

import pytest

from harness import Node, Opcode, RawSocket, bystanders, eventually
from harness.client import Client
from harness.raw import frame

MIB = 1 << 20


# ---- handshakes ----


@pytest.mark.parametrize("path", ["/ws", "/healthz"], ids=["websocket", "http"])
async def test_half_open_handshakes(own_node, connect, raw, channel, path):
    node = own_node()
    idle = node.memory()
    async with bystanders(node, connect, channel):
        sockets = [await raw(node.port) for _ in range(1000)]
        for socket in sockets:
            await socket.send(f"GET {path} HTTP/1.1\r\nHost: a\r\nX-Slow: ".encode())
        held = node.memory() - idle
        # One byte now and then is not enough to stay.
        for _ in range(3):
            for socket in sockets[:100]:
                await socket.send(b"x")
        answers = await asyncio.gather(*(socket.ended() for socket in sockets))
    print(f"{held / 1000:.0f} bytes for each of 1000 half-open handshakes")
    assert all(answer.startswith(b"HTTP/1.1 408 ") for answer in answers)
    assert held < 8 * MIB
    assert node.metrics().total("apus_handshakes_refused_total", status="408") == 1000


async def test_a_request_sent_byte_by_byte_does_not_spin(own_node, raw):
    node = own_node()
    socket = await raw(node.port)
    before = node.metrics().total("apus_loop_turns_total")
    request = b"GET /" + b"x" * 500
    for byte in request:
        await socket.send(bytes([byte]))
    await asyncio.sleep(1)
    turns = node.metrics().total("apus_loop_turns_total") - before
    print(f"{turns:.0f} turns for {len(request)} bytes and a second")
    assert turns < 2 * len(request) + 300


async def test_two_thousand_headers(memory_node, raw):
    for path in ("/ws", "/healthz"):
        socket = await raw(memory_node.port)
        head = f"GET {path} HTTP/1.1\r\nHost: a\r\n".encode() + b"".join(b"x%d: y\r\n" % n for n in range(2000)) + b"\r\n"
        await socket.send(head)
        answer = await socket.response()
        assert answer.status in (400, 431), path


async def test_many_headers_on_a_connection_that_was_handed_over(memory_node, raw):
    """The HTTP side reads what follows the first request by itself."""
    for count in (150, 5000):
        socket = await raw(memory_node.port)
        assert (await socket.request("/healthz")).status == 200
        await socket.send(b"GET /healthz HTTP/1.1\r\nHost: a\r\n" + b"a:b\r\n" * count + b"\r\n")
        assert b" 200 " not in await socket.ended()
    assert memory_node.get("/healthz").status_code == 200


async def test_idle_http_connections_are_few(own_node, raw):
    """Each is answered, but only so many may stay for another request: they cost the node far more than a WebSocket."""
    node = own_node()
    sockets = [await raw(node.port) for _ in range(600)]
    answers = []
    for socket in sockets:
        answers.append(await socket.request("/healthz"))
    assert {answer.status for answer in answers} == {200}
    kept = [answer for answer in answers if answer.headers.get("connection") != "close"]
    print(f"{len(kept)} of {len(answers)} HTTP connections were kept")
    assert 200 <= len(kept) <= 300
    await asyncio.gather(*(socket.ended() for socket, answer in zip(sockets, answers) if answer not in kept))
    assert (await sockets[0].request("/healthz")).status == 200


async def test_pipelined_requests_are_answered_in_order(memory_node, raw):
    socket = await raw(memory_node.port)
    await socket.send(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\nGET /nope HTTP/1.1\r\nHost: localhost\r\n\r\n" * 20)
    assert [(await socket.response()).status for _ in range(40)] == [200, 404] * 20


# ---- frames ----


async def test_control_frames_are_limited(memory_node, raw):
    limit = 100
    socket = await raw(memory_node.port, upgraded=True)
    await socket.receive_frame()
    # As many as may be, in one go, are all answered; the connection goes on.
    await socket.send(b"".join(frame(Opcode.PING, b"%d" % n) for n in range(limit)))
    for number in range(limit):
        assert await socket.receive_frame() == (Opcode.PONG, b"%d" % number)
    await socket.send_command("ping")
    assert json.loads((await socket.receive_frame())[1])["type"] == "pong"


@pytest.mark.parametrize("opcode", [Opcode.PING, Opcode.PONG])
async def test_a_flood_of_control_frames_is_closed(own_node, connect, raw, channel, opcode):
    node = own_node()
    async with bystanders(node, connect, channel):
        socket = await raw(node.port, upgraded=True)
        await socket.send(frame(opcode, b"x") * 10_000)
        assert await socket.close_code() == 4008
    assert node.metrics().total("apus_disconnects_total", code="4008") == 1


async def test_fragments_are_limited(memory_node, raw):
    limit = 1024
    socket = await raw(memory_node.port, upgraded=True)
    await socket.receive_frame()
    text = b'{"type":"ping","id":1}'
    middle = frame(Opcode.CONTINUATION, fin=False) * (limit - 2)
    await socket.send(frame(Opcode.TEXT, text, fin=False) + middle + frame(Opcode.CONTINUATION))
    assert json.loads((await socket.receive_frame())[1])["id"] == 1
    await socket.send(frame(Opcode.TEXT, text, fin=False) + middle + frame(Opcode.CONTINUATION, fin=False))
    await socket.send(frame(Opcode.CONTINUATION))
    assert await socket.close_code() == 1009


async def test_a_million_empty_fragments(own_node, connect, raw, channel):
    node = own_node()
    async with bystanders(node, connect, channel):
        socket = await raw(node.port, upgraded=True)
        await socket.send(frame(Opcode.TEXT, b"{", fin=False))
        with pytest.raises((ConnectionError, AssertionError)):
            for _ in range(100):
                await socket.send(frame(Opcode.CONTINUATION, fin=False) * 10_000)
            await socket.receive_frame()
            raise AssertionError("it took them all")
    assert node.metrics().total("apus_disconnects_total", code="1009") == 1


@pytest.mark.parametrize("length", [1 << 63, (1 << 64) - 1, (1 << 63) - 1, 1 << 40, 65_537])
async def test_lengths_are_believed_by_nobody(memory_node, raw, length):
    before = memory_node.memory()
    socket = await raw(memory_node.port, upgraded=True)
    await socket.send(b"\x82\xff" + struct.pack("!Q", length) + b"mask" + b"x" * 100)
    assert await socket.close_code() == (1002 if length >= 1 << 63 else 1009)
    await socket.ended()
    assert memory_node.memory() - before < MIB


async def test_one_byte_frames(own_node, connect, raw, channel):
    node = own_node({"--rate": 50, "--burst": 100})
    async with bystanders_at_a_walk(node, connect, channel):
        socket = await raw(node.port, upgraded=True)
        await socket.send(frame(Opcode.TEXT, b"1") * 5000)
        await eventually(lambda: node.metrics().total("apus_errors_total", code="rate_limited") > 4000)


@asynccontextmanager
async def bystanders_at_a_walk(node: Node, connect, channel: str):
    """For nodes with a rate: one message before, one after."""
    sender, receiver = [await connect(node.ws) for _ in range(2)]
    await receiver.subscribe(channel)
    await sender.publish(channel, "before")
    yield
    await sender.publish(channel, "after")
    await receiver.expect("message", data="after")


# ---- clients that do not read ----


async def test_those_who_never_read_hold_their_outbox_and_no_more(own_node, connect, raw, channel):
    node = own_node({"--max-outbox": 262_144})
    stalled = [await raw(node.port, upgraded=True, receive_buffer=4096) for _ in range(100)]
    for socket in stalled:
        await socket.send_command("subscribe", channel=channel)
    publisher = await connect(node.ws)
    await eventually(lambda: node.metrics().total("apus_subscriptions") == len(stalled))
    before = node.memory()
    async with bystanders(node, connect, channel):
        for number in range(300):
            await publisher.publish(channel, [number, "x" * 60_000])
        await eventually(lambda: node.metrics().total("apus_disconnects_total", code="4009") == len(stalled))
    more = node.peak_memory() - before
    print(f"{more / MIB:.1f} MiB for {len(stalled)} outboxes of 256 KiB")
    assert more < 64 * MIB
    await eventually(lambda: node.metrics().total("apus_outbox_bytes") == 0)


async def test_a_flood_of_publishes_does_not_pile_up(own_node, connect, channel):
    """More than can be fanned out: publishers hear that nothing was published, or wait, and memory stays what it is."""
    node = own_node({"--max-outbox": "4MiB"})
    listeners = [await connect(node.ws) for _ in range(50)]
    for listener in listeners:
        await listener.subscribe(channel)
    publishers = [await connect(node.ws) for _ in range(4)]
    before = node.memory()

    async def flood(client: Client) -> None:
        text = json.dumps({"type": "publish", "channel": channel, "data": "x" * 50_000})
        for _ in range(400):
            await client.send_text(text)

    await asyncio.gather(*(flood(client) for client in publishers))
    for publisher in publishers:
        await publisher.ping()
    await eventually(lambda: node.metrics().total("apus_outbox_bytes") == 0, within=120)
    more = node.peak_memory() - before
    refused = sum(len(publisher.events("error")) for publisher in publishers)
    print(f"at most {more / MIB:.1f} MiB more; {refused} publishes refused")
    # 80 MB came in, to go out fifty times: the outboxes may hold 200 MiB, the way between the loops 32.
    assert more < 320 * MIB
    assert all(error["code"] == "unavailable" for publisher in publishers for error in publisher.events("error"))


async def test_the_echo_of_those_who_never_read(own_node, raw):
    node = own_node({"--echo": None})
    socket: RawSocket = await raw(node.port, upgraded=True, path="/echo", receive_buffer=4096)
    payload = frame(Opcode.BINARY, b"x" * MIB)
    with pytest.raises((ConnectionError, TimeoutError)):
        async with asyncio.timeout(60):
            while True:
                await socket.send(payload)
    await eventually(lambda: node.metrics().total("apus_outbox_bytes") == 0)
    print(f"at most {node.peak_memory() / MIB:.0f} MiB in all")
    assert node.peak_memory() < 300 * MIB


# ---- time ----


async def test_thirty_seconds_are_enough(own_node, connect, raw, channel):
    """Limits of 30 s, all at once: an outbox more than half full, a second HTTP request that comes a byte at a time, an
    answer that nobody reads.
    """
    node = own_node({"--max-outbox": MIB, "--ping-interval": "1s", "--pong-timeout": "5s"})

    async def half_full(name: str) -> tuple[RawSocket, asyncio.Task]:
        """A listener whose outbox holds between half and all of its limit, and what keeps it alive."""
        socket = await raw(node.port, upgraded=True, receive_buffer=4096)
        alive = asyncio.create_task(say_something(socket))
        await socket.send_command("subscribe", channel=name)
        publisher = await connect(node.ws)
        before = node.metrics().total("apus_outbox_bytes")

        def is_full() -> bool:
            return node.metrics().total("apus_outbox_bytes") - before > 0.7 * MIB

        # The kernel takes some more a moment later.
        while not (is_full() and not await asyncio.sleep(1) and is_full()):
            await publisher.publish(name, "x" * 60_000)
        return socket, alive

    async def say_something(socket: RawSocket) -> None:
        """It is alive, though it does not read its pings."""
        while True:
            await socket.send_frame(Opcode.PONG)
            await asyncio.sleep(1)

    async def never_reads(socket: RawSocket, alive: asyncio.Task) -> None:
        await eventually(lambda: node.metrics().total("apus_disconnects_total", code="4009") == 1, within=90)
        alive.cancel()

    async def reads_in_time(socket: RawSocket, alive: asyncio.Task) -> None:
        for _ in range(3):
            await asyncio.sleep(8)
            # Below the mark for a moment: the time begins anew.
            while node.metrics().total("apus_outbox_bytes") > MIB:
                await socket.receive_frame()
        alive.cancel()
        await socket.send_command("ping")

    async def drips() -> None:
        socket = await raw(node.port)
        assert (await socket.request("/healthz")).status == 200
        with pytest.raises(ConnectionError):
            async with asyncio.timeout(90):
                await socket.send(b"GET /healthz HTTP/1.1\r\nHost: a\r\nX: ")
                while True:
                    await socket.send(b"x")
                    await asyncio.sleep(0.5)

    async def pipelines_and_never_reads() -> None:
        """An answer that cannot leave has its time, too."""
        socket = await raw(node.port, receive_buffer=4096)
        with pytest.raises(ConnectionError):
            async with asyncio.timeout(90):
                while True:
                    await socket.send(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n" * 100)
                    await asyncio.sleep(0.01)

    stalled = [await half_full(f"{channel}-{number}") for number in range(2)]
    await asyncio.gather(never_reads(*stalled[0]), reads_in_time(*stalled[1]), drips(), pipelines_and_never_reads())
    assert node.metrics().total("apus_disconnects_total", code="4009") == 1
