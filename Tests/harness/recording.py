"""What nodes say to one another and keep in Redis, in a form that can be compared: names in the place of what differs
from run to run."""

import json
import re
from collections.abc import Mapping
from pathlib import Path

import redis

from harness.eventually import eventually
from harness.redis_server import Redis

# What the names of a recording stand for where it is played.
VALUES = {
    "<alice>": "c-AliceAlice01",
    "<bob>": "c-BobBobBob001",
    "<node>": "web-1.abc123",
    "<epoch>": "0123456789abcdef",
    "<time>": "1730000000123",
}


class Listener:
    """Hears everything that is published under `apus:`, but for the probes of nodes."""

    def __init__(self, server: Redis):
        self._client = redis.Redis(port=server.port)
        self._pubsub = self._client.pubsub(ignore_subscribe_messages=True)
        self._pubsub.psubscribe("apus:*")
        self._heard: list[tuple[str, str]] = []

    async def heard(self, count: int) -> list[tuple[str, str]]:
        """Waits for that many payloads with their channels: all there are, in order."""
        await eventually(lambda: len(self._take()) >= count)
        return self._heard

    def _take(self) -> list[tuple[str, str]]:
        while message := self._pubsub.get_message():
            payload = message["data"].decode()
            if not payload.startswith("probe "):
                self._heard.append((message["channel"].decode(), payload))
        return self._heard

    def end(self) -> None:
        self._pubsub.close()
        self._client.close()


def keys(client: redis.Redis) -> dict[str, object]:
    """Every key with its type and what it holds."""
    readers = {
        "string": client.get,
        "hash": client.hgetall,
        "set": lambda key: sorted(client.smembers(key)),
        "zset": lambda key: dict(client.zrange(key, 0, -1, withscores=True)),
        "stream": client.xrange,
    }
    types = {key: client.type(key) for key in client.scan_iter()}
    return {key: {"type": types[key], "value": readers[types[key]](key)} for key in sorted(types)}


def named(value: object, names: Mapping[str, str]) -> object:
    """A value with its names; times become `<time>`, and what Redis calls itself `<run>`, `<replid>` and `<seed>`."""
    match value:
        case dict():
            return {
                named(key, names): f"<{key}>" if key in ("run", "replid", "seed") else named(each, names)
                for key, each in value.items()
            }
        case list() | tuple():
            return [named(each, names) for each in value]
        case float():
            return named(str(int(value)), names)
        case str():
            for name, found in names.items():
                value = value.replace(found, name)
            return re.sub(r"\b1[78]\d{11}\b", "<time>", value)
    return value


def valued(text: str) -> str:
    """A text of a recording with values."""
    for name, value in VALUES.items():
        text = text.replace(name, value)
    return text


def load(path: Path) -> dict:
    return json.loads(path.read_text())


def save(path: Path, recording: dict) -> None:
    path.write_text(json.dumps(recording, indent=1, ensure_ascii=False, sort_keys=True) + "\n")
