"""Hooks of pytest for a conftest to import: below a test that failed stand the logs of its processes."""

import pytest

from harness.failure import Missing
from harness.process import Process


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Forgets the processes of earlier tests, so that a failure shows the logs that matter."""
    Process.known[:] = [process for process in Process.known if process.running]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo):
    """Shows the end of every process' log below a test that failed; of a missing program, only what is missing."""
    report = yield
    if call.excinfo and isinstance(call.excinfo.value, Missing):
        report.longrepr = str(call.excinfo.value)
    if report.failed:
        for process in Process.known:
            state = "running" if process.running else f"ended with {process.exit_code}"
            report.sections.append((f"{process.name} ({state}): {process.log}", process.tail()))
    return report
