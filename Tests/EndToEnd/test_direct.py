"""Direct messages and notifications: what goes to a user's connections, wherever they are, and to everybody."""

import asyncio
import contextlib
import json
import signal
import time

import pytest
import requests

from harness import Node, eventually, secrets
from harness.keys import SECRET
from harness.tokens import token, url_with

pytestmark = pytest.mark.loops

CONTROL = "apus:control"
SECRET_OPTIONS = {"--jwt-secret": SECRET.private.decode()}


def post(node: Node, path: str, body: object, **arguments):
    """One POST to the API, whose body is JSON text as it stands or a value."""
    text = body if isinstance(body, str | bytes) else json.dumps(body)
    headers = {"Content-Type": "application/json", **arguments.pop("headers", {})}
    return node.request("POST", path, data=text, headers=headers, **arguments)


async def test_a_message_reaches_every_connection_of_a_user(cluster, connect):
    listeners = [await connect(node.ws, user="bob") for node in cluster.nodes for _ in range(2)]
    await eventually(lambda: cluster.known_connections("bob") == 6)
    alice = await connect(cluster.nodes[0].ws, user="alice")
    others = [alice, await connect(cluster.nodes[1].ws, user="alice"), await connect(cluster.nodes[2].ws)]
    assert (await alice.command("send", to="bob", data={"a": [1]})).has({"type": "sent", "online": True})
    for bob in listeners:
        event = await bob.expect("direct")
        assert {"type", "from", "client", "data", "ts"} == event.keys()
        assert event.has({"from": "alice", "client": alice.id, "data": {"a": [1]}})
    for other in others:
        await other.ping()
        assert not other.events("direct")


async def test_to_oneself_and_from_nobody(cluster, connect):
    alice = await connect(cluster.nodes[0].ws, user="alice-2")
    elsewhere = await connect(cluster.nodes[1].ws, user="alice-2")
    await eventually(lambda: cluster.known_connections("alice-2") == 2)
    assert (await alice.command("send", to="alice-2", data=1))["online"] is True
    for client in (alice, elsewhere):
        await client.expect("direct", data=1, **{"from": "alice-2"})
    nobody = await connect(cluster.nodes[2].ws)
    assert (await nobody.command("send", to="alice-2", data=2))["online"] is True
    for client in (alice, elsewhere):
        await client.expect("direct", data=2, client=nobody.id, **{"from": None})


@pytest.mark.parametrize("name", ["zoë müller", "a:b\\c", "<&>\"'", "x" * 200, "漢字"])
async def test_any_name_and_any_data(cluster, connect, name):
    bob = await connect(cluster.nodes[1].ws, user=name)
    await eventually(lambda: cluster.known_connections(name) == 1)
    alice = await connect(cluster.nodes[0].ws, user="alice")
    data = r'{ "n":1.0e+2 , "n":[ "\u00e9\/\n" ] }'
    await alice.send_text(f'{{"type":"send","to":{json.dumps(name)},"data":{data}}}')
    event = await bob.expect("direct")
    assert f'"data":{data},"ts":' in event.raw
    answer = post(cluster.nodes[2], f"/api/users/{quoted(name)}/messages", f'{{"x":1,"data": {data} }}')
    assert (answer.status_code, answer.json()) == (200, {"online": True})
    event = await bob.expect("notification")
    assert event.raw.startswith(f'{{"type":"notification","data":{data},"ts":')
    # Without an id there was no answer.
    await alice.ping()
    assert [message.type for message in alice.received] == ["connected"]


def quoted(name: str) -> str:
    return "".join(f"%{byte:02x}" for byte in name.encode())


async def test_online_tells_whether_anybody_took_it(own_cluster, connect):
    cluster = own_cluster(nodes=3)
    alice = await connect(cluster.nodes[0].ws, user="alice")

    async def online() -> bool:
        return (await alice.command("send", to="bob", data=1))["online"]

    assert await online() is False
    first = await connect(cluster.nodes[1].ws, user="bob")
    second = await connect(cluster.nodes[2].ws, user="bob")
    await eventually(online)
    await first.close()
    assert await online() is True
    # Its entries stay until it is reaped, and yet nobody takes it.
    cluster.nodes[2].kill()
    await second.closed_with()

    async def offline() -> bool:
        return not await online()

    await eventually(offline)
    assert post(cluster.nodes[0], "/api/users/bob/messages", {"data": 1}).json() == {"online": False}
    await eventually(lambda: not cluster.redis.connections("bob"))


async def test_one_node_alone(memory_node, connect):
    bob = [await connect(memory_node.ws, user="bob") for _ in range(3)]
    alice = await connect(memory_node.ws, user="alice")
    assert (await alice.command("send", to="bob", data="hi"))["online"] is True
    assert (await alice.command("send", to="carol", data="hi"))["online"] is False
    assert post(memory_node, "/api/users/bob/messages", {"data": 1}).json() == {"online": True}
    assert post(memory_node, "/api/users/carol/messages", {"data": 1}).json() == {"online": False}
    assert (answer := post(memory_node, "/api/notifications", {"data": 2})).status_code == 200 and answer.json() == {}
    for client in bob:
        await client.expect("direct", data="hi")
        await client.expect("notification", data=1)
    for client in [*bob, alice]:
        await client.expect("notification", data=2)
    for client in bob:
        await client.close()

    async def offline() -> bool:
        return (await alice.command("send", to="bob", data="hi"))["online"] is False

    await eventually(offline)


@pytest.mark.parametrize(
    "members",
    [
        {"data": 1},
        {"to": "bob"},
        {"to": 1, "data": 1},
        {"to": "", "data": 1},
        {"to": "x" * 201, "data": 1},
        {"to": "a\nb", "data": 1},
    ],
)
async def test_what_cannot_be_sent(memory_node, connect, members):
    client = await connect(memory_node.ws)
    assert (await client.command("send", **members))["code"] == "bad_request"
    await client.send("send", **members)
    assert (await client.expect("error"))["code"] == "bad_request"


@pytest.mark.parametrize("level", ["server", "authenticated", "anyone", None])
async def test_the_rule(own_node, connect, tmp_path, level):
    file = tmp_path / "rules.yaml"
    file.write_text(f"{'direct: ' + level if level else ''}\nchannels:\n  - match: '*'\n")
    node = own_node({**SECRET_OPTIONS, "--allow-anonymous": None, "--config": file}, dev=False)
    nobody, alice = await connect(node.ws), await connect(url_with(node.ws, token(SECRET, sub="alice")))
    for client, levels in ((nobody, ["anyone"]), (alice, ["anyone", "authenticated"])):
        answer = await client.command("send", to="alice", data=1)
        if level in levels:
            assert answer["online"] is True
            await alice.expect("direct")
        else:
            assert answer["code"] == "forbidden" and answer["error"].endswith(".")
    if level is None:
        file.write_text("direct: anyone\nchannels:\n  - match: '*'\n")
        node.signal(signal.SIGHUP)

        async def allowed() -> bool:
            return (await nobody.command("send", to="alice", data=1)).type == "sent"

        await eventually(allowed)


async def test_strangers(own_node, connect):
    """Who must say who they are, and have not, send nothing and are told nothing; afterwards they are found."""
    key = secrets.register("the-key-of-the-api-" + "k" * 20)
    node = own_node({**SECRET_OPTIONS, "--api-key": key}, dev=False)
    headers = {"Authorization": f"Bearer {key}"}
    stranger, bob = await connect(node.ws), await connect(url_with(node.ws, token(SECRET, sub="bob")))
    assert (await stranger.command("send", to="bob", data=1))["code"] == "unauthenticated"
    assert post(node, "/api/notifications", {"data": 1}, headers=headers).status_code == 200
    await bob.expect("notification", data=1)
    assert post(node, "/api/users/alice/messages", {"data": 2}, headers=headers).json() == {"online": False}
    await stranger.succeed("authenticated", "auth", token=token(SECRET, sub="alice"))
    assert post(node, "/api/users/alice/messages", {"data": 3}, headers=headers).json() == {"online": True}
    assert post(node, "/api/notifications", {"data": 4}, headers=headers).status_code == 200
    await stranger.expect("notification", data=4)
    assert [event["data"] for event in stranger.events("notification")] == [3, 4]


async def test_the_rate(own_node, connect):
    node = own_node({"--rate": 1, "--burst": 3})
    alice = await connect(node.ws, user="alice")
    answers = [await alice.command("send", to="alice", data=number) for number in range(4)]
    assert [answer.type for answer in answers] == ["sent"] * 3 + ["error"]
    assert answers[3]["code"] == "rate_limited"
    assert [event["data"] for event in await alice.collect("direct", 3)] == [0, 1, 2]


async def test_who_does_not_read_is_closed(own_node, connect, raw):
    node = own_node({"--max-outbox": "128KiB"})
    await raw(node.port, upgraded=True, path="/ws?user=slow", receive_buffer=4096)
    alice = await connect(node.ws, user="alice")
    data = "x" * 60_000

    async def gone() -> bool:
        return not (await alice.command("send", to="slow", data=data))["online"]

    await eventually(gone)
    await eventually(lambda: node.metrics().total("apus_disconnects_total", code="4009") == 1)


# What stands in Redis


def entries(cluster, user: str) -> dict[str, str]:
    return cluster.redis.connections(user)


async def test_who_is_connected_stands_in_redis(own_cluster, connect):
    cluster = own_cluster(nodes=2)
    redis = cluster.redis
    clients = [await connect(node.ws, user=user) for node in cluster.nodes for user in ("alice", "bob", None)]
    for node in {client.node for client in clients}:
        here = [client for client in clients if client.node == node]
        await eventually(lambda node=node: len(redis.connections_of(node)) == 3)
        for client in here:
            entry = json.loads(redis.connections_of(node)[client.id])
            assert list(entry) == ["user", "ip", "since"]
            assert entry["user"] == client.hello["user"] and entry["ip"] == "127.0.0.1"
            assert abs(entry["since"] / 1000 - time.time()) < 60
    for user in ("alice", "bob"):
        expected = {client.id: client.node for client in clients if client.hello["user"] == user}
        assert entries(cluster, user) == expected
    await clients[0].close()
    await eventually(lambda: len(entries(cluster, "alice")) == 1)
    for client in clients[1:]:
        await client.abort()
    await eventually(lambda: not redis.keys("apus:*user:*") and not redis.keys("apus:*connections:*"))


async def test_a_node_that_stops_leaves_nothing(own_cluster, connect):
    cluster = own_cluster(nodes=2)
    clients = [await connect(cluster.nodes[0].ws, user=f"u{number % 3}") for number in range(20)]
    await eventually(lambda: len(cluster.redis.connections_of(clients[0].node)) == 20)
    assert cluster.nodes[0].stop() == 0
    assert not cluster.redis.keys("apus:*user:*") and not cluster.redis.keys("apus:*connections:*")


# When Redis fails


@pytest.mark.one_redis("it stands still")
async def test_redis_stays_silent(own_cluster, connect):
    cluster = own_cluster(nodes=1, options={"--redis-timeout": "1s"})
    (node,) = cluster.nodes
    alice = await connect(node.ws, user="alice")
    cluster.redis.pause()
    asking = asyncio.to_thread(post, node, "/api/users/alice/messages", {"data": 1})
    telling = asyncio.to_thread(post, node, "/api/notifications", {"data": 1})
    sent, *answers = await asyncio.gather(alice.command("send", to="alice", data=1), asking, telling)
    assert sent["code"] == "timeout"
    for answer in answers:
        assert (answer.status_code, answer.json()["code"]) == (504, "timeout")
    # Nothing more is sent before it is back.
    assert (await alice.command("send", to="alice", data=2))["code"] == "unavailable"
    answer = await asyncio.to_thread(post, node, "/api/users/alice/messages", {"data": 2})
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert int(answer.headers["Retry-After"]) >= 1
    cluster.redis.resume()

    async def online() -> bool:
        return (await alice.command("send", to="alice", data=3)).get("online")

    await eventually(online)


@pytest.mark.one_redis("it is started again, and empty")
async def test_redis_comes_back_empty(own_cluster, connect):
    cluster = own_cluster(nodes=2)
    redis = cluster.redis.client
    clients = [await connect(node.ws, user="alice") for node in cluster.nodes for _ in range(300)]
    nobody = await connect(cluster.nodes[0].ws)
    await eventually(lambda: len(entries(cluster, "alice")) == 600)
    cluster.redis.kill()
    for client in clients[:50]:
        await client.close()
    late = await connect(cluster.nodes[1].ws, user="alice")
    cluster.redis.start()
    staying = {client.id for client in [*clients[50:], late]}
    await eventually(lambda: entries(cluster, "alice").keys() == staying)
    await eventually(lambda: sum(redis.hlen(key) for key in redis.keys("apus:connections:*")) == 552)
    # Each hears what is published, too.
    for node in cluster.nodes:
        node.wait_ready()

    async def online() -> bool:
        return (await nobody.command("send", to="alice", data=1)).get("online")

    await eventually(online)
    for client in [*clients[50:], late]:
        await client.expect("direct")


@pytest.mark.one_redis("all of it is flushed")
@pytest.mark.parametrize("writes", [False, True], ids=["quiet", "somebody publishes"])
async def test_online_right_after_flushall(own_cluster, connect, writes):
    """Bob is there all the while, on another node: he gets what is sent, once, and it is told."""
    cluster = own_cluster(nodes=2)
    alice, bob = await connect(cluster.nodes[0].ws, user="alice"), await connect(cluster.nodes[1].ws, user="bob")
    await eventually(lambda: bob.id in entries(cluster, "bob"))
    cluster.redis.client.flushall()
    if writes:
        await alice.publish("demo:flush", 1)
    asking = asyncio.to_thread(post, cluster.nodes[0], "/api/users/bob/messages", {"data": "api"})
    sent, answer = await asyncio.gather(alice.command("send", to="bob", data="ws"), asking)
    assert sent.has({"type": "sent", "online": True}), sent.raw
    assert answer.json() == {"online": True}
    await bob.expect("direct", data="ws")
    await bob.expect("notification", data="api")
    await bob.ping()
    assert len(bob.events("direct")) == len(bob.events("notification")) == 1


@pytest.mark.one_redis("its run is deleted")
async def test_a_run_that_was_deleted_is_written_again(own_cluster, connect):
    """Redis has lost its run, and nothing else: no node finds its lease gone, and who is there is known soon."""
    node = (cluster := own_cluster(nodes=1)).nodes[0]
    alice = await connect(node.ws, user="alice")
    cluster.redis.client.delete("apus:run")
    assert (await alice.command("send", to="nobody", data=1))["online"] is False
    assert (await alice.command("send", to="alice", data=1))["online"] is True
    # Nobody waits for the answer of a node that goes away.
    cluster.redis.client.delete("apus:run")
    asking = asyncio.create_task(asyncio.to_thread(post, node, "/api/users/nobody/messages", {"data": 1}))
    await asyncio.sleep(1)
    node.signal(signal.SIGTERM)
    assert await asyncio.to_thread(node.wait, 15) == 0
    with contextlib.suppress(requests.RequestException):
        await asking


@pytest.mark.one_redis("it is started again, with older data")
async def test_redis_comes_back_with_older_data(own_cluster, connect):
    """What has gone since then is gone again, under whatever id the node goes on."""
    cluster = own_cluster(nodes=1)
    node, redis = cluster.nodes[0], cluster.redis
    bob, alice = await connect(node.ws, user="bob"), await connect(node.ws, user="alice")
    await eventually(lambda: bob.id in entries(cluster, "bob") and alice.id in entries(cluster, "alice"))
    redis.client.save()
    await bob.close()
    await eventually(lambda: entries(cluster, "bob") == {})
    redis.kill()
    redis.start()
    await eventually(lambda: entries(cluster, "bob") == {}, what="he never went")
    node.wait_ready()
    await eventually(lambda: alice.id in entries(cluster, "alice"), what="she never came back")
    assert (await alice.command("send", to="bob", data=1))["online"] is False
    assert (await alice.command("send", to="alice", data=1))["online"] is True


async def test_a_node_that_was_paused_past_its_lease(own_cluster, connect):
    cluster = own_cluster(nodes=2)
    bob = await connect(cluster.nodes[0].ws, user="bob")
    alice = await connect(cluster.nodes[1].ws, user="alice")
    await eventually(lambda: entries(cluster, "bob") == {bob.id: bob.node})
    cluster.nodes[0].pause()
    await eventually(lambda: not entries(cluster, "bob"))
    cluster.nodes[0].resume()
    await eventually(lambda: entries(cluster, "bob").get(bob.id) not in (None, bob.node))
    await eventually(lambda: not cluster.redis.connections_of(bob.node))
    assert bob.id in entries(cluster, "bob")
    assert (await alice.command("send", to="bob", data=1))["online"] is True
    await bob.expect("direct")


# What another program publishes on the control channels


@pytest.mark.one_redis("another program publishes there")
async def test_nothing_can_be_forged_that_is_no_event(cluster, connect):
    bob = await connect(cluster.nodes[0].ws, user="bob-3")
    redis = cluster.redis.client
    before = cluster.nodes[0].metrics().total("apus_dropped_total", policy="malformed")
    payloads = ["d bob-3\n{", "d bob-3\n[1]", 'd bob-3\n{"type":"connected"}', "n\n1", b"d bob-3\n\xff", "d \n{}", "x"]
    payloads.append('d bob-3\n{"type":"direct","data":"' + "x" * 100_000 + '"}')
    for channel in (CONTROL, f"{CONTROL}:{bob.node}"):
        for payload in payloads:
            redis.publish(channel, payload)
    redis.publish(CONTROL, 'd bob-3\n{"type":"direct","from":null,"data":1,"ts":1}')
    await bob.expect("direct", data=1)
    await bob.ping()
    assert [message.type for message in bob.received] == ["connected", "direct"]
    dropped = cluster.nodes[0].metrics().total("apus_dropped_total", policy="malformed") - before
    assert dropped == 2 * len(payloads)


# The API


@pytest.mark.parametrize("path", ["/api/users/bob/messages", "/api/notifications"])
@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ("", 400, "bad_request"),
        ("[]", 400, "bad_request"),
        ("{}", 400, "bad_request"),
        ('{"data":1', 400, "bad_request"),
        ('{"data":1,"data":2}', 400, "bad_request"),
        ('{"data":' + "[" * 64 + "]" * 64 + "}", 400, "bad_request"),
        (b'{"data":"\xff"}', 400, "bad_request"),
        ('{"data":"' + "x" * 65_535 + '"}', 413, "too_large"),
        (b"x" * ((8 << 20) + 1), 413, "too_large"),
    ],
    ids=["nothing", "an array", "no data", "broken", "twice", "deep", "no UTF-8", "a long message", "a long body"],
)
def test_bodies_that_are_refused(memory_node, path, body, status, code):
    answer = post(memory_node, path, body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json().keys() == {"code", "error"}


def test_a_long_body_in_pieces(memory_node):
    """Without a length to be told by."""
    pieces = (b"x" * 65_536 for _ in range(130))
    headers = {"Content-Type": "application/json"}
    answer = memory_node.request("POST", "/api/notifications", data=pieces, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


async def test_the_longest_message(memory_node, connect):
    bob = await connect(memory_node.ws, user="bob-4")
    body = '{"data":"' + "x" * 65_534 + '"}'
    assert post(memory_node, "/api/users/bob-4/messages", body).json() == {"online": True}
    assert len((await bob.expect("notification"))["data"]) == 65_534


@pytest.mark.parametrize("name", ["", "%00", "%ff", "a%0ab", "x" * 201])
def test_names_that_are_none(memory_node, name):
    answer = post(memory_node, f"/api/users/{name}/messages", {"data": 1})
    # No name at all is an empty segment, which no path has.
    expected = (400, "bad_request") if name else (404, "not_found")
    assert (answer.status_code, answer.json()["code"]) == expected


@pytest.mark.parametrize("name", ["%zz", "%2"])
async def test_a_broken_escape(memory_node, raw, name):
    connection = await raw(memory_node.port)
    path = f"/api/users/{name}/messages"
    headers = {"Content-Type": "application/json", "Content-Length": "0"}
    assert (await connection.request(path, method="POST", headers=headers)).status == 400
    # On a connection that speaks HTTP already it is the API that looks at it.
    connection = await raw(memory_node.port)
    assert (await connection.request("/healthz")).status == 200
    assert (await connection.request(path, method="POST", headers=headers)).status == 400


async def test_a_name_with_a_slash(memory_node, connect):
    bob = await connect(memory_node.ws, user="a/b")
    assert post(memory_node, "/api/users/a%2Fb/messages", {"data": 1}).json() == {"online": True}
    await bob.expect("notification")
    assert post(memory_node, "/api/users/a/b/messages", {"data": 1}).status_code == 404


def test_other_methods(memory_node):
    for path in ("/api/users/bob/messages", "/api/notifications"):
        for method in ("GET", "PUT", "DELETE"):
            headers = {"Content-Type": "application/json"}
            answer = memory_node.request(method, path, headers=headers)
            assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")


def test_keys(own_node):
    full, reader = [secrets.register(f"{name}-key-" + "k" * 32) for name in "ab"]
    node = own_node({**SECRET_OPTIONS, "--api-key": full, "--api-read-key": reader}, dev=False)
    for path in ("/api/users/bob/messages", "/api/notifications"):
        for key, status in ((full, 200), (reader, 403), (full + "x", 401)):
            headers = {"Authorization": f"Bearer {key}"}
            assert post(node, path, {"data": 1}, headers=headers).status_code == status
        assert post(node, path, {"data": 1}).status_code == 401
        # With a key any host and type will do: no page has it.
        headers = {"Authorization": f"Bearer {full}", "Content-Type": "text/plain", "Host": "api.example.com"}
        assert post(node, path, {"data": 1}, headers=headers).status_code == 200
    for key, status, answer in ((full, 200, {"access": "full"}), (reader, 200, {"access": "read"}), ("x", 401, None)):
        said = node.get("/api/access", headers={"Authorization": f"Bearer {key}"})
        assert said.status_code == status and (answer is None or said.json() == answer), said.text
    said = node.request("POST", "/api/access", headers={"Authorization": f"Bearer {full}"})
    assert (said.status_code, said.headers["Allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Host": "localhost"}, 200),
        ({"Host": "[::1]:8080"}, 200),
        ({"Host": "127.1.2.3:1"}, 200),
        ({"Host": "example.com"}, 403),
        ({"Host": "127.0.0.1.example.com"}, 403),
        ({"Host": "localhost.example.com:8080"}, 403),
        ({"Host": "127.0.0"}, 403),
        ({"Host": "localhost:8080", "Origin": "http://localhost:8080"}, 200),
        ({"Host": "localhost:8080", "Origin": "http://localhost:9090"}, 200),
        ({"Origin": "http://apus.test", "Host": "apus.test"}, 200),
        ({"Origin": "http://apus.test:8080", "Host": "apus.test"}, 403),
        ({"Host": "localhost:8080", "Origin": "https://example.com"}, 403),
        ({"Host": "localhost:8080", "Origin": "null"}, 403),
        ({"Content-Type": "application/json; charset=utf-8"}, 200),
        ({"Content-Type": "Application/JSON"}, 200),
        # A program sends neither an origin nor where its page stands.
        ({"Content-Type": "text/plain"}, 200),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 200),
        ({"Content-Type": ""}, 200),
        *(
            ({"Content-Type": type, **page}, status)
            for page in (
                {"Origin": "http://localhost:9090"},
                {"Sec-Fetch-Site": "cross-site"},
                {"sec-fetch-site": "none"},
            )
            for type, status in (
                ("text/plain", 415),
                ("application/x-www-form-urlencoded", 415),
                ("", 415),
                ("application/jsonx", 415),
                ("application/json", 200),
            )
        ),
    ],
)
def test_what_pages_of_others_cannot_send_in_development(memory_node, headers, status):
    for path in ("/api/users/bob/messages", "/api/notifications"):
        answer = post(memory_node, path, {"data": 1}, headers=headers)
        assert answer.status_code == status, answer.text
