"""Tokens that end while their connection is open, and new ones that take their place."""

import time
from contextlib import ExitStack

import pytest

from harness import Nginx, Redis, eventually, keys
from harness.client import Client
from harness.keys import SECRET
from harness.tokens import ahead, claims, since, token, url_with
from harness.ways_in import FAILED

pytestmark = pytest.mark.loops

OPTIONS = {"--jwt-secret": SECRET.private.decode(), "--log-level": "debug"}

# The close code of those whose token has ended.
ENDED = 4002

# Good for one or two seconds more: the leeway is 30 s.
SOON = ahead(-29)

# What every token is good for beyond `exp`, in milliseconds.
LEEWAY = 30_000


@pytest.fixture
def node(own_node):
    return own_node(OPTIONS, dev=False)


async def renew(client: Client, **changes) -> dict:
    """Shows another token on a live connection: the reply."""
    return await client.command("auth", token=token(SECRET, **changes))


async def test_a_token_that_ends_closes(node, connect, channel):
    client = await connect(url_with(node.ws, token(SECRET, exp=SOON)))
    await client.subscribe(channel)
    expiring = await client.expect("expiring")
    assert expiring.keys() == {"type", "in"} and 0 < expiring["in"] <= 2000
    assert await client.closed_with() == ENDED
    assert len(client.events("expiring")) == 1
    await eventually(lambda: node.metrics().total("apus_disconnects_total", code=str(ENDED)) == 1)
    assert node.metrics().total("apus_subscriptions") == 0


async def test_thirty_seconds_are_told_of(node, connect):
    client = await connect(url_with(node.ws, token(SECRET, exp=ahead(1))))
    await client.ping()
    assert client.events("expiring") == []
    expiring = await client.expect("expiring")
    assert LEEWAY - 2000 < expiring["in"] <= LEEWAY
    await client.ping()
    assert len(client.events("expiring")) == 1


@pytest.mark.parametrize("way", ["query", "command"])
async def test_a_new_token_in_time_keeps_the_connection(node, connect, channel, way):
    soon = token(SECRET, exp=SOON)
    client = await connect(url_with(node.ws, soon) if way == "query" else node.ws)
    if way == "command":
        await client.succeed("authenticated", "auth", token=soon)
    await client.subscribe(channel, presence=True)
    await client.expect("expiring")
    end = claims()["exp"]
    reply = await renew(client, exp=end)
    assert reply.type == "authenticated" and reply["user"] == "alice" and reply["expires"] == end
    # Another one whose token ends is gone when this one's first would have ended.
    other = await connect(url_with(node.ws, token(SECRET, exp=SOON)))
    assert await other.closed_with() == ENDED
    await client.publish(channel, 1)
    await client.expect("message", data=1)
    assert len(client.events("expiring")) == 1 and client.events("leave") == []


async def test_a_shorter_token_counts_as_well(node, connect):
    client = await connect(url_with(node.ws, token(SECRET)))
    assert (await renew(client, exp=SOON)).type == "authenticated"
    await client.expect("expiring")
    assert await client.closed_with() == ENDED


async def test_a_token_that_is_not_taken_changes_nothing(node, connect, channel):
    client = await connect(url_with(node.ws, token(SECRET, channels={channel: ["subscribe"]})))
    await client.subscribe(channel)
    for shown, codes in [
        (token(SECRET, sub="bob"), None),
        (token(keys.FOREIGN_SECRET), {"invalid_token"}),
        (token(SECRET, exp=since(60)), {"expired_token"}),
        (token(SECRET, nbf=ahead(60)), {"invalid_token"}),
        ("", {"invalid_token"}),
        ("x" * 9000, {"invalid_token"}),
    ]:
        reply = await client.command("auth", token=shown)
        assert reply.type == "error", reply.raw
        assert codes is None or reply["code"] in codes, reply.raw
    for command in ({}, {"token": 1}, {"token": None}, {"token": ["x"]}):
        assert (await client.command("auth", **command))["code"] == "bad_request"
    # The old rights, neither more nor less.
    await client.subscribe(channel)
    assert (await client.command("publish", channel=channel, data=1))["code"] == "forbidden"
    assert client.events("unsubscribed") == []
    witness = await connect(url_with(node.ws, token(SECRET, sub="carol")))
    await witness.publish(channel, 2)
    assert (await client.expect("message"))["from"] == "carol"


async def test_the_old_end_stays_after_a_token_that_is_not_taken(node, connect):
    client = await connect(url_with(node.ws, token(SECRET, exp=SOON)))
    assert (await renew(client, sub="bob")).type == "error"
    assert await client.closed_with() == ENDED


async def test_new_rights_take_effect(node, connect, channel):
    kept, lost = f"{channel}-kept", f"{channel}-lost"
    client = await connect(url_with(node.ws, token(SECRET)))
    witness = await connect(url_with(node.ws, token(SECRET, sub="bob")))
    for name in (kept, lost):
        await client.subscribe(name, presence=True)
        await witness.subscribe(name, presence="watch")
    reply = await renew(client, channels={kept: ["subscribe", "presence"]})
    assert reply.type == "authenticated"
    assert await client.expect("unsubscribed") == {"type": "unsubscribed", "channel": lost, "reason": "server"}
    assert (await witness.expect("leave"))["channel"] == lost
    for name in (kept, lost):
        assert (await client.command("publish", channel=name, data=1))["code"] == "forbidden"
        await witness.publish(name, 2)
    await client.expect("message", channel=kept)
    assert (await client.command("subscribe", channel=lost))["code"] == "forbidden"
    await client.ping()
    assert len(client.events("unsubscribed")) == len(client.events("message")) == 1
    # And back: rights come, subscriptions do not.
    assert (await renew(client)).type == "authenticated"
    await client.publish(lost, 3)
    await client.ping()
    assert len(client.events("message")) == 1
    await client.subscribe(lost)


async def test_presence_shows_the_info_of_the_token(node, connect, channel):
    named = await connect(url_with(node.ws, token(SECRET, info={"name": "Alice"})))
    free = await connect(url_with(node.ws, token(SECRET, sub="bob")))
    await named.subscribe(channel, presence=True, info={"name": "Admin"})
    await free.subscribe(channel, presence=True, info={"name": "Bob"})
    members = (await free.command("presence", channel=channel))["members"]
    assert {member["user"]: member["info"]["name"] for member in members} == {"alice": "Alice", "bob": "Bob"}
    assert (await named.expect("join"))["info"] == {"name": "Bob"}


async def test_an_end_far_away_is_no_end(node, connect):
    """What does not fit into a timer is not cut to a moment that is near."""
    for end in (2**31, 2**32 + time.time(), 2**53, 2**63, 1e300):
        client = await connect(url_with(node.ws, token(SECRET, exp=end)))
        assert client.hello["user"] == "alice", end
        assert (await renew(client, exp=end)).type == "authenticated"
        assert client.events("expiring") == []


async def test_each_connection_has_a_token_of_its_own(own_node, connect, channel, tmp_path):
    """Two nodes, one Redis: where the token ends the connection ends, and the user is still there on the other."""
    with ExitStack() as stack:
        redis = Redis(tmp_path)
        stack.callback(redis.end)
        redis.start()
        nodes = [own_node({**OPTIONS, "--leave-grace": "200ms"}, redis=redis.url, dev=False) for _ in range(2)]
        nginx = Nginx(tmp_path, [node.port for node in nodes])
        stack.callback(nginx.end)
        nginx.start()
        watcher = await connect(url_with(nginx.ws, token(SECRET, sub="carol")))
        await watcher.subscribe(channel, presence="watch")
        ending = await connect(url_with(nodes[0].ws, token(SECRET, exp=SOON)))
        staying = await connect(url_with(nodes[1].ws, token(SECRET)))
        for client in (ending, staying):
            await client.subscribe(channel, presence=True)
        assert await ending.closed_with() == ENDED
        await eventually(lambda: set(redis.presence(channel)) == {staying.id})
        reply = await watcher.command("presence", channel=channel)
        assert [(member["user"], member["clients"]) for member in reply["members"]] == [("alice", 1)]
        assert len(watcher.events("join")) == 1 and watcher.events("leave") == []
        await staying.publish(channel, 1)
        assert (await watcher.expect("message"))["from"] == "alice"
        # The same token does not come back, on no node.
        late = await connect(url_with(nginx.ws, token(SECRET, exp=since(60))))
        assert (await late.expect("error"))["code"] == "expired_token"
        assert await late.closed_with() == FAILED
