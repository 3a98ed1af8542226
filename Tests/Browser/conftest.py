"""Fixtures: a cluster behind nginx, and Debian's Chromium."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Playwright, async_playwright, expect
from tab import Tab

from harness import Cluster

CHROMIUM = "/usr/bin/chromium"

OpenTab = Callable[..., Awaitable[Tab]]

# Generous: it ends a test that would never pass, and says nothing about speed.
expect.set_options(timeout=30_000)


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with Cluster(tmp_path_factory.mktemp("cluster"), loops=1, nodes=3, nginx=True) as cluster:
        yield cluster


async def launch(playwright: Playwright) -> Browser:
    # As root, as CI runs it, Chromium has no sandbox.
    return await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def playwright() -> AsyncIterator[Playwright]:
    async with async_playwright() as playwright:
        yield playwright


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser(playwright: Playwright) -> AsyncIterator[Browser]:
    browser = await launch(playwright)
    yield browser
    await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def own_browser(playwright: Playwright) -> AsyncIterator[Browser]:
    """One that a test may stop without stopping the tabs of others."""
    browser = await launch(playwright)
    yield browser
    await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def tab(browser: Browser) -> AsyncIterator[OpenTab]:
    """Opens a tab of a browser of its own: `await tab(url, width=360, scheme="dark")`; faults in any fail the test.

    `beside` is a tab whose browser it shall have instead.
    """
    async with AsyncExitStack() as stack:
        tabs: list[Tab] = []

        async def open_tab(url: str, *, width: int = 1280, scheme: str = "light", beside: Tab | None = None) -> Tab:
            if beside:
                context = beside.page.context
            else:
                context = await browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
                stack.push_async_callback(context.close)
            tabs.append(Tab(await context.new_page()))
            return await tabs[-1].open(url)

        yield open_tab
        assert [fault for tab in tabs for fault in tab.faults] == []
