"""What Apus keeps, wherever it is: in one Redis, or in several."""

import json
from abc import ABC, abstractmethod
from contextlib import ExitStack
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import redis

    from harness.redis_server import Redis


class Stored(ABC):
    """What tests look at, by the channel or the user that it is about."""

    @abstractmethod
    def key(self, kind: str, name: str) -> str:
        """The whole name of a key of a channel or a user: `key("presence", "room:1")`."""

    @abstractmethod
    def at(self, name: str) -> "redis.Redis":
        """A client of the Redis that a channel or a user is in."""

    @property
    @abstractmethod
    def clients(self) -> list["redis.Redis"]:
        """A client of each Redis that keeps something of its own."""

    def keys(self, pattern: str = "*") -> list[str]:
        """The names of all keys like that."""
        return [key for client in self.clients for key in client.scan_iter(pattern, count=1000)]

    def presence(self, channel: str) -> dict[str, str]:
        """Who is in a channel: client id -> JSON text."""
        return self.at(channel).hgetall(self.key("presence", channel))

    def users(self, channel: str) -> dict[str, str]:
        """Which users are in a channel: user -> how many connections."""
        return self.at(channel).hgetall(self.key("users", channel))

    def connections(self, user: str) -> dict[str, str]:
        """Who is connected under a name: client id -> node."""
        return self.at(user).hgetall(self.key("user", user))

    def connections_of(self, node: str) -> dict[str, str]:
        """Who is connected to a node, by its id: client id -> JSON text."""
        found = {}
        for client, key in self._of_node("connections", node):
            found |= client.hgetall(key)
        return found

    def channels_of(self, node: str) -> set[str]:
        """The channels that a node has members in, by its id."""
        return {name for client, key in self._of_node("channels", node) for name in client.smembers(key)}

    def _of_node(self, kind: str, node: str) -> "list[tuple[redis.Redis, str]]":
        """Such a key of a node may be in each Redis, and in each partition of a Cluster."""
        pattern = f"apus:*{kind}:{node}"
        return [(client, key) for client in self.clients for key in client.scan_iter(pattern, count=1000)]

    def fill(self, channel: str, count: int, info: str | None = None) -> None:
        """Puts members of a node that no other knows, and hence takes out, into a channel."""
        pipeline = self.at(channel).pipeline(transaction=False)
        for number in range(count):
            entry = {"user": f"u{number}", "node": "ghost.abc123", "since": 1_730_000_000_000 + number}
            if info is not None:
                entry["info"] = info
            text = json.dumps(entry, separators=(",", ":"))
            pipeline.hset(self.key("presence", channel), f"c-{number}", text)
            pipeline.hset(self.key("users", channel), f"u{number}", 1)
        pipeline.execute()


class Several(Stored):
    """Several servers that begin and end together. A context manager."""

    servers: "list[Redis]"

    def __init__(self) -> None:
        self._stack = ExitStack()

    @abstractmethod
    def __enter__(self) -> "Several":
        """Starts all of them and waits until they are ready."""

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def start(self) -> "Several":
        return self.__enter__()

    def end(self) -> None:
        self._stack.close()
