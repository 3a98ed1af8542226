"""A Redis Cluster: everything works as on one Redis, and lies where its name belongs."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from harness import Node, Redis, eventually, partitions
from harness.node import binary
from harness.process import program
from harness.redis_cluster import RedisCluster

# More than there are servers, so that each has some.
CHANNELS = [f"demo:{number}" for number in range(16)]
TAGS = [partitions.tag(partition) for partition in range(partitions.PARTITIONS)]


class Shared:
    """A Cluster and three nodes."""

    def __init__(self, stack: ExitStack, directory: Path, loops: int):
        self.redis = stack.enter_context(RedisCluster(directory / "redis"))
        nodes = [Node(f"web-{number}", directory, redis=self.redis.url, loops=loops) for number in range(1, 4)]
        for node in nodes:
            stack.callback(node.end)
            node.launch()
        for node in nodes:
            node.wait_ready()
        self.nodes = nodes


@pytest.fixture(scope="module")
def shared(loops: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    """Shared by the tests that leave it as it is."""
    with ExitStack() as stack:
        yield Shared(stack, tmp_path_factory.mktemp(f"cluster-{loops}"), loops)


def check(url: str, *options: object) -> tuple[int, str]:
    """The exit status of `apus check` and all it says, on one line."""
    words = [str(word) for word in (binary(), "check", "--allow-anonymous", "--redis", url, *options)]
    run = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert run.returncode in (0, 1), run.stderr
    return run.returncode, " ".join((run.stdout + run.stderr).split())


async def test_everything_works_as_on_one(shared, connect):
    alice, bob, eve = [
        await connect(node.ws, user=user) for node, user in zip(shared.nodes, ["alice", "bob", "eve"], strict=True)
    ]
    for channel in CHANNELS:
        await alice.subscribe(channel, presence=True)
        answer = await bob.subscribe(channel, presence=True)
        assert {member["user"] for member in answer["members"]} == {"alice", "bob"}
        assert (await alice.expect("join", channel=channel))["user"] == "bob"
        sent = await alice.publish(channel, channel)
        assert (await bob.expect("message", channel=channel))["data"] == channel
        read = await eve.command("history", channel=channel, limit=10)
        assert [message["data"] for message in read["messages"]] == [channel]
        assert (read["epoch"], read["messages"][0]["offset"]) == (sent["epoch"], sent["offset"])
    assert {shared.redis.server(channel).name for channel in CHANNELS} == {"redis-0", "redis-1", "redis-2"}
    for user, client in [("bob", bob), ("eve", eve)]:

        async def is_reached(user: str = user) -> bool:
            return (await alice.succeed("sent", "send", to=user, data=user))["online"]

        await eventually(is_reached)
        assert (await client.expect("direct"))["data"] == user
    answer = shared.nodes[1].request("POST", "/api/notifications", json={"data": "all"})
    assert answer.status_code == 200, answer.text
    for client in (alice, bob, eve):
        assert (await client.expect("notification"))["data"] == "all"
        await client.ping()
        assert len(client.events("notification")) == 1
    await bob.close()
    for channel in CHANNELS:
        assert (await alice.expect("leave", channel=channel))["user"] == "bob"


async def test_the_http_api(shared, connect):
    node, other, third = shared.nodes
    names = [f"demo:api-{number}" for number in range(8)]
    client = await connect(other.ws, user="api")
    for name in names:
        await client.subscribe(name, presence=True)
        sent = node.request("POST", f"/api/channels/{name}/messages", json={"data": name})
        assert sent.status_code == 200, sent.text
        assert (await client.expect("message", channel=name))["data"] == name
        members = third.get(f"/api/channels/{name}/presence").json()
        assert [member["user"] for member in members["connections"]] == ["api"]
        history = third.get(f"/api/channels/{name}/history").json()
        assert [message["data"] for message in history["messages"]] == [name]
    messages = [{"channel": name, "data": f"many {name}"} for name in names]
    results = node.request("POST", "/api/messages", json={"messages": messages}).json()["results"]
    assert len(results) == len(names) and all("offset" in each for each in results), results
    for name in names:
        assert (await client.expect("message", channel=name))["data"] == f"many {name}"
    sent = third.request("POST", "/api/users/api/messages", json={"data": "direct"})
    assert sent.status_code == 200, sent.text
    assert (await client.expect("notification"))["data"] == "direct"
    assert [each["node"] for each in third.get("/api/users/api").json()["connections"]] == [client.node]
    known = third.get("/api/channels?match=demo:api-*&limit=1000").json()["channels"]
    assert sorted(each["name"] for each in known) == names
    assert [each["name"] for each in node.get("/api/nodes").json()["nodes"]] == ["web-1", "web-2", "web-3"]
    new = node.request("DELETE", f"/api/channels/{names[0]}/history")
    assert new.status_code == 200, new.text
    await client.expect("gap", channel=names[0])


async def test_what_was_missed_comes_again(shared, connect):
    client = await connect(shared.nodes[0].ws, user="alice")
    for number in range(8):
        name = f"demo:missed-{number}"
        sent = await client.publish(name, 1)
        since = {"epoch": sent["epoch"], "offset": sent["offset"]}
        await client.publish(name, 2)
        reader = await connect(shared.nodes[1].ws)
        answer = await reader.subscribe(name, since=since)
        assert answer["recovered"] is True
        assert (await reader.expect("message", channel=name))["data"] == 2


def partition_of(key: str) -> tuple[int, str]:
    """The partition whose tag a key or a channel of Redis carries, and what stands behind it."""
    parts = re.fullmatch(r"apus:\{([0-9.]+)\}:(.+)", key)
    assert parts and parts[1] in TAGS, f"{key} carries no partition's tag"
    return TAGS.index(parts[1]), parts[2]


async def test_everything_carries_the_tag_of_its_partition(shared, connect):
    clients = [await connect(node.ws, user=f"tag-{number}") for number, node in enumerate(shared.nodes)]
    names = [f"demo:tag-{number}" for number in range(16)]
    for client in clients:
        for name in names:
            await client.subscribe(name, presence=True)
            await client.publish(name, 1, key="once")
    # Each names what it belongs to at its end; nodes have the others in every partition.
    of_names = {"presence", "users", "history", "meta", "user"}

    def all_are_there() -> bool:
        found: dict[str, set[str]] = {}
        for key in shared.redis.keys():
            where, rest = partition_of(key)
            kind, _, name = rest.partition(":")
            if kind in of_names:
                assert where == partitions.partition(name), f"{key} is not in the partition of {name}"
            if kind == "key":
                assert where == partitions.partition(name.split(" ")[0]), key
            found.setdefault(kind, set()).add(name)
        kept = found.get("history", set()) & found.get("presence", set())
        return kept >= set(names) and found.get("user", set()) >= {"tag-0", "tag-1", "tag-2"} and "key" in found

    await eventually(all_are_there)
    listened: dict[str, set[int]] = {}
    for channel in shared.redis.channels():
        where, rest = partition_of(channel)
        kind, _, name = rest.partition(":")
        if kind == "ch":
            assert where == partitions.partition(name), f"{channel} is not in the partition of {name}"
        listened.setdefault(rest if kind == "control" else kind, set()).add(where)
    assert listened["ch"] >= {partitions.partition(name) for name in names}
    # Nodes listen to what is for all of them in every partition, and so to what is for each.
    assert sorted(listened["control"]) == list(range(partitions.PARTITIONS))
    assert all(not each.client.execute_command("PUBSUB", "CHANNELS") for each in shared.redis.servers)


async def test_where_something_is(shared, connect):
    client = await connect(shared.nodes[0].ws, user="alice")
    for name in ("room:1", "demo:it's"):
        await client.subscribe(name, presence=True)
        server = shared.redis.server(name)
        # Any server sends there whoever asks.
        for port in (shared.redis.servers[0].port, shared.redis.servers[1].port):
            key = shared.redis.key("presence", name)
            words = [program("redis-cli", "redis-tools"), "-c", "-p", str(port), "hgetall", key]
            said = subprocess.run(words, capture_output=True, text=True, timeout=60, check=True)
            assert client.id in said.stdout and '"user":"alice"' in said.stdout
        run = subprocess.run(
            [binary(), "where", name, "--redis", shared.redis.url], capture_output=True, text=True, timeout=60
        )
        assert run.returncode == 0, run.stderr
        assert f"127.0.0.1:{server.port}" in run.stdout and partitions.prefix(name) in run.stdout
        command = next(line for line in run.stdout.splitlines() if line.startswith("presence")).split(maxsplit=1)[1]
        said = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=60, check=True)
        assert client.id in said.stdout
    assert shared.redis.key("presence", "room:1") == "apus:{2.303}:presence:room:1"


async def test_members_of_a_node_that_dies_leave(shared, connect, own_node):
    watcher = await connect(shared.nodes[0].ws, user="watcher")
    node = own_node(redis=shared.redis.url)
    gone = await connect(node.ws, user="gone")
    names = [f"demo:dies-{number}" for number in range(8)]
    for name in names:
        await watcher.subscribe(name, presence=True)
        await gone.subscribe(name, presence=True)
    node.kill()
    for name in names:
        assert (await watcher.expect("leave", within=60, channel=name))["user"] == "gone"
    for name in names:
        await eventually(lambda name=name: set(shared.redis.presence(name)) == {watcher.id})
    assert len(watcher.events("leave")) == len(names)

    def is_forgotten() -> bool:
        return not [key for key in shared.redis.keys() if key.endswith(f":{gone.node}") or key.endswith(":user:gone")]

    await eventually(is_forgotten, within=60, what="something of the node that died stays")


def test_what_check_says(shared):
    code, said = check(shared.redis.url)
    assert code == 0, said
    for primary in shared.redis.primaries:
        assert f"127.0.0.1:{primary.port}" in said, said
    # One of them is enough, a replica too.
    for each in (shared.redis.servers[0], shared.redis.servers[-1]):
        code, said = check(f"redis+cluster://127.0.0.1:{each.port}")
        assert code == 0, said


def test_the_wrong_kind_of_server(shared, tmp_path):
    code, said = check(f"redis://127.0.0.1:{shared.redis.servers[0].port}")
    assert code == 1 and "redis+cluster://" in said, said
    with Redis(tmp_path) as redis:
        code, said = check(f"redis+cluster://127.0.0.1:{redis.port}")
        assert code == 1 and "redis://" in said.replace("redis+cluster://", ""), said


def test_urls_that_cannot_be(shared):
    url = shared.redis.url
    cases = {
        f"{url}/1": "a Cluster has only database 0",
        f"{url}?password=x": "?",
        f"{url}?server-name=x": "rediss+cluster://",
    }
    for each, sentence in cases.items():
        code, said = check(each)
        assert code == 1 and sentence in said, said
    code, said = check(url, "--redis", "redis://127.0.0.1:1")
    assert code == 1 and "Cluster" in said, said
    code, said = check(url, "--redis-prefix", "a{b}")
    assert code == 1 and "{" in said, said


async def test_a_login(own_node, connect, tmp_path):
    with RedisCluster(tmp_path / "redis", options=["--user", "apus", "on", ">for-redis", "~*", "&*", "+@all"]) as redis:
        # Nodes can do nothing as anybody else.
        for each in redis.servers:
            each.client.execute_command("ACL", "SETUSER", "default", "-@pubsub", "-@scripting")
        url = redis.url.replace("://", "://apus:for-redis@")
        nodes = [own_node(redis=url) for _ in range(2)]
        await _two_nodes_talk(redis, nodes, connect)
        assert "apus:***@" in nodes[0].tail(200)
        code, said = check(url)
        assert code == 0 and "for-redis" not in said, said
        code, said = check(redis.url.replace("://", "://apus:wrong@"))
        assert code == 1 and "wrong" not in said and "password" in said, said


async def test_through_tls(own_node, connect, authority, tmp_path):
    with RedisCluster(tmp_path / "redis", authority=authority) as redis:
        options = {"--redis-ca": authority.file}
        nodes = [own_node(options, redis=redis.url) for _ in range(2)]
        await _two_nodes_talk(redis, nodes, connect)
        # All of it, not the first connection alone.
        for each in redis.servers:
            names = {entry["name"] for entry in each.client.client_list() if entry["laddr"].endswith(f":{each.port}")}
            assert not any(name.startswith("apus-") for name in names), names
        replica = redis.replicas(redis.server(CHANNELS[0]))[0]
        redis.failover(replica)
        for node in nodes:
            await eventually(lambda node=node: "degraded" not in node.get("/readyz").json())
        await eventually(lambda: len(redis.presence(CHANNELS[0])) == 2)
        code, said = check(redis.url, "--redis-ca", authority.file)
        assert code == 0 and "TLSv1.3" in said, said
        code, said = check(redis.url)
        assert code == 1 and "not trusted" in said and "--redis-ca" in said, said


async def _two_nodes_talk(redis: RedisCluster, nodes: list[Node], connect) -> None:
    alice, bob = await connect(nodes[0].ws, user="alice"), await connect(nodes[1].ws, user="bob")
    for name in CHANNELS:
        await bob.subscribe(name, presence=True)
        await alice.subscribe(name, presence=True)
        await alice.publish(name, name)
        assert (await bob.expect("message", channel=name))["data"] == name
        assert redis.presence(name).keys() == {alice.id, bob.id}
