"""TCP ports of the loopback interface: free ones, and who answers on one."""

import http.client
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


def is_taken(port: int) -> bool:
    """Whether somebody listens on it."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def status(port: int, path: str) -> int | None:
    """The status that a GET brings, or None where nobody answers."""
    # `http.client` knows nothing of proxies in the environment.
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path, headers={"Connection": "close"})
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
