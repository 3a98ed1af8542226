"""What an idle subscribed connection takes of the node's memory."""

from crowd import LIMIT, allow_descriptors
from harness import Node
from harness.plain import subscribed

# Tables double: at both sizes they have just been filled, so neither has room of its own to be counted.
SIZES = (2_000, 8_000)
BUDGET = 600


def test_bytes_per_idle_connection(tmp_path, start, report) -> None:
    """Resident memory with many less that with few, by the connections between them."""
    allow_descriptors(SIZES[1] + 500)
    node = start(Node("idle", tmp_path))
    connections, resident = [], []
    for size in SIZES:
        while len(connections) < size:
            connections.append(subscribed(node.port, "idle", timeout=LIMIT))
        resident.append(node.memory())
    per_connection = (resident[1] - resident[0]) / (SIZES[1] - SIZES[0])
    for connection in connections:
        connection.close()
    report(f"{per_connection:.0f} bytes per idle connection")
    assert per_connection <= BUDGET
