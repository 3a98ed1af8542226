"""Threads wake one another, and are woken, once for many messages."""

import pytest

from crowd import Crowd
from strace import is_wake, is_woken
from traced_node import TracedNode

BURST = 64
# A burst crosses from the publisher's loop to the relay and from there to both loops: three wakes, 0.047 per message.
# Woken are these three and the publisher's loop by its socket, and with Redis the relay by the answers: 0.06 to 0.08.
# The limits leave twice the room, for a burst that is read or answered in two pieces. A wake for every message would
# make both more than 1.
MOST_WAKES = 0.1
MOST_WOKEN = 0.17


@pytest.fixture
def node(tmp_path, start, redis_url) -> TracedNode:
    return start(TracedNode("traced", tmp_path, redis=redis_url, loops=2))


def per_message(node: TracedNode, *, messages: int, burst: int) -> tuple[float, float]:
    """How often a thread wakes another, and how often one is woken by another or by a socket."""
    eventfds = node.eventfds()
    with Crowd(node.port, listeners=20) as crowd:
        crowd.publish(BURST)
        node.begin()
        crowd.publish_bursts(messages, burst=burst)
        calls = node.calls()
    return sum(is_wake(call, eventfds) for call in calls) / messages, sum(map(is_woken, calls)) / messages


def test_bursts_share_their_wakes(node: TracedNode, report) -> None:
    wakes, woken = per_message(node, messages=20 * BURST, burst=BURST)
    report(f"in bursts of {BURST} {wakes:.3f} wakes per message, and {woken:.3f} times woken")
    assert wakes <= MOST_WAKES
    assert woken <= MOST_WOKEN


def test_single_messages_show(node: TracedNode, report) -> None:
    """The counting sees what it is there for: messages one by one have wakes of their own."""
    wakes, woken = per_message(node, messages=50, burst=1)
    report(f"one by one {wakes:.2f} wakes per message, and {woken:.2f} times woken")
    assert wakes >= 1
    assert woken >= 1
