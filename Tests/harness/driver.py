"""For programs that start others and are no tests of pytest."""

import signal
from collections.abc import Callable


def end_in_order(run: Callable[[], int | None]) -> int | None:
    """The exit code of `run`, which ends what it has started however the driver is told to end."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _exit)
    try:
        return run()
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def _exit(number: int, _: object) -> None:
    raise SystemExit(128 + number)
