"""What nodes of this version write into Redis is what version 1 wrote, and what version 1 wrote is read.

`recordings/redis-1.json` was recorded from the first version of the formats. It is added to when they gain something, and
nothing of it is changed: nodes of older versions read and write it. `RECORD=1` writes what is said now beside it.
"""

import json
import os
from pathlib import Path

import pytest

from harness.client import Client
from harness.recording import Listener, VALUES, keys, load, named, save, valued

RECORDING = Path(__file__).parent / "recordings/redis-1.json"
# How many payloads the conversation and the notification after it make.
SAID = 12
CHANNELS = """channels:
  - match: kept
    publish: anyone
    presence: true
    history: {size: 10, ttl: 1h}
  - match: "**"
    publish: anyone
    presence: true
"""


@pytest.fixture
def rules(tmp_path: Path) -> dict[str, object]:
    path = tmp_path / "channels.yaml"
    path.write_text(CHANNELS)
    return {"--config": path}


async def conversation(alice: Client, bob: Client) -> None:
    """A bit of everything that goes through Redis."""
    await bob.subscribe("room", presence="watch")
    await bob.subscribe("kept")
    await alice.subscribe("room", presence=True, info={"colour": "green"})
    await alice.publish("room", {"text": "hello"})
    await alice.publish("room", [1, "é"], echo=False)
    await alice.succeed("signalled", "signal", channel="room", event="typing", data={"on": True})
    await alice.publish("kept", {"n": 1})
    await alice.publish("kept", {"n": 2}, echo=False, key="k:1")
    for channel in ("room", "kept"):
        name = channel.encode()
        await alice.socket.send(bytes([1, 0, len(name)]) + name + b"\x01bytes")
    await alice.succeed("sent", "send", to="bob", data={"text": "psst"})
    await alice.unsubscribe("room")
    await alice.subscribe("room", presence=True)
    # The leave, and the join after it.
    await bob.collect("join", 2)


async def test_what_is_written_is_version_1(own_cluster, rules, connect):
    cluster = own_cluster(nodes=1, options=rules)
    listener = Listener(cluster.redis)
    node = cluster.nodes[0]
    alice = await connect(node.ws, user="alice")
    bob = await connect(node.ws, user="bob")
    await conversation(alice, bob)
    assert node.request("POST", "/api/notifications", json={"data": {"text": "to all"}}).status_code == 200
    await bob.expect("notification")
    expected = load(RECORDING)
    heard = await listener.heard(SAID)
    listener.end()
    held = keys(cluster.redis.client)
    epoch = held["apus:meta:kept"]["value"]["epoch"]
    names = {"<alice>": alice.id, "<bob>": bob.id, "<node>": alice.node, "<epoch>": epoch}
    varying = ("host", "version", "connections", "channels")
    held[f"apus:node:{alice.node}"]["value"] |= {field: f"<{field}>" for field in varying}
    found = {"payloads": named(heard, names), "keys": named(held, names)}
    if os.environ.get("RECORD"):
        save(RECORDING.with_suffix(".now.json"), found)
    assert found["payloads"] == expected["payloads"]
    assert found["keys"] == expected["keys"]


async def test_payloads_of_version_1_are_read(own_cluster, rules, connect):
    cluster = own_cluster(nodes=1, options=rules)
    bob = await connect(cluster.nodes[0].ws, user="bob")
    await bob.subscribe("room", presence="watch")
    await bob.subscribe("kept")
    binaries = 0
    for channel, payload in load(RECORDING)["payloads"]:
        channel = channel.replace("<node>", bob.node)
        header, _, text = valued(payload).partition("\n")
        assert cluster.redis.client.publish(channel, valued(payload)) == 1
        if header.startswith("b"):
            binaries += 1
            assert (await bob.binaries(binaries))[-1] == text.encode()
        else:
            event = json.loads(text)
            assert (await bob.expect(event["type"])).raw == text


async def test_a_history_of_version_1_is_read(own_cluster, own_node, rules, connect, tmp_path):
    recording = load(RECORDING)
    cluster = own_cluster(nodes=0)
    client = cluster.redis.client
    server = client.info()
    client.hset("apus:run", mapping={"run": server["run_id"] + ".1", "replid": server["master_replid"], "seed": "1"})
    client.hset(
        "apus:meta:kept", mapping={"epoch": VALUES["<epoch>"], "offset": 3, "run": server["run_id"] + ".1"}
    )
    entries = recording["keys"]["apus:history:kept"]["value"]
    for number, fields in entries:
        client.xadd("apus:history:kept", {key: valued(value) for key, value in fields.items()}, id=number)
    node = own_node(rules, redis=cluster.redis.url)
    bob = await connect(node.ws, user="bob")
    reply = await bob.subscribe("kept", since={"epoch": VALUES["<epoch>"], "offset": 0})
    assert reply["recovered"] is True and reply["offset"] == 0, reply.raw
    texts = [valued(fields["m"]) for _, fields in entries if "k" not in fields]
    assert [message.raw for message in await bob.collect("message", len(texts))] == texts
    binary = [valued(fields["m"]).encode() for _, fields in entries if fields.get("k") == "b"]
    assert await bob.binaries(len(binary)) == binary
