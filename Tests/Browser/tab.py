"""A tab of a browser, and what must not happen in it."""

import re

from playwright.async_api import ConsoleMessage, Page

# What a browser writes by itself when a WebSocket or a request does not get through.
REFUSED_DIAL = re.compile(r"WebSocket connection to .* failed|Failed to load resource: net::ERR_|ERR_CONNECTION|ERR_EMPTY_RESPONSE")


class Tab:
    """A page in a tab; `faults` has errors of the console and rejections that nobody has handled."""

    def __init__(self, page: Page):
        self.page = page
        self.faults: list[str] = []
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.faults.append(f"uncaught: {error}"))

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not REFUSED_DIAL.search(message.text):
            self.faults.append(message.text)

    async def open(self, url: str) -> "Tab":
        await self.page.goto(url)
        return self

    async def is_connected(self) -> None:
        await self.page.wait_for_selector("apus-status[data-state=connected]", timeout=20_000)

    async def status(self, name: str) -> str | None:
        return await self.page.get_attribute("apus-status", f"data-{name}")
