"""The reading of traces, on one written by hand."""

from strace import is_wake, is_woken, parse, sends_per_turn

EVENTFD = 17
TRACE = """\
11 epoll_wait(3, [{events=EPOLLIN, data=0x7}], 512, -1) = 1
11 sendto(7, ""..., 64, MSG_NOSIGNAL, NULL, 0) = 64
11 sendto(8, ""..., 64, MSG_NOSIGNAL, NULL, 0 <unfinished ...>
12 write(17, ""..., 8)                   = 8
12 epoll_wait(4,  <unfinished ...>
11 <... sendto resumed>)            = -1 EAGAIN (Resource temporarily unavailable)
11 sendmsg(7, {msg_name=NULL, msg_namelen=0}, MSG_NOSIGNAL) = 64
11 write(2, ""..., 80) = 80
11 epoll_wait(3,  <unfinished ...>
12 <... epoll_wait resumed>[], 512, 31) = 0
12 sendto(7, ""..., 64, MSG_NOSIGNAL, NULL, 0) = 64
11 <... epoll_wait resumed>[{events=EPOLLIN, data=0x7}], 512, -1) = 1
11 sendto(7, ""..., 64, MSG_NOSIGNAL, NULL, 0) = 64
12 sendto(8, \
"""


def test_two_sends_in_one_turn_are_found() -> None:
    calls = list(parse(TRACE.splitlines()))
    turns = sends_per_turn(calls, {EVENTFD})
    # A turn ends with the wait; it may be of the other thread; what goes to a thread or to the log is no send.
    assert sorted(map(dict, turns), key=str) == [{7: 1, 8: 1}, {7: 1}, {7: 2, 8: 1}]


def test_wakes_are_told_from_sends_and_timers() -> None:
    calls = list(parse(TRACE.splitlines()))
    assert sum(is_wake(call, {EVENTFD}) for call in calls) == 1
    assert sum(map(is_woken, calls)) == 2
