"""A Redis whose memory is full: what would take more is refused, clearly, and everything else goes on."""

import asyncio
import time

from harness import Cluster, Node, eventually

# Longer than a lease lasts, and a dead node is noticed.
LEASE = 10


def refusals(node: Node) -> list[str]:
    return [line for line in node.log.read_text().splitlines() if "Redis refuses" in line]


async def test_nodes_outlive_a_full_redis(tmp_path, connect):
    with Cluster(tmp_path, loops=2, nodes=3) as cluster:
        await outlive(cluster, connect)


async def outlive(cluster: Cluster, connect) -> None:
    node, other, dead = cluster.nodes
    redis = cluster.redis.client
    watcher = await connect(node.ws)
    await watcher.subscribe("room", presence="watch")
    alice, bob, carol = [
        await connect(at.ws, user=user) for at, user in [(node, "alice"), (other, "bob"), (dead, "carol")]
    ]
    for client in (alice, bob, carol):
        await client.subscribe("room", presence=True)
    await watcher.collect("join", 3)
    kept = await alice.publish("demo:kept", 1)
    leases = {client.node for client in (alice, bob)}

    redis.config_set("maxmemory", 1)
    full = time.monotonic()
    dead.kill()
    await bob.unsubscribe("room")
    await watcher.expect("leave", user="bob")
    # What takes memory is refused, and each refusal is one line in a while, not one for each command.
    for number in range(300):
        reply = await alice.command("publish", channel="demo:kept", data=number)
        assert reply.type == "error" and reply["code"] == "unavailable" and reply["temporary"], reply.raw
    reply = await bob.command("subscribe", channel="room", presence=True)
    assert reply.type == "error" and reply["code"] == "unavailable", reply.raw
    # The log has a thread of its own.
    await eventually(lambda: refusals(node) and refusals(other))
    assert len(refusals(node)) == 1 and len(refusals(other)) == 1, refusals(node) + refusals(other)
    # What does not goes on: messages that are not kept, histories, users.
    await bob.subscribe("plain")
    await alice.publish("plain", "unkept")
    await bob.expect("message", data="unkept")
    reply = await bob.succeed("subscribed", "subscribe", channel="demo:kept", since={**place(kept), "offset": 0})
    assert reply["recovered"] is True
    await bob.expect("message", channel="demo:kept", data=1)
    assert (await alice.command("send", to="bob", data=1))["online"] is True
    # The dead node is reaped, and the others are ready all the while.
    while time.monotonic() - full < LEASE * 1.5 or not watcher.events("leave", user="carol"):
        assert [each.readiness() for each in (node, other)] == [200, 200]
        assert time.monotonic() - full < 60, "carol never left"
        await asyncio.sleep(0.25)
    assert {name for name in redis.zrange("apus:nodes", 0, -1)} == leases
    # A node that comes now comes up.
    dead.launch()
    await asyncio.to_thread(dead.wait_ready)

    redis.config_set("maxmemory", 0)
    await bob.subscribe("room", presence=True)
    await watcher.expect("join", user="bob")
    assert (await alice.command("publish", channel="demo:kept", data=2)).has({"type": "published", "offset": 2})
    dave = await connect(dead.ws, user="dave")
    await eventually(lambda: redis.exists("apus:user:dave"))
    assert (await dave.command("send", to="bob", data=1))["online"] is True
    assert len(watcher.events("leave")) == 2 and len(watcher.events("join")) == 4


def place(reply) -> dict:
    return {"epoch": reply["epoch"], "offset": reply["offset"]}
