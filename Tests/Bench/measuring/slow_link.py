"""A way to a server on which everything takes a while."""

import asyncio
import threading
from contextlib import suppress

from harness.ports import free_port


class SlowLink:
    """Passes what comes on to `target` after `delay` seconds, in both directions and whatever the amount: a long way,
    no narrow one. A context manager, on a thread of its own.
    """

    def __init__(self, target: int, delay: float):
        self._target = target
        self._delay = delay
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}"

    def __enter__(self) -> "SlowLink":
        self._loop = asyncio.new_event_loop()
        self._loop.run_until_complete(asyncio.start_server(self._accepted, "127.0.0.1", self.port))
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = await asyncio.open_connection("127.0.0.1", self._target)
        with suppress(ConnectionError):
            await asyncio.gather(self._pass(reader, there[1]), self._pass(there[0], writer))

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        travelling: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

        async def arrive() -> None:
            while True:
                due, data = await travelling.get()
                await asyncio.sleep(due - self._loop.time())
                if not data:
                    return writer.close()
                writer.write(data)

        arriving = self._loop.create_task(arrive())
        data = b"-"
        while data:
            data = await reader.read(1 << 20)
            travelling.put_nowait((self._loop.time() + self._delay, data))
        await arriving
