"""Which part of a Redis Cluster, or which of several Redis, a name belongs to: as `docs/redis.md` tells it."""

import binascii
from functools import cache

# Of a Cluster, whatever the number of its servers.
PARTITIONS = 64
SLOTS = 16384


def fnv1a64(name: str) -> int:
    """FNV-1a, 64 bits, of the name's UTF-8."""
    value = 0xCBF29CE484222325
    for byte in name.encode():
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return value


def jump(key: int, count: int) -> int:
    """Jump consistent hash (Lamping and Veach, 2014): one of so many."""
    found, next_ = -1, 0
    while next_ < count:
        found = next_
        key = (key * 2862933555777941757 + 1) % 2**64
        next_ = int((found + 1) * (2**31 / ((key >> 33) + 1)))
    return found


def keyspace(name: str, count: int) -> int:
    """Which of so many Redis, or of the partitions of a Cluster, a channel or a user belongs to."""
    return jump(fnv1a64(name), count)


def slot_of(tag: str) -> int:
    """The slot of all keys with that in their braces."""
    return binascii.crc_hqx(tag.encode(), 0) % SLOTS


@cache
def tag(partition: int) -> str:
    """What stands in the braces of all keys of a partition."""
    width = SLOTS // PARTITIONS
    number = next(k for k in range(SLOTS) if slot_of(f"{partition}.{k}") // width == partition)
    return f"{partition}.{number}"


def slot(partition: int) -> int:
    """The slot that a partition is in."""
    return slot_of(tag(partition))


def partition(name: str) -> int:
    """The partition of a channel or a user."""
    return keyspace(name, PARTITIONS)


def prefix(name: str) -> str:
    """What all keys of a channel or a user begin with in a Cluster."""
    return f"apus:{{{tag(partition(name))}}}:"
