"""Free TCP ports of the loopback interface."""

import random
import socket

# Below the range the kernel takes for outgoing connections, so that nobody's client socket sits on a port
# while the program that owns it is being restarted.
_CANDIDATES = range(12000, 32000)

_given: set[int] = set()


def free_port() -> int:
    """A port nobody listens on, given out once in this run."""
    while True:
        port = random.choice(_CANDIDATES)
        if _is_free(port):
            _given.add(port)
            return port


def _is_free(port: int) -> bool:
    if port in _given:
        return False
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_ports(count: int) -> int:
    """The first of so many free ports in a row."""
    while True:
        first = free_port()
        others = range(first + 1, first + count)
        if all(_is_free(port) for port in others):
            _given.update(others)
            return first
