"""Who is in a channel: in Redis, in replies and in events."""

import asyncio
import json
import signal

import pytest

from harness import eventually
from harness.client import Message

pytestmark = pytest.mark.loops


def users(roster: Message) -> set[str | None]:
    return {member["user"] for member in roster["members"]}


async def test_redis_shows_who_is_there(cluster, connect, channel):
    redis = cluster.redis
    alice = await connect(cluster.nodes[0].ws, user="alice")
    alice_elsewhere = await connect(cluster.nodes[1].ws, user="alice")
    bob = await connect(cluster.nodes[2].ws, user="bob")
    watcher = await connect(cluster.nodes[2].ws, user="watcher")
    await watcher.subscribe(channel, presence="watch")
    assert redis.presence(channel) == {}

    await alice.subscribe(channel, presence=True, info={"colour": "green"})
    await eventually(lambda: set(redis.presence(channel)) == {alice.id})
    entry = json.loads(redis.presence(channel)[alice.id])
    assert entry["user"] == "alice" and entry["node"] == alice.node and entry["info"] == {"colour": "green"}
    assert isinstance(entry["since"], int)

    await alice_elsewhere.subscribe(channel, presence=True)
    await bob.subscribe(channel, presence=True)
    await eventually(lambda: set(redis.presence(channel)) == {alice.id, alice_elsewhere.id, bob.id})
    assert redis.users(channel) == {"alice": "2", "bob": "1"}
    assert channel in redis.channels_of(bob.node)

    await alice.unsubscribe(channel)
    await eventually(lambda: set(redis.presence(channel)) == {alice_elsewhere.id, bob.id})
    await bob.abort()
    await eventually(lambda: set(redis.presence(channel)) == {alice_elsewhere.id})
    await alice_elsewhere.unsubscribe(channel)
    await eventually(lambda: not redis.presence(channel) and not redis.users(channel))


async def test_a_plain_subscription_is_no_presence(cluster, connect, channel):
    plain = await connect(cluster.nodes[0].ws, user="plain")
    reply = await plain.subscribe(channel)
    assert "members" not in reply and "count" not in reply
    alice = await connect(cluster.nodes[1].ws, user="alice")
    await alice.subscribe(channel, presence=True)
    assert set(cluster.redis.presence(channel)) == {alice.id}
    # The same order of publications for everybody: what follows the join has come, so the join would have.
    await alice.publish(channel, "after the join")
    await plain.expect("message")
    assert plain.events("join") == []


async def test_two_connections_of_a_user_are_one_join_and_one_leave(cluster, connect, channel):
    watcher = await connect(cluster.nodes[2].ws)
    await watcher.subscribe(channel, presence="watch")
    first = await connect(cluster.nodes[0].ws, user="alice")
    second = await connect(cluster.nodes[1].ws, user="alice")
    bob = await connect(cluster.nodes[1].ws, user="bob")
    await first.subscribe(channel, presence=True)
    await second.subscribe(channel, presence=True)
    await bob.subscribe(channel, presence=True)
    await watcher.expect("join", user="bob", count=2)
    assert [(join["user"], join["count"]) for join in watcher.events("join")] == [("alice", 1), ("bob", 2)]

    # Answered before Redis has heard of it: what another node says next may be there sooner.
    await first.unsubscribe(channel)
    await eventually(lambda: first.id not in cluster.redis.presence(channel))
    await second.unsubscribe(channel)
    await bob.unsubscribe(channel)
    await watcher.expect("leave", user="bob", count=0)
    assert [(leave["user"], leave["count"]) for leave in watcher.events("leave")] == [("alice", 1), ("bob", 0)]
    assert all(event["channel"] == channel for event in watcher.events("join") + watcher.events("leave"))


async def test_subscribed_tells_who_is_there(cluster, connect, channel):
    alice = await connect(cluster.nodes[0].ws, user="alice")
    reply = await alice.subscribe(channel, presence=True)
    assert users(reply) == {"alice"} and reply["count"] == 1
    bob = await connect(cluster.nodes[1].ws, user="bob")
    reply = await bob.subscribe(channel, presence=True)
    assert users(reply) == {"alice", "bob"} and reply["count"] == 2
    watcher = await connect(cluster.nodes[2].ws, user="watcher")
    reply = await watcher.subscribe(channel, presence="watch")
    assert users(reply) == {"alice", "bob"} and reply["count"] == 2
    assert set(cluster.redis.presence(channel)) == {alice.id, bob.id}


async def test_a_second_subscribe_changes_presence(cluster, connect, channel):
    watcher = await connect(cluster.nodes[1].ws)
    await watcher.subscribe(channel, presence="watch")
    alice = await connect(cluster.nodes[0].ws, user="alice")
    await alice.subscribe(channel)
    await alice.subscribe(channel, presence=True, info="here")
    assert (await watcher.expect("join", user="alice"))["info"] == "here"
    await alice.subscribe(channel, presence="watch")
    await watcher.expect("leave", user="alice")
    assert cluster.redis.presence(channel) == {}


async def test_presence_command(cluster, connect, channel):
    for node, user in zip(cluster.nodes, ["alice", "alice", "bob"], strict=True):
        client = await connect(node.ws, user=user)
        await client.subscribe(channel, presence=True, **({"info": {"of": "bob"}} if user == "bob" else {}))
    outsider = await connect(cluster.nodes[0].ws)

    async def roster() -> Message | None:
        reply = await outsider.succeed("presence", "presence", channel=channel)
        members = {member["user"]: member for member in reply["members"]}
        whole = set(members) == {"alice", "bob"} and members["alice"]["clients"] == 2
        return reply if whole else None

    reply = await eventually(roster)
    assert reply["count"] == 2 and reply["channel"] == channel and len(reply["members"]) == 2
    bob = next(member for member in reply["members"] if member["user"] == "bob")
    assert bob == {"user": "bob", "clients": 1, "info": {"of": "bob"}}
    reply = await outsider.succeed("presence", "presence", channel=channel, only="count")
    assert reply["count"] == 2 and "members" not in reply


async def test_presence_of_an_empty_channel(cluster, connect, channel):
    client = await connect(cluster.nodes[0].ws)
    reply = await client.succeed("presence", "presence", channel=channel)
    assert reply["members"] == [] and reply["count"] == 0


async def test_coming_back_within_the_grace_is_neither_leave_nor_join(cluster, connect, channel):
    watcher = await connect(cluster.nodes[0].ws)
    await watcher.subscribe(channel, presence="watch")
    lost = await connect(cluster.nodes[1].ws, user="alice")
    await lost.subscribe(channel, presence=True)
    await watcher.expect("join", user="alice")
    back = await connect(cluster.nodes[2].ws, user="alice")
    await lost.abort()
    await back.subscribe(channel, presence=True)
    # The node runs the late `leave` of the lost connection only now, and nobody is told.
    await eventually(lambda: set(cluster.redis.presence(channel)) == {back.id})
    bob = await connect(cluster.nodes[1].ws, user="bob")
    await bob.subscribe(channel, presence=True)
    await watcher.expect("join", user="bob", count=2)
    assert len(watcher.events("join")) == 2 and watcher.events("leave") == []


async def test_a_lost_connection_leaves_once(cluster, connect, channel):
    watcher = await connect(cluster.nodes[0].ws)
    await watcher.subscribe(channel, presence="watch")
    alice = await connect(cluster.nodes[1].ws, user="alice")
    await alice.subscribe(channel, presence=True)
    await alice.abort()
    await watcher.expect("leave", user="alice", count=0)
    bob = await connect(cluster.nodes[1].ws, user="bob")
    await bob.subscribe(channel, presence=True)
    await watcher.expect("join", user="bob")
    assert len(watcher.events("leave")) == 1


async def test_unsubscribing_leaves_at_once(cluster, own_node, connect, channel):
    """With a grace far beyond the test, so that only what does not wait for it can happen."""
    node = own_node({"--leave-grace": "600s"}, redis=cluster.redis.url)
    watcher = await connect(cluster.nodes[0].ws)
    await watcher.subscribe(channel, presence="watch")
    alice = await connect(node.ws, user="alice")
    bob = await connect(node.ws, user="bob")
    for client in (alice, bob):
        await client.subscribe(channel, presence=True)
    await bob.abort()
    await alice.unsubscribe(channel)
    await watcher.expect("leave", user="alice", count=1)
    assert set(cluster.redis.presence(channel)) == {bob.id}
    assert watcher.events("leave", user="bob") == []
    # Ctrl-C waits for no grace.
    node.signal(signal.SIGINT)
    assert await asyncio.to_thread(node.wait) == 0
    await watcher.expect("leave", user="bob", count=0)


async def test_who_comes_back_elsewhere_from_a_node_that_ends_has_not_left(own_cluster, connect, channel):
    """Of those that the node closes last one is on another node within the grace, and one is not."""
    cluster = own_cluster(nodes=2, options={"--drain": "0s"})
    ending, other = cluster.nodes
    watcher = await connect(other.ws)
    await watcher.subscribe(channel, presence="watch")
    alice, bob = [await connect(ending.ws, user=user) for user in ("alice", "bob")]
    for client in (alice, bob):
        await client.subscribe(channel, presence=True)
    await watcher.collect("join", 2)
    ending.signal(signal.SIGTERM)
    assert await alice.closed_with() == 1012
    back = await connect(other.ws, user="alice")
    await back.subscribe(channel, presence=True)
    await watcher.expect("leave", user="bob", count=1)
    assert await asyncio.to_thread(ending.wait) == 0
    await eventually(lambda: set(cluster.redis.presence(channel)) == {back.id})
    await watcher.ping()
    assert [event["user"] for event in watcher.events("leave")] == ["bob"]
    assert len(watcher.events("join")) == 2


async def test_a_node_without_members_ends_at_once(own_cluster, connect, channel):
    cluster = own_cluster(nodes=1, options={"--drain": "0s", "--leave-grace": "600s"})
    (node,) = cluster.nodes
    client = await connect(node.ws, user="alice")
    await client.subscribe(channel, presence="watch")
    assert await asyncio.to_thread(node.stop) == 0


async def test_info_is_shown_byte_for_byte(cluster, connect, channel):
    info = r'{ "name":"\u00c4nne" , "level": 1.50 }'
    watcher = await connect(cluster.nodes[0].ws)
    await watcher.subscribe(channel, presence="watch")
    alice = await connect(cluster.nodes[1].ws, user="alice")
    await alice.send_text(f'{{"type":"subscribe","channel":"{channel}","presence":true,"info":{info},"id":"s"}}')
    assert f'"info":{info}' in (await watcher.expect("join", user="alice")).raw
    assert f'"info":{info}' in (await watcher.command("presence", channel=channel)).raw
    assert f'"info":{info}' in cluster.redis.presence(channel)[alice.id]
    await eventually(lambda: alice.replies["s"])
    assert f'"info":{info}' in alice.replies["s"][0].raw


async def test_anonymous_connections_count_one_each(cluster, connect, channel):
    watcher = await connect(cluster.nodes[0].ws)
    await watcher.subscribe(channel, presence="watch")
    first = await connect(cluster.nodes[1].ws)
    second = await connect(cluster.nodes[2].ws)
    assert first.hello["user"] is None
    await first.subscribe(channel, presence=True)
    await second.subscribe(channel, presence=True)
    await watcher.expect("join", user=None, client=first.id, count=1)
    await watcher.expect("join", user=None, client=second.id, count=2)
    reply = await watcher.command("presence", channel=channel)
    assert reply["count"] == 2
    assert {(member["user"], member["client"]) for member in reply["members"]} == {(None, first.id), (None, second.id)}
    await first.unsubscribe(channel)
    await watcher.expect("leave", user=None, client=first.id, count=1)


async def test_odd_user_names(cluster, connect, channel):
    names = ['q"uote', "back\\slash", "Ünïcode 🦜", "a:b", "caf\u00e9", "cafe\u0301", "users", "0"]
    watcher = await connect(cluster.nodes[0].ws)
    await watcher.subscribe(channel, presence="watch")
    for number, name in enumerate(names, start=1):
        client = await connect(cluster.nodes[number % 3].ws, user=name)
        assert client.hello["user"] == name
        await client.subscribe(channel, presence=True)
        await watcher.expect("join", user=name, count=number)
    assert users(await watcher.command("presence", channel=channel)) == set(names)


async def test_a_crowd_is_told_as_a_count(cluster, connect, channel):
    """Above 200 users only the count is told; back below 150 the whole list comes once, then joins and leaves."""
    watcher = await connect(cluster.nodes[0].ws)
    await watcher.subscribe(channel, presence="watch")
    crowd = [await connect(cluster.nodes[number % 3].ws, user=f"u{number}") for number in range(230)]
    await asyncio.gather(*(client.subscribe(channel, presence=True) for client in crowd))
    await watcher.expect("members", count=230)
    assert all("members" not in event for event in watcher.events("members"))
    assert 190 <= len(watcher.events("join")) <= 201
    assert all(join["count"] <= 201 for join in watcher.events("join"))

    leaving, staying = crowd[:110], crowd[110:]
    await asyncio.gather(*(client.unsubscribe(channel) for client in leaving))
    remaining = {f"u{number}" for number in range(110, 230)}

    def known() -> set[str]:
        """Who is there as a client that follows the events knows it."""
        assert watcher.events("members")
        members: set[str] = set()
        for event in watcher.received:
            if event.type == "members" and "members" in event:
                assert event["count"] == len(event["members"]) < 150
                members = users(event)
            elif event.type == "join":
                members.add(event["user"])
            elif event.type == "leave":
                members.discard(event["user"])
        return members

    await eventually(lambda: known() == remaining)
    assert len([event for event in watcher.events("members") if "members" in event]) == 1
    assert len(cluster.redis.presence(channel)) == len(staying)
    await staying[0].unsubscribe(channel)
    await watcher.expect("leave", user="u110", count=len(staying) - 1)


async def test_the_count_is_right_for_those_who_come_at_once(memory_node, connect, channel):
    """A join from before the roster must not come after it: its count is older, and one's own join is told to others."""
    for number in range(10):
        room = f"{channel}-{number}"
        clients = [await connect(memory_node.ws, user=f"user-{index}") for index in range(3)]
        replies = [await client.start("subscribe", channel=room, presence=True) for client in clients]
        for client, reply in zip(clients, replies):
            subscribed = await client.reply(reply)
            await client.ping()
            told = [subscribed, *client.events("join", channel=room)]
            present = {member["user"] for member in subscribed["members"]}
            assert not present & {join["user"] for join in told[1:]}, told
        for client in clients:
            await client.ping()
            joins = client.events("join", channel=room)
            assert not joins or joins[-1]["count"] == 3, joins
