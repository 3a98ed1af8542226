"""What no log may hold: every secret and every token of the run, looked for in every log when the run is over.

The functions named `pytest_...` are hooks for a conftest to import.
"""

from collections.abc import Iterable
from pathlib import Path

import pytest

from harness.process import Process

# Shorter texts may stand in a log by chance.
_SHORTEST = 16

_secrets: set[str] = set()
# The logs of all processes that ran; `Process.known` forgets those of earlier tests.
_logs: set[Path] = set()
_leaks = pytest.StashKey[list[str]]()


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


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fails the run when a log holds a secret."""
    found = session.config.stash[_leaks] = leaks(_logs, _secrets)
    if found:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Says what was looked for, and what was found."""
    if found := config.stash.get(_leaks, []):
        terminalreporter.section("secrets in logs", red=True)
        for leak in found:
            terminalreporter.write_line(leak)
    elif _secrets and _logs:
        terminalreporter.write_line(f"none of {len(_secrets)} secrets stands in one of {len(_logs)} logs")
