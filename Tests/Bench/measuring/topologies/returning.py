"""How long a node with many members takes until it is back."""

import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from harness import Failure, Opcode, until
from harness.plain import receive_until, upgraded
from harness.raw import frame

from ..servers import MeasuredNode
from .kinds import ALL, ONE, PLAIN, Bench, Kind, Site
from .table import Table, ratio, times

# Of one connection: the default of --max-channels is 128.
_CHANNELS_EACH = 100
_LIMIT = 120.0
_PAUSE = 0.005
# What each channel with one member has: presence and users.
_KEYS_EACH = 2


@contextmanager
def _members(node: MeasuredNode, count: int) -> Iterator[None]:
    """So many members, each the only one of its channel."""
    channels = [f"{PLAIN}:{number}" for number in range(count)]
    with ExitStack() as stack:
        for first in range(0, count, _CHANNELS_EACH):
            sock = stack.enter_context(upgraded(node.port, timeout=_LIMIT))
            _enter(sock, channels[first : first + _CHANNELS_EACH])
        yield


def _enter(sock: socket.socket, channels: list[str]) -> None:
    commands = [{"type": "subscribe", "channel": name, "presence": True} for name in channels]
    commands.append({"type": "presence", "channel": channels[-1], "only": "count", "id": 1})
    sock.sendall(b"".join(frame(Opcode.TEXT, json.dumps(each).encode()) for each in commands))
    # It is answered after the subscribe of its channel.
    receive_until(sock, b'"type":"presence","id":1')


def _is_back(node: MeasuredNode) -> bool:
    """Whether the node is ready, with everything that it needs."""
    answer = node.get("/readyz")
    return answer.status_code == 200 and "degraded" not in answer.json()


def _keys(site: Site) -> int:
    """How many keys the primaries hold, whichever they are."""
    return sum(client.dbsize() for client in site.redis.clients)


def _timed(site: Site, act: Callable[[], None], keys: int) -> float:
    """Seconds from `act` until the node is back and at least so many keys are there."""
    [node] = site.nodes
    start = time.monotonic()
    act()
    _wait(lambda: not _is_back(node), "the node notices")
    _wait(lambda: _is_back(node), "the node is back")
    _wait(lambda: _keys(site) >= keys, "all members are entered")
    return time.monotonic() - start


def _wait(condition: Callable[[], bool], what: str) -> None:
    """As `until`, with a look every few milliseconds."""
    deadline = time.monotonic() + _LIMIT
    while not condition():
        if time.monotonic() > deadline:
            raise Failure(f"not within {_LIMIT:g} s: {what}")
        time.sleep(_PAUSE)


def _kill_connections(site: Site) -> None:
    """Those of the node alone: Sentinels and replicas have theirs."""
    for each in site.stores:
        for client in each.client.client_list():
            if client["name"].startswith("apus-"):
                each.client.client_kill_filter(_id=client["id"])


def _restart(site: Site) -> None:
    """All Redis but replicas, which empty themselves afterwards."""
    primaries = [each for each in site.stores if each.client.role()[0] == "master"]
    for each in primaries:
        each.kill()
    for each in primaries:
        each.launch()
    for each in primaries:
        each.wait_ready()


def returning(bench: Bench) -> Table:
    def measure(kind: Kind) -> dict[str, float]:
        with bench.site(kind, 1, ping_interval="1h") as site, _members(site.nodes[0], bench.members):
            keys = bench.members * _KEYS_EACH
            until(lambda: _keys(site) >= keys, _LIMIT, "all members are entered")
            killed = _timed(site, lambda: _kill_connections(site), keys)
            restarted = _timed(site, lambda: _restart(site), keys)
            return {"killed": killed, "restarted": restarted}

    found = bench.in_turns(ALL, measure)
    one = found[ALL.index(ONE)]
    rows = [
        [kind.title, *(f"{figures[name]:.2f} s, {ratio(figures[name], one[name])}" for name in ("killed", "restarted"))]
        for kind, figures in zip(ALL, found, strict=True)
    ]
    return Table(
        ["", "all connections to Redis are killed", "all primaries are killed and started again, empty"],
        rows,
        f"A node with {bench.members:,} members in as many channels, of {_CHANNELS_EACH} channels a connection: until "
        f"it is ready and all members are entered. {times(bench.repetitions).capitalize()}.",
    )
