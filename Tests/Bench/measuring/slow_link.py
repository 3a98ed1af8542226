"""A way to a server on which everything takes a while."""

import asyncio
import threading
from contextlib import suppress

from harness import Failure
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
        is_listening = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve(is_listening)))
        self._thread.start()
        if not is_listening.wait(10):
            raise Failure("the slow link does not listen")
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._is_over.set)
        self._thread.join()

    async def _serve(self, is_listening: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        self._is_over = asyncio.Event()
        server = await asyncio.start_server(self._accepted, "127.0.0.1", self.port)
        is_listening.set()
        await self._is_over.wait()
        server.close()

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = await asyncio.open_connection("127.0.0.1", self._target)
        with suppress(ConnectionError, asyncio.CancelledError):
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
