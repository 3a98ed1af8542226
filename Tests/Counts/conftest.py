"""What these tests share with the end-to-end tests: the programs as processes."""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "EndToEnd"))

from harness import Process, Redis  # noqa: E402
from harness.logs import pytest_runtest_makereport, pytest_runtest_setup  # noqa: E402

# Pytest finds its hooks here by their names.
__all__ = ["pytest_runtest_makereport", "pytest_runtest_setup"]


@pytest.fixture
def start() -> Iterator[Callable[[Process], Process]]:
    """Starts a program that ends with the test."""
    with ExitStack() as stack:

        def start(process: Process) -> Process:
            stack.callback(process.end)
            return process.start()

        yield start


@pytest.fixture(params=["memory", "redis"])
def redis_url(request: pytest.FixtureRequest, tmp_path, start) -> str | None:
    """Messages within the node alone, and through Redis."""
    return start(Redis(tmp_path)).url if request.param == "redis" else None


@pytest.fixture
def report(capsys: pytest.CaptureFixture) -> Callable[[str], None]:
    """Shows a figure although the test passes: limits are to be compared with what is."""

    def report(text: str) -> None:
        with capsys.disabled():
            print(f"\n  {text}", end="", flush=True)

    return report
