"""Coming back: all channels at once, within the rate. A subscribe without a token waits; nothing else does."""

import asyncio
import json
import signal
import time
from collections import Counter
from collections.abc import Iterator

import pytest
import websockets
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory

from harness import Node, Opcode, eventually
from harness.client import Client, Message

# As a node is started without options.
DEFAULTS = {"--rate": 50, "--burst": 100}

# Hardly a token comes while a test runs.
# A token in nine seconds.
SLOW = {"--rate": 0.11, "--burst": 1}


@pytest.fixture
def slow_node(tmp_path) -> Iterator[Node]:
    """How many loops it has makes no difference to one connection, and it takes its time."""
    node = Node("slow", tmp_path, options={**SLOW, "--ping-interval": "1s", "--pong-timeout": "1s"})
    try:
        yield node.start()
    finally:
        node.end()


def limited(node: Node) -> float:
    metrics = node.metrics()
    return sum(metrics.total("apus_limited_total", limit=name) for name in ("rate", "user_rate"))


async def at_once(client: Client, channel: str, count: int, **members: object) -> list[Message]:
    """Subscribes to so many channels without waiting for any; the replies."""
    futures = [await client.start("subscribe", channel=f"{channel}-{number}", **members) for number in range(count)]
    return [await client.reply(future) for future in futures]


def codes(replies: list[Message]) -> Counter:
    return Counter(reply.get("code", reply.type) for reply in replies)


async def test_all_channels_at_once(own_node, connect, channel):
    node = own_node(DEFAULTS)
    client, publisher = await connect(node.ws), await connect(node.ws)
    assert codes(await at_once(client, channel, 128)) == {"subscribed": 128}
    assert limited(node) == 0
    assert list(client.replies) == sorted(client.replies)
    for number in (0, 127):
        await publisher.publish(f"{channel}-{number}", number)
        await client.expect("message", data=number)


async def test_what_follows_keeps_its_order(own_node, connect, channel):
    node = own_node({"--rate": 50, "--burst": 10})
    client = await connect(node.ws)
    subscribes = [await client.start("subscribe", channel=f"{channel}-{n}", presence=True) for n in range(30)]
    ping = await client.start("ping")
    # Only subscribes wait: for another command there is a token or not.
    assert (await client.reply(ping)).get("code") in (None, "rate_limited")
    # A subscribe is answered when the channel is there, so the last one may be answered after the ping.
    assert sum(future.done() for future in subscribes) >= 29
    assert codes([await client.reply(future) for future in subscribes]) == {"subscribed": 30}
    answered = [id for id in client.replies if id != 31]
    assert answered == sorted(answered)


async def test_compressed_subscribes_wait_too(own_node, channel):
    node = own_node({**DEFAULTS, "--compression": None})
    socket = await websockets.connect(
        node.ws, extensions=[ClientPerMessageDeflateFactory()], compression=None, proxy=None
    )
    client = Client(socket)
    assert socket.protocol.extensions
    try:
        assert codes(await at_once(client, channel, 128)) == {"subscribed": 128}
    finally:
        await client.close()


async def test_no_more_than_a_connection_may_have(own_node, connect, channel):
    node = own_node({"--rate": 100, "--burst": 50, "--max-channels": 64})
    client = await connect(node.ws)
    replies = await at_once(client, channel, 200)
    # 50 by the burst and 64 that have waited; what came too late had no token, or got one later and had no room.
    assert codes(replies[:64]) == {"subscribed": 64}
    assert codes(replies[64:114]) == {"too_many_channels": 50}
    late = codes(replies[114:])
    assert late["rate_limited"] > 0 and late.keys() <= {"rate_limited", "too_many_channels"}, late
    assert all(0 < reply["retryAfter"] <= 1000 for reply in replies if reply.get("code") == "rate_limited")
    await eventually(lambda: is_allowed(client))


async def is_allowed(client: Client) -> bool:
    return (await client.command("ping")).type == "pong"


async def test_reconnecting_is_no_way_around_the_rate(own_node, connect, channel):
    """Ten connections of one user, on all loops: all come in, no faster than the user may."""
    rate, burst = 200, 40
    node = own_node({"--rate": rate, "--burst": burst})
    began = time.monotonic()
    clients = [await connect(node.ws, user="alice") for _ in range(10)]
    replies = await asyncio.gather(*(at_once(client, channel, 32) for client in clients))
    assert codes(sum(replies, [])) == {"subscribed": 320}
    assert time.monotonic() - began >= (320 - burst) / rate
    assert limited(node) == 0


async def test_what_happens_meanwhile(slow_node, connect, raw, channel):
    """Events arrive, pongs are not missed, what is not a subscribe is refused, and an end is an end."""
    client, publisher, gone, closing = [await connect(slow_node.ws) for _ in range(4)]
    other = await connect(slow_node.ws)
    refused = await connect(slow_node.ws)
    await client.subscribe(f"{channel}-0")
    for each in (gone, closing, refused):
        await each.subscribe(channel)
    waiting = await client.start("subscribe", channel=f"{channel}-1")
    behind = await client.start("ping")
    await gone.start("subscribe", channel=f"{channel}-1")
    await closing.start("subscribe", channel=f"{channel}-1")
    assert (await refused.command("ping"))["code"] == "rate_limited"
    await publisher.publish(f"{channel}-0", "meanwhile")
    await client.expect("message", data="meanwhile")
    assert not waiting.done()
    await gone.abort()
    await closing.close()
    # Somebody else's commands do not wait.
    await other.subscribe(f"{channel}-1")
    assert (await client.reply(waiting))["type"] == "subscribed"
    assert (await client.reply(behind))["code"] == "rate_limited"
    assert client.is_open
    await eventually(lambda: slow_node.metrics().total("apus_connections") == 4)
    # The next one waits again, and the node that goes away closes it in order.
    await client.start("subscribe", channel=f"{channel}-2")
    slow_node.signal(signal.SIGTERM)
    assert await client.closed_with() == 1012
    assert slow_node.wait() == 0


async def test_a_token_that_cannot_come_in_time_is_not_waited_for(own_node, connect, channel):
    client = await connect(own_node({"--rate": 0.09, "--burst": 1}).ws)
    await client.subscribe(channel)
    reply = await client.command("subscribe", channel=f"{channel}-1")
    assert reply["code"] == "rate_limited" and 10_000 < reply["retryAfter"] <= 11_112, reply.raw


async def test_the_closing_handshake_goes_on(slow_node, raw, channel):
    """A node that closes a connection it does not read hears the answer."""
    socket = await raw(slow_node.port, upgraded=True)
    await socket.receive_frame()
    for number in range(3):
        await socket.send_command("subscribe", channel=f"{channel}-{number}", id=number)
    assert json.loads((await socket.receive_frame())[1])["type"] == "subscribed"
    slow_node.signal(signal.SIGTERM)
    payload = await socket.close_frame()
    await socket.send_frame(Opcode.CLOSE, payload)
    assert await socket.ended() == b"", "what waited was done after the close frame"
    assert slow_node.wait() == 0
