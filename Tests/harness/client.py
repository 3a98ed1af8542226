"""A client of the WebSocket protocol."""

import asyncio
import itertools
import json
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

# How long anything a node owes us may take before the test gives up.
LIMIT = 30.0


class Message(dict[str, Any]):
    """One JSON object from the node, the text frame it came in, and when that was read, by the monotonic clock."""

    def __init__(self, raw: str):
        super().__init__(json.loads(raw))
        self.raw = raw
        self.at = time.monotonic()

    @property
    def type(self) -> str:
        return self["type"]

    def has(self, members: dict[str, Any]) -> bool:
        """Whether it has all these members with these values."""
        return all(name in self and self[name] == value for name, value in members.items())


class Client:
    """One connection. Replies go to the command that asked; everything without an `id` is kept in order."""

    def __init__(self, socket: ClientConnection):
        self.socket = socket
        # Everything that came without an `id`, in order of arrival.
        self.received: list[Message] = []
        # Every reply that came for an `id`: more than one is a fault of the node.
        self.replies: dict[Any, list[Message]] = defaultdict(list)
        # Binary messages, and of all that came without an `id` what it was, in order of arrival.
        self.binary: list[bytes] = []
        self._kinds: list[str] = []
        self.hello: Message
        self._by_type: dict[str, list[Message]] = defaultdict(list)
        self._unexpected: dict[str, list[Message]] = defaultdict(list)
        self._ids = itertools.count(1)
        self._pending: dict[Any, asyncio.Future[Message]] = {}
        self._arrivals: list[asyncio.Future[None]] = []
        self._reader = asyncio.create_task(self._read())

    @classmethod
    async def connect(
        cls,
        url: str,
        *,
        user: str | None = None,
        cookie: str | None = None,
        headers: Mapping[str, str] | None = None,
        **options,
    ) -> "Client":
        """Connects and waits for `connected`; `options` are those of the WebSocket library."""
        if user is not None:
            url += f"?user={quote(user, safe='')}"
        if cookie is not None:
            headers = {**(headers or {}), "Cookie": cookie}
        socket = await connect(
            url,
            additional_headers=headers,
            compression=None,
            proxy=None,
            ping_interval=None,
            max_size=None,
            max_queue=None,
            open_timeout=LIMIT,
            close_timeout=5,
            **options,
        )
        client = cls(socket)
        client.hello = await client.expect("connected")
        assert client.received[0] is client.hello, "something came before `connected`"
        return client

    @property
    def id(self) -> str:
        return self.hello["clientId"]

    @property
    def node(self) -> str:
        """The id of the node at the other end."""
        return self.hello["node"]

    # Commands

    async def start(self, type: str, **members: Any) -> asyncio.Future[Message]:
        """Sends a command with an `id` and returns, once it is sent, the future of its reply."""
        id = next(self._ids)
        future = self._pending[id] = asyncio.get_running_loop().create_future()
        await self.send(type, **members, id=id)
        return future

    async def command(self, type: str, **members: Any) -> Message:
        """Sends a command with an `id` and waits for its reply, which may be an `error`."""
        return await self.reply(await self.start(type, **members))

    async def reply(self, future: asyncio.Future[Message]) -> Message:
        """Waits for the reply to a started command."""
        try:
            return await asyncio.wait_for(future, LIMIT)
        except TimeoutError:
            raise AssertionError(f"no reply within {LIMIT:g} s; last came {self.received[-3:]}") from None

    async def succeed(self, reply: str, type: str, **members: Any) -> Message:
        """Sends a command and asserts what the reply is."""
        answer = await self.command(type, **members)
        assert answer.type == reply, answer.raw
        return answer

    async def subscribe(self, channel: str, **members: Any) -> Message:
        return await self.succeed("subscribed", "subscribe", channel=channel, **members)

    async def unsubscribe(self, channel: str) -> Message:
        return await self.succeed("unsubscribed", "unsubscribe", channel=channel)

    async def publish(self, channel: str, data: Any, **members: Any) -> Message:
        return await self.succeed("published", "publish", channel=channel, data=data, **members)

    async def ping(self) -> Message:
        """Proves that the connection works; everything the node answered before has arrived when it returns."""
        return await self.succeed("pong", "ping")

    async def send(self, type: str, **members: Any) -> None:
        """Sends a command as it is: without an `id` unless one is given."""
        await self.send_text(json.dumps({"type": type, **members}, ensure_ascii=False))

    async def send_text(self, text: str) -> None:
        await self.socket.send(text)

    # What came

    def events(self, type: str, **members: Any) -> list[Message]:
        """What came without an `id` so far, in order."""
        if not members:
            return self._by_type[type]
        return [message for message in self._by_type[type] if message.has(members)]

    async def expect(self, type: str, *, within: float = LIMIT, **members: Any) -> Message:
        """The next event of that type with these members that was not yet expected; waits for it."""

        def unexpected() -> Message | None:
            waiting = self._unexpected[type]
            index = next((index for index, message in enumerate(waiting) if message.has(members)), None)
            return None if index is None else waiting.pop(index)

        return await self._wait(unexpected, within, f"{type} {members}")

    async def collect(self, type: str, count: int, *, within: float = LIMIT, **members: Any) -> list[Message]:
        """Waits until at least `count` events of that type with these members have come: all of them, in order."""

        def enough() -> list[Message] | None:
            found = self.events(type, **members)
            return found if len(found) >= count else None

        return await self._wait(enough, within, f"{count} of {type} {members}")

    async def binaries(self, count: int) -> list[bytes]:
        """Waits until that many binary messages have come: all of them, in order."""
        return await self._wait(
            lambda: self.binary if len(self.binary) >= count else None, LIMIT, f"{count} binary messages"
        )

    def kinds(self, count: int) -> list[str]:
        """What the last `count` things without an `id` were: the type of an event, or `binary`."""
        return self._kinds[-count:]

    # The end

    @property
    def is_open(self) -> bool:
        return not self._reader.done()

    async def closed_with(self, within: float = LIMIT) -> int:
        """Waits until the node has closed the connection: its close code, 1006 where none came."""
        done, _ = await asyncio.wait([self._reader], timeout=within)
        assert done, f"still open after {within:g} s; last came {self.received[-3:]}"
        return self.socket.close_code

    async def close(self) -> None:
        """Closes with the closing handshake."""
        await self.socket.close()
        await self._reader

    async def abort(self) -> None:
        """Loses the connection: no close frame."""
        self.socket.transport.abort()
        await self._reader

    async def _read(self) -> None:
        try:
            async for message in self.socket:
                if isinstance(message, bytes):
                    self.binary.append(message)
                    self._kinds.append("binary")
                    self._wake()
                else:
                    self._take(Message(message))
        except ConnectionClosed:
            pass
        finally:
            self._wake()
            for future in self._pending.values():
                if not future.done():
                    future.set_exception(AssertionError(f"closed with {self.socket.close_code} before the reply"))
                    future.exception()  # Seen: whoever waits gets it, and nobody has to.

    def _take(self, message: Message) -> None:
        if "id" in message:
            self.replies[message["id"]].append(message)
            future = self._pending.pop(message["id"], None)
            if future and not future.done():
                future.set_result(message)
        else:
            self.received.append(message)
            self._kinds.append(message.type)
            self._by_type[message.type].append(message)
            self._unexpected[message.type].append(message)
        self._wake()

    def _wake(self) -> None:
        for arrival in self._arrivals:
            if not arrival.done():
                arrival.set_result(None)
        self._arrivals.clear()

    async def _wait(self, found: Callable[[], Any], within: float, what: str) -> Any:
        """Looks again with every message that comes until `found` returns something."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + within
        while (result := found()) is None:
            assert self.is_open, f"closed with {self.socket.close_code} while waiting for {what}"
            assert loop.time() < deadline, f"no {what} within {within:g} s; last came {self.received[-3:]}"
            arrival = loop.create_future()
            self._arrivals.append(arrival)
            await asyncio.wait([arrival], timeout=deadline - loop.time())
        return result
