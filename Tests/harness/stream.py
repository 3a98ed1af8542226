"""A client of the streams of Server-Sent Events: the package `sseclient-py`, read by a thread."""

import contextlib
import http.client
import json
import socket
import threading
import time
from collections.abc import Callable
from urllib.parse import urlsplit

import sseclient

LIMIT = 30.0


class Event(dict):
    """The JSON of an event, what stood in its `event:` line, and the id that a browser would give back by then."""

    def __init__(self, data: str, name: str, id: str):
        super().__init__(json.loads(data))
        self.raw = data
        self.name = name
        self.id = id


class Stream:
    """A stream that is open; `post` is the body of one by POST. A context manager."""

    def __init__(self, url: str, *, headers: dict[str, str] | None = None, post: object = None):
        parts = urlsplit(url)
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=LIMIT)
        connection.connect()
        # Kept, since the response has it alone once it is known that the connection ends with it.
        self._socket = connection.sock
        body = None if post is None else json.dumps(post)
        headers = {**({} if post is None else {"Content-Type": "application/json"}), **(headers or {})}
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        connection.request("GET" if post is None else "POST", path, body, headers)
        self.response = connection.getresponse()
        self.status = self.response.status
        self.headers = self.response.headers
        self.received: list[Event] = []
        self.retries: list[int] = []
        self.has_ended = False
        self._changed = threading.Condition()
        self._client = sseclient.SSEClient(self._lines())
        if self.status == 200 and self.headers["Content-Type"].startswith("text/event-stream"):
            threading.Thread(target=self._read, daemon=True).start()

    def _lines(self):
        while line := self.response.readline():
            if line.startswith(b"retry: "):
                self.retries.append(int(line[7:]))
            yield line

    def _read(self) -> None:
        last = ""
        try:
            for event in self._client.events():
                last = event.id or last
                with self._changed:
                    self.received.append(Event(event.data, event.event, last))
                    self._changed.notify_all()
        except Exception:  # noqa: BLE001 the connection was cut, by the test or by the node
            pass
        with self._changed:
            self.has_ended = True
            self._changed.notify_all()

    def wait(self, found: Callable[[], object], what: str, within: float = LIMIT):
        """Waits until there is something true."""
        deadline = time.monotonic() + within
        with self._changed:
            while not (result := found()):
                left = deadline - time.monotonic()
                assert left > 0, f"{what} did not come; there are {[event.raw for event in self.received[-5:]]}"
                self._changed.wait(left)
            return result

    def events(self, type: str, **members: object) -> list[Event]:
        return [
            event
            for event in list(self.received)
            if event.get("type") == type and all(event.get(name) == value for name, value in members.items())
        ]

    def expect(self, type: str, **members: object) -> Event:
        """The first event with these members, now or later."""
        return self.wait(lambda: next(iter(self.events(type, **members)), None), f"{type} {members}")

    def collect(self, type: str, count: int, **members: object) -> list[Event]:
        return self.wait(
            lambda: events if len(events := self.events(type, **members)) >= count else None, f"{count} of {type}"
        )

    def ended(self) -> list[Event]:
        """Waits for the end of the stream; all that has come."""
        self.wait(lambda: self.has_ended, "the end")
        return self.received

    @property
    def last_id(self) -> str:
        return self.received[-1].id

    def close(self) -> None:
        # Not the response, which its thread is reading.
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> "Stream":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
