"""The HTTP API: what a backend publishes and reads, on any node, and what is refused."""

import base64
import http.client
import json

import pytest

from harness import Node

KEY = "an-api-key-of-some-length"
READER = "a-read-key-of-some-length"
RULES = """channels:
  - match: "kept:*"
    history: {size: 100, ttl: 60s}
    publish: server
  - match: "live:*"
    publish: server
"""


@pytest.fixture
def nodes(own_cluster, tmp_path):
    """Three nodes with rules under which only the API publishes."""
    file = tmp_path / "rules.yaml"
    file.write_text(RULES)
    return own_cluster(options={"--config": file}).nodes


def call(node: Node, method: str, path: str, body: object = None, **arguments):
    """One request to the API; a body is JSON text as it stands or a value."""
    text = body if body is None or isinstance(body, str | bytes) else json.dumps(body)
    headers = {"Content-Type": "application/json"} if body is not None else {}
    return node.request(method, path, data=text, headers={**headers, **arguments.pop("headers", {})}, **arguments)


def plain(node: Node, method: str, path: str, body: str | None = None, key: str | None = None):
    """A request whose path goes out as it stands."""
    connection = http.client.HTTPConnection("127.0.0.1", node.port, timeout=10)
    connection.request(method, path, body, {"Authorization": f"Bearer {key}"} if key else {})
    return connection.getresponse()


async def test_a_message_reaches_listeners_on_every_node(nodes, connect):
    clients = [await connect(node.ws) for node in nodes]
    for client in clients:
        await client.command("subscribe", channel="live:1")
    answer = call(nodes[0], "POST", "/api/channels/live:1/messages", {"data": {"a": [1]}, "from": "alice"})
    assert (answer.status_code, answer.json()) == (200, {"channel": "live:1"})
    for client in clients:
        event = await client.expect("message", channel="live:1")
        assert event["data"] == {"a": [1]} and event["from"] == "alice" and "client" not in event


async def test_a_kept_message_has_its_place_and_is_read_on_another_node(nodes, connect):
    client = await connect(nodes[1].ws)
    await client.command("subscribe", channel="kept:1")
    receipts = [
        call(nodes[number % 3], "POST", "/api/channels/kept:1/messages", {"data": number}).json() for number in range(3)
    ]
    assert [receipt["offset"] for receipt in receipts] == [1, 2, 3]
    epoch = receipts[0]["epoch"]
    for number in range(3):
        assert (await client.expect("message", channel="kept:1"))["offset"] == number + 1
    history = call(nodes[2], "GET", "/api/channels/kept:1/history").json()
    assert (history["type"], history["epoch"], history["offset"]) == ("history", epoch, 3)
    assert [message["data"] for message in history["messages"]] == [0, 1, 2]
    since = call(nodes[0], "GET", f"/api/channels/kept:1/history?since={epoch}:1&limit=1").json()
    assert [message["data"] for message in since["messages"]] == [1]


async def test_a_key_publishes_once_whatever_node_is_asked(nodes):
    answers = [
        call(node, "POST", "/api/channels/kept:2/messages", {"data": 1, "key": "k"}).json() for node in nodes
    ]
    assert [answer.get("duplicate", False) for answer in answers] == [False, True, True]
    assert {answer["offset"] for answer in answers} == {1}


async def test_a_binary_message(nodes, connect):
    client = await connect(nodes[2].ws)
    await client.command("subscribe", channel="live:2")
    text = base64.b64encode(b"\x00\xff").decode()
    assert call(nodes[0], "POST", "/api/channels/live:2/messages", {"binary": text}).status_code == 200
    await client.ping()
    assert client.binary == [b"\x01\x00\x06live:2\x00\xff"]


async def test_who_is_left_out(nodes, connect):
    alice, bob = await connect(nodes[0].ws), await connect(nodes[1].ws)
    for client in (alice, bob):
        await client.command("subscribe", channel="live:3")
    body = {"data": 1, "exclude": alice.id}
    assert call(nodes[2], "POST", "/api/channels/live:3/messages", body).status_code == 200
    await bob.expect("message", channel="live:3")
    await alice.ping()
    assert not alice.events("message")


async def test_a_signal(nodes, connect):
    client = await connect(nodes[1].ws)
    await client.command("subscribe", channel="kept:3")
    answer = call(nodes[0], "POST", "/api/channels/kept:3/signals", {"event": "typing", "data": [1]})
    assert (answer.status_code, answer.json()) == (200, {})
    event = await client.expect("signal", channel="kept:3", event="typing")
    assert event["data"] == [1] and event["from"] is None and "client" not in event


REFUSED = {
    "no JSON": ("POST", "/api/channels/live:1/messages", "{", 400, "bad_request"),
    "no object": ("POST", "/api/channels/live:1/messages", "[]", 400, "bad_request"),
    "no data": ("POST", "/api/channels/live:1/messages", {}, 400, "bad_request"),
    "data and binary": ("POST", "/api/channels/live:1/messages", {"data": 1, "binary": ""}, 400, "bad_request"),
    "data twice": ("POST", "/api/channels/live:1/messages", '{"data":1,"data":2}', 400, "bad_request"),
    "no base64": ("POST", "/api/channels/live:1/messages", {"binary": "AA=A"}, 400, "bad_request"),
    "a key that is no string": ("POST", "/api/channels/live:1/messages", {"data": 1, "key": 1}, 400, "bad_request"),
    "an empty key": ("POST", "/api/channels/live:1/messages", {"data": 1, "key": ""}, 400, "bad_request"),
    "a long key": ("POST", "/api/channels/live:1/messages", {"data": 1, "key": "k" * 256}, 400, "bad_request"),
    "a user of control": ("POST", "/api/channels/live:1/messages", {"data": 1, "from": "\n"}, 400, "bad_request"),
    "a long message": ("POST", "/api/channels/live:1/messages", {"data": "x" * 70000}, 413, "too_large"),
    "a channel of the server": ("POST", "/api/channels/$x/messages", {"data": 1}, 403, "forbidden"),
    "a channel without a rule": ("POST", "/api/channels/other/messages", {"data": 1}, 403, "forbidden"),
    "a long channel": ("POST", f"/api/channels/{'c' * 201}/messages", {"data": 1}, 400, "invalid_channel"),
    "a broken escape": ("POST", "/api/channels/%4/messages", {"data": 1}, 400, "bad_request"),
    "an escape twice": ("POST", "/api/channels/live%253A1/messages", {"data": 1}, 403, "forbidden"),
    "no event": ("POST", "/api/channels/live:1/signals", {}, 400, "bad_request"),
    "an unknown query": ("GET", "/api/channels/kept:1/history?form=1", None, 400, "bad_request"),
    "a query twice": ("GET", "/api/channels/kept:1/history?limit=1&limit=2", None, 400, "bad_request"),
    "a limit of zero": ("GET", "/api/channels/kept:1/history?limit=0", None, 400, "bad_request"),
    "a limit that is none": ("GET", "/api/channels/kept:1/history?limit=1e2", None, 400, "bad_request"),
    "a place that is none": ("GET", "/api/channels/kept:1/history?since=x", None, 400, "bad_request"),
    "a channel without history": ("GET", "/api/channels/live:1/history", None, 403, "forbidden"),
    "another method": ("PUT", "/api/channels/live:1/messages", {"data": 1}, 405, "method_not_allowed"),
    "a method of nobody": ("FROB", "/api/access", None, 405, "method_not_allowed"),
    "an empty segment": ("GET", "/api//access", None, 404, "not_found"),
    "a slash at the end": ("GET", "/api/access/", None, 404, "not_found"),
    "capitals": ("GET", "/API/access", None, 404, "not_found"),
    "an escaped word": ("GET", "/api/acces%73", None, 404, "not_found"),
}


@pytest.fixture(scope="module")
def ruled(loops, tmp_path_factory):
    """One node in memory with the rules of above."""
    folder = tmp_path_factory.mktemp("ruled")
    (folder / "rules.yaml").write_text(RULES)
    with Node("ruled", folder, loops=loops, options={"--config": folder / "rules.yaml"}) as node:
        yield node


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused(ruled, case):
    method, path, body, status, code = REFUSED[case]
    answer = plain(ruled, method, path, body if body is None or isinstance(body, str) else json.dumps(body))
    refusal = json.loads(answer.read())
    assert (answer.status, refusal["code"]) == (status, code), refusal
    assert refusal["error"].endswith(".")
    if status == 405:
        assert answer.headers["Allow"]


@pytest.mark.parametrize("path", ["/api/channels/live:1/messages", "/api/users/u/messages", "/api/notifications"])
def test_keys(own_node, tmp_path, path):
    (tmp_path / "rules.yaml").write_text(RULES)
    options = {"--allow-anonymous": None, "--api-key": KEY, "--api-read-key": READER, "--config": tmp_path / "rules.yaml"}
    node = own_node(options, dev=False)
    body = {"data": 1}
    statuses = [
        call(node, "POST", path, body, headers={"Authorization": f"Bearer {key}"}).status_code
        for key in (KEY, READER, "another", "")
    ]
    assert statuses == [200, 403, 401, 401]
    spellings = [path.replace("/api/", prefix) for prefix in ("/api//", "//api/", "/%61pi/", "/API/", "/./api/", "/x/../api/")]
    spellings += [path[:-1] + f"%{ord(path[-1]):x}", path + "/", path.replace("/api/", "/api/%2e/")]
    for spelling in spellings:
        assert plain(node, "POST", spelling, json.dumps(body)).status in (401, 404), spelling
        assert plain(node, "POST", spelling, json.dumps(body), KEY).status == 404, spelling


def test_the_description_is_openapi(ruled):
    document = ruled.get("/openapi.json").json()
    assert document["openapi"] == "3.1.0"
    assert "/api/channels/{channel}/messages" in document["paths"]
