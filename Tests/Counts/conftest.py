"""What these tests share with the end-to-end tests: the programs as processes."""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "EndToEnd"))

from harness import Process, Redis  # noqa: E402


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


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Forgets the processes of earlier tests, so that a failure shows the logs that matter."""
    Process.known[:] = [process for process in Process.known if process.running]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo):
    """Shows the end of every process' log below a test that failed."""
    report = yield
    if report.failed:
        for process in Process.known:
            report.sections.append((f"{process.name}: {process.log}", process.tail()))
    return report
