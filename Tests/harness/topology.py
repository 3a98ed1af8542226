"""The kind of Redis that the common fixtures start: `APUS_TEST_REDIS` says which, by default one."""

import os
from pathlib import Path

from harness.failure import Failure
from harness.redis_cluster import RedisCluster
from harness.redis_server import Redis
from harness.sentinels import Sentinels
from harness.shards import Shards

ONE = "one"
_KINDS = {ONE: Redis, "shards": Shards, "sentinel": Sentinels, "cluster": RedisCluster}


def kind() -> str:
    """Which kind it is."""
    found = os.environ.get("APUS_TEST_REDIS", ONE)
    if found not in _KINDS:
        raise Failure(f"APUS_TEST_REDIS is {found}; it may be {', '.join(_KINDS)}")
    return found


def redis_of_kind(directory: Path, name: str | None = None) -> Redis | Shards | Sentinels | RedisCluster:
    """A Redis of that kind, or of the one it is, not started yet; several servers have folders of their own there."""
    made = _KINDS[name or kind()]
    return made(directory if made is Redis else directory / "servers")
