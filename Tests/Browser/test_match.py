"""The match: what the reporter does on the page, and what everybody else sees of it."""

import re
from typing import Any

from conftest import OpenTab
from playwright.async_api import expect
from tab import Tab

from harness import Cluster, Node
from harness.way import Way

# What a screen reader would be told by the score.
RECORD_SCORES = """score => {
  window.scores = []
  new MutationObserver(() => window.scores.push(score.textContent)).observe(score, { childList: true, subtree: true })
}"""


class Watcher:
    """Somebody who has the page of a match open."""

    def __init__(self, tab: Tab):
        self.tab = tab
        self.page = tab.page
        self.board = self.page.get_by_role("region", name="Score")
        self.score = self.board.get_by_role("status")
        self.commentary = self.page.get_by_role("log", name="Commentary")
        self.reporter = self.page.get_by_role("region", name="Reporter")
        self.told = self.reporter.get_by_role("status")

    async def kick_off(self, home: str = "Swifts", guests: str = "Martins") -> None:
        await self.page.get_by_label("Home team").fill(home)
        await self.page.get_by_role("textbox", name="Guests").fill(guests)
        await self.press("Kick off")

    async def report(self, what: str, *, team: str = "", player: str = "", words: str = "") -> None:
        await self.page.get_by_label("What").select_option(what)
        if team:
            await self.page.get_by_role("radio", name=team).check()
        if player:
            await self.page.get_by_label("Player").fill(player)
        await self.page.get_by_label("Words").fill(words)
        await self.press("Report")

    async def press(self, button: str) -> None:
        await self.page.get_by_role("button", name=button, exact=True).click()
        await expect(self.told).to_have_text("Reported.")

    async def has_score(self, text: str) -> None:
        await expect(self.score).to_have_text(text)

    async def is_told(self, *lines: str) -> None:
        """This is the whole commentary, the newest first."""
        await expect(self.commentary.get_by_role("paragraph")).to_have_text(list(lines))

    async def is_watching_only(self) -> None:
        """Through nginx, which keeps the HTTP API closed; the browser complains of the answer that says so."""
        await expect(self.reporter.get_by_text("Pages may not use the HTTP API of this node")).to_be_visible()
        await expect(self.page.get_by_role("button", name="Kick off")).to_be_disabled()
        await self.tab.has_complained("403")


async def watch(tab: OpenTab, at: Node | str, match: str, *, name: str = "") -> Watcher:
    http = at if isinstance(at, str) else at.http
    watcher = Watcher(await tab(f"{http}/match#match={match}&name={name}"))
    await expect(watcher.commentary).to_have_attribute("aria-busy", "false")
    return watcher


def post(node: Node, match: str, data: Any) -> None:
    """As another program does it."""
    answer = node.request("POST", f"/api/channels/demo:match:{match}/messages", json={"data": data})
    assert answer.status_code == 200, answer.text


async def test_a_match_goes_from_the_reporter_to_everybody(cluster: Cluster, tab: OpenTab):
    reporter = await watch(tab, cluster.nodes[0], "whole")
    fan = await watch(tab, cluster.nodes[1], "whole")
    await expect(fan.board.get_by_text("2 watching")).to_be_visible()
    await expect(fan.page.get_by_text("Nothing has happened yet.")).to_be_visible()
    async with reporter.page.expect_request("**/api/channels/demo:match:whole/messages") as request:
        await reporter.kick_off("Rovers", "United")
    assert (await request.value).method == "POST"
    await fan.has_score("Rovers 0 – 0 United")
    await expect(fan.page.get_by_text("Nothing has happened yet.")).to_be_hidden()
    await expect(fan.board.get_by_role("timer")).not_to_have_text("0:00")
    await reporter.report("Goal", team="United", player="Bea", words="From afar.")
    await fan.has_score("Rovers 0 – 1 United")
    await expect(fan.board.get_by_role("listitem")).to_contain_text(["Bea"])
    await expect(fan.page).to_have_title("Rovers 0 – 1 United · Apus")
    await reporter.press("Half-time")
    await expect(fan.board.get_by_role("timer")).to_have_text("45:00")
    await reporter.press("Second half")
    await reporter.press("Full time")
    await expect(reporter.page.get_by_role("button", name="Kick off")).to_be_visible()
    await expect(fan.board.get_by_text("Full time")).to_be_visible()
    await fan.is_told(
        "Full time: Rovers 0 – 1 United",
        "Second half: Rovers 0 – 1 United",
        "Half-time: Rovers 0 – 1 United",
        "Goal for United: Bea. 0 – 1",
        "From afar.",
        "Rovers against United",
    )


async def test_only_goals_are_told_as_the_score(cluster: Cluster, tab: OpenTab):
    reporter = await watch(tab, cluster.nodes[0], "goals")
    fan = await watch(tab, cluster.nodes[1], "goals")
    await reporter.kick_off()
    await fan.has_score("Swifts 0 – 0 Martins")
    await fan.score.evaluate(RECORD_SCORES)
    await reporter.report("Yellow card", team="Swifts", player="Ann")
    await reporter.report("Goal", team="Swifts")
    await reporter.report("Comment", words="It rains.")
    await reporter.report("The last goal does not count")
    await reporter.press("Half-time")
    await fan.is_told(
        "Half-time: Swifts 0 – 0 Martins",
        "The goal does not count: 0 – 0",
        "It rains.",
        "Goal for Swifts. 1 – 0",
        "Yellow card, Swifts: Ann",
        "Swifts against Martins",
    )
    assert await fan.page.evaluate("scores") == ["Swifts 1 – 0 Martins", "Swifts 0 – 0 Martins"]


async def test_who_comes_later_sees_the_match_as_it_stands(cluster: Cluster, tab: OpenTab):
    reporter = await watch(tab, cluster.nodes[0], "late")
    await reporter.kick_off()
    await reporter.report("Goal", team="Swifts", player="Ann")
    async with reporter.page.expect_request("**/messages") as request:
        await reporter.report("Comment", words="It rains.")
    comment = (await request.value).post_data_json["data"]
    # So many that the history does not reach back to the goal. Each says how the match stood.
    for number in range(100):
        post(cluster.nodes[0], "late", {**comment, "text": f"note {number}"})
    late = await watch(tab, cluster.nodes[2], "late")
    await late.has_score("Swifts 1 – 0 Martins")
    await expect(late.board.get_by_role("listitem")).to_contain_text(["Ann"])
    await late.is_told(*(f"note {number}" for number in reversed(range(100))))


async def test_what_is_not_of_the_match_changes_nothing(cluster: Cluster, tab: OpenTab):
    fan = await watch(tab, cluster.nodes[0], "odd", name="ada")
    odd = {"teams": 1, "phase": "constructor", "since": "now", "base": None, "speed": "x", "incidents": [None, 7, {}]}
    post(cluster.nodes[1], "odd", {"kind": "weather", "before": odd})
    for data in [None, 7, "goal", ["goal"], {"kind": "__proto__"}, {"kind": {"a": 1}}, {"kind": "note", "text": 5}]:
        post(cluster.nodes[1], "odd", data)
    answer = cluster.nodes[1].request("POST", "/api/users/ada/messages", json={"data": {"kind": "goal", "team": 1}})
    assert answer.json()["online"] is True
    await fan.page.evaluate("""async () => {
      const { Apus } = await import('/apus.js')
      const apus = new Apus(undefined, { user: 'bob' })
      await apus.send('ada', { kind: 'goal', team: 1 })
    }""")
    post(cluster.nodes[1], "odd", {"kind": "note", "text": "That was all."})
    await fan.is_told("That was all.")
    await fan.has_score("Home 0 – 0 Guests")
    await expect(fan.page).to_have_title("Match · Apus")


async def test_hostile_reports_stop_neither_the_match_nor_the_commentary(cluster: Cluster, tab: OpenTab):
    fan = await watch(tab, cluster.nodes[0], "hostile")
    no_text = {"toString": 1, "valueOf": 1}
    before = {"teams": [no_text, no_text], "phase": ["full-time"], "since": 1e300, "base": 1e300, "speed": 1e300}
    # First of all that a page reads, and then once more in between.
    hostile = [{"kind": kind, "before": before} for kind in (no_text, ["full-time"], ["kick-off"])]
    hostile += [{"kind": "goal", "team": [1], "player": no_text}, {"kind": "kick-off", "teams": no_text}]
    for data in [*hostile, {"kind": "kick-off", "teams": ["Rovers", no_text]}, *hostile[:3]]:
        post(cluster.nodes[1], "hostile", data)
    post(cluster.nodes[1], "hostile", {"kind": "goal", "team": 1, "player": "Bea"})
    late = await watch(tab, cluster.nodes[2], "hostile")
    for watcher in [fan, late]:
        await watcher.has_score("Rovers 0 – 1 Guests")
        await watcher.is_told("Goal for Guests: Bea. 0 – 1", "Rovers against Guests")
        await expect(watcher.board.get_by_text("First half")).to_be_visible()
        await expect(watcher.board.get_by_role("timer")).to_have_text(re.compile(r"^0:\d\d$"))
        await expect(watcher.page.get_by_role("button", name="Half-time")).to_be_visible()


async def test_by_keyboard_alone(cluster: Cluster, tab: OpenTab):
    reporter = await watch(tab, cluster.nodes[0], "keys")
    keyboard, button = reporter.page.keyboard, reporter.page.get_by_role("button", name="Report", exact=True)
    await reporter.tab.reach(reporter.page.get_by_label("Home team"))
    await keyboard.press("Enter")
    what = reporter.page.get_by_label("What")
    await expect(what).to_be_focused()
    await expect(reporter.told).to_have_text("Reported.")
    await keyboard.type("Red")
    await reporter.tab.reach(reporter.page.get_by_role("radio", name="Swifts"))
    await keyboard.press("ArrowDown")
    await reporter.tab.reach(reporter.page.get_by_label("Player"))
    await keyboard.type("Bea")
    await reporter.tab.reach(button)
    await keyboard.press("Enter")
    await reporter.is_told("Red card, Martins: Bea", "Swifts against Martins")
    await expect(reporter.told).to_have_text("Reported.")
    await expect(button).to_be_focused()
    # One who cannot see what has happened reads the commentary.
    await reporter.tab.reach(reporter.commentary, "Shift+Tab")
    await reporter.tab.reach(reporter.page.get_by_role("button", name="Half-time"))
    for shown in [reporter.page.get_by_role("button", name=name) for name in ["Second half", "Full time"]]:
        await keyboard.press("Enter")
        await expect(shown).to_be_focused()
        # Before that a second press counts as the same one.
        await expect(reporter.told).to_have_text("Reported.")
    await keyboard.press("Enter")
    await expect(reporter.page.get_by_label("Home team")).to_be_focused()


async def test_the_node_killed_under_a_tab_costs_no_goal_and_doubles_none(cluster: Cluster, tab: OpenTab):
    assert cluster.nginx is not None
    with Way(cluster.nginx.port) as way:
        fan = await watch(tab, way.http, "killed")
        await fan.is_watching_only()
        killed = await fan.tab.node(cluster)
        reporter = await watch(tab, next(node for node in cluster.nodes if node is not killed), "killed")
        await reporter.kick_off()
        await reporter.report("Goal", team="Swifts")
        await fan.has_score("Swifts 1 – 0 Martins")
        way.hold()
        killed.kill()
        try:
            await reporter.report("Goal", team="Martins")
            await reporter.report("Red card", team="Swifts", player="Ann")
            way.release()
            await fan.is_told(
                "Red card, Swifts: Ann", "Goal for Martins. 1 – 1", "Goal for Swifts. 1 – 0", "Swifts against Martins"
            )
            await fan.has_score("Swifts 1 – 1 Martins")
            await fan.page.get_by_role("button", name="Connected").click()
            outage = fan.page.get_by_role("group", name="Connection")
            await expect(outage).to_contain_text(re.compile(r"Reconnects\s*1.*Last gap\s*none"))
        finally:
            way.release()
            killed.start()
