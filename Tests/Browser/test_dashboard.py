"""The dashboard: every node tells of itself, and who is silent is shown as lost."""

import asyncio
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from conftest import OpenTab
from playwright.async_api import Locator, Page, expect

from harness import Cluster, Node
from harness.way import Way

# What the page shows in the moment in which the first node stands in the table: the rate of its messages.
FIRST_RATE = "document.querySelector('#rows tr [data-title=\"Messages out\"]')?.textContent"
# How many bars a chart has; none where it shows lines.
BARS = "canvas => Number(canvas.style.getPropertyValue('--rows'))"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """One of its own: a node that another test has killed would be shown by its whole id."""
    with Cluster(tmp_path_factory.mktemp("dashboard"), loops=1, nodes=3) as cluster:
        yield cluster


def row(page: Page, node: Node, state: str = "up") -> Locator:
    """Of a node in that state; one that was started again has another id after its name."""
    return page.locator(f"tr[data-node^='{node.name}.'][data-state={state}]")


def headline(page: Page) -> Locator:
    return page.locator("#headline")


def publish(node: Node, row: Any) -> None:
    """Into the nodes' own channel, as anybody may with --dev."""
    answer = node.request("POST", "/api/channels/demo:stats/messages", json={"data": row})
    assert answer.status_code == 200, answer.text


async def shows_all(page: Page, cluster: Cluster) -> None:
    await expect(headline(page)).to_have_text(f"{len(cluster.nodes)} nodes, and all are well.")
    for node in cluster.nodes:
        await expect(row(page, node)).to_have_count(1)


async def test_every_node_is_seen_from_each_and_a_new_tab_is_filled_at_once(cluster: Cluster, tab: OpenTab):
    first = await tab(cluster.nodes[0].http + "/dashboard")
    await shows_all(first.page, cluster)
    # Each node has told of itself twice by then.
    for node in cluster.nodes:
        rates = row(first.page, node).locator("[data-title='Messages out']")
        await expect(rates).to_have_text(re.compile(r"^[\d.]+/s$"))
    second = await tab(cluster.nodes[1].http + "/dashboard")
    rate = await second.until(FIRST_RATE)
    # Of one row alone there is no rate: the one before came by history.
    assert re.fullmatch(r"[\d.]+/s", rate)
    await shows_all(second.page, cluster)
    assert {(await each.node(cluster)).name for each in (first, second)} == {"web-1", "web-2"}


async def test_a_node_that_is_killed_is_lost_and_comes_back(cluster: Cluster, tab: OpenTab):
    page = (await tab(cluster.nodes[0].http + "/dashboard")).page
    await shows_all(page, cluster)
    last = cluster.nodes[2]
    last.kill()
    try:
        await expect(headline(page)).to_have_text(f"Lost: {last.name}.")
        await expect(row(page, last, "lost")).to_contain_text(re.compile(r"lost \d+ s ago"))
        await expect(page.get_by_role("list", name="Lines of the nodes")).to_contain_text(f"{last.name} (lost)")
    finally:
        last.start()
    await shows_all(page, cluster)
    await expect(row(page, last, "replaced")).to_contain_text("started again")


async def test_a_page_that_is_cut_off_says_so_and_calls_no_node_lost(cluster: Cluster, tab: OpenTab):
    with Way(cluster.nodes[0].port) as proxy:
        page = (await tab(proxy.http + "/dashboard")).page
        await shows_all(page, cluster)
        proxy.close()
        await expect(headline(page)).to_have_text(re.compile(r"^Cut off since .*: the figures stand still\.$"))
        # Longer than the page waits for a node that is silent.
        await asyncio.sleep(2.5)
        await expect(headline(page)).to_have_text(re.compile(r"^Cut off since "))
        for node in cluster.nodes:
            await expect(row(page, node)).to_have_count(1)
        proxy.open()
        await shows_all(page, cluster)


async def test_figures_count_again_when_the_clock_that_stamps_them_was_set_back(cluster: Cluster, tab: OpenTab):
    dashboard = await tab("about:blank")
    # As if that clock went back: the page's own goes on by as much.
    await dashboard.page.add_init_script("""
      let ahead = 0
      const now = performance.now.bind(performance)
      performance.now = () => now() + ahead
      window.goAhead = time => { ahead += time }
    """)
    await dashboard.open(cluster.nodes[0].http + "/dashboard")
    await shows_all(dashboard.page, cluster)
    await dashboard.page.evaluate("goAhead(5000)")
    await expect(headline(dashboard.page)).to_have_text(re.compile("^No figures since "))
    # The page compares the clocks by what came in the last minute.
    await expect(headline(dashboard.page)).to_have_text("3 nodes, and all are well.", timeout=90_000)


async def test_lines_and_bars_by_keyboard_and_the_same_in_words(cluster: Cluster, tab: OpenTab):
    dashboard = await tab(cluster.nodes[0].http + "/dashboard")
    page = dashboard.page
    await shows_all(page, cluster)
    each = ", ".join(rf"(.*, )?{node.name}\S* \d+" for node in cluster.nodes)
    chart = page.get_by_role("img", name=re.compile(rf"^Connections: \d+ now\. {each}"))
    await expect(chart).to_be_visible()
    assert await chart.evaluate(BARS) == 0
    lines, bars = (page.get_by_role("radio", name=name) for name in ("Lines", "Bars"))
    await dashboard.reach(lines)
    await page.keyboard.press("ArrowRight")
    await expect(bars).to_be_checked()
    assert await chart.evaluate(BARS) >= 3
    # The choice is in the address, so a link leads to it.
    await page.reload()
    await expect(bars).to_be_checked()
    await shows_all(page, cluster)
    table = page.get_by_role("table", name="Node by node")
    for node in cluster.nodes:
        await expect(table.get_by_role("row", name=re.compile(rf"^{node.name}\S* up \d+ "))).to_have_count(1)


async def test_traffic_is_seen_in_the_figures(cluster: Cluster, tab: OpenTab):
    dashboard = await tab(cluster.nodes[1].http + "/dashboard")
    page = dashboard.page
    await shows_all(page, cluster)
    await dashboard.reach(page.get_by_role("button", name="Make some traffic"))
    await page.keyboard.press("Enter")
    busy = row(page, cluster.nodes[1]).locator("[data-title='Messages in']")
    await expect(busy).to_have_text(re.compile(r"^(1[5-9]|2\d)(\.\d+)?/s$"))
    await page.keyboard.press("Enter")
    await expect(busy).to_have_text(re.compile(r"^[0-3](\.\d+)?/s$"))


async def test_rows_that_others_publish_in_a_nodes_name_do_not_mislead(cluster: Cluster, tab: OpenTab):
    page = (await tab(cluster.nodes[0].http + "/dashboard")).page
    await shows_all(page, cluster)
    victim = cluster.nodes[1]
    id = await row(page, victim).get_attribute("data-node")
    now = time.time() * 1000
    figures = {name: 7_000_000 for name in ("connections", "subscriptions", "messagesIn", "messagesOut", "outbox")}
    true = {"node": id, "time": now, "redis": None, "draining": False, **figures}
    for hostile in [
        {**true, "time": 1e300},
        {**true, "time": now + 3_600_000},
        {**true, "time": now - 3_600_000},
        {**true, "connections": {"toString": 1, "valueOf": 1}},
        {**true, "outbox": 1e300},
        {**true, "messagesIn": -1},
        {**true, "redis": [3]},
        {**true, "node": ["made up"]},
        {**true, "node": "made up " * 100},
        {**true, "node": {"toString": 1, "valueOf": 1}},
    ]:
        publish(cluster.nodes[2], hostile)
    # One that looks like a row is shown, so all before it have come.
    publish(cluster.nodes[2], {**true, "node": "fake.1", "time": time.time() * 1000, "draining": True})
    # Longer than the page waits for a node that is silent: those that others speak for would be lost by now.
    await expect(page.locator("tr[data-node='fake.1'][data-state=left]")).to_have_count(1)
    for page in [page, (await tab(cluster.nodes[2].http + "/dashboard")).page]:
        await shows_all(page, cluster)
        await expect(page.locator("#rows tr[data-state=up]")).to_have_count(len(cluster.nodes))
        await expect(row(page, victim).locator("[data-title='Connections']")).to_have_text(re.compile(r"^\d$"))
