"""Shows how far the cases are: one line that changes on a terminal; elsewhere a line now and then."""

import sys
import time

from autobahn.client import FuzzingClient
from autobahn.outcome import section

_EVERY = 50


class Progress:
    """One line for all clients, so that none writes into that of another."""

    def __init__(self, clients: list[FuzzingClient]):
        self._clients = clients
        self._total = sum(len(client.cases) for client in clients)
        self._begin = time.monotonic()
        self._is_terminal = sys.stdout.isatty()
        self._shown: tuple = ()

    def show(self) -> None:
        """Writes where that says something new."""
        begun = sum(client.begun for client in self._clients)
        cases = [client.case for client in self._clients]
        text = f"{begun:>4} of {self._total}  {''.join(f'{case:<8} ' for case in cases)}{self.seconds:4.0f} s"
        if self._is_terminal:
            sys.stdout.write(f"\r{text}\x1b[K")
            sys.stdout.flush()
            return
        state = (begun // _EVERY, *(section(case) for case in cases if case))
        if state != self._shown:
            self._shown = state
            print(text, flush=True)

    def end(self) -> None:
        if self._is_terminal:
            sys.stdout.write("\r\x1b[K")
            sys.stdout.flush()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._begin
