"""Reads what Redis holds into the ledger."""

import asyncio
import json

import redis

from harness.recovery.ledger import Ledger
from harness.stored import Stored

# Seconds between two reads.
_INTERVAL = 0.3


class Streams:
    """The histories of all channels in Redis, read from where it left off; often enough that none is trimmed before."""

    def __init__(self, stored: Stored, ledger: Ledger):
        self._ledger = ledger
        self._stored = stored
        # A read at a time.
        self._lock = asyncio.Lock()

    async def read(self) -> None:
        """Reads what is new, each channel at one moment."""
        async with self._lock:
            await asyncio.to_thread(self._read)

    async def keep_reading(self) -> None:
        """Reads from time to time; where Redis is away, later."""
        while True:
            try:
                await self.read()
            except (redis.RedisError, AssertionError):
                # Or it is not agreed where a channel is.
                pass
            await asyncio.sleep(_INTERVAL)

    async def read_last(self) -> None:
        """Reads what is new and lets nobody write anything more: Redis is about to be killed."""
        for client in self._stored.clients:
            await asyncio.to_thread(client.client_pause, 30_000, all=False)
        await self.read()

    def _read(self) -> None:
        for channel in self._ledger.streams:
            while self._read_one(channel):
                pass

    def _read_one(self, channel: str) -> bool:
        """Reads what is new in a channel; whether it has begun anew, and is to be read again."""
        top = self._ledger.top(channel)
        transaction = self._stored.at(channel).pipeline(transaction=True)
        transaction.hget(self._stored.key("meta", channel), "epoch")
        transaction.xrange(self._stored.key("history", channel), min=f"{top.offset + 1 if top else 1}-0")
        epoch, entries = transaction.execute()
        if epoch is None:
            return False
        if top is None or top.epoch != epoch:
            # Its first messages may not be among those asked for.
            self._ledger.streams[channel].setdefault(epoch, [])
            if top is not None:
                return True
        for id, fields in entries:
            event = json.loads(fields["m"])
            offset = int(id.partition("-")[0])
            if (event["channel"], event["offset"]) != (channel, offset):
                self._ledger.fault(f"the stream of {channel} held at {id}: {fields['m']}")
            self._ledger.held(channel, epoch, offset, event["data"])
        return False
