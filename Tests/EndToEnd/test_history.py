"""What was published before: history, recovery, keys, the newest message, and signals."""

import asyncio
import base64
import json

import pytest

from harness import Cluster, Node, eventually
from harness.client import Client

pytestmark = pytest.mark.loops

RULES = """
channels:
  - match: "kept:*"
    history: { size: 1000, ttl: 10m }
  - match: "short:*"
    history: { size: 3, ttl: 10m }
  - match: "last:*"
    last: true
  - match: "*"
"""


@pytest.fixture
def rules(tmp_path):
    file = tmp_path / "rules.yaml"
    file.write_text(RULES)
    return file


@pytest.fixture(params=["memory", "redis"])
def node(request, own_node, own_cluster, rules) -> Node:
    """A node that keeps history, alone or with Redis."""
    options = {"--config": rules}
    return own_node(options) if request.param == "memory" else own_cluster(nodes=1, options=options).nodes[0]


async def publish(client: Client, channel: str, *data: object, **members: object) -> list[dict]:
    """Publishes, one after the other, and returns the replies."""
    return [await client.succeed("published", "publish", channel=channel, data=value, **members) for value in data]


async def subscribe(client: Client, channel: str, **members: object) -> dict:
    return await client.succeed("subscribed", "subscribe", channel=channel, **members)


def at(reply: dict, offset: int | None = None) -> dict:
    """The place of a reply, or another one of its epoch, as `since` wants it."""
    return {"epoch": reply["epoch"], "offset": reply["offset"] if offset is None else offset}


async def messages(client: Client, count: int, channel: str) -> list[tuple[int, object]]:
    """Waits for so many messages, and that there are no more: offsets and data, in order."""
    await eventually(lambda: len(client.events("message")) >= count, what=f"{count} messages never came")
    await client.ping()
    found = [(event["offset"], event["data"]) for event in client.events("message") if event["channel"] == channel]
    assert len(found) == count, (len(found), count, found[:3], found[-3:], [a for a, b in zip(found, found[1:]) if b[0] != a[0] + 1])
    return found


async def test_messages_are_counted(node, connect):
    writer, reader = await connect(node.ws), await connect(node.ws)
    first = await subscribe(reader, "kept:1")
    assert first["offset"] == 0 and "recovered" not in first
    replies = await publish(writer, "kept:1", "a", "b")
    assert [at(reply) for reply in replies] == [at(first, 1), at(first, 2)]
    assert await messages(reader, 2, "kept:1") == [(1, "a"), (2, "b")]
    late = await subscribe(await connect(node.ws), "kept:1")
    assert at(late) == at(first, 2)
    # Who asks for nothing of the past is not told that it came, also where it subscribes again.
    again = await subscribe(reader, "kept:1")
    assert "recovered" not in late and "recovered" not in again


async def test_a_channel_without_history_has_no_places(node, connect):
    writer, reader = await connect(node.ws), await connect(node.ws)
    assert "offset" not in await subscribe(reader, "plain", since=0)
    assert "offset" not in (await publish(writer, "plain", 1))[0]
    assert "offset" not in await reader.expect("message")
    assert (await reader.command("history", channel="plain"))["code"] == "forbidden"


@pytest.mark.parametrize("since", [0, 3, 5])
async def test_what_was_missed_comes_first(node, connect, since):
    writer = await connect(node.ws)
    replies = await publish(writer, "kept:1", 1, 2, 3, 4, 5)
    client = await connect(node.ws)
    reply = await subscribe(client, "kept:1", since=at(replies[0], since))
    assert reply["recovered"] is True and reply["offset"] == since
    await publish(writer, "kept:1", 6)
    assert await messages(client, 6 - since, "kept:1") == [(n, n) for n in range(since + 1, 7)]


async def test_by_time(node, connect):
    writer, reader = await connect(node.ws), await connect(node.ws)
    await subscribe(reader, "kept:1")
    for data in "abc":
        await publish(writer, "kept:1", data)
        await asyncio.sleep(0.01)
    await messages(reader, 3, "kept:1")
    times = [event["ts"] for event in reader.events("message")]
    client = await connect(node.ws)
    reply = await subscribe(client, "kept:1", since=times[0])
    assert reply["recovered"] is True and reply["offset"] == 1
    assert await messages(client, 2, "kept:1") == [(2, "b"), (3, "c")]
    # Before everything: the first message is still held, so nothing can be missing.
    early = await connect(node.ws)
    assert (await subscribe(early, "kept:1", since=1))["recovered"] is True
    assert len(await messages(early, 3, "kept:1")) == 3


async def test_what_cannot_be_recovered_is_not_begun(node, connect):
    writer = await connect(node.ws)
    replies = await publish(writer, "short:1", 1, 2, 3, 4, 5)
    for since, recovers in [(2, True), (1, False), (0, False), (5, True), (6, False)]:
        client = await connect(node.ws)
        reply = await subscribe(client, "short:1", since=at(replies[0], since))
        assert reply["recovered"] is recovers, since
        assert reply["offset"] == (since if recovers else 5)
        await messages(client, 5 - since if recovers else 0, "short:1")
    other = await connect(node.ws)
    reply = await subscribe(other, "short:1", since={"epoch": "another", "offset": 4})
    assert reply["recovered"] is False and at(reply) == at(replies[-1])
    await messages(other, 0, "short:1")
    by_time = await connect(node.ws)
    assert (await subscribe(by_time, "short:1", since=1))["recovered"] is False


async def test_three_hundred_are_recovered_and_no_more(node, connect):
    writer = await connect(node.ws)
    replies = await publish(writer, "kept:1", *range(1, 302))
    near, far = await connect(node.ws), await connect(node.ws)
    assert (await subscribe(near, "kept:1", since=at(replies[0], 1)))["recovered"] is True
    assert await messages(near, 300, "kept:1") == [(n, n) for n in range(2, 302)]
    assert (await subscribe(far, "kept:1", since=at(replies[0], 0)))["recovered"] is False


async def test_more_than_the_outbox_holds_is_recovered(own_node, rules, connect):
    node = own_node({"--config": rules, "--max-outbox": "256KiB"})
    writer = await connect(node.ws)
    text = "x" * 20_000
    replies = await publish(writer, "kept:1", *[text] * 300)
    client = await connect(node.ws)
    reply = await subscribe(client, "kept:1", since=at(replies[0], 0))
    assert reply["recovered"] is True
    await publish(writer, "kept:1", "new")
    found = await messages(client, 301, "kept:1")
    assert [offset for offset, _ in found] == list(range(1, 302)) and found[-1][1] == "new"


async def test_while_messages_keep_coming(node, connect):
    """Everybody who comes in the middle gets every message once and in order, from where they left off."""
    writer = await connect(node.ws)
    start = await subscribe(await connect(node.ws), "kept:1")
    going = True

    async def write() -> int:
        count = 0
        while going:
            count += 1
            await writer.send(type="publish", channel="kept:1", data=count)
            if count % 10 == 0:
                await asyncio.sleep(0.002)
        return count

    task = asyncio.create_task(write())
    readers = []
    for _ in range(10):
        reader = await connect(node.ws)
        reply = await subscribe(reader, "kept:1", since=at(start, len(readers)))
        readers.append((reader, reply))
        await asyncio.sleep(0.005)
    going = False
    total = await task
    for number, (reader, reply) in enumerate(readers):
        first = (number if reply["recovered"] else reply["offset"]) + 1
        assert reply["offset"] == first - 1
        found = await messages(reader, total - first + 1, "kept:1")
        assert found == [(n, n) for n in range(first, total + 1)]


async def test_own_messages_without_echo_are_left_out(node, connect):
    client = await connect(node.ws)
    first = (await publish(client, "kept:1", 1))[0]
    await publish(client, "kept:1", 2, echo=False)
    await publish(client, "kept:1", 3)
    await subscribe(client, "kept:1", since=at(first, 0))
    assert await messages(client, 2, "kept:1") == [(1, 1), (3, 3)]
    other = await connect(node.ws)
    await subscribe(other, "kept:1", since=at(first, 0))
    assert len(await messages(other, 3, "kept:1")) == 3


async def test_the_command_history(node, connect):
    writer = await connect(node.ws)
    replies = await publish(writer, "kept:1", *range(1, 151))

    async def offsets(**members: object) -> list[int]:
        reply = await writer.succeed("history", "history", channel="kept:1", **members)
        assert at(reply) == at(replies[-1]) and "reset" not in reply
        assert all(message["type"] == "message" for message in reply["messages"])
        return [message["offset"] for message in reply["messages"]]

    assert await offsets() == list(range(51, 151))
    assert await offsets(limit=3) == [148, 149, 150]
    assert await offsets(limit=1000) == list(range(51, 151))
    assert await offsets(since=at(replies[0], 10), limit=2) == [11, 12]
    assert await offsets(since=at(replies[0], 149)) == [150]
    assert await offsets(since=at(replies[0], 151)) == []
    assert len(await offsets(since=1)) == 100
    other = {"epoch": "another", "offset": 1}
    reply = await writer.succeed("history", "history", channel="kept:1", since=other)
    assert reply["reset"] is True and reply["messages"] == [] and at(reply) == at(replies[-1])
    for limit in (0, -1, 1.5, "2"):
        assert (await writer.command("history", channel="kept:1", limit=limit))["code"] == "bad_request"


async def test_a_key_is_taken_once(node, connect):
    alice, bob = [await connect(f"{node.ws}?user={user}") for user in ("alice", "bob")]
    again = await connect(f"{node.ws}?user=alice")
    reader = await connect(node.ws)
    await subscribe(reader, "kept:1")
    await subscribe(reader, "plain")
    first = (await publish(alice, "kept:1", 1, key="k"))[0]
    assert "duplicate" not in first
    for client in (alice, again):
        second = (await publish(client, "kept:1", 2, key="k"))[0]
        assert at(second) == at(first) and second["duplicate"] is True
    assert (await publish(bob, "kept:1", 3, key="k"))[0]["offset"] == 2
    await publish(alice, "plain", 1, key="k")
    assert (await publish(alice, "plain", 2, key="k"))[0]["duplicate"] is True
    await eventually(lambda: len(reader.events("message")) >= 3)
    await reader.ping()
    assert [event["data"] for event in reader.events("message")] == [1, 3, 1]
    for key in ("", 5, "k" * 65):
        assert (await alice.command("publish", channel="kept:1", data=1, key=key)).type == "error"


async def test_the_newest_is_sent_to_whoever_comes(node, connect):
    writer, before = await connect(node.ws), await connect(node.ws)
    assert (await subscribe(before, "last:1"))["offset"] == 0
    await publish(writer, "last:1", "old", "new")
    late = await connect(node.ws)
    assert (await subscribe(late, "last:1"))["offset"] == 1
    assert await messages(late, 1, "last:1") == [(2, "new")]
    assert len(await messages(before, 2, "last:1")) == 2


async def test_binary_messages_are_kept(node, connect):
    writer, reader = await connect(node.ws), await connect(node.ws)
    start = await subscribe(reader, "kept:1")
    await writer.socket.send(b"\x01\x00\x06kept:1" + b"\x00\xff")
    expected = b"\x02\x00\x06kept:1" + (1).to_bytes(8) + b"\x00\xff"
    await eventually(lambda: reader.binary == [expected], what="it never came")
    late = await connect(node.ws)
    assert (await subscribe(late, "kept:1", since=at(start, 0)))["recovered"] is True
    await eventually(lambda: late.binary == [expected], what="it was not recovered")
    kept = (await writer.succeed("history", "history", channel="kept:1"))["messages"]
    assert [base64.b64decode(message["binary"]) for message in kept] == [b"\x00\xff"]
    assert kept[0]["offset"] == 1 and kept[0]["channel"] == "kept:1"


async def test_signals(node, connect):
    alice, bob = [await connect(f"{node.ws}?user={user}") for user in ("alice", "bob")]
    for client in (alice, bob):
        await subscribe(client, "kept:1")
    reply = await alice.succeed("signalled", "signal", channel="kept:1", event="typing", data={"a": [1]})
    assert reply["channel"] == "kept:1"
    await bob.expect("signal", channel="kept:1", event="typing", data={"a": [1]}, **{"from": "alice"})
    await alice.ping()
    assert alice.events("signal") == []
    assert (await subscribe(await connect(node.ws), "kept:1"))["offset"] == 0, "it is not kept"
    for members in ({"event": 1}, {"event": ""}, {"event": "x" * 65}, {}):
        assert (await alice.command("signal", channel="kept:1", data=1, **members)).type == "error"


async def test_since_that_cannot_be(node, connect):
    client = await connect(node.ws)
    for since in ("1", -1, 1.5, {}, {"epoch": "a"}, {"epoch": 1, "offset": 1}, {"epoch": "a", "offset": -1}, [], True):
        assert (await client.command("subscribe", channel="kept:1", since=since))["code"] == "bad_request", since


# Redis, and what becomes of it


async def test_redis_holds_it_as_the_design_says(own_cluster, rules, connect):
    cluster: Cluster = own_cluster(nodes=1, options={"--config": rules})
    client = await connect(f"{cluster.nodes[0].ws}?user=alice")
    reply = (await publish(client, "kept:1", {"a": 1}, key="k"))[0]
    redis, key = cluster.redis.at("kept:1"), cluster.redis.key
    assert redis.hgetall(key("meta", "kept:1"))["epoch"] == reply["epoch"]
    assert redis.hget(key("meta", "kept:1"), "offset") == "1"
    [(entry, fields)] = redis.xrange(key("history", "kept:1"))
    assert entry == "1-0" and json.loads(fields["m"])["data"] == {"a": 1} and int(fields["t"]) > 0
    assert 0 < redis.pttl(key("history", "kept:1")) <= 600_000
    (once,) = cluster.redis.keys("apus:*key:kept:1 alice:k")
    assert 0 < redis.pttl(once) <= 300_000


async def test_lost_subscriptions_lose_nothing(own_cluster, rules, connect):
    cluster: Cluster = own_cluster(nodes=2, options={"--config": rules})
    reader, writer = await connect(cluster.nodes[0].ws), await connect(cluster.nodes[1].ws)
    await subscribe(reader, "kept:1")
    for number in range(1, 201):
        if number % 50 == 20:
            cluster.redis.at("kept:1").client_kill_filter(_type="pubsub")
        await publish(writer, "kept:1", number)
    assert await messages(reader, 200, "kept:1") == [(n, n) for n in range(1, 201)]
    assert reader.events("gap") == []
    assert cluster.nodes[0].metrics().total("apus_gaps_total") == 0


@pytest.mark.one_redis("all of it is flushed, or it is started again")
@pytest.mark.parametrize("how", ["flushed", "restarted"])
async def test_an_emptied_redis_is_told(own_cluster, rules, connect, how):
    cluster: Cluster = own_cluster(nodes=1, options={"--config": rules})
    node = cluster.nodes[0]
    reader, writer = await connect(node.ws), await connect(node.ws)
    first = await subscribe(reader, "kept:1")
    await publish(writer, "kept:1", 1, 2)
    await messages(reader, 2, "kept:1")
    if how == "flushed":
        cluster.redis.client.flushall()
    else:
        cluster.redis.kill()
        cluster.redis.start()
        node.wait_ready()
    reply = (await publish(writer, "kept:1", 3))[0]
    assert reply["offset"] == 1 and reply["epoch"] != first["epoch"]
    gap = await reader.expect("gap", channel="kept:1", epoch=reply["epoch"])
    assert gap["offset"] == 0
    await reader.expect("message", data=3, offset=1)
    kinds = [event.type for event in reader.received if event.type in ("gap", "message")]
    assert kinds == ["message", "message", "gap", "message"]
    late = await connect(node.ws)
    assert (await late.succeed("history", "history", channel="kept:1", since=at(first, 2)))["reset"] is True
    assert (await subscribe(late, "kept:1", since=at(first, 2)))["recovered"] is False


async def test_subscribing_leaves_nothing_in_redis(own_cluster, connect, rules):
    """One key for all channels, whatever is asked of names that nothing was published to."""
    cluster = own_cluster(nodes=1, options={"--config": rules, "--max-channels": 1000})
    client, redis = await connect(cluster.nodes[0].ws), cluster.redis
    before = set(redis.keys())
    replies = [await subscribe(client, f"kept:{number}") for number in range(300)]
    assert len({reply["epoch"] for reply in replies}) == 300 and {reply["offset"] for reply in replies} == {0}
    for number in range(300):
        await client.succeed("unsubscribed", "unsubscribe", channel=f"kept:{number}")
        await client.succeed("history", "history", channel=f"kept:{number}")
    # Connections, and what the node itself publishes once a second.
    others = {key for key in redis.keys() if ":connections:" in key or key.endswith(":demo:stats")}
    left = set(redis.keys()) - before - others
    assert all(key.endswith(":run") for key in left), left
    # Where nothing has happened, nothing is missing, and the first message follows.
    again = await subscribe(client, "kept:7", since=at(replies[7]))
    assert again.has({"recovered": True, "epoch": replies[7]["epoch"], "offset": 0})
    (published,) = await publish(client, "kept:7", "first")
    assert (published["epoch"], published["offset"]) == (replies[7]["epoch"], 1)


@pytest.mark.one_redis("all of it is flushed")
async def test_a_first_message_behind_flushall_comes_behind_a_gap(own_cluster, connect, rules):
    cluster = own_cluster(nodes=2, options={"--config": rules})
    listener, publisher = [await connect(node.ws) for node in cluster.nodes]
    told = await subscribe(listener, "kept:1")
    cluster.redis.client.flushall()
    (published,) = await publish(publisher, "kept:1", 1)
    assert published["epoch"] != told["epoch"] and published["offset"] == 1
    gap = await listener.expect("gap", channel="kept:1")
    assert gap.has({"epoch": published["epoch"], "offset": 0})
    await listener.expect("message", data=1)
    late = await connect(cluster.nodes[0].ws)
    assert (await subscribe(late, "kept:1", since=at(told)))["recovered"] is False
