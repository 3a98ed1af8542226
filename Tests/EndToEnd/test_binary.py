"""Messages without JSON, as binary frames."""

import pytest

from harness import Cluster


def message(channel: str, payload: bytes) -> bytes:
    name = channel.encode()
    return b"\x01" + len(name).to_bytes(2) + name + payload


async def test_every_node_gets_the_same_bytes(cluster: Cluster, connect, channel):
    clients = [await connect(node.ws) for node in cluster.nodes]
    for client in clients:
        await client.subscribe(channel)
    sent = [message(channel, bytes([n]) * (n * 300)) for n in range(50)]
    for frame in sent:
        await clients[0].socket.send(frame)
    for client in clients:
        assert await client.binaries(len(sent)) == sent
        assert client.events("error") == []
    assert clients[0].received == [clients[0].hello]


async def test_in_order_with_what_is_text(cluster: Cluster, connect, channel):
    sender, listener = await connect(cluster.nodes[0].ws), await connect(cluster.nodes[1].ws)
    await listener.subscribe(channel)
    for number in range(20):
        await sender.socket.send(message(channel, number.to_bytes(2)))
        await sender.publish(channel, number)
    await listener.collect("message", 20)
    assert listener.kinds(40) == ["binary", "message"] * 20


BAD = {
    "empty": (b"", "bad_request"),
    "another first byte": (b"\x02\x00\x01r", "bad_request"),
    "JSON": (b'{"type":"ping"}', "bad_request"),
    "no length": (b"\x01\x00", "bad_request"),
    "shorter than its name": (b"\x01\x00\x05abcd", "bad_request"),
    "a name of 65535 bytes": (b"\x01\xff\xff" + b"x" * 100, "bad_request"),
    "no name": (b"\x01\x00\x00payload", "invalid_channel"),
    "a space": (message("a b", b""), "invalid_channel"),
    "a name that is too long": (message("x" * 201, b""), "invalid_channel"),
    "no UTF-8": (b"\x01\x00\x02\xff\xfe", "invalid_channel"),
    "the server's channel": (message("$server", b"x"), "forbidden"),
}


@pytest.mark.parametrize("frame, code", BAD.values(), ids=BAD.keys())
async def test_what_is_refused(memory_node, connect, frame, code):
    client = await connect(memory_node.ws)
    await client.socket.send(frame)
    error = await client.expect("error")
    assert error["code"] == code and "id" not in error
    await client.ping()


async def test_a_forged_payload_is_dropped(cluster: Cluster, connect, channel):
    client = await connect(cluster.nodes[0].ws)
    await client.subscribe(channel)
    for payload in (b"nothing", b"\x01\x00\x05other!", b"\x01\x00", message("elsewhere", b"x")):
        cluster.redis.client.publish(f"apus:ch:{channel}", b"b - - -\n" + payload)
    good = message(channel, b"good")
    cluster.redis.client.publish(f"apus:ch:{channel}", b"b - - -\n" + good)
    assert await client.binaries(1) == [good]
