"""A backend: an HTTP server that does the methods a node does not know."""

import asyncio
import hashlib
import hmac
import itertools
import json
import ssl
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from harness import secrets
from harness.ports import free_port

SECRET = secrets.register("the-secret-of-the-backend-0123456789abcdef")


@dataclass
class Call:
    """One call as it came."""

    line: str
    headers: dict[str, str]
    body: bytes
    # Which of the backend's connections brought it.
    connection: int

    @property
    def method(self) -> str:
        return json.loads(self.body)["method"]

    @property
    def params(self) -> object:
        return json.loads(self.body)["params"]

    def is_signed(self, secret: str = SECRET) -> bool:
        """Whether the signature is right and of now."""
        fields = dict(field.split("=", 1) for field in self.headers["apus-signature"].split(","))
        expected = hmac.new(secret.encode(), f"{fields['t']}.".encode() + self.body, hashlib.sha256).hexdigest()
        return hmac.compare_digest(expected, fields["v1"]) and abs(time.time() - int(fields["t"])) < 60


def http(body: str | bytes, status: str = "200 OK", **headers: str) -> bytes:
    """A whole HTTP answer."""
    body = body.encode() if isinstance(body, str) else body
    lines = {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}
    head = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in lines.items()), "", ""]
    return "\r\n".join(head).encode() + body


def result(json_text: str) -> bytes:
    return http('{"result":' + json_text + "}")


def error(json_text: str) -> bytes:
    return http('{"error":' + json_text + "}")


def self_signed(directory: Path) -> ssl.SSLContext:
    """TLS for 127.0.0.1, by a certificate that nobody has vouched for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = directory / "backend.pem"
    file.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + certificate.public_bytes(Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


# What it answers: the bytes of a whole HTTP answer, or None to end the connection.
Answer = Callable[[Call], Awaitable[bytes | None]]


async def echo(call: Call) -> bytes:
    """Answers with the bytes of `params`."""
    start = call.body.index(b'"params":') + len(b'"params":')
    end = call.body.rindex(b',"user":')
    return result(call.body[start:end].decode())


class Backend:
    """A backend whose `answer` a test sets."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.port = free_port()
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}/apus?x=1"
        self._tls = tls
        self.answer: Answer = echo
        self.calls: list[Call] = []
        # Calls under way, and the most there ever were.
        self.running = 0
        self.peak = 0
        self._numbers = itertools.count(1)
        self._tasks: set[asyncio.Task] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> "Backend":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=self._tls)
        return self

    async def stop(self) -> None:
        if self._server:
            self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def options(self, **more: object) -> dict[str, object]:
        """The options of a node that knows it."""
        return {"--backend": self.url, "--backend-secret": SECRET, **more}

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._tasks.add(asyncio.current_task())
        connection = next(self._numbers)
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                line, *lines = head.rstrip("\r\n").split("\r\n")
                headers = {name.lower(): value.strip() for name, _, value in (each.partition(":") for each in lines)}
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                call = Call(line, headers, body, connection)
                self.calls.append(call)
                self.running += 1
                self.peak = max(self.peak, self.running)
                try:
                    answer = await self.answer(call)
                finally:
                    self.running -= 1
                if answer is None:
                    return
                writer.write(answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            # The other end has gone, or the test is over: `start_server` would tell of a task that was cancelled.
            pass
        finally:
            self._tasks.discard(asyncio.current_task())
            writer.close()
