"""Limits for addresses and users, and for those who do not say who they are."""

import asyncio
import time
from collections.abc import Callable

import pytest
import requests
import websockets

from harness import Node, Opcode, eventually, secrets
from harness.client import Client
from harness.keys import SECRET
from harness.raw import LIMIT
from harness.tokens import token, url_with
from harness.ways_in import FAILED

SECRET_OPTIONS = {"--jwt-secret": SECRET.private.decode(), "--log-level": "debug"}

# Addresses of loopback that nobody else in a test connects from: the readiness of a node is asked for from 127.0.0.1.
HERE, THERE = "127.0.0.2", "127.0.0.3"


def limited(node: Node, limit: str) -> float:
    """How often a limit was met."""
    return node.metrics().total("apus_limited_total", limit=limit)


async def enters(connect: Callable, node: Node, source: str = HERE, forwarded: str | None = None) -> Client | None:
    """Connects from an address, by way of a proxy where `forwarded` is given: None where that is one too many."""
    headers = None if forwarded is None else {"X-Forwarded-For": forwarded}
    try:
        return await connect(node.ws, local_addr=(source, 0), headers=headers)
    except websockets.InvalidStatus as refusal:
        assert refusal.response.status_code == 429
        assert int(refusal.response.headers["Retry-After"]) > 0
        return None


# Addresses


async def test_connections_of_one_address(own_node, connect):
    node = own_node({"--max-connections-per-ip": 2})
    clients = [await enters(connect, node) for _ in range(4)]
    assert [client is not None for client in clients] == [True, True, False, False]
    assert limited(node, "connections_per_address") == 2
    assert node.metrics().total("apus_handshakes_refused_total", status="429") == 2
    # Nobody else notices, and one that leaves makes room.
    assert await enters(connect, node, THERE)
    await clients[0].close()
    await eventually(enters, connect, node)
    assert await enters(connect, node) is None
    # One that is lost does, too.
    await clients[1].abort()
    await eventually(enters, connect, node)
    assert await enters(connect, node) is None


async def test_what_says_nothing_holds_no_place(own_node, connect, raw):
    node = own_node({"--max-connections": 2})
    for _ in range(20):
        await raw(node.port)
    for _ in range(2):
        await (await connect(node.ws)).ping()
    with pytest.raises(websockets.InvalidStatus):
        await connect(node.ws)
    assert limited(node, "connections") == 1


async def test_handshakes_that_fail_hold_no_place(own_node, connect, raw):
    node = own_node({"--max-connections-per-ip": 2, **SECRET_OPTIONS}, dev=False)
    for _ in range(5):
        client = await eventually(enters, connect, node)
        await client.command("auth", token="x")
        assert await client.closed_with() == FAILED


async def test_handshakes_a_second_of_one_address(own_node, connect):
    node = own_node({"--connect-rate": 2})
    clients = [await enters(connect, node) for _ in range(30)]
    refused = clients.count(None)
    assert 0 < refused < len(clients)
    assert limited(node, "connect_rate") == refused
    assert await enters(connect, node, THERE)
    # Whoever waits comes in.
    await eventually(enters, connect, node)


async def test_a_trusted_proxy_tells_the_address(own_node, connect):
    node = own_node({"--max-connections-per-ip": 1, "--trusted-proxy": ["127.0.0.2/32", "10.9.0.0/16"]})
    # What the proxy says counts, and not the proxy.
    for address in ("192.0.2.1", "192.0.2.2", "2001:db8::1"):
        assert await enters(connect, node, HERE, address)
        assert await enters(connect, node, HERE, address) is None
    # The rightmost that is not trusted: what stands before it may be made up, what stands behind it are proxies.
    assert await enters(connect, node, HERE, "192.0.2.9, 192.0.2.1") is None
    assert await enters(connect, node, HERE, "192.0.2.1, 192.0.2.3")
    assert await enters(connect, node, HERE, "192.0.2.1, 10.9.8.7, 127.0.0.2") is None
    assert await enters(connect, node, HERE, "192.0.2.4,10.9.8.7")
    assert await enters(connect, node, HERE, "192.0.2.3, 192.0.2.4, 10.9.8.7") is None
    assert await enters(connect, node, HERE, "unknown, 192.0.2.4 , 10.9.8.7") is None


async def test_a_header_in_two_lines_is_one_list(own_node, connect):
    node = own_node({"--max-connections-per-ip": 1, "--trusted-proxy": "127.0.0.2/32"})
    assert await enters(connect, node, HERE, "192.0.2.2")
    with pytest.raises(websockets.InvalidStatus):
        lines = [("X-Forwarded-For", "192.0.2.1"), ("X-Forwarded-For", "192.0.2.2")]
        await connect(node.ws, local_addr=(HERE, 0), headers=lines)
    assert await enters(connect, node, HERE, "192.0.2.1")


async def test_nobody_else_may_tell_an_address(own_node, connect):
    node = own_node({"--max-connections-per-ip": 1, "--trusted-proxy": "127.0.0.2/32"})
    assert await enters(connect, node, THERE, "192.0.2.1")
    assert await enters(connect, node, THERE, "192.0.2.2") is None
    # Nor keep another one out.
    assert await enters(connect, node, HERE, "192.0.2.1")


# Users


async def start_all(client: Client, count: int) -> list[asyncio.Future]:
    return [await client.start("ping") for _ in range(count)]


async def codes(client: Client, futures: list[asyncio.Future]) -> list[str | None]:
    return [(await client.reply(future)).get("code") for future in futures]


async def test_the_rate_of_a_user(own_node, connect):
    """Two connections of one user share a bucket; each alone stays within its own."""
    node = own_node({"--rate": 1, "--burst": 20, **SECRET_OPTIONS}, dev=False)
    first, second = [await connect(url_with(node.ws, token(SECRET))) for _ in range(2)]
    other = await connect(url_with(node.ws, token(SECRET, sub="bob")))
    assert await codes(first, await start_all(first, 15)) == [None] * 15
    answers = await codes(second, await start_all(second, 15))
    assert "rate_limited" in answers and answers[0] is None
    assert limited(node, "user_rate") == answers.count("rate_limited")
    assert limited(node, "rate") == 0
    assert await codes(other, await start_all(other, 15)) == [None] * 15

    async def allowed() -> bool:
        reply = await second.command("ping")
        if reply.type == "error":
            assert reply["code"] == "rate_limited" and 0 < reply["retryAfter"] <= 40_000 and reply["temporary"]
            await asyncio.sleep(reply["retryAfter"] / 1000)
        return reply.type == "pong"

    await eventually(allowed)


async def test_a_new_connection_brings_no_new_tokens(own_node, connect):
    node = own_node({"--rate": 1, "--burst": 20, **SECRET_OPTIONS}, dev=False)
    for _ in range(4):
        client = await connect(url_with(node.ws, token(SECRET)))
        answers = await codes(client, await start_all(client, 18))
        await client.close()
    assert "rate_limited" in answers and limited(node, "user_rate") > 0


async def test_a_user_who_stays_above_the_rate_is_closed(own_node, connect):
    node = own_node({"--rate": 5, "--burst": 20, **SECRET_OPTIONS}, dev=False)
    clients = [await connect(url_with(node.ws, token(SECRET))) for _ in range(4)]
    with pytest.raises(websockets.ConnectionClosed):
        async with asyncio.timeout(60):
            while True:
                for client in clients:
                    await client.send("ping")
                # 4 a second of each connection, 16 of the user.
                await asyncio.sleep(0.25)
    closed = await asyncio.wait_for(one_closed(clients), LIMIT)
    assert await closed.closed_with() == 4008
    assert {error["code"] for error in closed.events("error")} == {"rate_limited"}
    assert limited(node, "user_rate") > 0


async def one_closed(clients: list[Client]) -> Client:
    return await eventually(lambda: next((client for client in clients if not client.is_open), None))


# Those who do not say who they are


async def test_a_stranger_may_only_say_who_it_is(own_node, connect, channel):
    node = own_node(SECRET_OPTIONS, dev=False)
    stranger, late = await connect(node.ws), await connect(node.ws)
    started = time.monotonic()
    assert stranger.hello["user"] is None
    await stranger.ping()
    for command in (
        {"type": "subscribe", "channel": channel},
        {"type": "unsubscribe", "channel": channel},
        {"type": "publish", "channel": channel, "data": 1},
        {"type": "presence", "channel": channel},
        {"type": "subscribe", "channel": "$apus"},
        {"type": "subscribe", "channel": "no channel"},
    ):
        reply = await stranger.command(**command)
        assert reply.type == "error" and reply["code"] == "unauthenticated", reply.raw
    name = channel.encode()
    await stranger.socket.send(b"\x01" + len(name).to_bytes(2) + name + b"x")
    assert (await stranger.expect("error"))["code"] == "unauthenticated"

    assert (await late.succeed("authenticated", "auth", token=token(SECRET)))["user"] == "alice"
    await late.subscribe(channel)
    assert await stranger.closed_with() == FAILED
    print(f"closed after {time.monotonic() - started:.1f} s")
    # A ping does not count as an answer, and who has answered stays.
    await late.publish(channel, 2)
    await late.expect("message", data=2)
    assert len(late.events("message")) == 1
    await eventually(lambda: node.metrics().total("apus_disconnects_total", code=str(FAILED)) == 1)


async def test_anonymous_clients_are_not_closed(own_node, connect, channel, tmp_path):
    rules = tmp_path / "open.yaml"
    rules.write_text('channels: [{match: "*", subscribe: anyone, publish: anyone}]\n')
    node = own_node({"--allow-anonymous": None, "--config": rules, **SECRET_OPTIONS}, dev=False)
    client = await connect(node.ws)
    await client.subscribe(channel)
    stranger = await connect(own_node(SECRET_OPTIONS, dev=False).ws)
    await stranger.closed_with()
    await client.publish(channel, 1)
    await client.expect("message", data=1)
    # Who wants to be known may still say so, and a bad token is told.
    other = await connect(node.ws)
    assert (await other.succeed("authenticated", "auth", token=token(SECRET)))["user"] == "alice"
    last = await connect(node.ws)
    assert (await last.command("auth", token="x"))["code"] == "invalid_token"


# What is counted


async def test_limits_are_counted(own_node, connect, raw, channel):
    node = own_node({"--rate": 1, "--burst": 5, "--max-channels": 1, "--max-message-size": 256})
    before = {name: limited(node, name) for name in ("rate", "channels", "message_size")}
    client, large = await connect(node.ws), await raw(node.port, upgraded=True)
    await client.subscribe(channel)
    assert (await client.command("subscribe", channel=f"{channel}-2"))["code"] == "too_many_channels"
    assert limited(node, "channels") == before["channels"] + 1
    refused = (await codes(client, await start_all(client, 20))).count("rate_limited")
    assert refused > 0 and limited(node, "rate") == before["rate"] + refused
    await large.send_frame(Opcode.TEXT, b"x" * 257)
    assert await large.close_code() == 1009
    assert limited(node, "message_size") == before["message_size"] + 1
    assert limited(node, "user_rate") == limited(node, "connections") == 0


async def test_refused_connections_are_counted(own_node, connect):
    node = own_node({"--max-connections": 2})
    refused, clients = 0, []
    while len(clients) < 2 or refused < 3:
        try:
            clients.append(await connect(node.ws))
        except websockets.InvalidStatus:
            refused += 1
        assert len(clients) <= 2
    assert limited(node, "connections") == refused


# The HTTP API


def asked(node: Node, path: str, key: str | None = None, method: str = "GET") -> tuple[int, str | None]:
    """The status of an answer, and the `code` it has."""
    headers = {"Connection": "close"} if key is None else {"Connection": "close", "Authorization": key}
    answer = requests.request(method, node.http + path, headers=headers, timeout=10)
    return answer.status_code, answer.json().get("code") if answer.content else None


# What a key gets there.
PATHS = {"/api/channels": 200, "/api/nodes": 200, "/api/": 404, "/api/none/such": 404}


def test_the_api_without_keys_is_closed(own_node):
    node = own_node(SECRET_OPTIONS, dev=False)
    key = secrets.register("no-key-at-all-" + "x" * 20)
    for path in PATHS:
        for header in (None, f"Bearer {key}", "Bearer "):
            assert asked(node, path, header) == (403, "forbidden")
        assert asked(node, path, method="POST") == (403, "forbidden")


def test_the_api_with_keys(own_node, tmp_path):
    first, second, reader, wrong = [secrets.register(f"{name}-key-" + "k" * 32) for name in "abcd"]
    (tmp_path / "reader").write_text(reader)
    node = own_node(
        {**SECRET_OPTIONS, "--api-key": [first, second]},
        dev=False,
        environment={"APUS_API_READ_KEY_FILE": str(tmp_path / "reader")},
    )
    user = token(SECRET)
    for path in PATHS:
        for header in (None, "", "Bearer", "Bearer ", f"Bearer {wrong}", f"Basic {first}", first, f"Bearer {first}x"):
            assert asked(node, path, header)[0] == 401, header
        # Neither a part of a key nor a user's token opens it.
        for key in (first[:-1], first.upper(), user):
            assert asked(node, path, f"Bearer {key}")[0] == 401
        for key in (first, second):
            assert asked(node, path, f"Bearer {key}")[0] == PATHS[path]
            assert asked(node, path, f"Bearer {key}", method="POST")[0] == (405 if PATHS[path] == 200 else 404)
        assert asked(node, path, f"Bearer {reader}")[0] == PATHS[path]
        for method in ("POST", "PUT", "DELETE", "PATCH"):
            assert asked(node, path, f"Bearer {reader}", method=method)[0] == 403
        assert asked(node, path, f"Bearer {wrong}", method="POST")[0] == 401
    assert asked(node, "/api/nodes", f"Bearer {reader}", method="HEAD")[0] == 200
    assert node.get("/healthz").status_code == 200
