"""Slots of a Redis Cluster move, and primaries come and go, while two nodes publish: nothing is lost, no `gap` told."""

import asyncio
import json
import os
import time

import pytest

from harness import eventually, partitions
from harness.client import Client
from harness.recovery import Plan, run
from harness.recovery.plan import HALT, LINKS, MOVE, NODE
from harness.scene import EACH, between, nothing_is_lost, refused_at_all


async def test_slots_moved_key_by_key_and_back(scene):
    redis, source = scene.redis, scene.primary
    target = scene.another(source)
    slots = redis.partition_slots(source)
    assert len(slots) > 20
    moved = scene.of(source)
    async with scene.traffic() as traffic:
        for to in (target, source):
            await traffic.during(redis.move, slots, to)
            assert set(scene.of(to)) >= set(moved)
            await traffic.flows()
    nothing_is_lost(traffic)
    for node in scene.nodes:
        assert node.metrics().total("apus_redis_moves_total") > 0


async def test_a_move_that_stops_half_way(scene):
    """While it stands still whatever is in that slot is refused, and everything else goes on."""
    redis, channel = scene.redis, scene.channels[0]
    slot = partitions.slot(partitions.partition(channel))
    # Of a move there a part of the keys has gone when it stops, of the move back all.
    async with scene.traffic() as traffic:
        for count in (1, 1000):
            move = redis.moving(slot, scene.another(redis.owner(slot)))
            await traffic.during(move.begin)
            await traffic.during(move.carry, count)
            await refused_at_all(traffic, channel)
            stopped = time.monotonic()
            await asyncio.sleep(5)
            await traffic.flows(scene.others([channel]))
            gone_on = time.monotonic()
            await traffic.during(move.finish)
            await traffic.during(redis.settle)
            await traffic.flows()
            meanwhile = [each for each in between(traffic, stopped, gone_on) if each.channel == channel]
            assert meanwhile and all(each.is_refused for each in meanwhile), {each.reply.raw for each in meanwhile}
            rest = [each for each in between(traffic, stopped, gone_on) if each.channel != channel]
            assert rest and all(each.is_accepted for each in rest), {each.reply.raw for each in rest}
    nothing_is_lost(traffic)


async def test_an_empty_primary_is_added_and_drained_again(scene):
    redis = scene.redis
    async with scene.traffic() as traffic:
        added = await traffic.during(redis.add_primary)
        others = [each for each in redis.primaries if each is not added]
        slots = [slot for each in others for slot in redis.partition_slots(each)[:8]]
        mine = [partitions.slot(partitions.partition(name)) for name in scene.channels[::EACH]]
        await traffic.during(redis.move, sorted({*slots, *mine}), added)
        assert set(scene.of(added)) >= set(scene.channels[::EACH])
        await traffic.flows()
        await traffic.during(redis.drain, added)
        await traffic.flows()
    nothing_is_lost(traffic)


@pytest.mark.parametrize("faults", [(MOVE, HALT, MOVE, HALT), (MOVE, HALT, NODE, LINKS)], ids=["moves", "more"])
async def test_clients_cut_off_while_slots_move(tmp_path, loops, faults):
    """Each time they come back elsewhere, and have precisely what they have not had."""
    seed = int(os.environ.get("APUS_SEED", time.time_ns() // 1000 % 1_000_000_000))
    plan = Plan(seed, clients=60, channels=6, seconds=20, loops=loops, faults=faults)
    print(plan)
    report = await run(plan, tmp_path)
    print(report)
    assert not report.faults, f"\n{report}"
    assert report.counts["recovered messages"], f"\n{report}"


async def test_a_node_that_sleeps_through_a_move(scene):
    """It cannot know what was published meanwhile, and where; so it finds all of it, or says that it may not."""
    redis, source = scene.redis, scene.primary
    slots = redis.partition_slots(source)
    async with scene.traffic() as traffic:
        for to in (scene.another(source), source):
            scene.nodes[1].pause()
            await traffic.during(redis.move, slots, to)
            await asyncio.sleep(2)
            scene.nodes[1].resume()
            await traffic.flows()
            await traffic.told()
    nothing_is_lost(traffic, scene.others(scene.of(source)))


async def test_what_is_sent_again_under_its_key_comes_once(scene, connect):
    """Whatever was answered while the slot moved, the one with a key may be sent until it is confirmed."""
    redis, channel = scene.redis, scene.channels[0]
    slot = partitions.slot(partitions.partition(channel))
    reader, writer = await connect(scene.nodes[0].ws), await connect(scene.nodes[1].ws, user="writer")
    await reader.subscribe(channel)
    sent: dict[int, int] = {}
    is_over = False

    async def keep_sending() -> None:
        number = 0
        while not is_over:
            number += 1

            async def is_confirmed(number: int = number) -> bool:
                answer = await writer.command("publish", channel=channel, data=number, key=str(number))
                if answer.type == "published":
                    sent[number] = answer["offset"]
                return answer.type == "published"

            await eventually(is_confirmed)

    sending = asyncio.create_task(keep_sending())
    for _ in range(6):
        move = redis.moving(slot, scene.another(redis.owner(slot)))
        for step in (move.begin, move.carry, move.finish, redis.settle):
            await asyncio.to_thread(step)
            await asyncio.sleep(0.2)
    is_over = True
    await sending
    await reader.collect("message", len(sent))
    await reader.ping()
    told = [(each["data"], each["offset"]) for each in reader.events("message")]
    assert told == list(sent.items()), "each once, and where it was confirmed"
    assert [offset for _, offset in told] == list(range(1, len(told) + 1)) and not reader.events("gap")


async def test_who_comes_and_goes_while_slots_move(scene, connect):
    """In the end the members are those who are there, and those whom everybody was told of."""
    redis = scene.redis
    slots = sorted({partitions.slot(partitions.partition(channel)) for channel in scene.channels})
    watchers = [await connect(node.ws, user=f"watcher-{node.name}") for node in scene.nodes]
    for watcher in watchers:
        for channel in scene.channels:
            await watcher.subscribe(channel, presence="watch")
    is_over = False

    async def come_and_go(number: int) -> dict[str, bool]:
        """Into channels and out of them, until that is done: in which it is at the end."""
        client = await connect(scene.nodes[number % 2].ws, user=f"user-{number}")
        inside = dict.fromkeys(scene.channels, False)
        while not is_over:
            for channel in scene.channels:
                command = "unsubscribe" if inside[channel] else "subscribe"
                members = {} if inside[channel] else {"presence": True}

                async def is_done(command: str = command, channel: str = channel, members: dict = members) -> bool:
                    answer = await client.command(command, channel=channel, **members)
                    assert answer.type == f"{command}d" or answer["code"] in ("unavailable", "timeout"), answer.raw
                    return answer.type == f"{command}d"

                await eventually(is_done)
                inside[channel] = not inside[channel]
                await asyncio.sleep(0.01)
        return inside

    going = [asyncio.create_task(come_and_go(number)) for number in range(6)]
    for _ in range(3):
        for slot in slots:
            move = redis.moving(slot, scene.another(redis.owner(slot)))
            for step in (move.begin, move.carry, move.finish):
                await asyncio.to_thread(step)
                await asyncio.sleep(0.1)
        await asyncio.to_thread(redis.settle)
    is_over = True
    inside = await asyncio.gather(*going)
    for channel in scene.channels:
        wanted = {f"user-{number}" for number, each in enumerate(inside) if each[channel]}

        def is_right(channel: str = channel, wanted: set[str] = wanted) -> bool:
            members = [json.loads(entry)["user"] for entry in redis.presence(channel).values()]
            assert sorted(members) == sorted(wanted), f"{channel} has {members}"
            assert redis.users(channel) == dict.fromkeys(wanted, "1")
            for watcher in watchers:
                assert told_of(watcher, channel) == wanted, f"of {channel}"
            return True

        await eventually(is_right)


def told_of(watcher: Client, channel: str) -> set[str]:
    """Who is in a channel by what somebody was told of.

    Joins and leaves may be missed while a slot moves; then everybody is told again, as `members`.
    """
    inside: set[str] = set()
    for event in watcher.received:
        if event.get("channel") != channel:
            continue
        if event.type == "members":
            inside = {member["user"] for member in event["members"]}
        elif event.type == "join":
            inside.add(event["user"])
        elif event.type == "leave":
            inside.discard(event["user"])
    return inside


async def test_what_is_for_users_while_their_slots_move(scene, connect):
    """What is sent to a user is told to be taken or not, and comes once."""
    redis, names = scene.redis, [f"user-{number}" for number in range(6)]
    clients = {name: await connect(scene.nodes[number % 2].ws, user=name) for number, name in enumerate(names)}
    sender = await connect(scene.nodes[0].ws, user="sender")
    # Those of nobody in particular go by the first partition.
    slots = sorted({partitions.slot(partitions.partition(name)) for name in names} | {partitions.slot(0)})
    sent: dict[str, list[int]] = {name: [] for name in names}
    refused, everybody, is_over = 0, [], False

    async def keep_sending() -> None:
        nonlocal refused
        number = 0
        while not is_over:
            for name in names:
                number += 1
                answer = await sender.command("send", to=name, data=number)
                if answer.type == "sent" and answer["online"]:
                    sent[name].append(number)
                elif answer.type == "sent":
                    # Taken by nobody: the user's node had not subscribed at the slot's new server yet.
                    refused += 1
                else:
                    assert answer["code"] == "unavailable", answer.raw
                    refused += 1
            number += 1
            answer = await asyncio.to_thread(
                scene.nodes[1].request, "POST", "/api/notifications", json={"data": number}
            )
            assert answer.status_code in (200, 503), answer.text
            if answer.status_code == 200:
                everybody.append(number)

    for name in names:
        await eventually(lambda name=name: len(redis.connections(name)) == 1)
    sending = asyncio.create_task(keep_sending())
    for _ in range(3):
        for slot in slots:
            move = redis.moving(slot, scene.another(redis.owner(slot)))
            for step in (move.begin, move.carry, move.finish):
                await asyncio.to_thread(step)
                await asyncio.sleep(0.1)
        await asyncio.to_thread(redis.settle)
    is_over = True
    await sending
    assert refused, "nothing was sent while a slot moved"
    for name in names:

        async def is_taken(name: str = name) -> bool:
            answer = await sender.command("send", to=name, data=0)
            return answer.type == "sent" and answer["online"]

        await eventually(is_taken)
        sent[name].append(0)
    for name, client in clients.items():
        await eventually(lambda name=name, client=client: len(client.events("direct")) >= len(sent[name]))
        await client.ping()
        assert [event["data"] for event in client.events("direct")] == sent[name]
        told = [event["data"] for event in client.events("notification")]
        assert told == sorted(set(told)) and set(told) <= set(everybody), "not once, or not in order"
