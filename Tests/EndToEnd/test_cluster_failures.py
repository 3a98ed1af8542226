"""Primaries of a Redis Cluster fail, or are away, while two nodes publish: what is lost is told by a `gap`."""

import asyncio
import time
from contextlib import ExitStack

import pytest

from harness import eventually, partitions
from harness.redis_cluster import RedisCluster
from harness.scene import RULES, Scene, between, nothing_is_lost, refused_at_all


# Failovers


async def test_a_node_that_sleeps_through_a_failover(scene):
    """It comes to the new primary later than the other, and both tell what is lost."""
    redis, mine = scene.redis, scene.of(scene.primary)
    async with scene.traffic() as traffic:
        (replica,) = redis.replicas(scene.primary)
        scene.nodes[1].pause()
        await traffic.during(redis.failover, replica, "TAKEOVER")
        await asyncio.sleep(2)
        scene.nodes[1].resume()
        await traffic.flows()
        await traffic.told()
    nothing_is_lost(traffic, scene.others(mine))


@pytest.mark.parametrize("how", [(), ("TAKEOVER",)], ids=["planned", "takeover"])
async def test_a_failover(scene, how):
    """There and back. A primary that is not asked goes on confirming until it hears of it, and all of that is lost."""
    redis, mine = scene.redis, scene.of(scene.primary)
    async with scene.traffic() as traffic:
        for _ in range(2):
            (replica,) = redis.replicas(redis.server(mine[0]))
            await traffic.during(redis.failover, replica, *how)
            await traffic.flows()
            await traffic.told()
    nothing_is_lost(traffic, scene.others(mine))
    assert all(len(traffic.epochs()[name]) > 1 for name in mine)


async def test_a_primary_that_is_killed(scene):
    redis, old, mine = scene.redis, scene.primary, scene.of(scene.primary)
    async with scene.traffic() as traffic:
        new = await traffic.during(redis.kill, old)
        await traffic.flows()
        await traffic.told()
        assert scene.of(new) == mine
        # It comes back as a replica.
        await traffic.during(old.start)
        await traffic.during(redis.settle)
        assert old in redis.replicas(new)
        await traffic.flows()
    nothing_is_lost(traffic, scene.others(mine))


async def test_a_primary_that_hangs(scene):
    """When it goes on it may do what was on its way to it, and nobody will find that."""
    redis, old, mine = scene.redis, scene.primary, scene.of(scene.primary)
    async with scene.traffic() as traffic:
        new = await traffic.during(redis.hang, old)
        await traffic.flows()
        old.resume()
        await traffic.during(redis.settle)
        await traffic.flows()
        await traffic.told()
        assert scene.of(new) == mine
    nothing_is_lost(traffic, scene.others(mine))


async def test_a_primary_that_is_cut_off(scene):
    """Nodes go on with it until it finds itself alone, then wait, and then go where its replica is."""
    redis, old, mine = scene.redis, scene.primary, scene.of(scene.primary)
    (replica,) = redis.replicas(old)
    async with scene.traffic() as traffic:
        with ExitStack() as stack:
            stack.enter_context(redis.split([old]))
            for channel in mine:
                await refused_at_all(traffic, channel)
            await eventually(lambda: replica.is_primary, within=60)
            await traffic.flows()
            assert old.is_primary, "it has not heard of the other one"
            await traffic.told()
            await asyncio.to_thread(stack.close)
        assert scene.of(replica) == mine
        await traffic.flows()
        await traffic.told()
    nothing_is_lost(traffic, scene.others(mine))


async def test_slots_move_and_then_their_primary_fails(scene):
    """A slot that has come from elsewhere is as any other there."""
    redis, source = scene.redis, scene.primary
    target = scene.another(source)
    mine = scene.of(source)
    async with scene.traffic() as traffic:
        await traffic.during(redis.move, redis.partition_slots(source), target)
        await traffic.flows()
        assert traffic.gaps() == []
        theirs = scene.of(target)
        assert set(theirs) > set(mine)
        await traffic.during(redis.kill, target)
        await traffic.flows()
        await traffic.told()
    nothing_is_lost(traffic, scene.others(theirs))


# What is away


async def test_a_minority_is_down(scene):
    """One primary is left alone: it says so, and its channels are refused until the others are back."""
    redis, alone = scene.redis, scene.primary
    mine = scene.of(alone)
    async with scene.traffic() as traffic:
        with ExitStack() as stack:
            await asyncio.to_thread(stack.enter_context, redis.isolated([alone]))
            for channel in mine:
                await refused_at_all(traffic, channel)
            await asyncio.to_thread(stack.close)
        await traffic.flows()
        await traffic.told()


async def test_a_slot_without_owner(scene):
    """That partition alone is away, which is told; then it comes back."""
    redis, channel = scene.redis, scene.channels[0]
    slot = partitions.slot(partitions.partition(channel))
    async with scene.traffic() as traffic:
        with ExitStack() as stack:
            await asyncio.to_thread(stack.enter_context, redis.without_owner(slot))
            await refused_at_all(traffic, channel)
            for node in scene.nodes:
                await eventually(lambda node=node: "1 of 64 partitions" in node.get("/readyz").text)
                ready = node.get("/readyz")
                assert ready.status_code == 200 and ready.json()["degraded"] is True, ready.text
            began = time.monotonic()
            await traffic.flows(scene.others([channel]))
            meanwhile = between(traffic, began, time.monotonic())
            assert {each.channel for each in meanwhile if each.is_accepted} == set(scene.others([channel]))
            await asyncio.to_thread(stack.close)
        await traffic.flows()
    nothing_is_lost(traffic, scene.others([channel]))


async def test_a_primary_without_replica_is_away(own_node, connect, tmp_path):
    """Its partitions alone are, until it is back, with nothing in it."""
    (tmp_path / "rules.yaml").write_text(RULES)
    with RedisCluster(tmp_path / "redis", replicas=0) as redis:
        nodes = [own_node({"--config": tmp_path / "rules.yaml"}, redis=redis.url) for _ in range(2)]
        scene = Scene(redis, nodes, connect)
        old, mine = scene.primary, scene.of(scene.primary)
        async with scene.traffic(is_emptied=True) as traffic:
            old.kill()
            for channel in mine:
                await refused_at_all(traffic, channel)
            for node in nodes:
                await eventually(lambda node=node: f"127.0.0.1:{old.port}" in node.get("/readyz").text)
                ready = node.get("/readyz")
                assert ready.status_code == 200 and "of 64 partitions are away" in ready.text, ready.text
            await traffic.flows(scene.others(mine))
            await traffic.during(old.start)
            await traffic.during(redis.settle)
            await traffic.flows()
            await traffic.told()
        nothing_is_lost(traffic, scene.others(mine))
