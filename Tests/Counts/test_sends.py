"""What leaves for a connection in one turn of a loop leaves by one call."""

from collections import Counter

import pytest

from crowd import Crowd
from strace import sends_per_turn
from traced_node import TracedNode

LISTENERS = 50
BURST = 64


@pytest.mark.parametrize("loops", [1, 2])
def test_one_send_per_connection_and_turn(tmp_path, start, redis_url, report, loops: int) -> None:
    """A burst in one segment: no thread sends to a connection twice between two waits."""
    node = start(TracedNode("traced", tmp_path, redis=redis_url, loops=loops))
    with Crowd(node.port, listeners=LISTENERS) as crowd:
        crowd.publish(BURST)
        node.begin()
        crowd.publish(BURST)
        counters = sends_per_turn(node.calls(), node.eventfds())

    sends = sum(counters, Counter())
    # A connection that is sent to in many turns fulfils the rule, too: that there was something to batch shows here.
    report(f"{BURST} messages to {LISTENERS}: {sends.total()} sends in {len(counters)} turns that sent")
    assert len(sends) >= LISTENERS, "not every listener is in the trace"
    twice = {fd: count for counter in counters for fd, count in counter.items() if count > 1}
    assert not twice, f"sends to one connection in one turn: {twice}"
