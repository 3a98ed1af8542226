"""One node without Redis does everything a cluster does, for itself."""

import asyncio

import pytest

pytestmark = pytest.mark.loops


async def test_relay_in_one_order(memory_node, connect, channel):
    clients = [await connect(memory_node.ws, user=f"u{number}") for number in range(10)]
    await asyncio.gather(*(client.subscribe(channel) for client in clients))

    async def publish(client):
        for number in range(100):
            await client.publish(channel, [client.id, number])

    await asyncio.gather(*(publish(client) for client in clients))
    orders = [[event["data"] for event in await client.collect("message", 1000)] for client in clients]
    assert all(order == orders[0] for order in orders)
    for client in clients:
        assert [number for sender, number in orders[0] if sender == client.id] == list(range(100))


async def test_data_stays_as_it_is(memory_node, connect, channel):
    listener = await connect(memory_node.ws)
    await listener.subscribe(channel)
    publisher = await connect(memory_node.ws, user="alice")
    data = r'{ "n":1.0e+2 , "n":[ "\u00e9\/" ] }'
    await publisher.send_text(f'{{"type":"publish","channel":"{channel}","data":{data}}}')
    message = await listener.expect("message", channel=channel, client=publisher.id, **{"from": "alice"})
    assert f'"data":{data}' in message.raw


async def test_echo_false(memory_node, connect, channel):
    clients = [await connect(memory_node.ws) for _ in range(4)]
    for client in clients:
        await client.subscribe(channel)
    await clients[0].publish(channel, "others", echo=False)
    await clients[0].publish(channel, "all")
    for client in clients:
        await client.expect("message", data="all")
    assert [len(client.events("message")) for client in clients] == [1, 2, 2, 2]


async def test_presence(memory_node, connect, channel):
    watcher = await connect(memory_node.ws)
    await watcher.subscribe(channel, presence="watch")
    first = await connect(memory_node.ws, user="alice")
    second = await connect(memory_node.ws, user="alice")
    bob = await connect(memory_node.ws, user="bob")
    await first.subscribe(channel, presence=True, info={"n": 1})
    await second.subscribe(channel, presence=True, info={"n": 1})
    reply = await bob.subscribe(channel, presence=True)
    assert {member["user"]: member["clients"] for member in reply["members"]} == {"alice": 2, "bob": 1}
    assert reply["count"] == 2
    await watcher.expect("join", user="bob", count=2)
    assert [join["user"] for join in watcher.events("join")] == ["alice", "bob"]

    await first.unsubscribe(channel)
    await bob.unsubscribe(channel)
    await watcher.expect("leave", user="bob", count=1)
    await second.abort()
    await watcher.expect("leave", user="alice", count=0)
    assert [leave["user"] for leave in watcher.events("leave")] == ["bob", "alice"]
    reply = await watcher.command("presence", channel=channel)
    assert reply["members"] == [] and reply["count"] == 0


async def test_coming_back_within_the_grace(memory_node, connect, channel):
    watcher = await connect(memory_node.ws)
    await watcher.subscribe(channel, presence="watch")
    lost = await connect(memory_node.ws, user="alice")
    back = await connect(memory_node.ws, user="alice")
    await lost.subscribe(channel, presence=True)
    await lost.abort()
    await back.subscribe(channel, presence=True)
    await back.unsubscribe(channel)
    # Two connections were members until now or the first one still is: either way there is one leave, at the end.
    await watcher.expect("leave", user="alice", count=0)
    assert len(watcher.events("join")) == 1
