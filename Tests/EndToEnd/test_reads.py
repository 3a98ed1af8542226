"""Reads of histories while the ways to Redis are unequally fast, and when they are large or many."""

import asyncio
import json

import pytest

from harness import Node, RawSocket, Redis, eventually
from harness.redis_proxy import RedisProxy

pytestmark = pytest.mark.loops

RULES = """
channels:
  - match: "*"
    history: { size: 1000, ttl: 10m }
"""


@pytest.fixture
def redis(tmp_path):
    server = Redis(tmp_path)
    try:
        yield server.start()
    finally:
        server.end()


@pytest.fixture
def rules(tmp_path):
    file = tmp_path / "rules.yaml"
    file.write_text(RULES)
    return file


@pytest.fixture
def proxy(redis):
    with RedisProxy(redis.port) as proxy:
        yield proxy


@pytest.fixture
def nodes(own_node, rules, redis, proxy) -> tuple[Node, Node]:
    """A node behind the proxy, and one that is not."""
    # A link that is held up is not to be given up by itself.
    patient = own_node({"--config": rules, "--redis-timeout": "30s"}, redis=proxy.url)
    return patient, own_node({"--config": rules}, redis=redis.url)


async def subscribe(client, **members) -> dict:
    return await client.succeed("subscribed", "subscribe", channel="room", **members)


async def publish(client, *data) -> dict:
    for value in data:
        reply = await client.succeed("published", "publish", channel="room", data=value)
    return reply


async def test_a_subscribe_ends_though_the_epoch_it_waits_for_is_over(nodes, connect, redis, proxy):
    listener, writer = await connect(nodes[0].ws), await connect(nodes[1].ws)
    await subscribe(listener)
    first = await publish(writer, 1)
    await listener.expect("message", data=1)
    proxy.hold()
    await publish(writer, 2)
    late = await connect(nodes[0].ws)
    pending = await late.start("subscribe", channel="room")
    # The read has told of a message that has not come, and now never will.
    await late.ping()
    await asyncio.sleep(0.2)
    assert not pending.done()
    redis.client.delete("apus:meta:room", "apus:history:room", "apus:run")
    proxy.cut_and_release()
    reply = await late.reply(pending)
    assert reply["type"] == "subscribed" and reply["epoch"] != first["epoch"], reply
    await listener.expect("gap", epoch=reply["epoch"])
    await publish(writer, 3)
    assert (await late.expect("message"))["offset"] == reply["offset"] + 1
    await listener.expect("message", data=3)


async def test_a_node_reads_however_much_it_has_missed(nodes, connect, proxy):
    listener, writer = await connect(nodes[0].ws), await connect(nodes[1].ws)
    await subscribe(listener)
    await publish(writer, 0)
    await listener.expect("message", data=0)
    proxy.hold()
    await asyncio.gather(*[publish(await connect(nodes[1].ws), *range(90)) for _ in range(10)])
    proxy.cut_and_release()
    await eventually(lambda: len(listener.events("message")) == 901, what="some never came")
    await listener.ping()
    assert [event["offset"] for event in listener.events("message")] == list(range(1, 902))
    assert listener.events("gap") == []


async def test_large_histories_cost_nobody_else_anything(own_node, rules, redis, connect):
    """Hundreds of histories of 6 MB at once: Redis keeps a few answers, and what others ask is answered."""
    node = own_node({"--config": rules, "--rate": 0}, redis=redis.url)
    writer = await connect(node.ws)
    for _ in range(100):
        await publish(writer, "x" * 60_000)
    redis.client.config_resetstat()
    before = redis.client.info("memory")["used_memory"]
    greedy = [await connect(node.ws) for _ in range(3)]
    for client in greedy:
        for number in range(100):
            await client.send("history", channel="room", limit=100, id=number)
    for number in range(10):
        await writer.succeed("published", "publish", channel=f"other-{number}", data=number)
    peak = redis.client.info("memory")["used_memory_peak"]
    assert peak - before < 64 << 20, (before, peak)
    await writer.ping()


async def test_what_many_ask_for_at_once_is_read_once(own_node, rules, redis, connect, loops):
    node = own_node({"--config": rules}, redis=redis.url)
    writer = await connect(node.ws)
    place = await publish(writer, *range(50))
    since = {"epoch": place["epoch"], "offset": 10}
    clients = [await connect(node.ws) for _ in range(100)]
    before = redis.client.info("commandstats")["cmdstat_evalsha"]["calls"]
    replies = await asyncio.gather(*[subscribe(client, since=since) for client in clients])
    calls = redis.client.info("commandstats")["cmdstat_evalsha"]["calls"] - before
    assert all(reply["recovered"] for reply in replies)
    for client in clients:
        await eventually(lambda client=client: len(client.events("message")) == 40, what="some never came")
    # Leases and probes run besides; the reads of those who came while one was under way are one.
    assert calls < 100, calls
    assert json.loads(redis.client.xrange("apus:history:room", "50-0")[0][1]["m"])["offset"] == 50


async def test_who_asks_for_much_and_reads_it_gets_it(own_node, rules, redis, connect):
    """More than the outbox holds, asked for in one go, beside messages that come meanwhile."""
    node = own_node({"--config": rules, "--rate": 0}, redis=redis.url)
    writer, reader = await connect(node.ws), await connect(node.ws)
    for _ in range(12):
        await publish(writer, "x" * 60_000)
    await subscribe(reader)
    pending = [await reader.start("history", channel="room", limit=100) for _ in range(8)]
    await publish(writer, *range(20))
    for future in pending:
        reply = await reader.reply(future)
        assert reply["type"] == "history" and len(reply["messages"]) >= 6, reply.get("error")
    assert await reader.collect("message", 20)
    assert reader.is_open


async def test_who_asks_for_much_and_reads_nothing_is_refused(own_node, rules, redis, connect):
    node = own_node({"--config": rules, "--rate": 0}, redis=redis.url)
    writer = await connect(node.ws)
    for _ in range(12):
        await publish(writer, "x" * 60_000)
    before = node.peak_memory()
    greedy = await RawSocket.upgraded(node.port)
    for number in range(200):
        await greedy.send_command("history", channel="room", limit=100, id=number)
    await eventually(
        lambda: node.metrics().total("apus_errors_total", code="rate_limited") > 0, what="it was never refused"
    )
    await publish(writer, 1)
    greedy.close()
    assert node.peak_memory() - before < 40 << 20
