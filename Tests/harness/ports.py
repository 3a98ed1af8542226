"""TCP ports of the loopback interface: free ones, and who answers on one."""

import http.client
import os
import random
import socket

from harness.failure import Failure

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
# Given out in turn: one comes again when all others have been, and a long run needs more than there are.
_next = random.choice(_CANDIDATES)


def free_port() -> int:
    """A port nobody listens on, and none that was given out lately."""
    return free_ports(1)


def free_ports(count: int) -> int:
    """The first of so many free ports in a row."""
    global _next
    for _ in _CANDIDATES:
        row = range(_next, _next + count)
        if row.stop > _CANDIDATES.stop:
            _next = _CANDIDATES.start
            continue
        taken = next((port for port in row if not _is_free(port)), None)
        _next = row.stop if taken is None else taken + 1
        if taken is None:
            return row.start
    raise Failure(f"no {count} free ports in a row from {_CANDIDATES.start} to {_CANDIDATES.stop - 1}")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


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
