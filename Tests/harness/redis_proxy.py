"""A way to Redis on which what is subscribed can be held up, and cut, while commands pass."""

import socket
import threading
from contextlib import ExitStack, suppress

from harness.ports import free_port


class RedisProxy:
    """Stands between nodes and a Redis. A context manager; threads, so that it works while a test waits for a node."""

    def __init__(self, port: int):
        self._target = port
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}"
        self._passes = threading.Event()
        self._passes.set()
        self._links: list[_Link] = []

    def __enter__(self) -> "RedisProxy":
        self._listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_) -> None:
        # Closing alone would leave `accept` waiting; a listener that was closed before is no harm.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._passes.set()
        for link in self._links:
            link.cut()

    def hold(self) -> None:
        """Nothing that is subscribed arrives any more."""
        self._passes.clear()

    def cut_and_release(self) -> None:
        """Ends the connections that have subscribed, what is held up with them; new ones pass."""
        for link in self._links:
            if link.is_subscriber:
                link.cut()
        self._passes.set()

    def requests(self, words: bytes) -> int:
        """How often those bytes have come from nodes."""
        return sum(link.requests.count(words) for link in self._links)

    def lead_to(self, port: int) -> None:
        """New connections lead to another server; those that have not subscribed are ended."""
        self._target = port
        for link in self._links:
            if not link.is_subscriber:
                link.cut()

    def close(self) -> None:
        """Ends all connections, and refuses others until `open`."""
        self.__exit__()

    def open(self) -> None:
        self.__enter__()

    def _accept(self) -> None:
        while True:
            try:
                node, _ = self._listener.accept()
            except OSError:
                return
            self._links.append(_Link(node, socket.create_connection(("127.0.0.1", self._target)), self._passes))


class _Link:
    def __init__(self, node: socket.socket, redis: socket.socket, passes: threading.Event):
        self._ends = (node, redis)
        self._passes = passes
        self._is_cut = False
        self.is_subscriber = False
        self.requests = b""
        for pump in (self._up, self._down):
            threading.Thread(target=pump, daemon=True).start()

    def cut(self) -> None:
        self._is_cut = True
        for end in self._ends:
            with ExitStack() as stack:
                stack.callback(end.close)
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def _up(self) -> None:
        node, redis = self._ends
        while data := self._read(node):
            self.is_subscriber = self.is_subscriber or b"SUBSCRIBE" in data
            self.requests += data
            redis.sendall(data)
        self.cut()

    def _down(self) -> None:
        node, redis = self._ends
        while data := self._read(redis):
            if self.is_subscriber:
                self._passes.wait()
            if self._is_cut:
                return
            node.sendall(data)
        self.cut()

    def _read(self, end: socket.socket) -> bytes:
        try:
            return end.recv(1 << 16)
        except OSError:
            return b""
