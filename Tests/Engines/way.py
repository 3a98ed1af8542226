"""A way to a node that can be cut, and on which WebSockets, or streams, do not get through."""

import re
import socket
import threading
from contextlib import suppress

from harness import free_port

_WEBSOCKET = re.compile(rb"^upgrade: websocket\r$", re.IGNORECASE | re.MULTILINE)
_STREAM = re.compile(rb"^POST /events[? ]")

# What a way may be for: the transport that the client finds there.
TRANSPORTS = ["websocket", "sse", "poll"]


class Way:
    """A TCP proxy, as a context manager. Of `transport` it lets through that and what is less.

    Threads, so that it works while a test waits for a browser. A browser sends the head of a request in one piece, behind
    the answer to the last one.
    """

    def __init__(self, port: int, transport: str):
        self._target = port
        self.refuses_websockets = transport != "websocket"
        self.holds_streams = transport == "poll"
        self.port = free_port()
        self.http = f"http://127.0.0.1:{self.port}"
        self._is_cut = False
        # A link is made either before a cut, and ended by it, or behind it.
        self._lock = threading.Lock()
        self._links: list[_Link] = []

    def __enter__(self) -> "Way":
        self._listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        # Closing alone would leave `accept` waiting.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def cut(self) -> None:
        """Ends all connections, and those that are opened before it is mended."""
        with self._lock:
            self._is_cut = True
            for link in self._links:
                link.end()
            self._links.clear()

    def mend(self) -> None:
        with self._lock:
            self._is_cut = False

    def _accept(self) -> None:
        while True:
            try:
                browser, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                if self._is_cut:
                    browser.close()
                else:
                    self._links.append(_Link(self, browser, socket.create_connection(("127.0.0.1", self._target))))


class _Link:
    def __init__(self, way: Way, browser: socket.socket, node: socket.socket):
        self._way = way
        self._ends = browser, node
        self._is_held = False
        for pump in (self._up, self._down):
            threading.Thread(target=pump, daemon=True).start()

    def end(self) -> None:
        for end in self._ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _up(self) -> None:
        browser, node = self._ends
        with suppress(OSError):
            while data := browser.recv(1 << 16):
                if self._way.refuses_websockets and _WEBSOCKET.search(data):
                    break
                self._is_held = self._way.holds_streams and bool(_STREAM.match(data)) or self._is_held
                node.sendall(data)
        self.end()

    def _down(self) -> None:
        browser, node = self._ends
        with suppress(OSError):
            while data := node.recv(1 << 16):
                if not self._is_held:
                    browser.sendall(data)
        self.end()
