"""A real Redis of one test or one session."""

from collections.abc import Sequence
import json
from pathlib import Path

import redis

from harness.eventually import until
from harness.ports import free_port
from harness.process import Process, program


class Redis(Process):
    """A redis-server on a port of its own that keeps nothing on disk: a restart is an empty database.

    `options` are words of its command line, besides those given here.
    """

    def __init__(self, directory: Path, port: int | None = None, options: Sequence[str] = ()):
        super().__init__("redis", directory)
        self._options = options
        self.port = port or free_port()
        self.url = f"redis://127.0.0.1:{self.port}"
        self.client = redis.Redis(port=self.port, decode_responses=True)

    def start(self) -> "Redis":
        self.spawn(
            program("redis-server", "redis-server"),
            *("--port", str(self.port)),
            *("--bind", "127.0.0.1"),
            *("--save", ""),
            *("--appendonly", "no"),
            *("--dir", self.log.parent),
            *("--maxmemory-policy", "noeviction"),
            *self._options,
        )
        until(self._answers, what=f"redis-server did not start\n{self.tail()}")
        return self

    def end(self) -> None:
        self.client.close()
        super().end()

    def presence(self, channel: str) -> dict[str, str]:
        """Who is in a channel, as Redis has it: client id -> JSON text."""
        return self.client.hgetall(f"apus:presence:{channel}")

    def fill(self, channel: str, count: int, info: str | None = None) -> None:
        """Puts members of a node that no other knows, and hence takes out, into a channel."""
        pipeline = self.client.pipeline(transaction=False)
        for number in range(count):
            entry = {"user": f"u{number}", "node": "ghost.abc123", "since": 1_730_000_000_000 + number}
            if info is not None:
                entry["info"] = info
            pipeline.hset(f"apus:presence:{channel}", f"c-{number}", json.dumps(entry, separators=(",", ":")))
            pipeline.hset(f"apus:users:{channel}", f"u{number}", 1)
        pipeline.execute()

    def _answers(self) -> bool:
        assert self.running, f"redis-server ended\n{self.tail()}"
        try:
            return self.client.ping()
        except redis.RedisError:
            return False
