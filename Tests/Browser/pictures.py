"""Takes the pictures of the documents from a cluster in which something happens: `make pictures`."""

import asyncio
import tempfile
from pathlib import Path

from conftest import launch
from playwright.async_api import Browser, Page, async_playwright

from harness import Cluster
from harness.repository import REPOSITORY

PICTURES = REPOSITORY / "docs/images"
PAGES = ["", "chat", "dashboard", "editor", "match", "notifications", "console"]
TALK = [
    ("Ada", "Deploy is through on all three nodes."), ("Grace", "Saw it: no gap on the dashboard."),
    ("Linus", "I was in the tunnel for a minute and still have every line."), ("Ada", "That is the idea."),
]  # fmt: skip
SAY = """async ([user, text]) => {
  const { Apus } = await import('/apus.js')
  window.people ??= {}
  const room = (window.people[user] ??= new Apus(undefined, { user })).channel('demo:lobby')
  await room.subscribe({ presence: true, info: () => ({ node: window.people[user].node.split('.')[0] }) })
  await room.publish({ text })
}"""
TEXT = """Release notes

Two people on two nodes write this page at the same time.
Each sees the other's caret, and undo takes back one's own words only.
"""


async def talk(pages: list[Page]) -> None:
    for number, (user, text) in enumerate(TALK):
        await pages[number % 2].evaluate(SAY, [user, text])


async def write(ada: Page, grace: Page) -> None:
    text = ada.locator("#text")
    await text.press_sequentially(TEXT, delay=3)
    other = grace.locator("#text")
    await other.press("Control+End")
    await other.press_sequentially("Grace adds a line from the other node.", delay=3)


async def report(page: Page) -> None:
    await page.get_by_role("button", name="Kick off").click()
    for what, player in [("Goal", "Bea"), ("Goal", "Ann")]:
        await page.get_by_label("What").select_option(what)
        await page.get_by_label("Player").fill(player)
        await page.get_by_role("button", name="Report", exact=True).click()
        await page.get_by_text("Reported.").wait_for()


async def notify(page: Page) -> None:
    for title in ["Your order is on its way", "Grace mentioned you", "Build 1204 passed"]:
        await page.get_by_label("User").fill("Ada")
        await page.get_by_label("Title").fill(title)
        await page.get_by_role("button", name="Send", exact=True).click()
        await page.get_by_text("Sent").first.wait_for()


async def take(browser: Browser, nodes: list[str]) -> None:
    async def open_page(path: str, node: int = 0, name: str = "Ada") -> Page:
        context = await browser.new_context(viewport={"width": 1040, "height": 640})
        page = await context.new_page()
        await page.goto(f"{nodes[node]}/{path}#name={name}")
        return page

    # The chat is there before the others come, so that it tells of them.
    pages = {path: await open_page(path) for path in PAGES}
    others = {path: await open_page(path, 1, "Grace") for path in ("editor", "match", "notifications")}
    await talk([others["match"], others["notifications"]])
    await pages["dashboard"].get_by_role("button", name="Make some traffic").click()
    await write(pages["editor"], others["editor"])
    await report(others["match"])
    await notify(others["notifications"])
    # Long enough for lines.
    await asyncio.sleep(30)
    PICTURES.mkdir(parents=True, exist_ok=True)
    for path, page in pages.items():
        await page.screenshot(path=PICTURES / f"{path or 'start'}.png")


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder, Cluster(Path(folder), loops=1, nodes=3) as cluster:
        async with async_playwright() as playwright:
            browser = await launch(playwright)
            await take(browser, [node.http for node in cluster.nodes])
            await browser.close()


if __name__ == "__main__":
    asyncio.run(main())
