"""A WebSocket that costs next to nothing while nobody looks at it."""

import base64
import json
import os
import socket
import struct

from harness.raw import Opcode, frame

# More than a node ever sends between two looks.
_MOST = 1 << 20
_FIN = 0x80


class Lost(Exception):
    """The connection is over; the close code the node sent, else 1006."""

    def __init__(self, code: int = 1006, reason: str = ""):
        super().__init__(f"{code} {reason}".strip())
        self.code = code


class Connection:
    """One WebSocket without a task: it reads and writes when it is told to, and never waits.

    Thousands of these in one process are read in turn, a batch of frames each time, where an event loop would wake up
    for every frame.
    """

    def __init__(self, port: int, user: str):
        """Begins to connect; whatever goes wrong is told by `receive`."""
        # Whether the handshake is done.
        self.is_open = False
        self._received = b""
        self._socket = socket.socket()
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.connect_ex(("127.0.0.1", port))
        key = base64.b64encode(os.urandom(16)).decode()
        self._unsent = (
            f"GET /ws?user={user} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n"
        ).encode()

    def send(self, type: str, **members: object) -> None:
        """Sends a command, as soon as there is room for it."""
        self._unsent += frame(Opcode.TEXT, json.dumps({"type": type, **members}).encode())

    def flush(self) -> None:
        """Writes what there is room for."""
        try:
            while self._unsent:
                self._unsent = self._unsent[self._socket.send(self._unsent) :]
        except BlockingIOError:
            pass
        except OSError as error:
            raise Lost(reason=str(error)) from None

    def receive(self) -> list[bytes]:
        """The payloads of all text frames that have come since; raises `Lost` when nothing more will come."""
        self.flush()
        try:
            data = self._socket.recv(_MOST)
        except BlockingIOError:
            return []
        except OSError as error:
            raise Lost(reason=str(error)) from None
        if not data:
            raise Lost(reason="end of stream")
        self._received += data
        if not self.is_open and not self._upgraded():
            return []
        return self._frames()

    def _upgraded(self) -> bool:
        """Whether the answer to the handshake has come; takes it off."""
        head, end, rest = self._received.partition(b"\r\n\r\n")
        if not end:
            return False
        if not head.startswith(b"HTTP/1.1 101 "):
            raise Lost(reason=head.split(b"\r\n")[0].decode("latin-1"))
        self.is_open, self._received = True, rest
        return True

    def _frames(self) -> list[bytes]:
        data, at, texts = self._received, 0, []
        while len(data) - at >= 2:
            length, start = data[at + 1], at + 2
            if length == 126:
                if len(data) < at + 4:
                    break
                length, start = data[at + 2] << 8 | data[at + 3], at + 4
            # A node has no reason to send us 64 KiB in one frame, nor to mask or split it.
            assert length < 126 or start == at + 4, f"a frame begins with {data[at : at + 10]!r}"
            if len(data) < start + length:
                break
            payload = data[start : start + length]
            if data[at] == _FIN | Opcode.TEXT:
                texts.append(payload)
            else:
                self._control(data[at], payload)
            at = start + length
        self._received = data[at:]
        return texts

    def _control(self, first: int, payload: bytes) -> None:
        if first == _FIN | Opcode.PING:
            self._unsent += frame(Opcode.PONG, payload)
        elif first == _FIN | Opcode.CLOSE:
            raise Lost(struct.unpack("!H", payload[:2])[0] if payload else 1005, payload[2:].decode())
        else:
            raise AssertionError(f"neither text nor control: {first:#x} {payload[:100]!r}")

    # The end. What has come and was not read is lost.

    def close(self) -> None:
        """Ends it without a word."""
        self._socket.close()

    def say_goodbye(self) -> None:
        """Ends it with a close frame and does not wait for the other one."""
        self._unsent += frame(Opcode.CLOSE, struct.pack("!H", 1000))
        try:
            self.flush()
        except Lost:
            pass
        self.close()

    def reset(self) -> None:
        """Ends it by an RST."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()
