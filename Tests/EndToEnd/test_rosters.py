"""Rosters that are large, or asked for by many, and answers that nobody reads."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from harness import Node, Opcode, RawSocket, Redis, eventually
from harness.client import Client, Message
from harness.keys import SECRET
from harness.tokens import token, url_with
from harness.topology import redis_of_kind

pytestmark = pytest.mark.loops

INFO = "i" * 1000

# A node that bears a Redis that is paused.
PATIENT = {"--redis-timeout": "30s"}

STANDS_STILL = pytest.mark.one_redis("it stands still, so that all is asked at once")

# A third of this outbox has room for some forty members with that info.
NARROW = {"--max-outbox": "128KiB", "--max-message-size": "16KiB"}


@pytest.fixture
def redis(tmp_path):
    server = redis_of_kind(tmp_path)
    try:
        yield server.start()
    finally:
        server.end()


@pytest.fixture
def own_node_of_any_kind(own_node, tmp_path):
    """Starts a node by itself, in memory or on Redis."""
    with ExitStack() as stack:

        def start(kind: str, options: dict) -> Node:
            if kind == "memory":
                return own_node(options)
            server = redis_of_kind(tmp_path)
            stack.callback(server.end)
            return own_node(options, redis=server.start().url)

        yield start


def calls(redis: Redis, *commands: str) -> int:
    """How often Redis has run these since `config_resetstat`."""
    stats = redis.client.info("commandstats")
    return sum(stats.get(f"cmdstat_{command}", {"calls": 0})["calls"] for command in commands)


def rosters(redis: Redis) -> int:
    """How often a roster was read since then, where nobody came or went: each reads the length of two hashes."""
    return calls(redis, "hlen") // 2


@contextmanager
def paused(redis: Redis) -> Iterator[None]:
    """Redis does nothing meanwhile, so that whatever is asked is there at once."""
    redis.pause()
    try:
        yield
    finally:
        redis.resume()


def is_truncated(message: Message, count: int) -> bool:
    return message["count"] == count and message.get("truncated") is True and "members" not in message


def is_whole(message: Message, count: int) -> bool:
    return message["count"] == count == len(message.get("members", [])) and "truncated" not in message


@STANDS_STILL
async def test_a_large_roster_costs_nobody_else_anything(own_node, redis, connect):
    """5,000 members with 1 KB each, asked for a hundred times at once and then on and on."""
    nodes = [own_node(PATIENT, redis=redis.url) for _ in range(2)]
    redis.fill("crowd", 5000, INFO)
    greedy, writer = await connect(nodes[0].ws), await connect(nodes[1].ws)
    redis.client.config_resetstat()
    with paused(redis):
        pending = [await greedy.start("presence", channel="crowd") for _ in range(100)]
        await greedy.ping()
    for future in pending:
        assert is_truncated(reply := await greedy.reply(future), 5000), reply.raw[:200]
    assert 0 < rosters(redis) <= 5, "those that waited together are one"
    pending = []
    for number in range(20):
        await writer.publish("other", number)
        pending += [await greedy.start("presence", channel="crowd") for _ in range(10)]
    for future in pending:
        assert is_truncated(reply := await greedy.reply(future), 5000), reply.raw[:200]
    # The count is read before anything else, and what is too much is not read at all.
    assert calls(redis, "hgetall", "hscan", "hvals") == 0
    reply = await greedy.succeed("presence", "presence", channel="crowd", only="count")
    assert reply["count"] == 5000 and "truncated" not in reply
    assert is_truncated(await writer.subscribe("crowd", presence="watch"), 5000)
    assert is_truncated(await greedy.subscribe("crowd", presence=True), 5001)
    for node in nodes:
        metrics = node.metrics()
        assert metrics.total("apus_redis_reconnects_total") == 0 and metrics.total("apus_redis_up") == 1
        assert metrics.total("apus_errors_total") == 0


@pytest.mark.one_redis("its commands and bytes are counted")
async def test_coming_to_a_crowd_reads_no_roster(own_node, redis, connect):
    node = own_node(redis=redis.url)
    redis.fill("crowd", 1000, INFO)
    redis.client.config_resetstat()
    output = redis.client.info("stats")["total_net_output_bytes"]
    for number in range(50):
        client = await connect(node.ws, user=f"new-{number}")
        assert is_truncated(await client.subscribe("crowd", presence=True, info=INFO), 1001 + number)
    assert calls(redis, "hgetall", "hscan", "hvals") == 0
    # Rosters would be 50 MB.
    assert redis.client.info("stats")["total_net_output_bytes"] - output < 1 << 20


@STANDS_STILL
async def test_rosters_that_many_ask_for_are_read_once(own_node, redis, connect):
    node = own_node(PATIENT, redis=redis.url)
    redis.fill("room", 150, INFO)
    clients = [await connect(node.ws) for _ in range(40)]
    redis.client.config_resetstat()
    with paused(redis):
        pending = [(client, await client.start("presence", channel="room")) for client in clients for _ in range(5)]
        await clients[-1].ping()
    for client, future in pending:
        assert is_whole(reply := await client.reply(future), 150), reply.raw[:200]
    assert 0 < rosters(redis) <= 5
    assert 0 < calls(redis, "hscan") < 50, "a few pages each"
    redis.client.config_resetstat()
    with paused(redis):
        pending = [(client, await client.start("subscribe", channel="room", presence=True)) for client in clients]
        await clients[-1].ping()
    for client, future in pending:
        reply = await client.reply(future)
        # Whoever else has come by then, it is among those who are told.
        assert client.id in {member.get("client") for member in reply["members"]}
    # One for each who came, and two for each roster.
    assert calls(redis, "hlen") <= 40 + 2 * 10


@STANDS_STILL
async def test_one_roster_for_many_is_not_held_for_all_of_them(own_node, redis, connect):
    """Each answer has the members under its own id, 310 KB of them."""
    node = own_node(PATIENT, redis=redis.url)
    redis.fill("room", 750, INFO[:320])
    clients = [await connect(node.ws) for _ in range(150)]
    before = node.peak_memory()
    with paused(redis):
        pending = [(client, await client.start("presence", channel="room")) for client in clients]
        await clients[-1].ping()
    for client, future in pending:
        assert is_whole(reply := await client.reply(future), 750), reply.raw[:200]
    # All at once they were 46 MB.
    assert node.peak_memory() - before < 25 << 20


@pytest.mark.parametrize("kind", ["memory", "redis"])
async def test_members_are_told_as_long_as_they_fit(own_node_of_any_kind, connect, channel, kind):
    node = own_node_of_any_kind(kind, NARROW)
    watcher = await connect(node.ws)
    told = []
    for number in range(50):
        client = await connect(node.ws, user=f"u{number}")
        reply = await client.subscribe(channel, presence=True, info=INFO)
        assert is_whole(reply, number + 1) or is_truncated(reply, number + 1), reply.raw[:200]
        assert len(reply.raw) < (128 << 10) // 3
        told.append("members" in reply)
        answer = await watcher.succeed("presence", "presence", channel=channel)
        assert ("members" in answer) == told[-1] and ("truncated" in answer) != told[-1]
        assert answer["count"] == number + 1
    assert told[:38] == [True] * 38 and told[44:] == [False] * 6, told
    assert is_truncated(await watcher.subscribe(channel, presence="watch"), 50)
    # Another connection of a user makes it no larger; and once some have gone they are told again.
    again = await connect(node.ws, user="u0")
    assert is_truncated(await again.subscribe(channel, presence=True, info=INFO), 50)


@pytest.mark.parametrize("kind", ["memory", "redis"])
async def test_a_user_with_many_connections_is_one_member(own_node_of_any_kind, connect, channel, kind):
    node = own_node_of_any_kind(kind, NARROW)
    for number in range(60):
        client = await connect(node.ws, user="alice")
        reply = await client.subscribe(channel, presence=True, info=f"{number:04}" + INFO[4:])
        # Who came last is told by the millisecond.
        await asyncio.sleep(0.002)
    assert reply["members"] == [{"user": "alice", "clients": 60, "info": "0059" + INFO[4:]}]


async def test_a_roster_behind_unread_answers_is_left_out(own_node, redis, connect, raw):
    """A client that reads nothing is not closed for the members of a channel that it enters."""
    node = own_node(NARROW, redis=redis.url)
    redis.fill("room", 30, INFO)
    stalled = await raw(node.port, upgraded=True, receive_buffer=4096)
    number = 0
    # The kernel takes some of it, and a little more each time it is asked.
    for _ in range(20):
        number += 1
        await stalled.send_command("subscribe", channel="room", presence="watch", id=number)
        while node.metrics().total("apus_outbox_bytes") < 100_000:
            number += 1
            await stalled.send_command("subscribe", channel="room", presence="watch", id=number)
    await stalled.send_command("subscribe", channel="room", presence="watch", id="last")
    await eventually(lambda: node.metrics().total("apus_commands_total") == number + 1)
    # Asked after the last of them, and read after it.
    await (await connect(node.ws)).command("presence", channel="room", only="count")
    members = []
    while True:
        event = json.loads((await stalled.receive_frame())[1])
        if event["type"] == "subscribed":
            members.append("members" in event)
            assert members[-1] or is_truncated(event, 30)
        if event.get("id") == "last":
            break
    assert members[0] and not all(members)
    # What is read makes room.
    await stalled.send_command("subscribe", channel="room", presence="watch")
    assert len(json.loads((await stalled.receive_frame())[1])["members"]) == 30


async def test_who_asks_for_rosters_and_reads_nothing_is_refused(own_node, redis, connect):
    node = own_node(redis=redis.url)
    redis.fill("room", 250, INFO)
    before = node.peak_memory()
    greedy = [await RawSocket.upgraded(node.port) for _ in range(10)]
    for socket in greedy:
        for number in range(40):
            await socket.send_command("presence", channel="room", id=number)
    await eventually(
        lambda: node.metrics().total("apus_errors_total", code="rate_limited") > 0, what="none was ever refused"
    )
    writer = await connect(node.ws)
    await writer.publish("other", 1)
    # Four outboxes each; a hundred megabytes without.
    assert node.peak_memory() - before < 70 << 20
    for socket in greedy:
        socket.close()


@STANDS_STILL
async def test_members_are_not_told_to_who_may_not_know_them_any_more(own_node, redis, connect):
    """The right ends while Redis still reads."""
    options = {**PATIENT, "--jwt-secret": SECRET.private.decode()}
    node = own_node(options, redis=redis.url, dev=False)
    redis.fill("room", 3, INFO)
    client = await connect(url_with(node.ws, token(SECRET, channels={"room": ["subscribe", "presence"]})))
    await client.subscribe("room")
    assert is_whole(await client.command("presence", channel="room"), 3)
    with paused(redis):
        asked = [await client.start("presence", channel="room"), await client.start("presence", channel="room")]
        asked.append(await client.start("presence", channel="room", only="count"))
        entering = await client.start("subscribe", channel="room", presence="watch")
        await client.succeed("authenticated", "auth", token=token(SECRET, channels={"room": ["subscribe"]}))
    for future in [*asked, entering]:
        reply = await client.reply(future)
        assert reply.get("code") == "forbidden" and "members" not in reply, reply.raw
    await client.subscribe("room")


async def test_what_others_write_into_a_roster_is_bounded(own_node, redis, connect):
    """Entries that no node writes: as many as are told, and far too large."""
    node = own_node(redis=redis.url)
    client = await connect(node.ws)
    redis.fill("room", 20, INFO)
    room = redis.key("presence", "room")
    redis.at("room").hset(room, mapping={"a": "no entry", "b": '{"user":1}', "c": ""})
    assert is_whole(await client.command("presence", channel="room"), 20)
    redis.at("room").hset(room, "d", "x" * (64 << 20))
    before = node.peak_memory()
    # 64 MiB may take Redis longer than a node waits.
    assert is_truncated(await eventually(roster, client, "room"), 20)
    assert node.peak_memory() - before < 20 << 20
    redis.at("other").set(redis.key("presence", "other"), "no hash")
    assert (await client.command("presence", channel="other"))["code"] == "internal"
    assert node.metrics().total("apus_redis_reconnects_total") == 0


async def roster(client: Client, channel: str) -> Message | None:
    """None as long as Redis cannot be reached."""
    reply = await client.command("presence", channel=channel)
    return None if reply.get("code") == "unavailable" else reply


async def in_channels(raw, node: Node, count: int) -> RawSocket:
    """A connection that is in so many channels of the longest names."""
    socket = await raw(node.port, upgraded=True)
    await socket.receive_frame()
    for number in range(count):
        await socket.send_command("subscribe", channel=f"{number:04}" + "n" * 196)
        await socket.receive_frame()
    return socket


async def answer(socket: RawSocket, message: object) -> bytes:
    await socket.send_frame(Opcode.TEXT, json.dumps(message).encode())
    return (await socket.receive_frame())[1]


def rpc(method: str, id: object) -> dict:
    return {"jsonrpc": "2.0", "method": method, "id": id}


async def test_answers_larger_than_the_outbox_are_refused(own_node, raw):
    socket = await in_channels(raw, own_node({**NARROW, "--max-channels": 1000}), 700)
    reply = json.loads(await answer(socket, {"type": "request", "method": "channels", "id": 1}))
    assert reply["code"] == "too_large" and reply["id"] == 1 and not reply["temporary"]
    assert json.loads(await answer(socket, rpc("channels", 2)))["error"]["code"] == -32603
    channels, time = json.loads(await answer(socket, [rpc("channels", 3), rpc("time", 4)]))
    assert channels["error"]["code"] == -32603 and "result" in time


async def test_the_nodes_own_answers_to_a_batch_are_bounded(memory_node, raw):
    """Fifty times the names of 128 channels would be 1.3 MB."""
    socket = await in_channels(raw, memory_node, 128)
    text = await answer(socket, [rpc("channels", number) for number in range(50)])
    answers = json.loads(text)
    assert len(text) <= 1 << 20
    assert [each["id"] for each in answers] == list(range(50))
    codes = [each["error"]["code"] if "error" in each else None for each in answers]
    assert 35 < codes.count(None) < 50 and codes.count(-32603) == 50 - codes.count(None)
