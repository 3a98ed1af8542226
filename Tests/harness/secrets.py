"""What no log may hold: every secret and every token of the run, looked for in every log when the run is over.

The functions named `pytest_...` are hooks for a conftest to import.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pytest

from harness.process import Process

# Shorter texts may stand in a log by chance.
_SHORTEST = 16

_secrets: set[str] = set()
# The logs of all processes that ran; `Process.known` forgets those of earlier tests.
_logs: set[Path] = set()


def register(secret: str) -> str:
    """Remembers a secret, such as an API key, and returns it."""
    assert len(secret) >= _SHORTEST, "too short to be looked for"
    _secrets.add(secret)
    return secret


def register_token(token: str) -> str:
    """Remembers a token by its claims and its signature, and returns it.

    The header is the same for many tokens, and parts that tests make too short could stand in a log by chance.
    """
    parts = [part.strip() for part in token.split(".")[1:]]
    _secrets.update(part for part in parts if len(part) >= _SHORTEST and part.isascii() and part.isprintable())
    return token


def leaks(logs: Iterable[Path], secrets: Iterable[str]) -> list[str]:
    """One line for each log that holds a secret, or is gone: the file, its line, and how the secret begins."""
    found = []
    wanted = {secret.encode(): secret for secret in secrets}
    for log in sorted(logs):
        if not log.exists():
            found.append(f"{log}: gone before it was looked at")
            continue
        content = log.read_bytes()
        for needle, secret in wanted.items():
            position = content.find(needle)
            if position >= 0:
                line = content.count(b"\n", 0, position) + 1
                found.append(f"{log}:{line}: holds the secret {secret[:8]}...")
    return found


def pytest_runtest_teardown(item: pytest.Item) -> None:
    """Remembers where the processes of this test write."""
    _logs.update(process.log for process in Process.known)


@dataclass
class _Search:
    """How many logs of one run were looked through, or of all workers of it, and what was found."""

    logs: int = 0
    leaks: list[str] = field(default_factory=list)

    def add(self, other: "_Search") -> None:
        self.logs += other.logs
        self.leaks += other.leaks


_search = pytest.StashKey[_Search]()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node, error) -> None:
    """Takes over what a worker of pytest-xdist has found."""
    output = getattr(node, "workeroutput", {}).get("secrets")
    found = _Search(**output) if output else _Search(leaks=[f"{node.gateway.id} has crashed: nobody has looked at its logs"])
    node.config.stash.setdefault(_search, _Search()).add(found)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fails the run when a log holds a secret."""
    search = session.config.stash.setdefault(_search, _Search())
    search.add(_Search(len(_logs), leaks(_logs, _secrets)))
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["secrets"] = asdict(search)
    if search.leaks:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Says what was looked for, and what was found."""
    search = config.stash.get(_search, _Search())
    if search.leaks:
        terminalreporter.section("secrets in logs", red=True)
        for leak in search.leaks:
            terminalreporter.write_line(leak)
    elif search.logs:
        terminalreporter.write_line(f"no secret stands in one of {search.logs} logs")
