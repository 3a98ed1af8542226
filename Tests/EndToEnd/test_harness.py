"""The harness fails where it should."""

import json
import sys
from pathlib import Path

import pytest

from harness import eventually, partitions
from harness.client import Message
from harness.process import Process
from harness.redis_cluster import RedisCluster
from harness.traffic import Attempt, Listener, Traffic


async def test_a_condition_that_always_asserts_is_never_met():
    async def fails() -> bool:
        assert False, "the reason"  # noqa: B011, PT015

    with pytest.raises(AssertionError, match="the reason"):
        await eventually(fails, within=0)


def test_a_paused_program_has_stopped_whole(tmp_path):
    class Busy(Process):
        def launch(self) -> Process:
            work = "import hashlib, threading; text = bytes(10**6)\ndef run():\n while True: hashlib.sha256(text)\n"
            self.spawn(sys.executable, "-c", work + "for _ in range(20): threading.Thread(target=run).start()")
            return self

        def _is_ready(self) -> bool:
            return len(self.states()) >= 20

        def states(self) -> list[str]:
            """What each of its threads does: R runs, T has stopped."""
            files = Path(f"/proc/{self.pid}/task").glob("*/stat")
            return [file.read_text().rpartition(")")[2].split()[0] for file in files]

    with Busy("busy", tmp_path) as busy:
        for _ in range(20):
            busy.pause()
            assert set(busy.states()) == {"T"}
            busy.resume()


def test_partitions_are_those_of_the_documentation():
    vectors = {
        "room:1": (0xBF459E24F7EB6863, [0, 2, 2, 2, 2]),
        "room:2": (0xBF459F24F7EB6A16, [1, 1, 1, 1, 46]),
        "alice": (0x508B2ABB65A03907, [0, 0, 3, 4, 4]),
        "demo:lobby": (0x4E9E8404B73D76C4, [0, 0, 0, 4, 10]),
    }
    for name, (hashed, places) in vectors.items():
        assert partitions.fnv1a64(name) == hashed
        assert [partitions.keyspace(name, count) for count in (2, 3, 4, 8, 64)] == places
    tags = [partitions.tag(partition) for partition in range(partitions.PARTITIONS)]
    assert tags[:10] == ["0.178", "1.2", "2.303", "3.63", "4.40", "5.69", "6.11", "7.38", "8.53", "9.8"]
    assert [partitions.slot_of(tag) // 256 for tag in tags] == list(range(64))
    assert partitions.prefix("room:1") == "apus:{2.303}:"


def test_a_cluster_does_what_it_is_told(tmp_path):
    name = "room:1"
    slot = partitions.slot(partitions.partition(name))
    with RedisCluster(tmp_path / "redis") as cluster:
        source = cluster.server(name)
        source.client.hset(cluster.key("presence", name), "c-1", "{}")
        target = next(each for each in cluster.primaries if each is not source)
        cluster.move([slot], target)
        assert cluster.server(name) is target
        assert cluster.presence(name) == {"c-1": "{}"}
        assert cluster.keys() == ["apus:{2.303}:presence:room:1"]
        replica = cluster.replicas(target)[0]
        cluster.failover(replica)
        assert cluster.server(name) is replica
        assert cluster.replicas(replica) == [target]
        added = cluster.add_primary()
        cluster.move([slot], added)
        cluster.drain(added)
        assert cluster.presence(name) == {"c-1": "{}"}
        with cluster.without_owner(slot):
            assert cluster.owner(slot) is None
        assert cluster.kill(cluster.server(name)).is_primary


# What traffic is told


class _Deaf:
    """Somebody who was told these things, one a second."""

    def __init__(self, *told: dict):
        self.received = [told_at(second, channel="a", **each) for second, each in enumerate(told)]

    def events(self, type: str, **members: object) -> list[Message]:
        return [each for each in self.received if each.type == type and each.has(members)]


def told_at(second: float, **members: object) -> Message:
    message = Message(json.dumps(members))
    message.at = second
    return message


def attempt(number: int, second: float, **reply: object) -> Attempt:
    answer = told_at(second, **({"type": "published", "epoch": "x", "offset": number} | reply))
    return Attempt("p", "a", f"p.{number}", second, answer)


def traffic(*attempts: Attempt, told: list[dict]) -> Traffic:
    """One publisher's attempts, and what one listener was told."""
    found = Traffic(["a"], 1)
    publisher = type("Quiet", (), {"attempts": list(attempts)})()
    listener = Listener("one", _Deaf(*told))
    listener.began["a"] = "x", 0
    found.publishers, found.listeners = [publisher], [listener]
    return found


def heard(number: int, **members: object) -> dict:
    return {"type": "message", "data": f"p.{number}", "offset": number} | members


def test_traffic_finds_what_is_lost_without_a_word():
    three = [attempt(number, number / 10) for number in (1, 2, 3)]
    assert traffic(*three, told=[heard(1), heard(2), heard(3)]).losses(9) == []
    assert len(traffic(*three, told=[heard(1)]).losses(9)) == 2
    assert traffic(*three, told=[heard(1), {"type": "gap", "epoch": "y", "offset": 0}]).losses(9) == []
    # Told before it was lost.
    late = attempt(4, 5)
    gap = {"type": "gap", "epoch": "y", "offset": 0}
    assert len(traffic(*three, late, told=[heard(1), gap]).losses(9)) == 1
    # Nobody was promised anything.
    refused = attempt(4, 5, type="error", code="unavailable")
    assert traffic(refused, told=[]).losses(9) == []


def test_traffic_finds_what_is_not_true():
    def faults(*told: dict, attempts: tuple[Attempt, ...] = ()) -> str:
        known = attempts or tuple(attempt(number, number / 10) for number in (1, 2, 3))
        return " ".join(traffic(*known, told=list(told)).faults())

    assert faults(heard(1), heard(2)) == ""
    assert "twice" in faults(heard(1), heard(1, offset=2))
    assert "not the next one" in faults(heard(2))
    assert "nobody published that" in faults(heard(7, offset=1))
    assert "at another place" in faults({"type": "gap", "epoch": "y", "offset": 0}, heard(1))
    assert "of the same publisher" in faults(heard(2, offset=1), heard(1, offset=2))
    refused = attempt(1, 0, type="error", code="unavailable")
    assert "it was refused" in faults(heard(1), attempts=(refused,))
