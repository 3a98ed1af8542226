"""Reads what `strace -f -o` has written."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

# `1234 sendto(7, ""..., 64, MSG_NOSIGNAL, NULL, 0) = 64`, or `... <unfinished ...>` when another thread comes between.
_CALL = re.compile(r"(\d+) +(\w+)\(((\d+)\D)?.*?(?:= (-?\d+)[^=]*)?$")
_RESUMED = re.compile(r"(\d+) +<\.\.\. \w+ resumed>.*?(?:= (-?\d+)[^=]*)?$")

WAITS = {"epoll_wait", "epoll_pwait", "epoll_pwait2"}
SENDS = {"sendto", "sendmsg", "sendmmsg", "write", "writev"}
STANDARD_ERROR = 2


class Call(NamedTuple):
    """One system call as it began; `fd` is its first argument where that is a number, `result` None where unknown."""

    thread: int
    name: str
    fd: int | None
    result: int | None = None


def parse(lines: Iterable[str]) -> Iterator[Call]:
    """The calls in order of their end."""
    unfinished: dict[int, Call] = {}
    for line in lines:
        if resumed := _RESUMED.match(line):
            thread, result = int(resumed[1]), resumed[2]
            # Begun before what is read here: a wait nobody has to know of.
            if call := unfinished.pop(thread, None):
                yield call._replace(result=None if result is None else int(result))
        elif found := _CALL.match(line):
            thread, name, _, fd, result = found.groups()
            call = Call(int(thread), name, None if fd is None else int(fd), None if result is None else int(result))
            if line.rstrip().endswith("<unfinished ...>"):
                unfinished[call.thread] = call
            else:
                yield call
    yield from unfinished.values()


def turns(calls: Iterable[Call]) -> Iterator[tuple[int, list[Call]]]:
    """What each thread has called between two of its waits, as pairs of thread and calls."""
    current: dict[int, list[Call]] = defaultdict(list)
    for call in calls:
        if call.name not in WAITS:
            current[call.thread].append(call)
        elif turn := current.pop(call.thread, None):
            yield call.thread, turn
    yield from current.items()


def sends_per_turn(calls: Iterable[Call], eventfds: set[int]) -> list[Counter[int]]:
    """For each turn how often it has sent to each connection; what goes to other threads and the log is left out."""
    counters = []
    for _, turn in turns(calls):
        counter = Counter(call.fd for call in turn if is_send(call, eventfds))
        if counter:
            counters.append(counter)
    return counters


def is_send(call: Call, eventfds: set[int]) -> bool:
    return call.name in SENDS and call.fd is not None and call.fd > STANDARD_ERROR and call.fd not in eventfds


def is_wake(call: Call, eventfds: set[int]) -> bool:
    """Whether one thread has woken another."""
    return call.name == "write" and call.fd in eventfds


def is_woken(call: Call) -> bool:
    """Whether a wait has ended by an event; those that end by a timer depend on how long everything takes."""
    return call.name in WAITS and bool(call.result) and call.result > 0
