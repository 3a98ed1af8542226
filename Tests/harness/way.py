"""A way between browsers and a node, or nginx, on which connections are held up and cut, and not everything gets through."""

import re
import socket
import threading
from contextlib import suppress

_WEBSOCKET = re.compile(rb"^upgrade: *websocket", re.IGNORECASE | re.MULTILINE)
_STREAM = re.compile(rb"^POST /events[? ]")

# What a way may be for: the transport that the client finds there.
TRANSPORTS = ["websocket", "sse", "poll"]


class Way:
    """A TCP proxy, as a context manager. Of `transport` it lets through that and what is less.

    Threads, so that it works while a test waits for a browser. A browser sends the head of a request in one piece, behind
    the answer to the last one.
    """

    def __init__(self, port: int, transport: str = "websocket"):
        self._target = port
        self.refuses_websockets = transport != "websocket"
        self.holds_streams = transport == "poll"
        self.flows = threading.Event()
        self.flows.set()
        self._is_closed = False
        # A link is made either before a cut, and ended by it, or behind it.
        self._lock = threading.Lock()
        self._links: list[_Link] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.http = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> "Way":
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        # Closing alone would leave `accept` waiting.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.close()
        self.release()

    def hold(self) -> None:
        """Nothing arrives any more, in either direction; connections stay, and new ones are taken."""
        self.flows.clear()

    def release(self) -> None:
        """What was held up arrives."""
        self.flows.set()

    def cut(self) -> None:
        """Ends all connections, what is held up with them."""
        with self._lock:
            for link in self._links:
                link.end()
            self._links.clear()

    def close(self) -> None:
        """Ends all connections, and new ones at once."""
        self._is_closed = True
        self.cut()

    def open(self) -> None:
        self._is_closed = False

    def _accept(self) -> None:
        while True:
            try:
                browser, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                if self._is_closed:
                    browser.close()
                else:
                    self._link(browser)

    def _link(self, browser: socket.socket) -> None:
        try:
            node = socket.create_connection(("127.0.0.1", self._target))
        except OSError:
            browser.close()
        else:
            self._links.append(_Link(self, browser, node))


class _Link:
    """One connection of a browser, and the one to the node that belongs to it."""

    def __init__(self, way: Way, browser: socket.socket, node: socket.socket):
        self._way = way
        self._ends = browser, node
        self._is_stream_held = False
        self._has_ended = False
        for pump in (self._up, self._down):
            threading.Thread(target=pump, daemon=True).start()

    def end(self) -> None:
        self._has_ended = True
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
                self._is_stream_held |= self._way.holds_streams and bool(_STREAM.match(data))
                self._pass(data, node)
        self.end()

    def _down(self) -> None:
        browser, node = self._ends
        with suppress(OSError):
            while data := node.recv(1 << 16):
                if not self._is_stream_held:
                    self._pass(data, browser)
        self.end()

    def _pass(self, data: bytes, target: socket.socket) -> None:
        self._way.flows.wait()
        if not self._has_ended:
            target.sendall(data)
