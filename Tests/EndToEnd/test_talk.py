"""`apus sub` and `apus pub`: the cluster from a terminal."""

import json
import subprocess

from harness import Process, until
from harness.node import binary


def pub(node, channel: str, data: str, code: int = 0) -> str:
    run = subprocess.run(
        [binary(), "pub", channel, data, "--url", node.ws], capture_output=True, text=True, timeout=60
    )
    assert run.returncode == code, run.stdout + run.stderr
    return run.stderr


def sub(node, tmp_path, *channels: str) -> Process:
    """A subscriber whose channels have all been confirmed."""
    process = Process("sub", tmp_path)
    process.spawn(binary(), "sub", *channels, "--url", node.ws)
    until(lambda: len(events(process, "subscribed")) == len(channels), what="not subscribed")
    return process


def events(process: Process, kind: str) -> list[dict]:
    lines = [line for line in process.tail(1000).splitlines() if line.startswith("{")]
    return [event for event in map(json.loads, lines) if event["type"] == kind]


def test_what_is_said_is_heard(memory_node, tmp_path, channel):
    process = sub(memory_node, tmp_path, channel, f"{channel}-2")
    pub(memory_node, channel, '{"a": [1, 2]}')
    pub(memory_node, f"{channel}-2", "hello there")
    until(lambda: len(events(process, "message")) == 2, what="not heard")
    assert [(event["channel"], event["data"]) for event in events(process, "message")] == [
        (channel, {"a": [1, 2]}),
        (f"{channel}-2", "hello there"),
    ]
    process.end()


def test_a_listener_survives_its_node(own_node, tmp_path, channel):
    node = own_node()
    process = sub(node, tmp_path, channel)
    node.kill()
    until(lambda: "Trying again" in process.tail(), what="the loss was not told")
    node.start()
    until(lambda: len(events(process, "subscribed")) == 2, what="not subscribed again")
    pub(node, channel, "1")
    until(lambda: len(events(process, "message")) == 1, what="not heard")
    process.end()


def test_where_nobody_listens_both_say_what_to_do():
    for command in (["sub", "lobby"], ["pub", "lobby", "1"]):
        run = subprocess.run(
            [binary(), *command, "--url", "ws://127.0.0.1:1/ws"], capture_output=True, text=True, timeout=60
        )
        assert run.returncode == 1
        assert "Does a node run there?" in run.stderr


def test_a_refused_publish_is_told(memory_node):
    assert "channel" in pub(memory_node, "no spaces", "1", code=1)
