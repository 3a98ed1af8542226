"""Commands by HTTP: done like those of a WebSocket, in order, with one answer for each."""

import asyncio
import json
import signal
import struct

import pytest

from harness import eventually
from harness.backend import Backend, echo

RULES = """channels:
  - match: "kept:*"
    history: {size: 100, ttl: 60s}
  - match: "members:*"
    publish: members
  - match: "closed:*"
    subscribe: token
    publish: members
  - match: "server:*"
    publish: server
  - match: "live:*"
"""
SESSION = "s" * 22


def post(node, body, path="/commands", **headers):
    text = body if isinstance(body, str | bytes) else json.dumps(body)
    return node.request("POST", path, data=text, headers={"Content-Type": "application/json", **headers})


def run(node, *commands, session=None, user=None):
    """The replies to commands."""
    body = {"commands": list(commands)} | ({"session": session} if session else {})
    answer = post(node, body, "/commands" + (f"?user={user}" if user else ""))
    assert answer.status_code == 200, answer.text
    replies = answer.json()
    assert len(replies) == len(commands)
    return replies


async def test_a_node_that_goes_away_still_does_them(ruled, connect):
    """A proxy must not give a POST that was refused to another node."""
    node = ruled({"--drain": "5s"})
    clients = [await connect(node.ws) for _ in range(8)]
    await clients[0].subscribe("kept:a")
    node.signal(signal.SIGTERM)
    await clients[0].expect("drain")
    (reply,) = run(node, {"type": "publish", "channel": "kept:a", "data": 1})
    assert reply["type"] == "published"
    assert await asyncio.to_thread(node.wait) == 0


async def test_each_command_has_one_reply_in_order(ruled, connect):
    node = ruled()
    client = await connect(node.ws)
    await client.subscribe("kept:a")
    replies = run(
        node,
        {"type": "publish", "channel": "kept:a", "data": 1},
        {"type": "publish", "channel": "kept:a", "data": 2, "id": "my id"},
        {"type": "history", "channel": "kept:a", "id": 7},
        {"type": "presence", "channel": "kept:a"},
        {"type": "signal", "channel": "kept:a", "event": "typing"},
        {"type": "send", "to": "nobody", "data": 1},
        {"type": "request", "method": "time", "id": 8},
        {"type": "ping"},
        user="ann",
    )
    types = ["published", "published", "history", "presence", "signalled", "sent", "response", "pong"]
    assert [reply["type"] for reply in replies] == types
    assert [reply.get("id") for reply in replies] == [None, "my id", 7, None, None, None, 8, None]
    assert [message["data"] for message in replies[2]["messages"]] == [1, 2], "what was published before is there"
    assert replies[5]["online"] is False
    messages = await client.collect("message", 2)
    assert [(each["data"], each["from"]) for each in messages] == [(1, "ann"), (2, "ann")]
    assert messages[0]["client"] == messages[1]["client"]


async def test_a_session_publishes_under_one_name_on_every_node(cluster, connect, channel):
    client = await connect(cluster.nodes[0].ws)
    await client.subscribe(channel)
    for node in cluster.nodes:
        run(node, {"type": "publish", "channel": channel, "data": 1}, session=SESSION)
    run(cluster.nodes[0], {"type": "publish", "channel": channel, "data": 1}, session=SESSION, user="ann")
    run(cluster.nodes[0], {"type": "publish", "channel": channel, "data": 1})
    names = [each["client"] for each in await client.collect("message", 5)]
    assert names[0] == names[1] == names[2] and names[0].startswith("h-") and len(names[0]) == 15
    assert names[3].startswith("h-") and names[3] != names[0] and names[4].startswith("c-")


def test_a_key_counts_for_the_session(cluster, channel):
    command = {"type": "publish", "channel": "demo:" + channel, "data": 1, "key": "k"}
    first, second = (run(node, command, session=SESSION)[0] for node in cluster.nodes[:2])
    assert second["duplicate"] is True and second["offset"] == first["offset"]
    assert "duplicate" not in run(cluster.nodes[2], command, session="t" * 22)[0]


async def test_a_binary_message(cluster, connect, channel):
    client = await connect(cluster.nodes[1].ws)
    await client.subscribe(channel)
    frame = b"\x01" + struct.pack(">H", len(channel)) + channel.encode() + b"\x00\xff"
    headers = {"Content-Type": "application/octet-stream", "Apus-Session": SESSION}
    answer = cluster.nodes[0].request("POST", "/commands", data=frame, headers=headers)
    assert answer.json() == [{"type": "published", "channel": channel}]
    assert await client.binaries(1) == [frame]
    assert cluster.nodes[0].request("POST", "/commands", data=b"\x01", headers=headers).json()[0]["code"] == "bad_request"


async def test_commands_are_no_longer_than_those_by_websocket(cluster, connect, channel):
    """Other nodes drop what comes of longer ones, so it must not be accepted."""
    bob = await connect(cluster.nodes[1].ws, user=channel)
    await bob.subscribe(channel)
    await eventually(lambda: cluster.known_connections(channel) == 1)
    whole = {"publish": {"channel": channel}, "send": {"to": channel}}
    commands = []
    for length in (65_536, 65_537):
        for type, members in whole.items():
            text = json.dumps({"type": type, **members, "data": "", "id": 1}, separators=(",", ":"))
            commands.append(text.replace('""', '"' + "x" * (length - len(text)) + '"'))
    for longer in (False, True):
        body = '{"commands":[' + ",".join(commands[2:] if longer else commands[:2]) + "]}"
        headers = {"Content-Type": "application/json"}
        replies = cluster.nodes[0].request("POST", "/commands", data=body, headers=headers).json()
        assert [reply.get("code") for reply in replies] == ["too_large" if longer else None] * 2
        assert [reply["id"] for reply in replies] == [1, 1]
    for type in ("message", "direct"):
        assert set((await bob.expect(type))["data"]) == {"x"}
    head = b"\x01" + struct.pack(">H", len(channel)) + channel.encode()
    headers = {"Content-Type": "application/octet-stream"}
    for length, code in ((65_536, None), (65_537, "too_large")):
        frame = head.ljust(length, b"x")
        (reply,) = cluster.nodes[0].request("POST", "/commands", data=frame, headers=headers).json()
        assert reply.get("code") == code
    assert len((await bob.binaries(1))[0]) == 65_536


def test_longer_ones_count_for_the_rate(own_node):
    node = own_node({"--rate": 1, "--burst": 3})
    codes = [
        node.request(
            "POST", "/commands?user=ann", data=b"\x01\x00\x01a".ljust(70_000, b"x"),
            headers={"Content-Type": "application/octet-stream"},
        ).json()[0]["code"]
        for _ in range(6)
    ]
    assert codes[:3] == ["too_large"] * 3 and "rate_limited" in codes[3:]


def test_members_are_who_may_subscribe(ruled):
    node = ruled()
    publish = [{"type": "publish", "channel": f"{name}:1", "data": 1} for name in ("members", "closed", "server")]
    assert [reply.get("code") for reply in run(node, *publish)] == [None, "forbidden", "forbidden"]


def test_what_is_no_command_here(ruled):
    replies = run(
        ruled(),
        {"type": "subscribe", "channel": "live:a", "id": 1}, {"type": "unsubscribe", "channel": "live:a"},
        {"type": "auth", "token": "x"}, {"jsonrpc": "2.0", "method": "time", "id": 1}, {"type": "nope", "id": 5}, {},
    )
    assert {reply["type"] for reply in replies} == {"error"}
    assert [reply["code"] for reply in replies[:4]] == ["bad_request"] * 4
    assert replies[0]["id"] == 1 and replies[4]["id"] == 5 and replies[4]["code"] == "unknown_type"


@pytest.mark.parametrize(
    "body",
    [
        "", "{", "[]", "{}", '{"commands":[]}', '{"commands":[1]}', '{"commands":{}}', '{"commands":[{}],"commands":[]}',
        {"commands": [{"type": "ping"}] * 51}, {"session": "x", "commands": [{"type": "ping"}]},
        {"session": "s" * 65, "commands": [{"type": "ping"}]}, {"session": "s" * 21 + "+", "commands": [{"type": "ping"}]},
    ],
)
def test_a_body_that_is_none(ruled, body):
    answer = post(ruled(), body)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request"), answer.text


def test_other_bodies_and_methods(ruled):
    node = ruled()
    assert post(node, '{"x":"' + "x" * (256 << 10) + '"}').status_code == 413
    answer = node.request("POST", "/commands", data="{}", headers={"Content-Type": "text/plain"})
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")
    assert node.get("/commands").headers["Allow"] == "POST, OPTIONS"
    assert post(node, {"commands": [{"type": "ping"}]}, Origin="https://evil.example").status_code == 403


def test_the_rate_of_an_address_and_of_a_user(ruled):
    node = ruled({"--rate": 1, "--burst": 10})
    pings = [{"type": "ping"}] * 8
    assert {reply["type"] for reply in run(node, *pings)} == {"pong"}
    codes = [reply.get("code") for reply in run(node, *pings)]
    assert codes[0] is None and codes[-1] == "rate_limited"
    assert {reply["type"] for reply in run(node, *pings, user="ann")} == {"pong"}, "a user has a rate of their own"
    assert "rate_limited" in [reply.get("code") for reply in run(node, *pings, user="ann", session=SESSION)]


async def test_requests_side_by_side(own_node):
    async def slow(call):
        await asyncio.sleep(0.1)
        return await echo(call)

    backend = await Backend().start()
    backend.answer = slow
    node = own_node(backend.options())
    requests = [{"type": "request", "method": "m", "params": [number], "id": number} for number in range(40)]
    replies = await asyncio.to_thread(run, node, *requests)
    await backend.stop()
    assert [(reply["id"], reply["type"], reply["result"]) for reply in replies] == [
        (number, "response", [number]) for number in range(40)
    ]
    assert 1 < backend.peak <= 16


def test_nobody_is_connected_by_a_command(cluster, channel):
    run(cluster.nodes[0], {"type": "ping"}, user=channel, session=SESSION)
    answer = cluster.nodes[1].request("POST", f"/api/users/{channel}/messages", json={"data": 1})
    assert answer.json() == {"online": False}
    assert cluster.nodes[1].get(f"/api/users/{channel}").json()["connections"] == []
