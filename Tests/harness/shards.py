"""Several Redis that know nothing of one another: channels and users are spread over them."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from harness import partitions
from harness.redis_server import Redis
from harness.stored import Several

if TYPE_CHECKING:
    import redis


class Shards(Several):
    """So many Redis; `url` are the URLs of all of them, in their order. A context manager.

    `options` are words of the command line of each, besides those that every Redis has.
    """

    def __init__(self, directory: Path, count: int = 4, options: Iterable[object] = ()):
        super().__init__()
        self.servers = []
        for number in range(count):
            folder = directory / f"redis-{number}"
            folder.mkdir(parents=True)
            self.servers.append(Redis(folder, options=options))
        self.url = [each.url for each in self.servers]

    def __enter__(self) -> "Shards":
        with self._stack:
            for each in self.servers:
                self._stack.enter_context(each)
            self._stack = self._stack.pop_all()
        return self

    def key(self, kind: str, name: str) -> str:
        return f"apus:{kind}:{name}"

    def at(self, name: str) -> "redis.Redis":
        return self.servers[partitions.keyspace(name, len(self.servers))].client

    @property
    def clients(self) -> "list[redis.Redis]":
        return [each.client for each in self.servers]
