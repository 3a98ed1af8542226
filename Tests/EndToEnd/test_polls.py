"""Polls: what has come since the last one, at once or as soon as there is something."""

import asyncio
import json
import socket
import struct
import threading
import time

import jwt
import pytest
import requests

from harness import eventually

RULES = """channels:
  - match: "kept:*"
    history: {size: 10, ttl: 60s}
  - match: "closed:*"
    subscribe: token
  - match: "live:*"
"""
SESSION = "s" * 22


def poll(node, query: str) -> dict:
    answer = node.get(f"/poll?{query}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def post(node, **body) -> dict:
    answer = node.request("POST", "/poll", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def publish(node, channel: str, data, **more) -> dict:
    return node.request("POST", f"/api/channels/{channel}/messages", json={"data": data, **more}).json()


def data(answer: dict) -> list:
    return [event["data"] for event in answer["events"]]


def test_from_poll_to_poll_nothing_is_missed(cluster, channel):
    kept = "demo:" + channel
    cursor = poll(cluster.nodes[0], f"channel={kept}&channel={channel}")["cursor"]
    heard = []
    for number in range(6):
        publish(cluster.nodes[number % 3], kept, number)
        if number % 2:
            answer = poll(cluster.nodes[(number + 1) % 3], f"channel={kept}&channel={channel}&since={cursor}")
            assert answer["node"].startswith("web-") and "author" not in answer
            heard += data(answer)
            cursor = answer["cursor"]
    assert heard == list(range(6))


def test_it_waits_until_there_is_something(ruled):
    node = ruled()
    cursor = poll(node, "channel=kept:a&channel=live:b")["cursor"]
    for channel in ("kept:a", "live:b"):
        threading.Timer(0.5, publish, (node, channel, channel)).start()
        answer = poll(node, f"channel=kept:a&channel=live:b&since={cursor}")
        assert data(answer) == [channel]
        cursor = answer["cursor"]
    assert cursor.endswith(":1,-")


def test_it_answers_after_the_wait(ruled):
    node = ruled()
    cursor = poll(node, "channel=kept:a")["cursor"]
    began = time.monotonic()
    assert poll(node, f"channel=kept:a&since={cursor}&wait=1") == {
        "node": poll(node, "channel=kept:a")["node"], "events": [], "cursor": cursor,
    }
    assert time.monotonic() - began >= 1


def test_without_waiting_only_histories_are_read(ruled):
    node = ruled()
    cursor = poll(node, "channel=kept:a&channel=live:b")["cursor"]
    publish(node, "kept:a", 1)
    answer = poll(node, f"channel=kept:a&channel=live:b&since={cursor}&wait=0")
    assert data(answer) == [1]
    assert poll(node, f"channel=kept:a&channel=live:b&since={answer['cursor']}&wait=0")["events"] == []
    assert node.get("/api/channels/live:b").json()["subscribers"] == 0


def test_no_more_than_the_limit_and_the_rest_next_time(ruled):
    node = ruled()
    cursor = poll(node, "channel=kept:a&channel=kept:b")["cursor"]
    for number in range(10):
        publish(node, f"kept:{'ab'[number % 2]}", number)
    heard = []
    while len(heard) < 10:
        answer = poll(node, f"channel=kept:a&channel=kept:b&since={cursor}&limit=3&wait=0")
        assert 1 <= len(answer["events"]) <= 3
        heard += data(answer)
        cursor = answer["cursor"]
    assert sorted(heard) == list(range(10))


def test_what_is_not_kept_any_more_is_told(ruled):
    node = ruled()
    cursor = poll(node, "channel=kept:a")["cursor"]
    for number in range(11):
        publish(node, "kept:a", number)
    answer = poll(node, f"channel=kept:a&since={cursor}")
    assert answer["events"][0]["recovered"] is False and answer["cursor"].endswith(":11")
    assert poll(node, "channel=kept:a&since=x:1")["events"][0]["recovered"] is False


def test_by_post(ruled):
    node = ruled()
    first = post(node, channels=[{"channel": "kept:a"}, {"channel": "live:b"}])
    assert [each["channel"] for each in first["channels"]] == ["kept:a", "live:b"] and "cursor" not in first
    assert first["channels"][0]["offset"] == 0 and "offset" not in first["channels"][1]
    publish(node, "kept:a", 1)
    since = {name: first["channels"][0][name] for name in ("epoch", "offset")}
    second = post(node, session=SESSION, channels=[{"channel": "kept:a", "since": since}, {"channel": "live:b"}])
    assert data(second) == [1] and second["channels"][0]["offset"] == 1 and second["author"].startswith("h-")


def test_what_the_session_published_without_echo_is_left_out(ruled):
    node = ruled()
    place = post(node, channels=[{"channel": "kept:a"}])["channels"][0]
    commands = [{"type": "publish", "channel": "kept:a", "data": n, "echo": n == 1} for n in range(2)]
    node.request("POST", "/commands", json={"session": SESSION, "commands": commands})
    since = {name: place[name] for name in ("epoch", "offset")}
    for session, expected in ((SESSION, [1]), ("t" * 22, [0, 1])):
        assert data(post(node, session=session, channels=[{"channel": "kept:a", "since": since}])) == expected


async def test_joins_are_told_and_nobody_joins_by_a_poll(ruled, connect):
    node = ruled()
    task = asyncio.create_task(asyncio.to_thread(poll, node, "channel=live:a&presence=true&since=-&user=ann"))
    while node.get("/api/channels/live:a").json()["subscribers"] == 0:
        await asyncio.sleep(0.05)
    client = await connect(node.ws, user="bob")
    reply = await client.subscribe("live:a", presence=True)
    assert reply["count"] == 1
    assert [(event["type"], event["user"]) for event in (await task)["events"]] == [("join", "bob")]


SECRET = "a secret of more than thirty-two letters, for HS256"


@pytest.fixture
def closed(ruled):
    """A node where everybody has to show a token; with it, one that grants only subscribing."""
    grants = {"kept:a": ["subscribe"]}
    claims = {"sub": "ann", "exp": int(time.time()) + 60, "channels": grants}
    return ruled({"--jwt-secret": SECRET}, dev=False), jwt.encode(claims, SECRET, algorithm="HS256")


def test_who_may_not_read_the_history_waits_for_what_comes(closed):
    node, token = closed
    assert node.get("/poll?channel=kept:a").status_code == 401
    query = f"channel=kept:a&since=-&token={token}"
    began = time.monotonic()
    assert poll(node, f"{query}&wait=1")["events"] == [] and time.monotonic() - began >= 1
    threading.Timer(0.5, publish_with_key, (node, "kept:a", "hello")).start()
    assert data(poll(node, query)) == ["hello"]


def publish_with_key(node, channel: str, data) -> None:
    commands = [{"type": "publish", "channel": channel, "data": data}]
    claims = {"sub": "bob", "exp": int(time.time()) + 60}
    token = jwt.encode(claims, SECRET, algorithm="HS256")
    node.request("POST", f"/commands?token={token}", json={"commands": commands})


def test_a_poll_does_not_outlive_its_token(closed):
    node, _ = closed
    # Tokens are good for half a minute longer than they say.
    claims = {"sub": "ann", "exp": int(time.time()) - 28}
    token = jwt.encode(claims, SECRET, algorithm="HS256")
    began = time.monotonic()
    assert poll(node, f"channel=live:a&since=-&wait=25&token={token}")["events"] == []
    assert time.monotonic() - began < 20


async def test_a_client_that_goes_is_no_subscriber(ruled):
    node = ruled()
    with socket.create_connection(("127.0.0.1", node.port)) as plain:
        plain.sendall(b"GET /poll?channel=live:a&since=-&wait=25 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await eventually(lambda: node.get("/api/channels/live:a").json()["subscribers"] == 1)
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    await eventually(lambda: node.get("/api/channels/live:a").json()["subscribers"] == 0, within=15)


def test_polls_count_for_the_rate(ruled):
    node = ruled({"--rate": 1, "--burst": 5})
    statuses = [node.get("/poll?channel=kept:a&wait=0").status_code for _ in range(8)]
    assert statuses[0] == 200 and statuses[-1] == 429
    assert node.get("/poll?channel=kept:a&wait=0").headers["Retry-After"]
    assert node.get("/poll?channel=kept:a&wait=0&user=ann").status_code == 200


def test_the_channels_of_an_answer_can_be_given_back(ruled):
    node = ruled()
    first = post(node, channels=[{"channel": "kept:a"}, {"channel": "live:b"}])
    publish(node, "kept:a", 1)
    second = post(node, channels=first["channels"])
    assert data(second) == [1]
    assert post(node, channels=second["channels"], wait=0)["events"] == []


def test_an_answer_is_bounded_in_bytes(ruled):
    node = ruled()
    channels = [f"kept:{number}" for number in range(30)]
    first = post(node, channels=[{"channel": name} for name in channels])["channels"]
    for name in channels:
        publish(node, name, "x" * 60_000)
    heard, place = [], first
    while len(heard) < 30:
        answer = node.request("POST", "/poll", json={"channels": place, "wait": 0})
        assert answer.status_code == 200 and len(answer.content) < 700_000
        heard += [event["channel"] for event in answer.json()["events"]]
        place = answer.json()["channels"]
    assert sorted(heard) == sorted(channels)


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("", 400, "bad_request"), ("channel=live:a&wait=26", 400, "bad_request"),
        ("channel=live:a&wait=x", 400, "bad_request"), ("channel=live:a&limit=0", 400, "bad_request"),
        ("channel=closed:a", 403, "forbidden"), ("channel=other", 403, "forbidden"),
        ("&".join(f"channel=live:{n}" for n in range(33)), 409, "too_many_channels"),
    ],
)
def test_what_is_refused(ruled, query, status, code):
    answer = ruled().get(f"/poll?{query}")
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_a_poll_by_post_has_a_channel(ruled):
    """It brings nothing of a user's, so without one it would never have an answer."""
    answer = ruled().request("POST", "/poll", json={"channels": []})
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")


def test_through_nginx(cluster, channel):
    kept = "demo:" + channel


    session = requests.Session()
    session.trust_env = False
    url = f"{cluster.nginx.http}/poll?channel={kept}"
    cursor = session.get(url, timeout=30).json()["cursor"]
    threading.Timer(0.5, publish, (cluster.nodes[1], kept, "hello")).start()
    answer = session.get(f"{url}&since={cursor}", timeout=30).json()
    assert json.dumps(data(answer)) == '["hello"]'
