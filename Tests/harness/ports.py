"""TCP ports of the loopback interface: free ones, and who answers on one."""

import http.client
import os
import random
import socket

# Below the range the kernel takes for outgoing connections, so that nobody's client socket sits on a port
# while the program that owns it is being restarted.
_ALL = range(12000, 32000)


def _share(worker: str | None) -> range:
    """The ports of one of at most four workers of pytest-xdist, such as "gw1", or of whoever is none.

    A port that is given out stays free until its program listens there, so that two could give out the same.
    """
    size = len(_ALL) // 5
    number = 0 if worker is None else 1 + int(worker.removeprefix("gw")) % 4
    return range(_ALL.start + number * size, _ALL.start + (number + 1) * size)


_CANDIDATES = _share(os.environ.get("PYTEST_XDIST_WORKER"))

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
        if others.stop <= _CANDIDATES.stop and all(_is_free(port) for port in others):
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
