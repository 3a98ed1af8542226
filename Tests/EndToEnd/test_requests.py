"""Requests: methods of the node, by a command of its own and by JSON-RPC 2.0."""

import json
import time

import pytest

from harness import Opcode


@pytest.fixture
def node(memory_node):
    return memory_node


async def test_methods_of_the_node(node, connect, channel):
    client = await connect(node.ws, user="alice")
    reply = await client.succeed("response", "request", method="time", params={})
    assert abs(reply["result"] - time.time() * 1000) < 60_000
    who = (await client.succeed("response", "request", method="whoami"))["result"]
    assert who == {"user": "alice", "clientId": client.id, "node": client.node}
    assert (await client.succeed("response", "request", method="channels"))["result"] == []
    await client.subscribe(channel)
    assert (await client.succeed("response", "request", method="channels"))["result"] == [channel]
    limits = (await client.succeed("response", "request", method="limits"))["result"]
    assert limits == {"maxMessageSize": 65_536, "maxOutbox": 1 << 20, "maxChannels": 128, "rate": 0, "burst": 100}
    assert (await client.command("request", method="nonsense"))["code"] == "unknown_method"
    for members in ({}, {"method": 1}, {"method": ""}, {"method": "m" * 129}):
        assert (await client.command("request", **members)).type == "error"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"jsonrpc":"2.0","method":"whoami","id":1}', "result"),
        ('{"jsonrpc":"2.0","method":"nonsense","id":"x"}', -32601),
        ('{"jsonrpc":"2.0","method":1,"id":1}', -32600),
        ('{"jsonrpc":"2.0","method":"time"', -32700),
        ("[]", -32600),
        ("[1]", [-32600]),
        ('[{"jsonrpc":"2.0","method":"time","id":1},{"jsonrpc":"2.0","method":"time"},{"a":1}]', ["result", -32600]),
        ('{"jsonrpc":"2.0","method":"time"}', None),
        ('[{"jsonrpc":"2.0","method":"time"}]', None),
        ("[" + ",".join(['{"jsonrpc":"2.0","method":"time","id":1}'] * 51) + "]", -32600),
    ],
)
async def test_json_rpc(node, raw, text, expected):
    socket = await raw(node.port, upgraded=True)
    await socket.receive_frame()
    await socket.send_frame(Opcode.TEXT, text.encode())
    await socket.send_command("ping")

    def kind(answer: dict) -> object:
        assert answer["jsonrpc"] == "2.0" and "id" in answer
        return "result" if "result" in answer else answer["error"]["code"]

    answers = []
    while True:
        _, payload = await socket.receive_frame()
        event = json.loads(payload)
        if isinstance(event, dict) and event.get("type") == "pong":
            break
        answers.append([kind(each) for each in event] if isinstance(event, list) else kind(event))
    assert answers == ([] if expected is None else [expected])


async def test_calls_above_the_rate_are_answered_in_kind(own_node, raw):
    node = own_node({"--rate": 0.1, "--burst": 3})
    socket = await raw(node.port, upgraded=True)
    await socket.receive_frame()
    for text in (
        *('{"jsonrpc":"2.0","method":"time","id":%d}' % number for number in range(10)),
        '{"jsonrpc":"2.0","method":"time"}',
        '[{"jsonrpc":"2.0","method":"time","id":"a"},{"jsonrpc":"2.0","method":"time"},7,{"jsonrpc":"2.0","method":"x","id":"b"}]',
        "[7,7,7]",
        '{"jsonrpc":"2.0","method":"time"',
        '{"type":"ping","id":"last"}',
    ):
        await socket.send_frame(Opcode.TEXT, text.encode())
    answers = [json.loads((await socket.receive_frame())[1]) for _ in range(13)]
    assert [answer["id"] for answer in answers[:10]] == list(range(10))
    assert [answer.get("error", {}).get("code") for answer in answers[:10]] == [None] * 3 + [-32000] * 7
    batch, malformed, last = answers[10:]
    assert [(part["id"], part["error"]["code"]) for part in batch] == [("a", -32000), ("b", -32000)]
    assert malformed["id"] is None and malformed["error"]["code"] == -32000
    assert last["id"] == "last" and last["code"] == "rate_limited"
