"""A way to a server that hands on bytes as the tests say: one at a time, or only so many."""

import contextlib
import socket
import threading

from harness.ports import free_port


class Wire:
    """Stands in front of a port. A context manager; threads, so that it works while a test waits for a program.

    `step` is how many bytes are handed on at once. `up` and `down` are after how many bytes of each connection, towards
    the server and back, both ends are closed; None lets all pass.
    """

    def __init__(self, port: int, *, step: int = 1 << 16, up: int | None = None, down: int | None = None):
        self._target = port
        self._step = step
        self._limits = {"up": up, "down": down}
        self.port = free_port()
        # Of all connections together.
        self.passed = {"up": 0, "down": 0}

    def __enter__(self) -> "Wire":
        self._listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        # Closing alone would leave `accept` waiting.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._target))
                for end in (client, server):
                    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self._pump, args=(client, server, "up"), daemon=True).start()
                threading.Thread(target=self._pump, args=(server, client, "down"), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket, way: str) -> None:
        limit, count = self._limits[way], 0
        with contextlib.suppress(OSError):
            while limit is None or count < limit:
                room = self._step if limit is None else min(self._step, limit - count)
                data = source.recv(room)
                if not data:
                    break
                target.sendall(data)
                count += len(data)
                self.passed[way] += len(data)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
