"""A tab of a browser, and what must not happen in it."""

import re
from typing import Any

from playwright.async_api import ConsoleMessage, Locator, Page

from harness import Cluster, Node, eventually

# What a browser writes by itself when a WebSocket or a request does not get through, or the node is going away.
REFUSED_DIAL = re.compile(
    r"WebSocket connection to .* failed|Failed to load resource: net::ERR_|ERR_CONNECTION|ERR_EMPTY_RESPONSE"
    r"|the server responded with a status of 50[234] "
)
# What it asks for where a page names no icon, and no node has.
ICON = "/favicon.ico"

# The element that has the focus where neither it nor what it stands in shows that; null where something does.
UNSEEN_FOCUS = """() => {
  const element = document.activeElement
  if (element === document.body) return null
  const isOutlined = ({ outlineStyle, outlineWidth }) => outlineStyle !== 'none' && parseFloat(outlineWidth) > 0
  let marked = element
  while (marked && !isOutlined(getComputedStyle(marked))) marked = marked.parentElement
  const box = (marked ?? element).getBoundingClientRect()
  const isInSight = box.bottom > 0 && box.right > 0 && box.top < innerHeight && box.left < innerWidth
  return marked && element.matches(':focus-visible') && isInSight ? null : element.outerHTML.slice(0, 200)
}"""


UNTIL = """() => new Promise((done, fail) => {
  const end = Date.now() + 30_000
  const look = () => {
    const value = %s
    if (value) done(value)
    else if (Date.now() > end) fail(new Error('not within 30 s'))
    else setTimeout(look, 10)
  }
  look()
})"""


class Tab:
    """A page in a tab; `faults` has errors of the console and rejections that nobody has handled."""

    def __init__(self, page: Page):
        self.page = page
        self.faults: list[str] = []
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.faults.append(f"uncaught: {error}"))

    def _heard(self, message: ConsoleMessage) -> None:
        is_browsers = REFUSED_DIAL.search(message.text) or message.location["url"].endswith(ICON)
        if message.type == "error" and not is_browsers:
            self.faults.append(message.text)

    async def open(self, url: str) -> "Tab":
        await self.page.goto(url)
        return self

    async def is_connected(self) -> None:
        await self.page.wait_for_selector("apus-status[data-state=connected]", timeout=20_000)

    async def until(self, expression: str) -> Any:
        """Waits until an expression of the page is true, and returns it; `wait_for_function` does it by `eval`, which the
        policy of a page forbids."""
        return await self.page.evaluate(UNTIL % expression)

    async def status(self, name: str) -> str | None:
        return await self.page.get_attribute("apus-status", f"data-{name}")

    async def has_complained(self, of: str) -> None:
        """The browser has complained of this and of nothing else; it is to."""
        await eventually(lambda: self.faults)
        assert len(self.faults) == 1 and of in self.faults[0], self.faults
        self.faults.clear()

    async def reach(self, target: Locator, key: str = "Tab") -> None:
        """Goes to an element by the keyboard alone. Wherever the focus stands on the way, it is seen."""
        for _ in range(80):
            await self.page.keyboard.press(key)
            hidden = await self.page.evaluate(UNSEEN_FOCUS)
            assert hidden is None, f"the focus is not seen on {hidden}"
            if await target.evaluate("element => element === document.activeElement"):
                return
        raise AssertionError(f"{key} does not lead to {target}")

    async def node(self, cluster: Cluster) -> Node:
        """The node that this tab is connected to."""
        await self.is_connected()
        name = (await self.status("node") or "").partition(".")[0]
        return next(node for node in cluster.nodes if node.name == name)
