"""What a delivery may allocate: nothing."""

import pytest

from counted_node import CountedNode
from crowd import Crowd, allow_descriptors

# The first messages grow buffers that stay, and fill the caches of the allocator and of the runtime.
WARM_UP = 300


@pytest.fixture
def node(tmp_path, start, redis_url) -> CountedNode:
    allow_descriptors(1200)
    return start(CountedNode("counted", tmp_path, redis=redis_url))


def allocations_of(node: CountedNode, *, listeners: int, messages: int, burst: int) -> int:
    """How much is allocated while that many messages go to that many listeners."""
    with Crowd(node.port, listeners=listeners, channel=f"crowd-{listeners}-{burst}") as crowd:
        crowd.publish_bursts(WARM_UP, burst=burst)
        before = node.allocations()
        crowd.publish_bursts(messages, burst=burst)
        return node.allocations() - before


@pytest.mark.parametrize("burst", [1, 8])
def test_listeners_cost_no_allocations(node: CountedNode, report, burst: int) -> None:
    """The same messages to 50 times as many listeners allocate nothing more: what is left is per message."""
    messages = 400
    few = allocations_of(node, listeners=10, messages=messages, burst=burst)
    many = allocations_of(node, listeners=500, messages=messages, burst=burst)
    per_delivery = (many - few) / (messages * 490)
    report(f"per message {few / messages:.2f} allocations to 10, {many / messages:.2f} to 500, bursts of {burst}")
    # Next to none: a node does other things from time to time, such as renewing its lease. One allocation for
    # every delivery would be 1, one for every outbox and burst at least 0.125.
    assert per_delivery < 0.005


def test_ten_thousand_deliveries_more(node: CountedNode, report) -> None:
    """Between 1,000 and 11,000 deliveries to 500 listeners lie 20 messages and no allocation for any delivery."""
    with Crowd(node.port, listeners=500) as crowd:
        crowd.publish_bursts(WARM_UP, burst=1)
        crowd.publish_bursts(2, burst=1)
        before = node.allocations()
        crowd.publish_bursts(20, burst=1)
        allocations = node.allocations() - before
    report(f"{allocations} allocations for 10,000 deliveries of 20 messages")
    assert allocations / 10_000 < 0.05
