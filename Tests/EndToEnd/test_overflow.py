"""Clients that do not read: what their channel's rule says, and nobody else notices."""

import json

import pytest

from harness import Opcode, eventually

RULES = """
channels:
  - { match: "drop:*", overflow: drop }
  - { match: "ticker:*", overflow: conflate }
  - { match: "kept-drop:*", overflow: drop, history: { size: 10 } }
  - { match: "kept-ticker:*", overflow: conflate, history: { size: 10 } }
  - match: "*"
"""


@pytest.fixture
def node(own_node, tmp_path):
    file = tmp_path / "rules.yaml"
    file.write_text(RULES)
    return own_node({"--config": file, "--max-outbox": 131072})


async def flood(node, connect, raw, channel: str, count: int = 200):
    """A listener that reads nothing while `count` messages of 60 kB are published, and one that reads all."""
    stalled = await raw(node.port, upgraded=True, receive_buffer=4096)
    await stalled.send_command("subscribe", channel=channel)
    listener, publisher = await connect(node.ws), await connect(node.ws)
    await listener.subscribe(channel)
    await eventually(lambda: node.metrics().total("apus_subscriptions") == 2)
    for number in range(count):
        await publisher.publish(channel, [number, "x" * 60_000])
    messages = await listener.collect("message", count)
    assert [message["data"][0] for message in messages] == list(range(count))
    return stalled, publisher


async def read(stalled, channel: str, last: int) -> list[int]:
    """The numbers of the messages that come up to one."""
    numbers: list[int] = []
    while not numbers or numbers[-1] != last:
        opcode, payload = await stalled.receive_frame()
        assert opcode in (Opcode.TEXT, Opcode.PING), opcode
        event = json.loads(payload) if opcode is Opcode.TEXT else {}
        if event.get("type") == "message":
            assert event["channel"] == channel
            numbers.append(event["data"][0])
    return numbers


async def test_disconnect(node, connect, raw, channel):
    stalled, _ = await flood(node, connect, raw, channel)
    assert await stalled.close_code() == 4009
    assert node.metrics().total("apus_dropped_total", policy="disconnect") == 1


async def test_drop(node, connect, raw, channel):
    channel = f"drop:{channel}"
    stalled, publisher = await flood(node, connect, raw, channel)
    dropped = node.metrics().total("apus_dropped_total", policy="drop")
    assert dropped > 0
    # What was queued before the outbox was full comes, then what fits again; nothing in between and nothing twice.
    expected = 200 - int(dropped)
    numbers = await read(stalled, channel, expected - 1)
    assert numbers == list(range(expected))
    await publisher.publish(channel, [1000, "fresh"])
    assert await read(stalled, channel, 1000) == [1000]
    await stalled.send_command("ping")


async def test_conflate(node, connect, raw, channel):
    channel = f"ticker:{channel}"
    stalled, publisher = await flood(node, connect, raw, channel)
    dropped = node.metrics().total("apus_dropped_total", policy="conflate")
    assert dropped > 0
    numbers = await read(stalled, channel, 199)
    # Everything up to where the outbox was full, and then the newest.
    assert numbers == [*range(len(numbers) - 1), 199]
    assert len(numbers) + dropped == 200
    await publisher.publish(channel, [200, "next"])
    assert await read(stalled, channel, 200) == [200]


@pytest.mark.parametrize("prefix", ["kept-drop", "kept-ticker"])
async def test_what_is_left_out_of_a_history_is_told(node, connect, raw, channel, prefix):
    """Offsets go on by one, or behind a gap that ends right before the next message."""
    channel = f"{prefix}:{channel}"
    stalled, publisher = await flood(node, connect, raw, channel)
    place, gaps, fresh = 0, 0, False
    while place < (201 if fresh else 200):
        opcode, payload = await stalled.receive_frame()
        event = json.loads(payload) if opcode is Opcode.TEXT else {}
        if event.get("type") == "gap":
            assert event["offset"] > place
            place, gaps = event["offset"], gaps + 1
        elif event.get("type") == "message":
            assert event["offset"] == place + 1
            place += 1
        if place == 200 and not fresh:
            fresh = True
            await publisher.publish(channel, [200, "fresh"])
    assert gaps == 1


async def test_what_is_held_of_several_channels_comes_out_again(node, connect, raw, channel):
    """Together they are more than the outbox takes at once: they leave as there is room, and nobody is closed for it."""
    names = [f"ticker:{channel}-{number}" for number in range(3)]
    stalled = await raw(node.port, upgraded=True, receive_buffer=4096)
    for name in names:
        await stalled.send_command("subscribe", channel=name)
    publisher = await connect(node.ws)
    await eventually(lambda: node.metrics().total("apus_subscriptions") == len(names))
    number = 0
    while node.metrics().total("apus_dropped_total", policy="conflate") < 10 * len(names):
        for name in names:
            await publisher.publish(name, [number, "x" * 40_000])
        number += 1
    newest: dict[str, int] = {}
    while newest != dict.fromkeys(names, number - 1):
        opcode, payload = await stalled.receive_frame()
        assert opcode in (Opcode.TEXT, Opcode.PING), payload
        event = json.loads(payload) if opcode is Opcode.TEXT else {}
        if event.get("type") == "message":
            assert event["data"][0] > newest.get(event["channel"], -1)
            newest[event["channel"]] = event["data"][0]
    assert node.metrics().total("apus_disconnects_total", code="4009") == 0


async def test_joins_are_never_left_out(node, connect, raw, channel):
    channel = f"drop:{channel}"
    stalled = await raw(node.port, upgraded=True, receive_buffer=4096)
    await stalled.send_command("subscribe", channel=channel, presence="watch")
    publisher = await connect(node.ws)
    await eventually(lambda: node.metrics().total("apus_subscriptions") == 1)
    while node.metrics().total("apus_dropped_total", policy="drop") == 0:
        for _ in range(20):
            await publisher.publish(channel, "x" * 60_000)
    # The roster a watcher has would be wrong from here on, so it is told by being closed.
    for number in range(100):
        member = await connect(node.ws, user=f"{number}-" + "u" * 120)
        await member.subscribe(channel, presence=True, info="i" * 1000)
        if node.metrics().total("apus_dropped_total", policy="disconnect") == 1:
            break
    assert await stalled.close_code() == 4009


async def test_a_bad_file_does_not_start(own_node, tmp_path):
    file = tmp_path / "rules.yaml"
    file.write_text("channels:\n  - match: a\n    overflw: drop\n")
    with pytest.raises(AssertionError) as error:
        own_node({"--config": file})
    assert "line 3" in str(error.value) and "`overflow`" in str(error.value)
