"""Direct messages and notifications: what goes to a user's connections, wherever they are, and to everybody."""

import json

import pytest

from harness import Node, eventually

CONTROL = "apus:control"


def post(node: Node, path: str, body: object, **arguments):
    """One POST to the API, whose body is JSON text as it stands or a value."""
    text = body if isinstance(body, str | bytes) else json.dumps(body)
    headers = {"Content-Type": "application/json", **arguments.pop("headers", {})}
    return node.request("POST", path, data=text, headers=headers, **arguments)


async def test_a_message_reaches_every_connection_of_a_user(cluster, connect):
    listeners = [await connect(node.ws, user="bob") for node in cluster.nodes for _ in range(2)]
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
    await eventually(lambda: not cluster.redis.client.exists("apus:user:bob"))
