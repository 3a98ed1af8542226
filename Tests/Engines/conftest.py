"""Fixtures: a node, ways to it, and the browsers."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from firefox import Firefox
from tab import Tab
from webkit import WebKit

from harness import Node
from harness.logs import pytest_runtest_makereport, pytest_runtest_setup
from harness.way import TRANSPORTS, Way

# Pytest finds its hooks here by their names.
__all__ = ["pytest_runtest_makereport", "pytest_runtest_setup"]

Engine = Firefox | WebKit
OpenTab = Callable[[str], Tab]


@pytest.fixture(scope="session")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    with Node("web-1", tmp_path_factory.mktemp("node")) as node:
        yield node


@pytest.fixture(scope="session", params=[Firefox, WebKit], ids=["firefox", "webkit"])
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with request.param(tmp_path_factory.mktemp("engine")) as engine:
        yield engine


@pytest.fixture
def tab(engine: Engine) -> Iterator[OpenTab]:
    """Opens a tab: `tab(url)`. Faults in any of them fail the test."""
    with ExitStack() as stack:
        tabs: list[Tab] = []

        def open_tab(url: str) -> Tab:
            tabs.append(engine.open(url))
            stack.callback(tabs[-1].close)
            return tabs[-1]

        yield open_tab
        assert [fault for tab in tabs for fault in tab.faults()] == []


@pytest.fixture(params=TRANSPORTS)
def transport(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def way(node: Node, transport: str) -> Iterator[Way]:
    """One on which the client finds that transport."""
    with Way(node.port, transport) as way:
        yield way
