"""Takes the pictures of README from a cluster in which something happens: `make pictures`."""

import asyncio
import os
import sys
import tempfile
from pathlib import Path

from playwright.async_api import Browser, Page, async_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness import Cluster  # noqa: E402
from harness.repository import REPOSITORY  # noqa: E402

PICTURES = REPOSITORY / "docs/images"
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


async def open_page(browser: Browser, url: str) -> Page:
    context = await browser.new_context(viewport={"width": 1120, "height": 700}, device_scale_factor=1)
    page = await context.new_page()
    await page.goto(url)
    return page


async def take(page: Page, name: str) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    await page.screenshot(path=PICTURES / f"{name}.png")


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder, Cluster(Path(folder), loops=1, nodes=3) as cluster:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(
                executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=["--no-sandbox"]
            )
            nodes = [node.http for node in cluster.nodes]
            chat = await open_page(browser, f"{nodes[0]}/chat#name=Ada")
            others = [await open_page(browser, f"{node}/demo.css") for node in nodes[1:]]
            for number, (user, text) in enumerate(TALK):
                await others[number % 2].evaluate(SAY, [user, text])
            dashboard = await open_page(browser, f"{nodes[1]}/dashboard")
            await dashboard.get_by_role("button", name="Make some traffic").click()
            console = await open_page(browser, f"{nodes[2]}/console")
            # Long enough for lines.
            await asyncio.sleep(40)
            for page, name in [(chat, "chat"), (dashboard, "dashboard"), (console, "console")]:
                await take(page, name)
            await browser.close()


if __name__ == "__main__":
    asyncio.run(main())
