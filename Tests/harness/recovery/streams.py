"""Reads what Redis holds into the ledger."""

import asyncio
import json

import redis

from harness.recovery.ledger import Ledger

# Seconds between two reads.
_INTERVAL = 0.3


class Streams:
    """The histories of all channels in Redis, read from where it left off; often enough that none is trimmed before."""

    def __init__(self, port: int, ledger: Ledger):
        self._ledger = ledger
        self._redis = redis.Redis(port=port, decode_responses=True, socket_timeout=5)
        # A read at a time.
        self._lock = asyncio.Lock()

    async def read(self) -> None:
        """Reads what is new, all channels at one moment."""
        async with self._lock:
            await asyncio.to_thread(self._read)

    async def keep_reading(self) -> None:
        """Reads from time to time; where Redis is away, later."""
        while True:
            try:
                await self.read()
            except redis.RedisError:
                pass
            await asyncio.sleep(_INTERVAL)

    async def read_last(self) -> None:
        """Reads what is new and lets nobody write anything more: Redis is about to be killed."""
        await asyncio.to_thread(self._redis.client_pause, 30_000, all=False)
        await self.read()

    def close(self) -> None:
        self._redis.close()

    def _read(self) -> None:
        tops = {channel: self._ledger.top(channel) for channel in self._ledger.streams}
        transaction = self._redis.pipeline(transaction=True)
        for channel, top in tops.items():
            transaction.hget(f"apus:meta:{channel}", "epoch")
            transaction.xrange(f"apus:history:{channel}", min=f"{top.offset + 1 if top else 1}-0")
        answers = iter(transaction.execute())
        has_changed = False
        for (channel, top), epoch, entries in zip(tops.items(), answers, answers, strict=True):
            if epoch is None:
                continue
            if top is None or top.epoch != epoch:
                # Its first messages may not be among those asked for.
                self._ledger.streams[channel].setdefault(epoch, [])
                has_changed = has_changed or top is not None
                if top is not None:
                    continue
            for id, fields in entries:
                event = json.loads(fields["m"])
                offset = int(id.partition("-")[0])
                if (event["channel"], event["offset"]) != (channel, offset):
                    self._ledger.fault(f"the stream of {channel} held at {id}: {fields['m']}")
                self._ledger.held(channel, epoch, offset, event["data"])
        if has_changed:
            self._read()
