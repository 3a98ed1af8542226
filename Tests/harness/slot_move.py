"""The move of one slot of a Redis Cluster from server to server, key by key."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.cluster_server import ClusterServer

# Keys that one MIGRATE takes along.
_BATCH = 10


class SlotMove:
    """As redis-cli does it; a test may stop anywhere between `begin` and `finish`, and go on.

    Commands for keys that have gone are sent after them (ASK), and so are those for keys that never were.
    """

    def __init__(
        self, slot: int, source: "ClusterServer", target: "ClusterServer", others: Iterable["ClusterServer"] = ()
    ):
        self.slot = slot
        self._source = source
        self._target = target
        self._others = others

    def begin(self) -> None:
        """Both know of it, and nothing has gone yet."""
        self._target.cluster("SETSLOT", self.slot, "IMPORTING", self._source.id)
        self._source.cluster("SETSLOT", self.slot, "MIGRATING", self._target.id)

    def carry(self, count: int = _BATCH) -> int:
        """Moves so many keys: how many there were."""
        keys = self._source.cluster("GETKEYSINSLOT", self.slot, count)
        if keys:
            words = ("MIGRATE", "127.0.0.1", self._target.told, "", 0, 10_000, "REPLACE", "KEYS", *keys)
            self._source.client.execute_command(*words)
        return len(keys)

    def finish(self) -> None:
        """Moves what is left, and has the target own the slot."""
        while self.carry():
            pass
        self._target.cluster("SETSLOT", self.slot, "NODE", self._target.id)
        while not self._is_given_up():
            # A script has made one in between.
            self.carry()
        for each in self._others:
            each.cluster("SETSLOT", self.slot, "NODE", self._target.id)

    def _is_given_up(self) -> bool:
        """Has the source give the slot up, which it does not do while it holds keys."""
        import redis

        try:
            self._source.cluster("SETSLOT", self.slot, "NODE", self._target.id)
        except redis.ResponseError:
            # The target may have told it, and without its last slot it is a replica.
            return self._source.owners().get(self.slot) == self._target.id
        return True

    def whole(self) -> None:
        """The whole of it."""
        self.begin()
        self.finish()
