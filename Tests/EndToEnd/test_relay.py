"""Messages between clients on different nodes."""

import asyncio
import time
from collections.abc import Iterable

import pytest

from harness import Cluster, eventually
from harness.client import Client, Message

pytestmark = pytest.mark.loops


async def cover(connect, cluster: Cluster, count: int, **options) -> list[Client]:
    """At least `count` clients through nginx, with at least one on every node."""
    clients: list[Client] = []
    while len(clients) < count or len({client.node for client in clients}) < len(cluster.nodes):
        assert len(clients) < count + 100, "nginx leaves a node without clients"
        clients.append(await connect(cluster.nginx.ws, **options))
    return clients


async def publish_all(client: Client, channel: str, items: Iterable[object], window: int) -> None:
    """Publishes in order with at most `window` messages unanswered."""
    unanswered: list[asyncio.Future[Message]] = []
    for item in items:
        unanswered.append(await client.start("publish", channel=channel, data=item))
        if len(unanswered) == window:
            assert (await client.reply(unanswered.pop(0))).type == "published"
    for future in unanswered:
        assert (await client.reply(future)).type == "published"


def data_of(messages: list[Message]) -> list:
    return [message["data"] for message in messages]


async def test_clients_on_all_nodes_meet_through_nginx(cluster, connect, channel):
    clients = await cover(connect, cluster, 6)
    await asyncio.gather(*(client.subscribe(channel) for client in clients))
    for number, client in enumerate(clients):
        await client.publish(channel, number)
    for client in clients:
        messages = await client.collect("message", len(clients))
        assert data_of(messages) == list(range(len(clients)))
        assert [message["client"] for message in messages] == [sender.id for sender in clients]


async def test_message_says_whom_it_is_from(cluster, connect, channel):
    listener = await connect(cluster.nodes[0].ws)
    await listener.subscribe(channel)
    alice = await connect(cluster.nodes[1].ws, user="alice")
    anonymous = await connect(cluster.nodes[2].ws)
    before = time.time() * 1000
    await alice.publish(channel, "from alice")
    await anonymous.publish(channel, "from nobody")
    after = time.time() * 1000
    first, second = await listener.collect("message", 2)
    assert first.has({"channel": channel, "from": "alice", "client": alice.id, "data": "from alice"})
    assert second.has({"channel": channel, "from": None, "client": anonymous.id, "data": "from nobody"})
    assert before - 1000 < first["ts"] <= second["ts"] < after + 1000
    assert "offset" not in first and "id" not in first


async def test_every_node_sees_the_same_order(cluster, connect, channel):
    each, publishers, listeners = 200, [], []
    for node in cluster.nodes:
        publishers += [await connect(node.ws) for _ in range(2)]
        listeners += [await connect(node.ws) for _ in range(3)]
    await asyncio.gather(*(listener.subscribe(channel) for listener in listeners))
    await asyncio.gather(
        *(
            publish_all(publisher, channel, [[name, number] for number in range(each)], window=20)
            for name, publisher in enumerate(publishers)
        )
    )
    orders = [data_of(await listener.collect("message", each * len(publishers))) for listener in listeners]
    assert all(order == orders[0] for order in orders)
    for name in range(len(publishers)):
        assert [number for sender, number in orders[0] if sender == name] == list(range(each))


async def test_ten_thousand_messages_arrive_once_and_in_order(cluster, connect, channel):
    each = 1000
    listeners = await cover(connect, cluster, 30)
    publishers = await cover(connect, cluster, 10)
    await asyncio.gather(*(listener.subscribe(channel) for listener in listeners))
    started = time.monotonic()
    await asyncio.gather(
        *(
            publish_all(publisher, channel, [[name, number] for number in range(each)], window=32)
            for name, publisher in enumerate(publishers)
        )
    )
    total = each * len(publishers)
    await eventually(lambda: all(len(listener.events("message")) >= total for listener in listeners), within=60)
    print(f"{total} messages to {len(listeners)} listeners in {time.monotonic() - started:.1f} s")
    # One more message behind all others: whatever came twice has come before it.
    await publishers[0].publish(channel, "end")
    for listener in listeners:
        *messages, end = data_of(await listener.collect("message", total + 1))
        assert end == "end"
        assert len(messages) == total
        for name in range(len(publishers)):
            assert [number for sender, number in messages if sender == name] == list(range(each))


NAMES = {
    "suffix users": "{}:users",
    "suffix meta": "{}:meta",
    "plain": "{}",
    "Cyrillic": "{}-комната",
    "CJK": "{}-部屋-房间-방",
    "Arabic": "{}-غرفة",
    "emoji": "{}-👩‍👩‍👧-🦜",
    "composed é": "{}-caf\u00e9",
    "decomposed é": "{}-cafe\u0301",
    "quotes": "{}-\"quoted\"-'single'",
    "backslashes": "{}-\\back\\\\slash\\n",
    "glob": "{}-*?[a-z]",
}


async def test_channel_names_never_meet(cluster, connect, channel):
    names = [pattern.replace("{}", channel) for pattern in NAMES.values()]
    listeners = {name: await connect(cluster.nodes[0].ws, user=f"listener {name}") for name in names}
    publisher = await connect(cluster.nodes[1].ws)
    for name, listener in listeners.items():
        reply = await listener.subscribe(name, presence=True)
        assert reply["channel"] == name
        assert [member["user"] for member in reply["members"]] == [f"listener {name}"]
    for name in names:
        assert (await publisher.publish(name, f"to {name}"))["channel"] == name
    for name in names:
        await publisher.publish(name, "end")
    for name, listener in listeners.items():
        await listener.expect("message", data="end")
        assert [(message["channel"], message["data"]) for message in listener.events("message")] == [
            (name, f"to {name}"),
            (name, "end"),
        ]
        assert list(cluster.redis.presence(name)) == [listener.id]


async def test_escapes_in_a_name_are_decoded(cluster, connect, channel):
    client = await connect(cluster.nodes[0].ws)
    await client.subscribe(f"{channel}-é🦜")
    await client.send_text(rf'{{"type":"publish","channel":"{channel}-\u00e9\ud83e\udd9c","data":1,"id":"x"}}')
    await client.expect("message", channel=f"{channel}-é🦜")


VERBATIM = [
    "1.0e+2",
    "1E5",
    "-0",
    "-0.0",
    "0.10000",
    "123456789012345678901234567890",
    "-9223372036854775809",
    "1e400",
    "null",
    "true",
    '""',
    r'"\u00e9\ud83e\udd9c\/\b\f\n\r\t\"\\"',
    r'"\u0000"',
    '"e\u0301 é \u2028 \u2029 \U0001f99c"',
    '{ "a" : 1 ,  "a":2, "a" :[ ] }',
    '{"type":"publish","id":7,"channel":"elsewhere","data":{"data":1}}',
    "[1, 2 ,\t3,\n\r 4 ]",
    "[" * 50 + "]" * 50,
]


@pytest.mark.parametrize("type", ["publish", "message"])
async def test_data_comes_out_byte_for_byte(cluster, connect, channel, type):
    listeners = [await connect(node.ws) for node in cluster.nodes]
    publisher = await connect(cluster.nodes[0].ws)
    for listener in listeners:
        await listener.subscribe(channel)
    for data in VERBATIM:
        await publisher.send_text(f'{{"type":"{type}","channel":"{channel}","data": {data} ,"id":"{len(data)}"}}')
    for listener in listeners:
        messages = await listener.collect("message", len(VERBATIM))
        for data, message in zip(VERBATIM, messages, strict=True):
            # What follows is either the next member or the end of the event.
            assert f'"data":{data},"' in message.raw or message.raw.endswith(f'"data":{data}}}')


async def test_members_of_a_command_stand_in_any_order(cluster, connect, channel):
    client = await connect(cluster.nodes[0].ws)
    await client.subscribe(channel)
    await client.send_text(f'{{"data":[1],"id":"last","unknown":{{"a":[]}},"channel":"{channel}","type":"publish"}}')
    assert (await client.expect("message"))["data"] == [1]
    await eventually(lambda: client.replies["last"])
    assert client.replies["last"][0].type == "published"


async def test_echo_false_leaves_only_this_connection_out(cluster, connect, channel):
    alice = await connect(cluster.nodes[0].ws, user="alice")
    alice_elsewhere = await connect(cluster.nodes[0].ws, user="alice")
    bob = await connect(cluster.nodes[1].ws, user="bob")
    for client in (alice, alice_elsewhere, bob):
        await client.subscribe(channel)
    await alice.publish(channel, "without me", echo=False)
    await alice.publish(channel, "with me", echo=True)
    for client in (alice_elsewhere, bob):
        assert data_of(await client.collect("message", 2)) == ["without me", "with me"]
    await alice.expect("message", data="with me")
    assert data_of(alice.events("message")) == ["with me"]


async def test_publishing_needs_no_subscription(cluster, connect, channel):
    listener = await connect(cluster.nodes[0].ws)
    await listener.subscribe(channel)
    publisher = await connect(cluster.nodes[1].ws)
    reply = await publisher.publish(channel, 1)
    assert reply["channel"] == channel and "offset" not in reply
    await listener.expect("message", data=1)
    await publisher.ping()
    assert publisher.events("message") == []


async def test_without_id_there_is_no_reply_to_publish(cluster, connect, channel):
    client = await connect(cluster.nodes[0].ws)
    await client.subscribe(channel)
    await client.send("publish", channel=channel, data="quiet")
    await client.expect("message", data="quiet")
    await client.publish(channel, "loud")
    await client.expect("message", data="loud")
    assert client.events("published") == []
    # The others answer all the same.
    await client.send("ping")
    assert "ts" in await client.expect("pong")
    await client.send("unsubscribe", channel=channel)
    assert (await client.expect("unsubscribed"))["channel"] == channel


@pytest.mark.parametrize("id", ["7", "-9223372036854775808", "9223372036854775807", '""', '"a"', '"' + "x" * 64 + '"'])
async def test_id_comes_back_as_it_went(memory_node, connect, id):
    client = await connect(memory_node.ws)
    await client.send_text(f'{{"type":"ping","id":{id}}}')
    await eventually(lambda: client.replies)
    ((reply,),) = client.replies.values()
    assert reply.type == "pong" and f'"id":{id}' in reply.raw


async def test_subscribing_twice_delivers_once(cluster, connect, channel):
    client = await connect(cluster.nodes[0].ws)
    await client.subscribe(channel)
    await client.subscribe(channel)
    await client.publish(channel, 1)
    await client.publish(channel, 2)
    await client.expect("message", data=2)
    assert data_of(client.events("message")) == [1, 2]


async def test_unsubscribing_ends_delivery(cluster, connect, channel):
    leaver = await connect(cluster.nodes[0].ws)
    stayer = await connect(cluster.nodes[0].ws)
    for client in (leaver, stayer):
        await client.subscribe(channel)
    await stayer.publish(channel, "before")
    await leaver.expect("message", data="before")
    await leaver.unsubscribe(channel)
    await leaver.unsubscribe(channel)
    await stayer.publish(channel, "after")
    await stayer.expect("message", data="after")
    await leaver.ping()
    assert data_of(leaver.events("message")) == ["before"]
    await leaver.subscribe(channel)
    await stayer.publish(channel, "again")
    await leaver.expect("message", data="again")


async def test_commands_on_one_channel_take_effect_in_order(cluster, connect, channel):
    """A publish right behind a subscribe, and a subscribe right behind an unsubscribe, without waiting."""
    client = await connect(cluster.nodes[0].ws)
    replies = []
    for number in range(50):
        replies.append(await client.start("subscribe", channel=channel))
        replies.append(await client.start("publish", channel=channel, data=number))
        replies.append(await client.start("unsubscribe", channel=channel))
    types = [(await client.reply(reply)).type for reply in replies]
    assert types == ["subscribed", "published", "unsubscribed"] * 50
    # Between `published` and one's own message there is no order, so the last ones may miss the unsubscribe.
    received = data_of(client.events("message"))
    assert received == sorted(set(received))


async def test_redis_publish_reaches_clients(cluster, connect, channel):
    listeners = [await connect(node.ws) for node in cluster.nodes]
    for listener in listeners:
        await listener.subscribe(channel)
    cluster.redis.client.publish(f"apus:ch:{channel}", '{"hi":1, "n": 1.0}')
    for listener in listeners:
        message = await listener.expect("message")
        assert message.has({"channel": channel, "from": None, "data": {"hi": 1, "n": 1.0}})
        assert '"data":{"hi":1, "n": 1.0}' in message.raw
        assert "client" not in message and "offset" not in message and "ts" in message


GARBAGE = [
    b"",
    b"hello",
    b"[1]",
    b'"text"',
    b'{"broken":',
    b'{"not utf-8":"\xff\xfe"}',
    b'{"a":1} trailing',
    b'{"big":"' + b"x" * 70_000 + b'"}',
    b"{" + b'"a":{' * 200 + b"}" * 201,
    b"m - - -",
    b"m - -\n{}",
    b"m - - - -\n{}",
    b"q - - -\n{}",
    b"m x1 many -\n{}",
    b"m - 99999999999999999999999999 -\n{}",
    b"\n\n\n",
    b"\x00\x01\x02",
]


async def test_garbage_in_redis_is_dropped_and_counted(cluster, connect, channel):
    listeners = [await connect(node.ws) for node in cluster.nodes]
    for listener in listeners:
        await listener.subscribe(channel)
    dropped = cluster.nodes[0].metrics().total("apus_dropped_total")
    for payload in GARBAGE:
        cluster.redis.client.publish(f"apus:ch:{channel}", payload)
    await listeners[0].publish(channel, "fine")
    for listener in listeners:
        await listener.expect("message", data="fine")
        assert data_of(listener.events("message")) == ["fine"]
    assert cluster.nodes[0].metrics().total("apus_dropped_total") >= dropped + len(GARBAGE)
