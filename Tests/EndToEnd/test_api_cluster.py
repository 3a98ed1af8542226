"""The HTTP API where it asks every node: channels, users, connections, nodes; and what it does with connections."""

import asyncio
import json
import time
from collections.abc import Iterator

import pytest

from harness import Cluster, Node, eventually
from harness.stream import Stream

RULES = """channels:
  - match: "kept:*"
    history: {size: 100, ttl: 60s}
    publish: server
  - match: "closed:*"
    subscribe: token
  - match: "quiet:*"
    presence: false
  - match: "live:*"
"""


@pytest.fixture(scope="module")
def nodes(loops, tmp_path_factory) -> Iterator[list[Node]]:
    """Three nodes, shared: each test has channels and users of its own."""
    folder = tmp_path_factory.mktemp(f"api-{loops}")
    (folder / "rules.yaml").write_text(RULES)
    options = {"--config": folder / "rules.yaml", "--max-channels": 4}
    with Cluster(folder, loops=loops, options=options) as cluster:
        yield cluster.nodes


@pytest.fixture(params=["redis", "memory"])
def several(request, nodes, tmp_path, own_node) -> list[Node]:
    """Three nodes, or one that stands alone, which has to do the same."""
    if request.param == "redis":
        return nodes
    (tmp_path / "rules.yaml").write_text(RULES)
    return [own_node({"--config": tmp_path / "rules.yaml", "--max-channels": 4})] * 3


def call(node: Node, method: str, path: str, body: object = None) -> dict:
    """The answer to a request that is to be done."""
    arguments = {} if body is None else {"json": body}
    answer = node.request(method, path, **arguments)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def subscribed(connect, node: Node, *channels: str, user: str | None = None, **options):
    client = await connect(node.ws + (f"?user={user}" if user else ""))
    for channel in channels:
        await client.command("subscribe", channel=channel, **options)
    return client


# Channels


async def test_channels_by_name_are_exact_and_page(several, connect):
    for number in range(9):
        node = several[number % 3]
        await subscribed(connect, node, f"live:page-{number}", "live:page-common", user=f"u{number}", presence=True)

    def are_right() -> bool:
        names, after = [], None
        while True:
            query = "match=live:page-*&limit=4" + (f"&after={after}" if after else "")
            page = call(several[0], "GET", f"/api/channels?{query}")
            names += [(each["name"], each["subscribers"], each["members"]) for each in page["channels"]]
            after = page.get("after")
            if not after:
                break
        assert names == [(f"live:page-{number}", 1, 1) for number in range(9)] + [("live:page-common", 9, 9)]
        return True

    # A list may be half a second old.
    await eventually(are_right)


async def test_channels_by_subscribers(several, connect):
    for number in range(6):
        channels = ["live:size-a"] + ["live:size-b"] * (number % 2) + [f"live:size-{number}"]
        await subscribed(connect, several[number % 3], *dict.fromkeys(channels))

    def is_right() -> bool:
        answer = call(several[1], "GET", "/api/channels?match=live:size-*&sort=subscribers&limit=3")
        sizes = [(each["name"], each["subscribers"]) for each in answer["channels"]]
        assert sizes == [("live:size-a", 6), ("live:size-b", 3), ("live:size-0", 1)] and "after" not in answer
        return True

    # A list may be half a second old.
    await eventually(is_right)


async def test_one_channel(several, connect):
    for number in range(3):
        await subscribed(connect, several[number], "kept:one", user="alice", presence=True)
    for number in range(5):
        call(several[number % 3], "POST", "/api/channels/kept:one/messages", {"data": number})
    answer = call(several[2], "GET", "/api/channels/kept:one")
    assert (answer["name"], answer["subscribers"], answer["members"]) == ("kept:one", 3, 1)
    assert answer["history"]["offset"] == answer["history"]["kept"] == 5
    assert answer["rule"]["publish"] == "server" and answer["rule"]["history"] == {"size": 100, "ttl": 60000}


def test_what_nobody_knows_is_empty(several):
    for node in several:
        channel = call(node, "GET", "/api/channels/live:unknown")
        assert (channel["subscribers"], channel["members"]) == (0, 0) and "history" not in channel
        assert call(node, "GET", "/api/users/nobody") == {"user": "nobody", "connections": []}
        assert call(node, "GET", "/api/channels/live:unknown/presence") == {"connections": [], "count": 0}
        assert call(node, "DELETE", "/api/users/nobody/connections") == {"disconnected": 0}
        assert call(node, "DELETE", "/api/connections/c-nobody") == {"disconnected": 0}
        assert call(node, "PUT", "/api/users/nobody/channels/live:x") == {"connections": 0, "skipped": 0}
        assert call(node, "DELETE", "/api/users/nobody/channels/live:x") == {"connections": 0}


async def test_presence_page_by_page(several, connect):
    expected = set()
    for number in range(7):
        user = f"user-{number % 5}" if number < 5 else None
        client = await subscribed(
            connect, several[number % 3], "live:crowd", user=user, presence=True, info={"n": number}
        )
        expected.add((client.id, user, number))
    found, cursor = [], None
    while True:
        page = call(
            several[0], "GET", "/api/channels/live:crowd/presence?limit=3" + (f"&cursor={cursor}" if cursor else "")
        )
        assert page["count"] == 7 and len(page["connections"]) <= 3
        found += [(each["client"], each["user"], each["info"]["n"]) for each in page["connections"]]
        assert all(abs(each["since"] / 1000 - time.time()) < 60 for each in page["connections"])
        cursor = page.get("cursor")
        if not cursor:
            break
    assert len(found) == 7 and set(found) == expected


async def test_deleting_a_history_tells_who_listens(several, connect):
    clients = [await subscribed(connect, node, "kept:gone") for node in several]
    old = call(several[0], "POST", "/api/channels/kept:gone/messages", {"data": 1})
    for client in clients:
        await client.expect("message", channel="kept:gone")
    new = call(several[1], "DELETE", "/api/channels/kept:gone/history")
    assert new["offset"] == 0 and new["epoch"] != old["epoch"]
    for client in clients:
        gap = await client.expect("gap", channel="kept:gone")
        assert (gap["epoch"], gap["offset"]) == (new["epoch"], 0)
    history = call(several[2], "GET", "/api/channels/kept:gone/history")
    assert (history["epoch"], history["offset"], history["messages"]) == (new["epoch"], 0, [])
    again = call(several[0], "POST", "/api/channels/kept:gone/messages", {"data": 2})
    assert (again["epoch"], again["offset"]) == (new["epoch"], 1)
    for client in clients:
        assert (await client.expect("message", channel="kept:gone"))["offset"] == 1
    late = await connect(several[1].ws)
    since = {"epoch": old["epoch"], "offset": old["offset"]}
    reply = await late.command("subscribe", channel="kept:gone", since=since)
    assert reply["recovered"] is False and reply["epoch"] == new["epoch"]


# Many messages


async def test_many_messages_are_published_in_order(several, connect):
    client = await subscribed(connect, several[2], "kept:many", "live:many")
    messages = [{"channel": ("kept:many", "live:many")[n % 2], "data": n} for n in range(1000)]
    messages[10]["channel"] = "$system"
    messages[11]["channel"] = "unruled"
    results = call(several[0], "POST", "/api/messages", {"messages": messages})["results"]
    assert len(results) == 1000
    assert [results[n]["code"] for n in (10, 11)] == ["forbidden", "forbidden"]
    assert [result["offset"] for result in results if result.get("channel") == "kept:many"] == list(range(1, 500))
    await client.collect("message", 998)
    for channel, remainder in (("kept:many", 0), ("live:many", 1)):
        data = [event["data"] for event in client.events("message") if event["channel"] == channel]
        assert data == [n for n in range(1000) if n % 2 == remainder and n not in (10, 11)]


@pytest.mark.parametrize(
    "messages",
    [
        None, {}, [1], [{"data": 1}], [{"channel": "live:1"}], [{"channel": 1, "data": 1}],
        [{"channel": "live:shape", "data": 1}, {"channel": "live:shape"}],
        [{"channel": "live:shape", "data": 1}, {"channel": "live:shape", "data": 1, "key": 1}],
        [{"channel": "live:shape", "data": 1}, {"channel": "live:shape", "data": 1, "binary": ""}],
        [{"channel": "live:shape", "data": 1}] * 1001,
    ],
)
async def test_a_wrong_shape_publishes_nothing(nodes, connect, messages):
    client = await subscribed(connect, nodes[0], "live:shape")
    answer = nodes[0].request("POST", "/api/messages", json={"messages": messages})
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")
    assert answer.json()["error"].startswith(("The member ", "messages["))
    await client.ping()
    assert not client.events("message")


# Users and connections


async def test_a_user_on_every_node(several, connect):
    clients = [await subscribed(connect, node, "live:a", user="ann") for node in several]
    answer = call(several[1], "GET", "/api/users/ann")
    assert {each["client"] for each in answer["connections"]} == {client.id for client in clients}
    assert {each["node"] for each in answer["connections"]} == {client.node for client in clients}
    for each in answer["connections"]:
        assert each["channels"] == ["live:a"] and each["ip"] == "127.0.0.1"
        assert abs(each["since"] / 1000 - time.time()) < 60


async def test_ending_the_connections_of_a_user(several, connect):
    clients = [await connect(node.ws + "?user=bert") for node in several]
    other = await connect(several[0].ws + "?user=berta")
    assert call(several[2], "DELETE", "/api/users/bert/connections?reason=good%20bye") == {"disconnected": 3}
    for client in clients:
        assert (await client.closed_with(), client.socket.close_reason) == (4003, "good bye")
    await other.ping()


async def test_ending_one_connection(several, connect):
    first, second = [await connect(several[0].ws) for _ in range(2)]
    assert call(several[1], "DELETE", f"/api/connections/{first.id}") == {"disconnected": 1}
    assert (await first.closed_with(), first.socket.close_reason) == (4003, "disconnected by the server")
    await second.ping()


async def test_putting_a_user_into_a_channel(several, connect):
    clients = [await connect(node.ws + "?user=carl") for node in several]
    answer = call(
        several[0], "PUT", "/api/users/carl/channels/closed:1", {"presence": True, "info": {"name": "Carl"}}
    )
    assert answer == {"connections": 3, "skipped": 0}
    for client in clients:
        event = await client.expect("subscribed", channel="closed:1")
        assert event["reason"] == "server" and "id" not in event and event["count"] == 1
    call(several[1], "POST", "/api/channels/closed:1/messages", {"data": "hello"})
    for client in clients:
        assert (await client.expect("message", channel="closed:1"))["data"] == "hello"
    members = call(several[2], "GET", "/api/channels/closed:1/presence")
    assert members["count"] == 1 and members["connections"][0]["info"] == {"name": "Carl"}
    # Who comes later is not put there.
    late = await connect(several[0].ws + "?user=carl")
    assert (await late.command("subscribe", channel="closed:1"))["code"] == "forbidden"
    assert call(several[2], "DELETE", "/api/users/carl/channels/closed:1") == {"connections": 3}
    for client in clients:
        assert (await client.expect("unsubscribed", channel="closed:1"))["reason"] == "server"
        assert (await client.command("subscribe", channel="closed:1"))["code"] == "forbidden"


async def test_who_is_put_somewhere_may_subscribe_again_and_leave(several, connect):
    client = await connect(several[0].ws + "?user=dora")
    call(several[1], "PUT", "/api/users/dora/channels/closed:2")
    await client.expect("subscribed", channel="closed:2")
    assert (await client.command("subscribe", channel="closed:2", presence=True))["type"] == "subscribed"
    assert (await client.command("unsubscribe", channel="closed:2"))["type"] == "unsubscribed"
    assert (await client.command("subscribe", channel="closed:2"))["code"] == "forbidden"


async def test_a_connection_in_too_many_channels_is_skipped(several, connect):
    await subscribed(connect, several[0], *[f"live:many-{number}" for number in range(4)], user="erna")
    await connect(several[1].ws + "?user=erna")
    assert call(several[2], "PUT", "/api/users/erna/channels/closed:3") == {"connections": 1, "skipped": 1}


async def test_presence_stays_where_a_member_is_put_again(several, connect):
    client = await subscribed(connect, several[0], "live:stay", user="fritz", presence=True, info={"n": 1})
    call(several[1], "PUT", "/api/users/fritz/channels/live:stay")
    await client.expect("subscribed", channel="live:stay", reason="server")
    (member,) = call(several[2], "GET", "/api/channels/live:stay/presence")["connections"]
    assert member["info"] == {"n": 1}
    call(several[1], "PUT", "/api/users/fritz/channels/live:stay", {"presence": True, "info": {"n": 2}})
    await client.expect("subscribed", channel="live:stay", count=1)
    (member,) = call(several[2], "GET", "/api/channels/live:stay/presence")["connections"]
    assert member["info"] == {"n": 2}


async def test_the_owner_listens(several, connect):
    with Stream(f"{several[1].http}/api/channels/closed:tail/events?presence=watch") as stream:
        await asyncio.to_thread(stream.expect, "subscribed", channel="closed:tail")
        call(several[0], "POST", "/api/channels/closed:tail/messages", {"data": 1})
        assert (await asyncio.to_thread(stream.expect, "message"))["data"] == 1
        await connect(several[2].ws + "?user=tilda")
        call(several[0], "PUT", "/api/users/tilda/channels/closed:tail", {"presence": True})
        await asyncio.to_thread(stream.expect, "join", user="tilda")
        # Who listens is nobody's connection.
        assert call(several[2], "GET", "/api/channels/closed:tail")["subscribers"] == 2
    for path, status in (("quiet:1/events?presence=watch", 403), ("other/events", 403), ("$x/events", 403)):
        assert several[0].get(f"/api/channels/{path}").status_code == status
    refused = several[0].request("GET", "/api/channels/live:1/events", params={"presence": "true"})
    assert refused.status_code == 400


# Nodes


def test_nodes(nodes):
    answer = call(nodes[1], "GET", "/api/nodes")
    assert [node["name"] for node in answer["nodes"]] == ["web-1", "web-2", "web-3"] and "partial" not in answer
    for node in answer["nodes"]:
        assert node["id"].startswith(node["name"] + ".") and node["version"] and node["host"]
        assert abs(node["started"] / 1000 - time.time()) < 3600 and 0 <= node["leaseAge"] < 10_000
        assert node["memory"] > 1_000_000 and 0 <= node["busiestLoop"] <= 1 and node["redisRoundTrip"] > 0
        assert node["draining"] is False


async def test_statistics(several, connect):
    before = call(several[0], "GET", "/api/stats")
    await asyncio.sleep(0.3)
    for node in several:
        await subscribed(connect, node, "live:stats", user="gerd")
    after = call(several[1], "GET", "/api/stats")
    assert after["connections"] - before["connections"] == 3
    assert after["subscriptions"] - before["subscriptions"] == 3
    assert {"users", "channels", "published", "delivered"} <= after.keys() and "partial" not in after


async def test_a_stopped_node_makes_answers_partial_and_nothing_slow(own_cluster, connect):
    nodes = own_cluster().nodes
    clients = [await subscribed(connect, node, "demo:part", user="hans") for node in nodes]
    call(nodes[0], "GET", "/api/stats")
    nodes[2].pause()
    answer = await asyncio.to_thread(call, nodes[0], "GET", "/api/users/hans")
    assert {each["client"] for each in answer["connections"]} == {clients[0].id, clients[1].id}
    (missing,) = answer["partial"]
    assert missing == clients[2].node
    rows = call(nodes[1], "GET", "/api/nodes")
    assert rows["partial"] == [missing]
    assert {"name": "web-3", "id": missing}.items() <= rows["nodes"][2].items() and "leaseAge" in rows["nodes"][2]
    # While the answer is waited for, everything else is done.
    waiting = asyncio.create_task(asyncio.to_thread(call, nodes[0], "GET", "/api/channels/demo:part"))
    while not waiting.done():
        await clients[0].ping()
        assert call(nodes[0], "POST", "/api/channels/demo:part/messages", {"data": 1})["channel"] == "demo:part"
    assert (await waiting)["subscribers"] == 2 and (await waiting)["partial"] == [missing]
    nodes[2].resume()


@pytest.mark.one_redis("it stands still")
def test_a_batch_of_which_nothing_is_known(own_cluster):
    """A backend that looks at the status alone must not take it for done."""
    cluster = own_cluster(nodes=1)
    node = cluster.nodes[0]
    messages = [{"channel": "live:a", "data": number} for number in range(3)]
    call(node, "POST", "/api/messages", {"messages": messages})
    cluster.redis.pause()
    answer = node.request("POST", "/api/messages", json={"messages": messages})
    assert (answer.status_code, answer.json()["code"]) == (504, "timeout")
    cluster.redis.resume()


REFUSED = {
    "a match that is empty": ("GET", "/api/channels?match="),
    "another order": ("GET", "/api/channels?sort=size"),
    "pages by subscribers": ("GET", "/api/channels?sort=subscribers&after=x"),
    "a limit above": ("GET", "/api/channels?limit=1001"),
    "a cursor of nobody": ("GET", "/api/channels/live:1/presence?cursor=x"),
    "a long reason": ("DELETE", "/api/users/u/connections?reason=" + "x" * 124),
    "a user of control": ("GET", "/api/users/%0A"),
    "a long user": ("GET", "/api/users/" + "u" * 201),
    "a long client": ("DELETE", "/api/connections/" + "c" * 65),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused(nodes, case):
    answer = nodes[0].request(*REFUSED[case])
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request"), answer.text


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/api/channels/quiet:1/presence", None), ("GET", "/api/channels/other", None),
        ("DELETE", "/api/channels/live:1/history", None), ("PUT", "/api/users/u/channels/$x", None),
        ("PUT", "/api/users/u/channels/quiet:1", {"presence": True}), ("DELETE", "/api/users/u/channels/other", None),
    ],
)
def test_what_is_forbidden(nodes, method, path, body):
    answer = nodes[0].request(method, path, data=body and json.dumps(body))
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), answer.text


def test_info_that_is_too_long(nodes):
    answer = nodes[0].request("PUT", "/api/users/u/channels/live:1", json={"info": "x" * 1024})
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
