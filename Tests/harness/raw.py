"""HTTP and WebSocket frames by hand, for what a well-behaved library refuses to send."""

import asyncio
import base64
import json
import os
import socket
import struct
from collections.abc import Mapping
from enum import IntEnum
from typing import NamedTuple

LIMIT = 30.0

Headers = Mapping[str, str | None]


class Opcode(IntEnum):
    CONTINUATION = 0
    TEXT = 1
    BINARY = 2
    RESERVED = 3
    CLOSE = 8
    PING = 9
    PONG = 10


class Response(NamedTuple):
    """An HTTP answer; header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


class RawSocket:
    """One TCP connection to a node."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
        self._reader = reader
        self._writer = writer
        self._port = writer.get_extra_info("peername")[1]

    @classmethod
    async def open(cls, port: int, *, receive_buffer: int | None = None) -> "RawSocket":
        """Connects. With a small `receive_buffer` (bytes) hardly anything is taken from the node before it is read."""
        sock = socket.socket()
        if receive_buffer is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
        return cls(*await asyncio.open_connection(sock=sock, limit=receive_buffer or 1 << 16))

    @classmethod
    async def upgraded(cls, port: int, path: str = "/ws", **options) -> "RawSocket":
        """Connects and becomes a WebSocket."""
        connection = await cls.open(port, **options)
        response = await connection.upgrade(path)
        assert response.status == 101, response
        return connection

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def end_writing(self) -> None:
        """Ends this side of the stream; the other may go on."""
        await self._writer.drain()
        self._writer.write_eof()

    # HTTP

    async def request(self, path: str, *, method: str = "GET", headers: Headers | None = None) -> Response:
        """One request and its answer; a header of None is left out. The connection stays as the node leaves it."""
        lines = {"Host": f"127.0.0.1:{self._port}", **(headers or {})}
        head = [
            f"{method} {path} HTTP/1.1",
            *(f"{name}: {value}" for name, value in lines.items() if value is not None),
        ]
        await self.send("\r\n".join([*head, "", ""]).encode())
        return await self.response()

    async def upgrade(self, path: str = "/ws", *, method: str = "GET", headers: Headers | None = None) -> Response:
        """One WebSocket handshake and its answer; a header of None is left out."""
        handshake = {
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
        }
        return await self.request(path, method=method, headers={**handshake, **(headers or {})})

    async def response(self) -> Response:
        """Reads one HTTP answer."""
        async with asyncio.timeout(LIMIT):
            head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            status, *lines = head.rstrip("\r\n").split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            assert len(headers) == len(lines), f"a header stands twice: {lines}"
            if headers.get("transfer-encoding") == "chunked":
                body = await self._chunks()
            else:
                body = await self._reader.readexactly(int(headers.get("content-length", 0)))
            return Response(int(status.split()[1]), headers, body)

    async def _chunks(self) -> bytes:
        body = b""
        while size := int((await self._reader.readline()).split(b";")[0], 16):
            body += await self._reader.readexactly(size)
            await self._reader.readline()
        await self._reader.readline()
        return body

    # WebSocket

    async def send_frame(
        self, opcode: Opcode, payload: bytes = b"", *, fin: bool = True, reserved: int = 0, masked: bool = True
    ) -> None:
        """Sends one frame; `reserved` holds the three reserved bits."""
        await self.send(frame(opcode, payload, fin=fin, reserved=reserved, masked=masked))

    async def send_command(self, type: str, **members) -> None:
        await self.send_frame(Opcode.TEXT, json.dumps({"type": type, **members}).encode())

    async def receive_frame(self) -> tuple[Opcode, bytes]:
        """Reads one whole frame."""
        async with asyncio.timeout(LIMIT):
            first, second = await self._reader.readexactly(2)
            assert second & 0x80 == 0, "a server's frames are never masked"
            length = second
            if length == 126:
                (length,) = struct.unpack("!H", await self._reader.readexactly(2))
            elif length == 127:
                (length,) = struct.unpack("!Q", await self._reader.readexactly(8))
            return Opcode(first & 0x0F), await self._reader.readexactly(length)

    async def close_frame(self) -> bytes:
        """Reads frames up to the node's close frame: its payload."""
        while True:
            opcode, payload = await self.receive_frame()
            if opcode is Opcode.CLOSE:
                return payload

    async def close_code(self) -> int:
        """The same: its code."""
        return struct.unpack("!H", (await self.close_frame())[:2])[0]

    async def ended(self, within: float = LIMIT) -> bytes:
        """Waits until the node ends the connection: what came before that."""
        try:
            async with asyncio.timeout(within):
                return await self._reader.read(-1)
        except ConnectionResetError:
            return b""
        except TimeoutError:
            raise AssertionError(f"the connection is still open after {within:g} s") from None

    def close(self) -> None:
        self._writer.transport.abort()

    def reset(self) -> None:
        """Ends the connection by an RST."""
        sock = self._writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()


def frame(opcode: int, payload: bytes = b"", *, fin: bool = True, reserved: int = 0, masked: bool = True) -> bytes:
    """The bytes of one frame (RFC 6455 section 5.2)."""
    head = bytes([fin << 7 | reserved << 4 | opcode])
    mask_bit = masked << 7
    if len(payload) < 126:
        head += bytes([mask_bit | len(payload)])
    elif len(payload) < 1 << 16:
        head += struct.pack("!BH", mask_bit | 126, len(payload))
    else:
        head += struct.pack("!BQ", mask_bit | 127, len(payload))
    if not masked:
        return head + payload
    key = os.urandom(4)
    # As one number each: byte by byte a megabyte takes a tenth of a second.
    mask = (key * (len(payload) // 4 + 1))[: len(payload)]
    masked_payload = int.from_bytes(payload, "big") ^ int.from_bytes(mask, "big")
    return head + key + masked_payload.to_bytes(len(payload), "big")
