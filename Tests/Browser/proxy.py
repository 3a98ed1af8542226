"""A way between browsers and a node, or nginx, on which connections can be held up and cut."""

import contextlib
import re
import socket
import threading

_UPGRADE = re.compile(rb"^upgrade: *websocket", re.IGNORECASE | re.MULTILINE)


class Proxy:
    """Passes everything until it is told otherwise. A context manager; threads, so that it works while a test waits."""

    def __init__(self, port: int, *, websockets: bool = True):
        self._target = port
        self._passes_websockets = websockets
        self._flows = threading.Event()
        self._flows.set()
        self._is_closed = False
        self._links: list[_Link] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.http = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> "Proxy":
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
        self._flows.clear()

    def release(self) -> None:
        """What was held up arrives."""
        self._flows.set()

    def cut(self) -> None:
        """Ends all connections, what is held up with them."""
        for link in self._links:
            link.cut()
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
            if self._is_closed:
                browser.close()
                continue
            with contextlib.suppress(OSError):
                self._links.append(_Link(browser, self._connect(browser), self._flows, self._passes_websockets))

    def _connect(self, browser: socket.socket) -> socket.socket:
        try:
            return socket.create_connection(("127.0.0.1", self._target))
        except OSError:
            browser.close()
            raise


class _Link:
    """One connection of a browser, and the one to the node that belongs to it."""

    def __init__(self, browser: socket.socket, node: socket.socket, flows: threading.Event, passes_websockets: bool):
        self._ends = (browser, node)
        self._flows = flows
        self._passes_websockets = passes_websockets
        self._is_cut = False
        for source, target in ((browser, node), (node, browser)):
            threading.Thread(target=self._pump, args=(source, target), daemon=True).start()

    def cut(self) -> None:
        self._is_cut = True
        for end in self._ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                if not self._passes_websockets and _UPGRADE.search(data):
                    break
                self._flows.wait()
                if self._is_cut:
                    return
                target.sendall(data)
        self.cut()
