"""Streams of Server-Sent Events: what they tell, where they begin again, who may have them, and how they end."""

import asyncio
import base64
import http.client
import json
import signal
import socket
import subprocess
import time
from contextlib import ExitStack

import jwt
import pytest

from harness import eventually, until
from harness.process import program
from harness.stream import Stream

RULES = """channels:
  - match: "kept:*"
    history: {size: 100, ttl: 60s}
  - match: "closed:*"
    subscribe: token
  - match: "quiet:*"
    presence: false
  - match: "live:*"
"""
SESSION = "s" * 22


@pytest.fixture
def stream():
    """`Stream` by node and query, for streams that end with the test."""
    with ExitStack() as stack:

        def open(node, query: str = "", **options) -> Stream:
            stream = stack.enter_context(Stream(f"{node.http}/events{query}", **options))
            assert stream.status == 200, stream.response.read()
            return stream

        yield open


def publish(node, channel: str, **body) -> dict:
    answer = node.request("POST", f"/api/channels/{channel}/messages", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


# What comes


def test_a_stream_tells_what_a_websocket_tells(cluster, stream, channel):
    listener = stream(cluster.nodes[0], f"?channel={channel}&user=ann")
    hello = listener.expect("connected")
    assert (hello["user"], hello["protocol"], hello["pingInterval"]) == ("ann", 1, 25000)
    assert hello["node"].startswith("web-1.") and hello["clientId"].startswith("c-") and "author" not in hello
    assert 1000 <= listener.retries[0] <= 3000
    listener.expect("subscribed", channel=channel)
    publish(cluster.nodes[1], channel, data={"a": [1, "ü"]}, **{"from": "bob"})
    event = listener.expect("message")
    assert (event["data"], event["from"], event.name) == ({"a": [1, "ü"]}, "bob", "message")


async def test_it_is_byte_for_byte_the_websockets(cluster, stream, connect, channel):
    listener = stream(cluster.nodes[0], f"?channel={channel}")
    listener.expect("subscribed")
    client = await connect(cluster.nodes[0].ws)
    await client.subscribe(channel)
    sender = await connect(cluster.nodes[2].ws)
    for data in ({"text": "x" * 5000}, ["\\u2028", "\u2028", "\\n"], 1e300, None):
        await sender.publish(channel, data)
    texts = [event.raw for event in await client.collect("message", 4)]
    assert [event.raw for event in await asyncio.to_thread(listener.collect, "message", 4)] == texts


def test_line_breaks_in_json_end_no_line(cluster, stream, channel):
    listener = stream(cluster.nodes[0], f"?channel={channel}")
    listener.expect("subscribed")
    text = '{"data":{"a":\r\n1,\n\n"b":\r2}}'
    answer = cluster.nodes[1].request("POST", f"/api/channels/{channel}/messages", data=text)
    assert answer.status_code == 200
    assert listener.expect("message")["data"] == {"a": 1, "b": 2}


def test_binary_messages_are_base64(cluster, stream, channel):
    listener = stream(cluster.nodes[0], f"?channel={channel}")
    listener.expect("subscribed")
    payload = bytes(range(256))
    publish(cluster.nodes[2], channel, binary=base64.b64encode(payload).decode())
    assert base64.b64decode(listener.expect("message", channel=channel)["binary"]) == payload


async def test_presence(cluster, stream, connect, channel):
    watcher = stream(cluster.nodes[0], f"?channel={channel}&presence=watch")
    assert watcher.expect("subscribed")["count"] == 0
    member = stream(cluster.nodes[1], f"?channel={channel}&presence=true&user=ann")
    assert member.expect("subscribed")["members"] == [{"user": "ann", "clients": 1}]
    assert watcher.expect("join", user="ann")["count"] == 1
    member.close()
    assert (await asyncio.to_thread(watcher.expect, "leave", user="ann"))["count"] == 0


def test_several_channels_and_only_those(cluster, stream, channel):
    listener = stream(cluster.nodes[0], f"?channel={channel}-1&channel={channel}-2")
    listener.collect("subscribed", 2)
    for number in (1, 3, 2):
        publish(cluster.nodes[1], f"{channel}-{number}", data=number)
    assert [event["data"] for event in listener.collect("message", 2)] == [1, 2]


def test_direct_messages_and_notifications(cluster, stream, channel):
    listener = stream(cluster.nodes[0], f"?channel={channel}&user={channel}")
    listener.expect("subscribed")
    until(lambda: cluster.known_connections(channel) == 1)
    answer = cluster.nodes[1].request("POST", f"/api/users/{channel}/messages", json={"data": 1})
    assert answer.json() == {"online": True}
    assert listener.expect("notification")["data"] == 1


def test_a_stream_without_channels_brings_what_is_for_the_user(cluster, stream, channel):
    listener = stream(cluster.nodes[0], f"?user={channel}", post={"session": SESSION, "channels": []})
    assert listener.expect("connected")["user"] == channel
    until(lambda: cluster.known_connections(channel) == 1)
    cluster.nodes[1].request("POST", f"/api/users/{channel}/messages", json={"data": 1})
    assert listener.expect("notification")["data"] == 1


def test_pings(ruled, stream):
    listener = stream(ruled({"--ping-interval": "1s", "--pong-timeout": "1s"}), "?channel=live:a")
    listener.wait(lambda: [event for event in listener.received if event.name == "ping"], "a ping")
    pings = [event for event in listener.received if event.name == "ping"]
    assert abs(pings[0]["ts"] / 1000 - time.time()) < 60 and "type" not in pings[0]


# Where it begins again


def test_an_event_source_comes_back_where_it_was(ruled, stream):
    node = ruled()
    query = "?channel=kept:a&channel=live:b&channel=kept:c"
    listener = stream(node, query)
    listener.collect("subscribed", 3)
    for number in range(4):
        publish(node, "kept:a", data=number)
    publish(node, "kept:c", data="c")
    listener.expect("message", channel="kept:c")
    listener.collect("message", 5)
    assert listener.last_id.split(",")[1] == "-"
    listener.close()
    for number in range(4, 7):
        publish(node, "kept:a", data=number)
    publish(node, "live:b", data="missed")
    again = stream(node, query, headers={"Last-Event-ID": listener.last_id})
    assert [event["data"] for event in again.collect("message", 3, channel="kept:a")] == [4, 5, 6]
    assert {event["channel"]: event.get("recovered") for event in again.events("subscribed")} == {
        "kept:a": True, "live:b": None, "kept:c": True,
    }
    assert not again.events("message", channel="live:b")


def test_each_id_says_where_the_client_stands_with_that_event(ruled, stream):
    node = ruled()
    listener = stream(node, "?channel=kept:a&channel=kept:b")
    listener.collect("subscribed", 2)
    for number in range(20):
        publish(node, f"kept:{'ab'[number % 2]}", data=number)
    listener.collect("message", 20)
    for told in listener.events("message"):
        with Stream(f"{node.http}/events?channel=kept:a&channel=kept:b", headers={"Last-Event-ID": told.id}) as again:
            rest = [number for number in range(20) if number > told["data"]]
            if rest:
                again.collect("message", len(rest))
            again.collect("subscribed", 2)
            assert sorted(event["data"] for event in again.events("message")) == rest


def test_the_query_says_it_too_and_the_header_counts_before_it(ruled, stream):
    node = ruled()
    first = publish(node, "kept:a", data=0)
    publish(node, "kept:a", data=1)
    place = f"{first['epoch']}:1"
    assert [each["data"] for each in stream(node, f"?channel=kept:a&since={place}").collect("message", 1)] == [1]
    both = stream(node, f"?channel=kept:a&since={place}", headers={"Last-Event-ID": f"{first['epoch']}:2"})
    assert both.expect("subscribed")["recovered"] is True and not both.events("message")


@pytest.mark.parametrize("place", ["x", "a:b", ":1", "a:-1", "-,-", "kT3mQ9xZ:99", "a:99999999999999999999", "a%0Aretry:1"])
def test_a_place_that_cannot_be_read_counts_as_lost(ruled, stream, place):
    node = ruled()
    publish(node, "kept:a", data=0)
    listener = stream(node, f"?channel=kept:a&since={place}")
    assert listener.expect("subscribed")["recovered"] is False
    assert listener.expect("subscribed").id.endswith(":1") and len(listener.retries) == 1


def test_a_stream_by_post(cluster, stream, channel):
    first = stream(cluster.nodes[0], post={"session": SESSION, "channels": [{"channel": "demo:" + channel}]})
    hello = first.expect("connected")
    assert hello["author"].startswith("h-") and len(hello["author"]) == 15
    place = first.expect("subscribed")
    for number in range(3):
        publish(cluster.nodes[1], "demo:" + channel, data=number)
    first.collect("message", 3)
    assert {event.id for event in first.received} == {""}, "only streams by GET tell places"
    since = {"epoch": place["epoch"], "offset": 1}
    channels = [
        {"channel": "demo:" + channel, "since": since, "presence": True, "info": {"n": 1}}, {"channel": channel},
    ]
    second = stream(cluster.nodes[2], post={"session": SESSION, "channels": channels})
    assert second.expect("connected")["author"] == hello["author"], "the same on every node"
    assert [event["data"] for event in second.collect("message", 2)] == [1, 2]
    assert second.expect("subscribed", channel="demo:" + channel)["members"][0]["info"] == {"n": 1}


# Commands of the same session


def commands(node, *list, session: str = SESSION, user: str | None = None):
    answer = node.request(
        "POST", "/commands" + (f"?user={user}" if user else ""), json={"session": session, "commands": list}
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_what_a_session_publishes_without_echo_is_left_out_for_its_streams(cluster, stream, channel):
    channel = "demo:" + channel
    own = [stream(node, post={"session": SESSION, "channels": [{"channel": channel}]}) for node in cluster.nodes]
    other = stream(cluster.nodes[0], post={"session": "t" * 30, "channels": [{"channel": channel}]})
    for each in [*own, other]:
        each.expect("subscribed")
    replies = commands(
        cluster.nodes[1],
        {"type": "publish", "channel": channel, "data": "quiet", "echo": False},
        {"type": "signal", "channel": channel, "event": "typing"},
        {"type": "publish", "channel": channel, "data": "loud"},
    )
    assert [reply["type"] for reply in replies] == ["published", "signalled", "published"]
    for each in own:
        assert each.expect("message")["data"] == "loud" and not each.events("signal")
        assert each.expect("message")["client"] == each.expect("connected")["author"]
    other.expect("signal")
    assert [event["data"] for event in other.collect("message", 2)] == ["quiet", "loud"]
    # In a replay, too.
    since = {"epoch": replies[0]["epoch"], "offset": replies[0]["offset"] - 1}
    again = stream(cluster.nodes[2], post={"session": SESSION, "channels": [{"channel": channel, "since": since}]})
    again.expect("message", data="loud")
    assert len(again.events("message")) == 1 and again.expect("subscribed")["recovered"] is True


# Who may


REFUSED = {
    "no channel": ("", 400, "bad_request"),
    "a channel twice": ("?channel=live:a&channel=live:a", 400, "bad_request"),
    "a name that is none": ("?channel=a%20b", 400, "invalid_channel"),
    "another presence": ("?channel=live:a&presence=yes", 400, "bad_request"),
    "presence twice": ("?channel=live:a&presence=true&presence=true", 400, "bad_request"),
    "a channel of the server": ("?channel=$a", 403, "forbidden"),
    "a channel without a rule": ("?channel=other", 403, "forbidden"),
    "a channel for tokens": ("?channel=live:a&channel=closed:a", 403, "forbidden"),
    "presence where there is none": ("?channel=quiet:a&presence=true", 403, "forbidden"),
    "too many channels": ("?" + "&".join(f"channel=live:{n}" for n in range(33)), 409, "too_many_channels"),
    "a user of control": ("?channel=live:a&user=%01", 400, "bad_request"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused(ruled, case):
    query, status, code = REFUSED[case]
    node = ruled()
    answer = node.get("/events" + query)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    if status == 403:
        assert answer.json()["channel"]


def test_a_query_that_is_no_text(ruled):
    connection = http.client.HTTPConnection("127.0.0.1", ruled().port, timeout=10)
    connection.request("GET", "/events?channel=%4")
    assert connection.getresponse().status == 400


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("{", 400), ("[]", 400), ("{}", 400), ('{"channels":{}}', 400), ('{"channels":[1]}', 400),
        ('{"channels":[{}]}', 400), ('{"channels":[{"channel":"live:a","since":1.5}]}', 400),
        ('{"channels":[{"channel":"live:a","type":"publish"}]}', 400),
        ('{"channels":[{"channel":"live:a"}],"channels":[{"channel":"live:a"}]}', 400),
        ('{"session":"short","channels":[{"channel":"live:a"}]}', 400),
        ('{"session":1,"channels":[{"channel":"live:a"}]}', 400),
        ('{"channels":[{"channel":"live:a"},{"channel":"live:a"}]}', 400),
        ('{"channels":[{"channel":"closed:a"}]}', 403),
        ('{"channels":[' + ",".join(f'{{"channel":"live:{n}"}}' for n in range(129)) + "]}", 409),
        ('{"x":"' + "x" * (256 << 10) + '"}', 413),
    ],
)
def test_what_is_refused_of_a_post(ruled, body, status):
    answer = ruled().request("POST", "/events", data=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == status, answer.text


def test_bodies_that_are_no_json(ruled):
    node = ruled()
    answer = node.request("POST", "/events", data="x", headers={"Content-Type": "text/plain"})
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")
    for method in ("PUT", "DELETE", "FROB"):
        answer = node.request(method, "/events")
        assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, POST, OPTIONS")


def test_pages_of_other_origins(ruled):
    node = ruled({"--allowed-origin": "https://app.example.com"})
    allowed = {"Origin": "https://app.example.com"}
    answer = node.request("OPTIONS", "/events", headers=allowed)
    assert answer.status_code == 204 and answer.headers["Access-Control-Max-Age"] == "600"
    assert answer.headers["Access-Control-Allow-Origin"] == allowed["Origin"]
    assert "Access-Control-Allow-Credentials" not in answer.headers
    with Stream(f"{node.http}/events?channel=live:a", headers=allowed) as stream:
        assert stream.headers["Access-Control-Allow-Origin"] == allowed["Origin"]
        assert stream.headers["Vary"] == "Origin"
    refused = node.get("/events?channel=other", headers=allowed)
    assert refused.headers["Access-Control-Allow-Origin"] and refused.headers["Vary"] == "Origin"
    assert refused.headers["Access-Control-Expose-Headers"] == "Retry-After, Allow"
    for method in ("GET", "OPTIONS", "POST"):
        answer = node.request(method, "/events?channel=live:a", headers={"Origin": "https://evil.example"})
        assert answer.status_code == 403 and "Access-Control-Allow-Origin" not in answer.headers
    for site in ("cross-site", "same-site"):
        assert node.get("/events?channel=live:a", headers={"Sec-Fetch-Site": site}).status_code == 403


SECRET = "a secret of more than thirty-two letters, for HS256"


@pytest.fixture
def closed(ruled, tmp_path):
    """A node where everybody has to show a token."""
    return ruled({"--jwt-secret": SECRET}, dev=False)


def token(**claims) -> str:
    return jwt.encode({"sub": "ann", "exp": int(time.time()) + 60, **claims}, SECRET, algorithm="HS256")


def test_tokens(closed, stream):
    assert closed.get("/events?channel=live:a").status_code == 401
    assert closed.get("/events?channel=live:a").json()["code"] == "unauthenticated"
    assert closed.get("/events?channel=live:a&user=ann").status_code == 401
    for bad, code in (("x", "invalid_token"), (token(exp=1), "expired_token")):
        answer = closed.get(f"/events?channel=live:a&token={bad}")
        assert (answer.status_code, answer.json()["code"]) == (401, code)
    assert stream(closed, f"?channel=live:a&token={token()}").expect("connected")["user"] == "ann"
    headers = {"Authorization": f"Bearer {token()}"}
    assert stream(closed, "?channel=live:a", headers=headers).expect("connected")["user"] == "ann"
    assert closed.get("/events?channel=live:a", headers={"Authorization": "Basic x"}).status_code == 401


def test_it_ends_with_the_token(closed, stream):
    # Tokens are good for half a minute longer than they say.
    listener = stream(closed, f"?channel=live:a&token={token(exp=int(time.time()) - 28)}")
    listener.expect("expiring")
    last = listener.ended()[-1]
    assert (last["type"], last["code"]) == ("close", 4002)


# Limits, and ends


def test_limits_count_streams(ruled, stream):
    node = ruled({"--max-connections": 2})
    first = [stream(node, "?channel=live:a") for _ in range(2)]
    # An EventSource would not come back after any other status.
    refused = stream(node, "?channel=live:a")
    assert refused.expect("error")["code"] == "unavailable" and refused.retries
    assert refused.headers.get_all("Vary") == ["Origin"]
    refused.ended()
    answer = node.request("POST", "/events", json={"channels": [{"channel": "live:a"}]})
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    first[0].close()

    def opens() -> bool:
        with Stream(f"{node.http}/events?channel=live:a") as again:
            return bool(again.wait(lambda: again.received, "anything")[0]["type"] == "connected")

    until(opens)


async def test_a_stream_and_a_websocket_share_the_limit_of_an_address(ruled, stream, connect):
    node = ruled({"--max-connections-per-ip": 2})
    await connect(node.ws)
    stream(node, "?channel=live:a").expect("subscribed")
    answer = node.request("POST", "/events", json={"channels": [{"channel": "live:a"}]})
    assert (answer.status_code, answer.json()["code"]) == (429, "rate_limited")


def test_ending_a_users_streams(cluster, stream, channel):
    listener = stream(cluster.nodes[0], f"?channel={channel}&user={channel}")
    listener.expect("subscribed")
    assert cluster.nodes[1].request("DELETE", f"/api/users/{channel}/connections").json() == {"disconnected": 1}
    last = listener.ended()[-1]
    assert (last["type"], last["code"]) == ("close", 4003)
    assert listener.retries[-1] == 2147483647


def test_putting_a_user_into_a_channel(cluster, stream, channel):
    listener = stream(cluster.nodes[0], f"?channel={channel}&user={channel}")
    listener.expect("subscribed")
    cluster.nodes[1].request("PUT", f"/api/users/{channel}/channels/{channel}-2")
    assert listener.expect("subscribed", channel=f"{channel}-2")["reason"] == "server"
    publish(cluster.nodes[2], f"{channel}-2", data=1)
    listener.expect("message", channel=f"{channel}-2")


def test_drain(ruled, stream):
    node = ruled({"--drain": "2s"})
    listeners = [stream(node, "?channel=live:a") for _ in range(5)]
    for listener in listeners:
        listener.expect("subscribed")
    node.signal(signal.SIGTERM)
    for listener in listeners:
        assert listener.expect("drain")["after"] >= 0
        assert listener.ended()[-1]["code"] == 1012
    assert node.wait() == 0


async def test_a_client_that_goes_leaves_at_once(cluster, stream, connect, channel):
    client = await connect(cluster.nodes[2].ws)
    await client.subscribe(channel, presence="watch")
    with socket.create_connection(("127.0.0.1", cluster.nodes[0].port)) as plain:
        plain.sendall(f"GET /events?channel={channel}&presence=true&user=ann HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        await client.expect("join", user="ann")
    await client.expect("leave", user="ann")


async def test_who_does_not_read_is_closed_and_keeps_nobody_else(ruled, connect):
    node = ruled({"--max-outbox": "128KiB"})
    slow = socket.create_connection(("127.0.0.1", node.port))
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    slow.sendall(b"GET /events?channel=live:a HTTP/1.1\r\nHost: localhost\r\n\r\n")
    client = await connect(node.ws)
    await client.subscribe("live:a")
    await eventually(lambda: node.get("/api/channels/live:a").json()["subscribers"] == 2)
    sent = 0
    while node.metrics().total("apus_disconnects_total", code="4009") == 0:
        await client.publish("live:a", "x" * 60_000)
        sent += 1
        assert sent < 500
    await client.collect("message", sent)
    await eventually(lambda: node.get("/api/channels/live:a").json()["subscribers"] == 1)
    slow.close()


def test_what_a_client_sends_behind_its_request_costs_nothing(ruled, stream):
    node = ruled()
    with socket.create_connection(("127.0.0.1", node.port)) as noisy:
        noisy.settimeout(1)
        noisy.sendall(b"GET /events?channel=live:a HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"text/event-stream" in noisy.recv(4096)
        with pytest.raises(TimeoutError):
            for _ in range(10_000):
                noisy.sendall(b"x" * 65536)
        listener = stream(node, "?channel=live:a")
        listener.expect("subscribed")
        publish(node, "live:a", data=1)
        listener.expect("message")


def test_head_and_kept_connections(ruled):
    node = ruled()
    connection = http.client.HTTPConnection("127.0.0.1", node.port, timeout=10)
    connection.request("GET", "/healthz")
    assert connection.getresponse().read()
    # Browsers send a stream's request on a connection that has served others.
    connection.request("GET", "/events?channel=live:a")
    answer = connection.getresponse()
    assert answer.status == 200 and answer.headers["Connection"] == "close"
    assert answer.readline().startswith(b"retry: ")
    connection.close()


# By other clients and through proxies


def test_curl(cluster, channel):
    curl = program("curl", "curl")
    url = f"{cluster.nodes[0].http}/events?channel={channel}"
    with subprocess.Popen([curl, "-sN", url], stdout=subprocess.PIPE, text=True) as process:
        lines = iter(process.stdout.readline, "")
        while '"subscribed"' not in next(lines):
            pass
        publish(cluster.nodes[1], channel, data="hello")
        assert '"hello"' in next(line for line in lines if "data:" in line)
        process.kill()


def test_through_nginx(cluster, stream, channel):
    channel = "demo:" + channel
    listener = stream(cluster.nginx, f"?channel={channel}")
    listener.expect("subscribed")
    for number in range(3):
        publish(cluster.nodes[number], channel, data=number)
        listener.expect("message", data=number)
    listener.close()
    publish(cluster.nodes[0], channel, data=3)
    again = stream(cluster.nginx, f"?channel={channel}", headers={"Last-Event-ID": listener.last_id})
    assert again.expect("message")["data"] == 3
    session = {"session": SESSION, "channels": [{"channel": channel}]}
    posted = stream(cluster.nginx, post=session)
    posted.expect("subscribed")
    answer = Stream(f"{cluster.nginx.http}/commands", post={"commands": [{"type": "publish", "channel": channel, "data": 4}]})
    assert json.loads(answer.response.read())[0]["type"] == "published"
    assert posted.expect("message")["data"] == 4


async def test_metrics(ruled, stream):
    node = ruled()
    listener = stream(node, "?channel=live:a")
    listener.expect("subscribed")
    assert node.metrics().total("apus_streams", transport="events") == 1
    assert node.metrics().total("apus_connections") == 1
    listener.close()
    await eventually(lambda: node.metrics().total("apus_streams", transport="events") == 0)
