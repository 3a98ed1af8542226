"""Limits, and what going beyond them costs: never anybody else."""

import asyncio

import pytest
import websockets

from harness import Opcode, eventually
from harness.client import Client

pytestmark = pytest.mark.loops


async def test_too_many_channels(own_node, connect, channel):
    node = own_node({"--max-channels": 3})
    client = await connect(node.ws)
    for number in range(3):
        await client.subscribe(f"{channel}-{number}")
    reply = await client.command("subscribe", channel=f"{channel}-3")
    assert reply.type == "error" and reply["code"] == "too_many_channels"
    # One it has already costs nothing, and one given up makes room.
    await client.subscribe(f"{channel}-0")
    await client.unsubscribe(f"{channel}-1")
    await client.subscribe(f"{channel}-3")
    other = await connect(node.ws)
    await other.subscribe(channel)


async def test_rate_limit(own_node, connect, channel):
    node = own_node({"--rate": 2, "--burst": 10})
    client = await connect(node.ws)
    other = await connect(node.ws)
    replies = [await client.reply(future) for future in [await client.start("ping") for _ in range(40)]]
    refused = [reply for reply in replies if reply.type == "error"]
    assert len(replies) - len(refused) >= 10 and refused
    for reply in refused:
        assert reply["code"] == "rate_limited" and reply["temporary"] is True
        assert 0 < reply["retryAfter"] <= 20_000
    await other.ping()
    await eventually(lambda: allowed(client), what="never allowed again")


async def allowed(client: Client) -> bool:
    reply = await client.command("ping")
    if reply.type == "pong":
        return True
    await asyncio.sleep(reply["retryAfter"] / 1000)
    return False


async def test_staying_above_the_rate_is_closed(own_node, connect):
    node = own_node({"--rate": 5, "--burst": 5})
    client = await connect(node.ws)
    with pytest.raises(websockets.ConnectionClosed):
        async with asyncio.timeout(60):
            while True:
                await client.send("ping")
                await asyncio.sleep(0.02)
    assert await client.closed_with() == 4008
    assert client.events("error"), "closed without having been told"
    assert {error["code"] for error in client.events("error")} == {"rate_limited"}


async def test_a_client_that_never_reads_is_closed_alone(own_node, connect, raw, channel):
    node = own_node({"--max-outbox": 131072})
    stalled = await raw(node.port, upgraded=True, receive_buffer=4096)
    await stalled.send_command("subscribe", channel=channel)
    listener = await connect(node.ws)
    publisher = await connect(node.ws)
    await listener.subscribe(channel)
    await eventually(lambda: node.metrics().total("apus_subscriptions") == 2)
    sent = 0
    # The kernel holds some megabytes before the node's own outbox begins to fill.
    while node.metrics().total("apus_disconnects_total", code="4009") == 0:
        assert sent < 1000, "60 MB were sent to a client that does not read"
        for _ in range(20):
            await publisher.publish(channel, [sent, "x" * 60_000])
            message = await listener.expect("message")
            assert message["data"][0] == sent
            sent += 1
    assert len(listener.events("message")) == sent
    assert listener.is_open and publisher.is_open
    assert node.metrics().total("apus_connections") == 2


async def test_a_fast_reader_is_not_closed_for_what_one_turn_brings(own_node, connect, channel):
    node = own_node({"--max-message-size": 4096, "--max-outbox": 16384})
    listener, publisher = [await connect(node.ws) for _ in range(2)]
    await listener.subscribe(channel)
    # Everything at once: the node reads many times its limit in one turn, and the listener has an idle socket.
    futures = [await publisher.start("publish", channel=channel, data=[n, "x" * 1500]) for n in range(400)]
    for future in futures:
        assert (await publisher.reply(future)).type == "published"
    messages = await listener.collect("message", len(futures))
    assert [message["data"][0] for message in messages] == list(range(len(futures)))
    assert node.metrics().total("apus_disconnects_total", code="4009") == 0


async def test_members_larger_than_the_outbox(own_node, connect, channel):
    node = own_node({"--max-message-size": 2048, "--max-outbox": 4096})
    members = [await connect(node.ws, user=f"user-{number}") for number in range(20)]
    for member in members:
        await member.subscribe(channel, presence=True, info="x" * 1000)
    reply = await members[0].command("presence", channel=channel)
    assert reply["count"] == len(members) and reply["truncated"] is True and "members" not in reply
    assert all(member.is_open for member in members)


async def test_what_was_queued_reaches_a_peer_that_has_ended_its_half(own_node, connect, raw, channel):
    node = own_node({"--max-outbox": 16 << 20})
    stalled = await raw(node.port, upgraded=True, receive_buffer=4096)
    await stalled.send_command("subscribe", channel=channel)
    publisher = await connect(node.ws)
    await eventually(lambda: node.metrics().total("apus_subscriptions") == 1)
    count = 100
    for number in range(count):
        await publisher.publish(channel, [number, "x" * 60_000])
    assert node.metrics().total("apus_outbox_bytes") > 0, "the kernel has taken it all"
    await stalled.send_frame(Opcode.CLOSE, (1000).to_bytes(2))
    await stalled.end_writing()
    opcodes = []
    while not opcodes or opcodes[-1] is not Opcode.CLOSE:
        opcode, payload = await stalled.receive_frame()
        opcodes.append(opcode)
    # `connected`, `subscribed`, the messages, and the end.
    assert opcodes.count(Opcode.TEXT) == 2 + count
    await stalled.ended()


async def test_max_connections(own_node, connect):
    node = own_node({"--max-connections": 3})
    clients: list[Client] = []

    async def full() -> bool:
        """The node's other connections, such as the last look at its readiness, may take a moment to be gone."""
        try:
            clients.append(await connect(node.ws))
        except websockets.InvalidStatus as refusal:
            assert refusal.response.status_code == 503
            assert int(refusal.response.headers["Retry-After"]) > 0
        return len(clients) == 3

    await eventually(full)
    for _ in range(5):
        await full()
        assert len(clients) == 3
    for client in clients:
        await client.ping()
    await clients.pop().close()
    await eventually(full)


async def test_info_over_its_limit(memory_node, connect, channel):
    client = await connect(memory_node.ws)
    fits, too_large = "x" * 1022, "x" * 1023
    reply = await client.command("subscribe", channel=channel, presence=True, info=too_large)
    assert reply.type == "error" and reply["code"] == "too_large"
    reply = await client.subscribe(channel, presence=True, info=fits)
    assert reply["members"][0]["info"] == fits


async def test_ping_is_answered(memory_node, connect, raw):
    client = await connect(memory_node.ws)
    pong = await client.ping()
    assert isinstance(pong["ts"], int)
    await client.send("ping")
    assert (await client.expect("pong"))["ts"] >= pong["ts"]
    await asyncio.wait_for(await client.socket.ping(b"control frame"), 30)


async def test_silence_is_pinged_and_closed(own_node, connect, raw):
    node = own_node({"--ping-interval": "1s", "--pong-timeout": "1s"})
    answering = await connect(node.ws)
    assert answering.hello["pingInterval"] == 1000
    silent = await raw(node.port, upgraded=True)
    pings = 0
    while True:
        opcode, payload = await silent.receive_frame()
        if opcode is Opcode.CLOSE:
            break
        pings += opcode is Opcode.PING
    assert pings >= 1 and int.from_bytes(payload[:2]) == 4010
    await silent.ended()
    assert answering.is_open
    await answering.ping()
    await eventually(lambda: node.metrics().total("apus_disconnects_total", code="4010") == 1)
