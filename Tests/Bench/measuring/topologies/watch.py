"""What clients see of an outage: who publishes all the time at one node, and who listens at another."""

import json
import re
import select
import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from harness import Failure, Opcode, until
from harness.plain import upgraded
from harness.raw import frame

from ..listening import listening as listening_to

# Seconds from one publish of a channel to its next.
PAUSE = 0.01
# For so long all must have been well before an outage counts as over.
_WELL = 3.0
# What may be on its way.
_UNDER_WAY = 0.5
_LIMIT = 60.0
# A node gives an answer up after 2 s (--redis-timeout).
_ANSWERS = 3.0
_REPLY = re.compile(rb'\{"type":"(published|error)","id":(\d+)[,}]')
_EVENT = re.compile(
    rb'\{"type":"message","channel":"[^"]*","from":[^{}]*"data":(\d+)[,}]|\{"type":"gap","channel":"([^"]*)"'
)
# Longer than any of these.
_TAIL = 300


@dataclass
class Outage:
    """What one channel has seen, in seconds and in messages.

    `refused` is from a publish that was refused or lost until the next is confirmed, added up where it happened several
    times; `silence` the longest time in which a listener has heard nothing.
    """

    refused: float
    silence: float
    unconfirmed: int
    unheard: int
    gaps: int


class Watch:
    """Publishes to these channels and listens to them, on a thread of its own. A context manager."""

    def __init__(self, publishing: int, listening: int, channels: Sequence[str]):
        self._channels = list(channels)
        self._listener = listening_to(listening, self._channels)
        self._publisher = upgraded(publishing, timeout=30)
        self._sent: list[float] = []
        self._confirmed: dict[int, float] = {}
        self._heard: dict[int, float] = {}
        self._gaps = dict.fromkeys(self._channels, 0)
        self._is_publishing, self._is_over = True, False
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Watch":
        self._thread.start()
        self.wait_until_well()
        return self

    def __exit__(self, error: type | None, *_: object) -> None:
        """Publishes no more, and waits for the answers that are still to come."""
        self._is_publishing = False
        if error is None:
            time.sleep(_ANSWERS)
        self._is_over = True
        self._thread.join()
        self._publisher.close()
        self._listener.close()

    def wait_until_well(self) -> None:
        """Waits until for some time, from now on, all that was published has been confirmed and heard."""
        start = time.monotonic()
        until(lambda: self._is_well(start), _LIMIT, "publishing and listening go on")

    def outage(self, channel: str) -> Outage:
        """For afterwards."""
        own = range(self._channels.index(channel), len(self._sent), len(self._channels))
        refused, first = 0.0, None
        for number in own:
            if number not in self._confirmed:
                first = number if first is None else first
            elif first is not None:
                refused += self._confirmed[number] - self._sent[first]
                first = None
        unconfirmed = sum(1 for number in own if number not in self._confirmed)
        heard = sorted(self._heard[number] for number in own if number in self._heard)
        silence = max(after - before for before, after in zip(heard, heard[1:], strict=False)) - PAUSE
        unheard = sum(1 for number in own if number in self._confirmed and number not in self._heard)
        return Outage(refused, max(silence, 0.0), unconfirmed, unheard, self._gaps[channel])

    def _is_well(self, start: float) -> bool:
        if self._failure:
            raise Failure(f"a connection was lost: {self._failure}")
        now = time.monotonic()
        if now < start + _WELL + _UNDER_WAY:
            return False
        sent = enumerate(self._sent[:])
        due = [number for number, at in sent if now - _WELL < at + _UNDER_WAY < now]
        return bool(due) and all(number in self._confirmed and number in self._heard for number in due)

    # The thread

    def _run(self) -> None:
        try:
            tails = {self._publisher: b"", self._listener: b""}
            due = time.monotonic()
            while not self._is_over:
                now = time.monotonic()
                if now >= due and self._is_publishing:
                    self._publish(now)
                    due = max(due + PAUSE, now)
                wait = max(due - now, 0) if self._is_publishing else PAUSE
                for sock in select.select(list(tails), [], [], wait)[0]:
                    tails[sock] = self._take(sock, tails[sock])
        except OSError as error:
            self._failure = error

    def _publish(self, now: float) -> None:
        """One message to each channel; the number of a message tells its channel."""
        for channel in self._channels:
            number = len(self._sent)
            self._sent.append(now)
            command = {"type": "publish", "channel": channel, "data": number, "id": number}
            self._publisher.sendall(frame(Opcode.TEXT, json.dumps(command).encode()))

    def _take(self, sock: socket.socket, tail: bytes) -> bytes:
        """Reads what has come; returns what may be a part of the next."""
        data = sock.recv(1 << 18)
        if not data:
            raise ConnectionError("the node has closed it")
        now, text, end = time.monotonic(), tail + data, 0
        for found in (_REPLY if sock is self._publisher else _EVENT).finditer(text):
            end = found.end()
            if sock is self._publisher:
                if found[1] == b"published":
                    self._confirmed[int(found[2])] = now
            elif found[1]:
                self._heard.setdefault(int(found[1]), now)
            else:
                self._gaps[found[2].decode()] += 1
        return text[end:][-_TAIL:]
