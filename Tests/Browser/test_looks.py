"""Every page at each width and in each scheme: nothing sticks out, axe finds nothing, and the policy stops nothing."""

import os
from pathlib import Path

import pytest
from axe_playwright_python.async_playwright import Axe

from harness import Cluster

PAGES = ["/", "/chat", "/dashboard", "/editor", "/match", "/notifications", "/console"]
# Where CI keeps them.
SCREENSHOTS = Path(os.environ.get("SCREENSHOTS", ".build/screenshots"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 360, 1280])
@pytest.mark.parametrize("path", PAGES)
async def test_a_page(cluster: Cluster, tab, path: str, width: int, scheme: str):
    page = (await tab(cluster.nodes[0].http + path, width=width, scheme=scheme)).page
    await page.wait_for_load_state("networkidle")
    name = f"{path.strip('/') or 'start'}-{width}-{scheme}.png"
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    await page.screenshot(path=SCREENSHOTS / name)
    wide = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, f"{path} sticks out by {wide} px at {width} px"
    found = await Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
