"""Clients that do not read: what their channel's rule says, and nobody else notices."""

import json

import pytest

from harness import Node, Opcode, eventually

pytestmark = pytest.mark.loops

RULES = """
channels:
  - { match: "drop:*", overflow: drop }
  - { match: "ticker:*", overflow: conflate }
  - { match: "kept-drop:*", overflow: drop, history: { size: 100 } }
  - { match: "kept-ticker:*", overflow: conflate, history: { size: 100 } }
  - { match: "kept:*", history: { size: 300 } }
  - match: "*"
"""


@pytest.fixture
def node(own_node, tmp_path):
    file = tmp_path / "rules.yaml"
    file.write_text(RULES)
    # Who reads nothing answers no ping either, which would end it first on a slow machine.
    return own_node({"--config": file, "--max-outbox": 131072, "--ping-interval": "10m"})


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


@pytest.fixture
def patient_node(tmp_path):
    """How many loops it has makes no difference to one connection, and it takes its time."""
    file = tmp_path / "rules.yaml"
    file.write_text(RULES)
    node = Node("patient", tmp_path, options={"--config": file, "--max-outbox": 131072, "--ping-interval": "1h"})
    try:
        yield node.start()
    finally:
        node.end()


async def test_who_reads_nothing_for_long_is_closed(patient_node, connect, raw, channel):
    """Also where nothing else is sent, no ping is due, and it has read a little."""
    stalled, _ = await flood(patient_node, connect, raw, f"drop:{channel}")
    for _ in range(3):
        await stalled.receive_frame()
    metrics = patient_node.metrics
    assert metrics().total("apus_dropped_total", policy="drop") > 0
    await eventually(lambda: metrics().total("apus_dropped_total", policy="disconnect") == 1, within=60)


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


async def begin_recovery(node, connect, stalled, channel: str, size: int, count: int = 100) -> dict:
    """Fills a channel, and has the client that does not read recover all of it; the place of the newest."""
    publisher = await connect(node.ws)
    for number in range(count):
        place = await publisher.publish(channel, [number, "x" * size])
    await stalled.send_command("subscribe", channel=channel, since={"epoch": place["epoch"], "offset": 0})
    return place


async def follow(stalled, until: dict[str, int]) -> dict[str, list[int]]:
    """By channel the numbers of the messages that come, up to when all of these have."""
    numbers: dict[str, list[int]] = {channel: [] for channel in until}
    while any(not numbers[channel] or numbers[channel][-1] != last for channel, last in until.items()):
        opcode, payload = await stalled.receive_frame()
        assert opcode in (Opcode.TEXT, Opcode.PING), payload
        event = json.loads(payload) if opcode is Opcode.TEXT else {}
        if event.get("type") == "message":
            numbers[event["channel"]].append(event["data"][0])
    return numbers


async def test_a_recovery_does_not_let_newer_messages_pass(node, connect, raw, channel):
    """What was held of a channel that conflates is replaced, not overtaken, while another channel is recovered."""
    ticker, kept = f"ticker:{channel}", f"kept:{channel}"
    stalled, publisher = await flood(node, connect, raw, ticker)
    await begin_recovery(node, connect, stalled, kept, 20_000)
    await eventually(lambda: node.metrics().total("apus_subscriptions") == 3)
    for number in (1000, 1001, 1002):
        await publisher.publish(ticker, [number, "new"])
    numbers = await follow(stalled, {ticker: 1002, kept: 99})
    assert numbers[kept] == list(range(100))
    await publisher.publish(ticker, [1003, "the last"])
    seen = numbers[ticker] + (await follow(stalled, {ticker: 1003}))[ticker]
    assert seen == sorted(set(seen)) and 199 not in seen


async def test_a_recovery_holds_up_no_other_channel(node, connect, raw, channel):
    """More than a mebibyte comes in a channel that may leave messages out: that is no reason to be closed."""
    ticker, kept = f"ticker:{channel}", f"kept:{channel}"
    stalled = await raw(node.port, upgraded=True, receive_buffer=4096)
    await stalled.send_command("subscribe", channel=ticker)
    await begin_recovery(node, connect, stalled, kept, 60_000)
    await eventually(lambda: node.metrics().total("apus_subscriptions") == 2)
    publisher = await connect(node.ws)
    for number in range(60):
        await publisher.publish(ticker, [number, "x" * 40_000])
    numbers = await follow(stalled, {ticker: 59, kept: 99})
    assert numbers[ticker] == sorted(set(numbers[ticker]))
    assert numbers[kept] == list(range(100))
    assert node.metrics().total("apus_disconnects_total", code="4009") == 0


@pytest.mark.parametrize("prefix", ["kept-drop", "kept-ticker"])
async def test_what_does_not_fit_behind_a_recovery_is_told(node, connect, raw, channel, prefix):
    """A client that recovers a channel whose rule leaves messages out stays, and is told what it lacks."""
    channel = f"{prefix}:{channel}"
    stalled = await raw(node.port, upgraded=True, receive_buffer=4096)
    await begin_recovery(node, connect, stalled, channel, 60_000)
    await eventually(lambda: node.metrics().total("apus_subscriptions") == 1)
    publisher = await connect(node.ws)
    for number in range(100, 140):
        await publisher.publish(channel, [number, "x" * 60_000])
    place, gaps = 0, 0
    while place < 140:
        opcode, payload = await stalled.receive_frame()
        assert opcode in (Opcode.TEXT, Opcode.PING), payload
        event = json.loads(payload) if opcode is Opcode.TEXT else {}
        if event.get("type") == "gap":
            assert event["offset"] > place
            place, gaps = event["offset"], gaps + 1
        elif event.get("type") == "message":
            assert event["offset"] == place + 1
            place += 1
    assert gaps == 1


async def test_what_is_recovered_for_one_client_is_bounded(node, connect, raw, channel):
    """One recovery may be as large as it is; while it waits there are no more of them."""
    stalled = await raw(node.port, upgraded=True, receive_buffer=4096)
    for number in range(3):
        await begin_recovery(node, connect, stalled, f"kept:{channel}-{number}", 60_000)
    await eventually(lambda: node.metrics().total("apus_subscriptions") == 3)
    # Of one recovery, without what the kernel has taken.
    assert 1_000_000 < node.metrics().total("apus_outbox_bytes") < 7_000_000
    recovered = {}
    while len(recovered) < 3:
        opcode, payload = await stalled.receive_frame()
        event = json.loads(payload) if opcode is Opcode.TEXT else {}
        if event.get("type") == "subscribed":
            recovered[event["channel"]] = event["recovered"]
    assert list(recovered.values()) == [True, False, False]
    # When it has got all it may recover again.
    while event.get("offset") != 100 or event["type"] != "message":
        opcode, payload = await stalled.receive_frame()
        event = json.loads(payload) if opcode is Opcode.TEXT else {}
    assert node.metrics().total("apus_outbox_bytes") == 0
    again = f"kept:{channel}-1"
    await stalled.send_command("unsubscribe", channel=again)
    await stalled.send_command("subscribe", channel=again, since=0)
    while event.get("type") != "subscribed":
        event = json.loads((await stalled.receive_frame())[1])
    assert event["recovered"] is True


async def test_joins_are_never_left_out(node, connect, raw, channel):
    channel = f"drop:{channel}"
    stalled = await raw(node.port, upgraded=True, receive_buffer=4096)
    await stalled.send_command("subscribe", channel=channel, presence="watch")
    publisher = await connect(node.ws)
    await eventually(lambda: node.metrics().total("apus_subscriptions") == 1)

    async def fill() -> None:
        """Full to less than a join: large messages until one is left out, then small ones."""
        for size in [60_000, 1_000]:
            before = node.metrics().total("apus_dropped_total", policy="drop")
            while node.metrics().total("apus_dropped_total", policy="drop") == before:
                for _ in range(20):
                    await publisher.publish(channel, "x" * size)

    # The roster a watcher has would be wrong from here on, so it is told by being closed. The kernel may take what waits
    # at any time, so it is filled before each join.
    for number in range(100):
        await fill()
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
