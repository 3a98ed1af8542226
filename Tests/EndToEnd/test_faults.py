"""What happens when a node, a subscription or Redis dies, and afterwards."""

import asyncio
import itertools
import json
import signal
import time
from contextlib import asynccontextmanager

import pytest
import websockets

from harness import Cluster, Node, eventually
from harness.client import Client

pytestmark = pytest.mark.loops


async def all_ready(cluster: Cluster) -> None:
    """Waits until every node that runs says it is ready."""
    for node in cluster.nodes:
        if node.running:
            await eventually(ready, node, within=60, what=f"{node.name} is not ready again")


async def ready(node: Node) -> bool:
    return await asyncio.to_thread(node.readiness) == 200


async def exchange(publishers: list[Client], listeners: list[Client], channel: str, each: int) -> None:
    """Every publisher publishes; asserts that every listener gets everything, once, in one order."""
    tag = f"exchange-{time.monotonic_ns()}"
    for number in range(each):
        await asyncio.gather(*(client.publish(channel, [tag, client.id, number]) for client in publishers))
    await asyncio.gather(*(client.publish(channel, [tag, client.id, "end"]) for client in publishers))

    def received(listener: Client) -> list:
        return [event["data"] for event in listener.events("message", channel=channel) if event["data"][0] == tag]

    def ends(listener: Client) -> int:
        return sum(data[2] == "end" for data in received(listener))

    await eventually(lambda: all(ends(listener) == len(publishers) for listener in listeners))
    orders = [received(listener) for listener in listeners]
    assert all(order == orders[0] for order in orders)
    for client in publishers:
        assert [number for _, sender, number in orders[0] if sender == client.id] == [*range(each), "end"]


def lease_keys(cluster: Cluster, node: str) -> list[str]:
    """What Redis still holds of one life of one node."""
    redis = cluster.redis.client
    names = [f"apus:node:{node}", f"apus:connections:{node}", f"apus:channels:{node}"]
    listed = ["apus:nodes"] if redis.zscore("apus:nodes", node) is not None else []
    return [name for name in names if redis.exists(name)] + listed


async def test_members_of_a_killed_node_leave_once(own_cluster, connect, channel):
    cluster = own_cluster()
    watcher = await connect(cluster.nodes[0].ws)
    await watcher.subscribe(channel, presence="watch")
    victims = [await connect(cluster.nodes[1].ws, user=user) for user in ("alice", "bob", None)]
    survivor = await connect(cluster.nodes[2].ws, user="alice")
    for client in [*victims, survivor]:
        await client.subscribe(channel, presence=True)
    await watcher.expect("join", user=None, count=3)

    started = time.monotonic()
    cluster.nodes[1].kill()
    await eventually(lambda: set(cluster.redis.presence(channel)) == {survivor.id})
    await watcher.collect("leave", 2)
    print(f"the members of a killed node had left after {time.monotonic() - started:.1f} s")
    assert [await client.closed_with() for client in victims] == [1006] * 3

    carol = await connect(cluster.nodes[2].ws, user="carol")
    await carol.subscribe(channel, presence=True)
    await watcher.expect("join", user="carol", count=2)
    assert sorted(leave["user"] or leave["client"] for leave in watcher.events("leave")) == sorted(
        ["bob", victims[2].id]
    )
    assert cluster.redis.client.hgetall(f"apus:users:{channel}").get("alice") == "1"
    await eventually(lambda: not lease_keys(cluster, victims[0].node))
    await exchange([watcher, carol], [watcher, carol, survivor], channel, each=20)


async def test_a_killed_subscription_is_healed(own_cluster, connect, channel):
    cluster = own_cluster()
    steady = [await connect(node.ws) for node in cluster.nodes]
    clients = [await connect(node.ws) for node in cluster.nodes]
    for client in steady:
        await client.subscribe(channel)

    names = [f"{channel}-{number}" for number in range(50)]
    waiting = []
    async with relaying(steady, channel):
        for client in steady:
            await eventually(lambda: {event["data"][1] for event in client.events("message")} == {c.id for c in steady})
        for number, name in enumerate(names):
            waiting += [(client, await client.start("subscribe", channel=name)) for client in clients]
            if number % 20 == 15:
                cluster.redis.client.client_kill_filter(_type="pubsub")
        replies = [(client, await client.reply(future)) for client, future in waiting]

    for (client, reply), name in zip(replies, [name for name in names for _ in clients], strict=True):
        assert reply.type == "subscribed" or reply["code"] in ("unavailable", "timeout"), reply.raw
        if reply.type == "error":
            await eventually(subscribed, client, name)
    channels = {f"apus:ch:{name}": 3 for name in [channel, *names]}
    await eventually(lambda: dict(cluster.redis.client.pubsub_numsub(*channels)) == channels)
    await all_ready(cluster)

    await exchange(steady, steady, channel, each=50)
    for name in names:
        await clients[0].publish(name, "after")
    for client in clients:
        for name in names:
            await client.expect("message", channel=name, data="after")
        await client.ping()
        assert len(client.events("message")) == len(names)
    for client in [*clients, *steady]:
        assert all(len(replies) == 1 for replies in client.replies.values()), "a command was answered twice"
        assert {event.type for event in client.received} == {"connected", "message"}
    # The noise may have a hole where the subscription was away; nothing came twice or out of order.
    for client in steady:
        for sender in steady:
            data = [event["data"] for event in client.events("message")]
            numbers = [number for kind, origin, number in data if kind == "noise" and origin == sender.id]
            assert numbers == sorted(set(numbers)) and numbers


async def test_a_killed_command_link_leaves_subscriptions_alone(own_cluster, connect, channel):
    cluster = own_cluster(nodes=1)
    node = cluster.nodes[0]
    listener, latecomer = [await connect(node.ws) for _ in range(2)]
    await listener.subscribe(channel)
    cluster.redis.client.client_kill_filter(_type="normal", skipme=True)
    await eventually(lambda: asyncio.to_thread(reconnected, node))
    await all_ready(cluster)
    # The channel was subscribed in Redis all the while, and nothing will confirm it anew.
    await latecomer.subscribe(channel)
    await exchange([listener, latecomer], [listener, latecomer], channel, each=5)


async def test_a_subscription_lost_while_redis_refuses_commands(own_cluster, connect, channel):
    cluster = own_cluster(nodes=1)
    node = cluster.nodes[0]
    listener = await connect(node.ws)
    await listener.subscribe(channel)
    # Commands of the node are refused, hence its command link is down; its subscriber link is not. Nothing is subscribed
    # anew before it is known that both lead to one primary.
    cluster.redis.client.replicaof("127.0.0.1", "1")
    await eventually(unready, node)
    cluster.redis.client.client_kill_filter(_type="pubsub")
    await eventually(lambda: cluster.redis.client.pubsub_numsub(f"apus:ch:{channel}")[0][1] == 0)
    cluster.redis.client.replicaof("NO", "ONE")
    await all_ready(cluster)
    latecomer = await connect(node.ws)
    await latecomer.subscribe(channel)
    await exchange([listener, latecomer], [listener, latecomer], channel, each=5)


def reconnected(node: Node) -> bool:
    return node.metrics().total("apus_redis_reconnects_total") > 0


@asynccontextmanager
async def relaying(clients: list[Client], channel: str):
    """All the while every client publishes numbered messages, whatever comes of them."""

    # A flag and not a cancellation: asyncio.wait_for of Python 3.11 loses one that comes together with its result.
    ending = asyncio.Event()

    async def relay(client: Client) -> None:
        for number in itertools.count():
            if ending.is_set():
                return
            await client.command("publish", channel=channel, data=["noise", client.id, number])

    tasks = [asyncio.create_task(relay(client)) for client in clients]
    try:
        yield
        assert not any(task.done() for task in tasks), "a relay stopped"
    finally:
        ending.set()
        await asyncio.gather(*tasks)


async def subscribed(client: Client, channel: str) -> bool:
    return (await client.command("subscribe", channel=channel)).type == "subscribed"


async def test_redis_away_and_back(own_cluster, connect, channel):
    cluster = own_cluster()
    clients = [await connect(node.ws, user=node.name) for node in cluster.nodes]
    for client in clients:
        await client.subscribe(channel, presence=True)
    await exchange(clients, clients, channel, each=5)

    await asyncio.to_thread(cluster.redis.stop)
    for client in clients:
        # `timeout` for what was already written, `unavailable` as soon as the loss is known.
        reply = await client.command("publish", channel=channel, data=["lost", client.id, 0])
        assert reply.type == "error" and reply["code"] in ("unavailable", "timeout") and reply["temporary"], reply.raw
        await eventually(refused_as, client, channel, "unavailable")
        reply = await client.command("subscribe", channel=f"{channel}-new")
        assert reply.type == "error" and reply["code"] == "unavailable", reply.raw
        await client.ping()
    for node in cluster.nodes:
        await eventually(unready, node)
        assert (await asyncio.to_thread(node.get, "/healthz")).status_code == 200
        assert (await asyncio.to_thread(node.metrics)).total("apus_redis_up") == 0
    joined_meanwhile = await connect(cluster.nodes[0].ws, user="late")

    started = time.monotonic()
    cluster.redis.start()
    await all_ready(cluster)
    print(f"all nodes ready {time.monotonic() - started:.1f} s after Redis came back")
    assert all(node.running for node in cluster.nodes)
    await eventually(lambda: set(cluster.redis.presence(channel)) == {client.id for client in clients})
    assert cluster.redis.client.hgetall(f"apus:users:{channel}") == {node.name: "1" for node in cluster.nodes}
    await joined_meanwhile.subscribe(channel, presence=True)
    await exchange([*clients, joined_meanwhile], [*clients, joined_meanwhile], channel, each=20)
    assert all(client.is_open for client in clients)
    assert all(event["data"][0] != "lost" for client in clients for event in client.events("message"))


async def refused_as(client: Client, channel: str, code: str) -> bool:
    reply = await client.command("publish", channel=channel, data=["lost", client.id, 1])
    return reply.get("code") == code


async def unready(node: Node) -> bool:
    answer = await asyncio.to_thread(node.get, "/readyz")
    return answer.status_code == 503 and "redis" in answer.text


async def test_redis_absent_at_start(own_cluster, connect, channel):
    cluster = own_cluster(nodes=2)
    await asyncio.to_thread(cluster.redis.stop)
    late = cluster.nodes[1]
    await asyncio.to_thread(late.stop)
    late.launch()
    await eventually(lambda: asyncio.to_thread(late.readiness), what="the node did not start without Redis")
    assert late.readiness() == 503 and late.running
    cluster.redis.start()
    await all_ready(cluster)
    clients = [await connect(node.ws) for node in cluster.nodes]
    for client in clients:
        await client.subscribe(channel)
    await exchange(clients, clients, channel, each=5)


async def test_a_node_paused_past_its_lease_comes_back_as_another(own_cluster, connect, channel):
    cluster = own_cluster(nodes=2)
    watcher = await connect(cluster.nodes[0].ws)
    await watcher.subscribe(channel, presence="watch")
    members = [await connect(cluster.nodes[1].ws, user=user) for user in ("alice", "bob")]
    for member in members:
        await member.subscribe(channel, presence=True)
        await watcher.expect("join")

    started = time.monotonic()
    cluster.nodes[1].pause()
    await eventually(lambda: not cluster.redis.presence(channel))
    await watcher.collect("leave", 2)
    print(f"the members of a paused node had left after {time.monotonic() - started:.1f} s")
    cluster.nodes[1].resume()

    started = time.monotonic()
    await eventually(lambda: set(cluster.redis.presence(channel)) == {member.id for member in members})
    print(f"they were back {time.monotonic() - started:.1f} s after it went on")
    (node,) = {json.loads(entry)["node"] for entry in cluster.redis.presence(channel).values()}
    assert node != members[0].node and node.startswith("web-2.")
    await eventually(lambda: not lease_keys(cluster, members[0].node))
    assert cluster.redis.client.zscore("apus:nodes", node) is not None
    await watcher.collect("join", 4)
    assert len(watcher.events("leave")) == 2
    await all_ready(cluster)
    await exchange([watcher, *members], [watcher, *members], channel, each=10)
    assert all(member.is_open for member in members)


async def test_drain(own_cluster, connect, raw, channel):
    cluster = own_cluster(nodes=2, options={"--drain": "4s"})
    draining, other = cluster.nodes
    watcher = await connect(other.ws)
    await watcher.subscribe(channel, presence="watch")
    clients = [await connect(draining.ws, user=f"user-{number}") for number in range(20)]
    for client in clients:
        await client.subscribe(channel, presence=True)
    await watcher.collect("join", len(clients))
    # Accepted before the drain began, hence not lost: a pong shows that the node has read what stands before it.
    accepted = [await client.start("publish", channel=channel, data=client.id) for client in clients]
    await asyncio.gather(*(client.ping() for client in clients))

    draining.signal(signal.SIGTERM)
    for client in clients:
        assert 0 <= (await client.expect("drain"))["after"] <= 4000
    assert cluster.redis.client.hget(f"apus:node:{clients[0].node}", "draining") == "1"
    assert await asyncio.to_thread(draining.readiness) == 503
    connection = await raw(draining.port)
    refused = await connection.upgrade()
    assert refused.status == 503 and int(refused.headers["retry-after"]) > 0

    assert [await client.closed_with() for client in clients] == [1012] * len(clients)
    assert await asyncio.to_thread(draining.wait) == 0
    for client, future in zip(clients, accepted, strict=True):
        assert (await client.reply(future)).type == "published"
    assert {event["data"] for event in await watcher.collect("message", 20)} == {client.id for client in clients}
    assert {leave["user"] for leave in await watcher.collect("leave", 20)} == {f"user-{n}" for n in range(20)}
    assert cluster.redis.presence(channel) == {}
    assert lease_keys(cluster, clients[0].node) == []
    await watcher.ping()
    assert len(watcher.events("leave")) == 20


async def test_a_second_sigterm_ends_the_drain(own_cluster, connect):
    cluster = own_cluster(nodes=1, options={"--drain": "600s"})
    client = await connect(cluster.nodes[0].ws)
    cluster.nodes[0].signal(signal.SIGTERM)
    await client.expect("drain")
    cluster.nodes[0].signal(signal.SIGTERM)
    await asyncio.to_thread(cluster.nodes[0].wait)
    await client.closed_with()


async def test_nginx_goes_around_a_dead_node(own_cluster, connect, channel):
    cluster = own_cluster(nginx=True)
    cluster.nodes[0].kill()
    clients = [await connect(cluster.nginx.ws) for _ in range(12)]
    assert {client.node.split(".")[0] for client in clients} <= {"web-2", "web-3"}
    for client in clients:
        await client.subscribe(channel)
    await exchange(clients[:3], clients, channel, each=5)


async def test_nginx_goes_around_a_draining_node(own_cluster, connect):
    cluster = own_cluster(nginx=True, options={"--drain": "600s"})
    held = await connect(cluster.nodes[0].ws)
    cluster.nodes[0].signal(signal.SIGTERM)
    await held.expect("drain")
    for _ in range(12):
        try:
            client = await connect(cluster.nginx.ws)
        except websockets.InvalidStatus as refusal:
            raise AssertionError(f"a client was refused with {refusal.response.status_code}") from None
        assert client.node != held.node
