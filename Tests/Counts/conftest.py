"""What these tests share with the end-to-end tests: the programs as processes."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from harness import Process, Redis
from harness.logs import pytest_runtest_makereport, pytest_runtest_setup

# Pytest finds its hooks here by their names.
__all__ = ["pytest_runtest_makereport", "pytest_runtest_setup"]


@pytest.fixture
def start() -> Iterator[Callable[[Process], Process]]:
    """Starts a program that ends with the test."""
    with ExitStack() as stack:
        yield stack.enter_context


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
