"""A way to the bus of a Redis Cluster's server, on which some of the others can be cut off from it."""

import contextlib
import socket
import threading

from harness.ports import free_port

# A message on the bus has the id of whoever sends it here.
_SENDER = slice(40, 80)


class BusProxy:
    """Stands between a server's bus port and all others, which know this port alone. A context manager.

    Each server connects to each, so a link is cut both ways only where the proxies of both know of it.
    """

    def __init__(self, port: int):
        self._target = port
        self.port = free_port()
        # The ids of those who are cut off.
        self._refused: set[str] = set()
        # The connections that there are, by the id of who has opened them.
        self._links: list[tuple[str, socket.socket]] = []

    def __enter__(self) -> "BusProxy":
        self._listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        # Closing alone would leave `accept` waiting.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for _, end in self._links:
            _shut(end)

    def refuse(self, ids: set[str]) -> None:
        """Cuts these off, and nobody else."""
        self._refused = ids
        for sender, end in self._links:
            if sender in ids:
                _shut(end)

    def _accept(self) -> None:
        while True:
            try:
                end, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(end,), daemon=True).start()

    def _serve(self, end: socket.socket) -> None:
        with end, contextlib.suppress(OSError):
            head = b""
            while len(head) < _SENDER.stop:
                if not (data := end.recv(1 << 16)):
                    return
                head += data
            sender = head[_SENDER].decode()
            self._links.append((sender, end))
            if sender in self._refused:
                return
            with socket.create_connection(("127.0.0.1", self._target)) as server:
                self._links.append((sender, server))
                server.sendall(head)
                back = threading.Thread(target=_pump, args=(server, end), daemon=True)
                back.start()
                _pump(end, server)
                back.join()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(1 << 16):
            target.sendall(data)
    _shut(source)
    _shut(target)


def _shut(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
