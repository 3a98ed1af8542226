"""Slots of a Redis Cluster move atomically, many at once, while two nodes publish: nothing is lost, and no epoch ends.

Only some servers can: `make versions` runs this with one of them.
"""

import asyncio

import pytest

from harness import eventually, partitions
from harness.scene import EACH, Scene, nothing_is_lost


@pytest.fixture
def scene(scene: Scene) -> Scene:
    if not scene.redis.moves_atomically:
        pytest.skip("these servers cannot move slots atomically: APUS_REDIS_SERVER names those of a Valkey 9")
    return scene


@pytest.mark.parametrize("everything", [False, True], ids=["partitions", "all-of-a-primary"])
async def test_slots_moved_and_back(scene, everything):
    """A primary that gives away its last slot becomes a replica in that instant."""
    redis, source = scene.redis, scene.primary
    target = scene.another(source)
    slots = redis.slots(source) if everything else redis.partition_slots(source)[1:]
    mine = {partitions.slot(partitions.partition(name)) for name in scene.of(source)}
    async with scene.traffic() as traffic:
        await traffic.during(redis.migrate, slots, target)
        assert {redis.owner(slot) for slot in mine & set(slots)} == {target}
        assert source.is_primary is not everything
        await traffic.flows()
        if everything:
            # Whose replicas it has by now it keeps as another's.
            source = await traffic.during(redis.add_primary)
        await traffic.during(redis.migrate, slots, source)
        assert {redis.owner(slot) for slot in mine & set(slots)} == {source}
        await traffic.flows()
    nothing_is_lost(traffic)
    for node in scene.nodes:
        assert node.metrics().total("apus_redis_moves_total") >= 2 * len(mine & set(slots))


async def test_an_empty_primary_takes_slots_of_all_others(scene):
    redis = scene.redis
    async with scene.traffic() as traffic:
        added = await traffic.during(redis.add_primary)
        mine = [partitions.slot(partitions.partition(name)) for name in scene.channels[::EACH]]
        await traffic.during(redis.migrate, mine, added)
        assert set(scene.of(added)) == set(scene.channels[::EACH])
        await traffic.flows()
        others = [each for each in redis.primaries if each is not added]
        for slot, other in zip(mine, others, strict=True):
            await traffic.during(redis.migrate, [slot], other)
        await traffic.flows()
    nothing_is_lost(traffic)


async def test_atomic_moves_and_then_their_primary_fails(scene):
    """What moved is known to the replica of its new primary; the failover alone ends epochs."""
    redis, source = scene.redis, scene.primary
    target = scene.another(source)
    async with scene.traffic() as traffic:
        await traffic.during(redis.migrate, redis.partition_slots(source), target)
        await traffic.flows()
        mine = scene.of(target)
        assert len(mine) == 2 * EACH
        new = await traffic.during(redis.kill, target)
        await traffic.flows()
        await traffic.told()
        assert scene.of(new) == mine
    nothing_is_lost(traffic, scene.others(mine))


async def test_a_node_that_sleeps_through_an_atomic_move(scene):
    """It cannot know what was published meanwhile, and where; so it finds all of it, or says that it may not."""
    redis, source = scene.redis, scene.primary
    slots = redis.partition_slots(source)
    async with scene.traffic() as traffic:
        for to in (scene.another(source), source):
            scene.nodes[1].pause()
            await traffic.during(redis.migrate, slots, to)
            await asyncio.sleep(2)
            scene.nodes[1].resume()
            await traffic.flows()
            await traffic.told()
    nothing_is_lost(traffic, scene.others(scene.of(source)))


async def test_what_is_sent_to_users_meanwhile(scene, connect):
    """Is told to be taken or not, and comes once."""
    redis, names = scene.redis, [f"user-{number}" for number in range(6)]
    clients = {name: await connect(scene.nodes[number % 2].ws, user=name) for number, name in enumerate(names)}
    sender = await connect(scene.nodes[0].ws, user="sender")
    sent: dict[str, list[int]] = {name: [] for name in names}
    is_over = False

    async def keep_sending() -> None:
        number = 0
        while not is_over:
            for name in names:
                number += 1
                answer = await sender.command("send", to=name, data=number)
                # Taken by nobody where the user's node had not subscribed at the slot's new server yet.
                if answer.type == "sent" and answer["online"]:
                    sent[name].append(number)
                elif answer.type != "sent":
                    assert answer["code"] == "unavailable", answer.raw

    for name in names:
        await eventually(lambda name=name: len(redis.connections(name)) == 1)
    sending = asyncio.create_task(keep_sending())
    slots = sorted({partitions.slot(partitions.partition(name)) for name in names})
    for number in range(6):
        to = redis.primaries[number % 3]
        away = [slot for slot in slots if redis.owner(slot) is not to]
        await asyncio.to_thread(redis.migrate, away, to)
        await asyncio.sleep(0.2)
    is_over = True
    await sending
    for name, client in clients.items():
        await eventually(lambda name=name, client=client: len(client.events("direct")) >= len(sent[name]))
        await client.ping()
        assert [event["data"] for event in client.events("direct")] == sent[name]
