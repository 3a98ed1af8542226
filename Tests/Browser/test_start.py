"""The start page: it leads to the demos on every node, and shows what happens in them now."""

import re
import time
from typing import Any

import pytest
from conftest import OpenTab
from playwright.async_api import expect

from harness import Cluster

DEMOS = ["Chat", "Dashboard", "Editor", "Match", "Notifications"]


@pytest.fixture
def addresses(cluster: Cluster) -> None:
    """Tells the pages where the nodes are, as the script does that starts a cluster on one machine."""
    nodes = [{"name": node.name, "port": node.port} for node in cluster.nodes]
    answer = cluster.nodes[0].request("POST", "/api/channels/demo:nodes/messages", json={"data": {"nodes": nodes}})
    assert answer.status_code == 200, answer.text


async def test_five_cards_lead_to_the_demos_by_keyboard(cluster: Cluster, tab: OpenTab):
    start = await tab(cluster.nodes[0].http + "/")
    page = start.page
    await expect(page.get_by_role("article").get_by_role("link")).to_have_text(DEMOS)
    for name in DEMOS:
        link = page.get_by_role("link", name=name, exact=True)
        await start.reach(link)
        assert await link.get_attribute("href") == f"/{name.lower()}"
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text(DEMOS[-1])
    await start.is_connected()


async def test_its_figures_follow_what_happens_elsewhere(cluster: Cluster, tab: OpenTab):
    page = (await tab(cluster.nodes[0].http + "/")).page
    await expect(page.locator("#now")).to_have_text(re.compile(r"3\s+nodes\s+\d+ connections?"))
    await expect(page.get_by_text(re.compile(r"^\d+ messages? a second$"))).to_be_visible()
    ada = await tab(cluster.nodes[1].http + "/chat#name=ada&room=lobby")
    await expect(page.get_by_text("In the lobby: ada")).to_be_visible()
    await ada.page.get_by_role("textbox", name="Message", exact=True).fill("Good morning")
    await ada.page.keyboard.press("Enter")
    await expect(page.locator("#chat-picture")).to_contain_text("Good morning")
    writer = await tab(cluster.nodes[2].http + "/editor#doc=welcome")
    await expect(page.get_by_text("1 writer now")).to_be_visible()
    await writer.page.close()
    await expect(page.get_by_text("Nobody has it open")).to_be_visible()
    answer = cluster.nodes[2].request("POST", "/api/notifications", json={"data": {"text": "Lunch"}})
    assert answer.status_code == 200, answer.text
    await expect(page.get_by_text("1 since you opened this page")).to_be_visible()


async def test_it_counts_the_connections_of_all_nodes(cluster: Cluster, tab: OpenTab):
    page = (await tab(cluster.nodes[0].http + "/")).page
    other = page.get_by_role("listitem").filter(has_text="web-2")
    await expect(other).to_contain_text("0 connections")
    chats = [await tab(cluster.nodes[1].http + "/chat") for _ in range(2)]
    await expect(other).to_contain_text("2 connections")
    await expect(page.locator("#connection-count")).to_have_text("3")
    for each in chats:
        await each.page.close()
    await expect(other).to_contain_text("0 connections")


@pytest.mark.usefixtures("addresses")
async def test_its_links_lead_to_the_other_nodes(cluster: Cluster, tab: OpenTab):
    start = await tab(cluster.nodes[0].http + "/")
    await expect(start.page.get_by_text("web-1 (this one)")).to_be_visible()
    await start.reach(start.page.get_by_role("link", name="dashboard on web-2"))
    async with start.page.context.expect_page() as opened:
        await start.page.keyboard.press("Enter")
    other = await opened.value
    await expect(other.locator("apus-status[data-state=connected]")).to_have_attribute(
        "data-node", re.compile(r"^web-2\.")
    )
    assert other.url == f"{cluster.nodes[1].http}/dashboard"


async def test_goals_that_other_programs_report_are_counted_on(cluster: Cluster, tab: OpenTab):
    def report(*reports: Any) -> None:
        for data in reports:
            answer = cluster.nodes[1].request("POST", "/api/channels/demo:match:1/messages", json={"data": data})
            assert answer.status_code == 200, answer.text

    # As the command does it that the match's page shows: it does not say how the match stood before.
    home, guests = ({"kind": "goal", "team": team, "player": "Ada"} for team in (0, 1))
    report({"kind": "kick-off", "teams": ["Rovers", "United"]}, home, guests, home)
    first = (await tab(cluster.nodes[0].http + "/")).page
    await expect(first.locator("#match-picture")).to_have_text("2 – 1")
    report(home, {}, {"kind": "yellow", "team": 0}, {"text": "What a match!"}, None)
    await expect(first.locator("#match-picture")).to_have_text("3 – 1")
    report({"kind": "no-goal"}, guests)
    second = (await tab(cluster.nodes[2].http + "/")).page
    for page in [first, second]:
        await expect(page.locator("#match-picture")).to_have_text("2 – 2")
        await expect(page.locator("#match-live")).to_have_text("Rovers against United")


async def test_hostile_messages_do_not_stop_its_figures(cluster: Cluster, tab: OpenTab):
    def publish(channel: str, data: Any) -> None:
        answer = cluster.nodes[1].request("POST", f"/api/channels/{channel}/messages", json={"data": data})
        assert answer.status_code == 200, answer.text

    no_text = {"toString": 1, "valueOf": 1}
    page = (await tab(cluster.nodes[0].http + "/")).page
    await expect(page.get_by_text(re.compile(r"^\d+ messages? a second$"))).to_be_visible()
    for data in [{"teams": [no_text]}, {"kind": no_text, "before": {"teams": no_text, "incidents": [None, no_text]}}]:
        publish("demo:match:1", data)
    for rate in [no_text, 1e300, -1]:
        publish("demo:stats", {"node": "made up", "time": time.time() * 1000, "messagesOut": rate})
    publish("demo:lobby", {"text": no_text})
    teams = {"teams": ["Rovers", no_text], "incidents": [None, {"kind": "goal", "team": no_text}]}
    publish("demo:match:1", {"kind": "goal", "team": 1, "before": teams})
    await expect(page.get_by_text("Rovers against Guests")).to_be_visible()
    await expect(page.locator("#match-picture")).to_have_text("1 – 1")
    publish("demo:lobby", {"text": "Good evening"})
    await expect(page.locator("#chat-picture")).to_contain_text("Good evening")
