"""What is taken from Redis: by a node with one listener, and by a subscriber that only counts."""

import json
import os
import resource
import subprocess
import threading
import time
from pathlib import Path

from harness import Failure
from harness.plain import subscribed
from harness.process import program

from .processes import LOAD_CORE, SERVER_CORE, helper
from .programs import compiled
from .servers import MeasuredNode, MeasuredRedis

CHANNEL = "intake"
REDIS_CHANNEL = f"apus:ch:{CHANNEL}"
# As a node publishes it: see docs/redis.md.
PAYLOAD = (
    'm - - c-intake000001\n{"type":"message","channel":"intake","from":"alice","client":"c-intake000001",'
    f'"data":{{"d":"{"x" * 64}"}},"ts":1730000000123}}'
)
LIMIT = 120.0


def publish(redis: MeasuredRedis, messages: int) -> float:
    """Publishes as fast as Redis takes it, 64 at a time, on the load's core: the CPU seconds of Redis and publisher."""
    command = [program("redis-benchmark", "redis-tools"), "-p", redis.port, "-n", messages, "-c", 1, "-P", 64, "-q"]
    before = redis.cpu_seconds() + _children_cpu_seconds()
    with helper([*command, "PUBLISH", REDIS_CHANNEL, PAYLOAD], LOAD_CORE, stdout=subprocess.DEVNULL) as publisher:
        if code := publisher.wait():
            raise Failure(f"redis-benchmark has ended with {code}")
    return redis.cpu_seconds() + _children_cpu_seconds() - before


def _children_cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def bare(work: Path, redis: MeasuredRedis, messages: int) -> dict:
    """What intake.c takes."""
    command = [compiled("intake", work), "127.0.0.1", str(redis.port), REDIS_CHANNEL, str(messages)]
    with helper(command, SERVER_CORE, stdout=subprocess.PIPE, text=True) as subscriber:
        subscriber.stdout.readline()
        load_cpu = publish(redis, messages)
        output, _ = subscriber.communicate(timeout=LIMIT)
    if subscriber.returncode:
        raise Failure(f"intake has ended with {subscriber.returncode}")
    return json.loads(output) | {"load_cpu_s": load_cpu}


def through_node(node: MeasuredNode, redis: MeasuredRedis, messages: int) -> dict:
    """What a node takes that passes it on to one listener."""
    listener = _Listener(node.port, messages)
    before = node.cpu_seconds()
    load_cpu = publish(redis, messages)
    seconds = listener.seconds()
    cpu = node.cpu_seconds() - before
    return {"messages": messages, "seconds": seconds, "cpu_s": cpu, "load_cpu_s": load_cpu + listener.cpu_seconds}


class _Listener:
    """A WebSocket that counts messages by what each of them has in it, on a thread of its own on the load's core."""

    _MARK = b'"type":"message"'

    def __init__(self, port: int, messages: int):
        self._expected = messages
        self._count = 0
        self._first = self._last = 0.0
        self.cpu_seconds = 0.0
        self._socket = subscribed(port, CHANNEL, timeout=LIMIT)
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def seconds(self) -> float:
        """From the first message to the last."""
        self._thread.join()
        if self._count < self._expected:
            raise Failure(f"the listener has got {self._count} of {self._expected} messages")
        return self._last - self._first

    def _listen(self) -> None:
        # For this thread alone.
        os.sched_setaffinity(0, LOAD_CORE)
        tail = b""
        with self._socket:
            # An end that comes too early shows in the count.
            while self._count < self._expected and (received := self._socket.recv(1 << 20)):
                self._last = time.monotonic()
                self._first = self._first or self._last
                received = tail + received
                self._count += received.count(self._MARK)
                # Too short for a whole mark, which was counted.
                tail = received[-len(self._MARK) + 1 :]
        self.cpu_seconds = time.thread_time()
