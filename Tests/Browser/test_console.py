"""The console: what a key opens, what is told of a cluster in trouble, and that acts do what they say."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import pytest
import pytest_asyncio
from conftest import OpenTab
from playwright.async_api import Locator, Page, Route, expect
from tab import Tab

from harness import Node, Redis
from harness.client import Client
from harness.keys import SECRET
from harness.tokens import token, url_with

FULL_KEY = "console-full-key-" + "f" * 24
READ_KEY = "console-read-key-" + "r" * 24
# The API has taken the connection away.
ENDED = 4003

Connect = Callable[..., Awaitable[Client]]
OpenConsole = Callable[..., Awaitable[Page]]


@dataclass
class Guarded:
    """A Redis and three nodes that ask for a key, which `--dev` would do without."""

    redis: Redis
    nodes: list[Node]


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    directory = tmp_path_factory.mktemp("guarded")
    rules = directory / "rules.yaml"
    rules.write_text('channels: [{match: "*", presence: true, history: {size: 100, ttl: 10m}}]\n')
    keys = {"--api-key": FULL_KEY, "--api-read-key": READ_KEY, "--jwt-secret": SECRET.private.decode()}
    with ExitStack() as stack:
        redis = stack.enter_context(Redis(directory))
        options = {**keys, "--config": rules}
        nodes = [Node(f"web-{number}", directory, redis=redis.url, options=options, dev=False) for number in (1, 2, 3)]
        for node in nodes:
            stack.callback(node.end)
            node.launch()
        for node in nodes:
            node.wait_ready()
        yield Guarded(redis, nodes)


@pytest_asyncio.fixture(loop_scope="session")
async def connect() -> AsyncIterator[Connect]:
    clients: list[Client] = []

    async def connect_to(node: Node, user: str, *channels: str) -> Client:
        """A client of the user that is a member of these channels."""
        clients.append(await Client.connect(url_with(node.ws, token(SECRET, sub=user))))
        for channel in channels:
            await clients[-1].subscribe(channel, presence=True)
        return clients[-1]

    yield connect_to
    for client in clients:
        await client.close()


@pytest.fixture
def console(tab: OpenTab) -> OpenConsole:
    """Opens the console of a node with a key, at a view of it."""

    async def open_console(node: Node, key: str = FULL_KEY, view: str = "overview") -> Page:
        tab_of_console = await asked_for_key(tab, node, view)
        await give_key(tab_of_console.page, key)
        await expect(tab_of_console.page.get_by_role("navigation", name="Console")).to_be_visible()
        return tab_of_console.page

    return open_console


async def asked_for_key(tab: OpenTab, node: Node, view: str = "overview") -> Tab:
    opened = await tab(f"{node.http}/console#{view}")
    await expect(opened.page.get_by_label("API key")).to_be_focused()
    expect_refusals(opened, 1)
    return opened


async def give_key(page: Page, key: str) -> None:
    await page.get_by_label("API key").fill(key)
    await page.get_by_role("button", name="Enter").click()


def expect_refusals(tab: Tab, count: int) -> None:
    """The browser itself writes a line for each 401, which is how the page learns that a key is needed, or is wrong."""
    refusals = [fault for fault in tab.faults if "status of 401" in fault]
    assert tab.faults == refusals and len(refusals) == count
    tab.faults.clear()


def query_of(route: Route) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(route.request.url).query).items()}


def problem(page: Page, text: str) -> Locator:
    return page.locator(".problems li", has_text=text)


async def is_drawn(page: Page) -> None:
    """Waits until a click on a link has been followed: before that the form of the act before still stands there."""
    await page.evaluate("new Promise(done => requestAnimationFrame(() => setTimeout(done)))")


async def choose(page: Page, action: str, **fields: str) -> None:
    """Opens an act and fills in what it needs, by the labels of its fields."""
    await page.get_by_role("link", name="Act", exact=True).click()
    await is_drawn(page)
    link = page.get_by_role("navigation", name="What to do").get_by_role("link", name=action, exact=True)
    await link.click()
    await is_drawn(page)
    await expect(link).to_have_attribute("aria-current", "true")
    for label, value in fields.items():
        await page.get_by_label(label).fill(value)


async def act(page: Page, action: str, button: str, *, asks: bool = False, **fields: str) -> None:
    await choose(page, action, **fields)
    await page.get_by_role("button", name=button, exact=True).click()
    if asks:
        await page.get_by_role("dialog").get_by_role("button", name=button, exact=True).click()


async def run_in_shell(command: str) -> dict:
    """Runs a command as a person would who has put the key into the variable; returns the JSON that it prints."""
    process = await asyncio.create_subprocess_exec(
        "sh", "-c", command.replace("curl", "curl -sS --fail", 1),
        env={"PATH": "/usr/bin:/bin", "APUS_API_KEY": FULL_KEY, "no_proxy": "*"},
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    output, _ = await process.communicate()
    assert process.returncode == 0
    return json.loads(output)


async def test_a_key_opens_what_it_may_do_and_is_kept_nowhere(guarded: Guarded, tab: OpenTab):
    opened = await asked_for_key(tab, guarded.nodes[0])
    page = opened.page
    links = page.get_by_role("navigation", name="Console").get_by_role("link")
    await give_key(page, "not-a-key-of-this-node")
    await expect(page.get_by_role("alert")).to_contain_text("--api-key")
    await expect(page.get_by_label("API key")).to_be_visible()
    expect_refusals(opened, 1)

    await give_key(page, READ_KEY)
    await expect(page.get_by_text("Read only")).to_be_visible()
    assert await links.all_inner_texts() == ["Overview", "Channels", "Users"]
    await page.goto(f"{guarded.nodes[0].http}/console#act?do=publish&channel=demo:x")
    await expect(page.get_by_text("This key only reads")).to_be_visible()
    await expect(page.get_by_role("button", name="Publish")).to_have_count(0)

    await page.get_by_role("button", name="Forget the key").click()
    await give_key(page, FULL_KEY)
    await expect(page.get_by_text("Full access")).to_be_visible()
    await expect(links).to_have_text(["Overview", "Channels", "Users", "Act"])
    kept = await page.evaluate(
        "JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, location.href, history.state,"
        " document.documentElement.outerHTML])"
    )
    assert FULL_KEY not in kept and READ_KEY not in kept

    opened.faults.clear()
    await page.reload()
    await expect(page.get_by_label("API key")).to_have_value("")
    await expect(links.first).to_be_hidden()
    expect_refusals(opened, 1)


async def test_a_node_that_is_stopped_is_told_first_and_what_lacks_its_answer(guarded: Guarded, console: OpenConsole):
    page = await console(guarded.nodes[0], READ_KEY)
    await expect(page.get_by_text("All is well on 3 nodes")).to_be_visible()
    guarded.nodes[1].pause()
    try:
        await expect(page.locator(".problems li").first).to_contain_text("web-2 does not answer")
        await expect(page.get_by_text("web-2 did not answer: the true numbers are at least these")).to_be_visible()
        await expect(page.get_by_role("row", name=re.compile("^web-2"))).to_contain_text("silent")
        await expect(page.get_by_role("row", name=re.compile("^web-3"))).to_contain_text("up")
    finally:
        guarded.nodes[1].resume()
    await expect(page.get_by_text("All is well on 3 nodes")).to_be_visible()


async def test_what_other_nodes_refuse_is_told_with_the_name_of_the_node(guarded: Guarded, console: OpenConsole):
    page = await console(guarded.nodes[0], READ_KEY)
    await expect(page.get_by_text("All is well on 3 nodes")).to_be_visible()
    upgrade = {
        "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Origin": "https://elsewhere.example",
    }  # fmt: skip
    for _ in range(2):
        assert guarded.nodes[2].get("/ws", headers=upgrade).status_code == 403
    await expect(problem(page, "2 handshakes refused with status 403")).to_contain_text("web-3 (2)")


async def test_a_channel_is_found_with_members_history_and_what_comes_now(
    guarded: Guarded, console: OpenConsole, connect: Connect
):
    bob = await connect(guarded.nodes[1], "bob", "demo:find:this", "demo:other")
    await bob.publish("demo:find:this", {"text": "kept"})
    page = await console(guarded.nodes[0], READ_KEY, "channels")
    rows = page.get_by_role("rowheader")
    await expect(rows).to_have_text(["demo:find:this", "demo:other"])
    await page.get_by_label("Pattern").fill("*find*")
    await expect(rows).to_have_text(["demo:find:this"])

    await page.get_by_role("link", name="demo:find:this").click()
    await expect(page.get_by_role("heading", name=bob.node)).to_be_visible()
    await expect(page.get_by_role("row", name="bob")).to_contain_text(bob.id)
    await expect(page.get_by_role("list", name="What is kept")).to_contain_text('{"text":"kept"}')
    await page.get_by_role("button", name="Listen").click()
    await expect(page.get_by_text("Listening.")).to_be_visible()
    await bob.publish("demo:find:this", {"text": "live"})
    await expect(page.get_by_role("list", name="What has come")).to_contain_text('{"text":"live"}')
    # The key only reads.
    await expect(page.get_by_role("link", name="Delete its history")).to_have_count(0)
    await expect(page.get_by_role("link", name="Take out")).to_have_count(0)


async def test_a_user_is_found_on_every_node(guarded: Guarded, console: OpenConsole, connect: Connect):
    clients = [await connect(node, "two places", "demo:here") for node in guarded.nodes[1:]]
    page = await console(guarded.nodes[0], view="users")
    await page.get_by_label("User").fill("two places")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("two places has 2 connections.")).to_be_visible()
    for client in clients:
        row = page.get_by_role("row", name=client.id)
        await expect(row).to_contain_text(client.node)
        await expect(row).to_contain_text("127.0.0.1")
        await expect(row.get_by_role("link", name="demo:here")).to_be_visible()
    await clients[0].close()
    await expect(page.get_by_text("two places has 1 connection.")).to_be_visible()


async def test_each_act_does_what_it_says(guarded: Guarded, console: OpenConsole, connect: Connect):
    bob = await connect(guarded.nodes[1], "bob", "demo:acts")
    carol = await connect(guarded.nodes[2], "carol")
    page = await console(guarded.nodes[0])

    await act(page, "Publish", "Publish", Channel="demo:acts", Data='{"n": 1, "it\'s": "quoted"}', From="alice")
    said = await bob.expect("message", data={"n": 1, "it's": "quoted"})
    assert said["from"] == "alice"
    command = await page.locator(".command").inner_text()
    assert FULL_KEY not in command
    assert (await run_in_shell(command))["channel"] == "demo:acts"
    again = await bob.expect("message", data=said["data"])
    assert (again["from"], again["offset"]) == ("alice", said["offset"] + 1)

    await act(page, "Notify", "Notify", User="bob", Data='"for bob"')
    assert (await bob.expect("notification"))["data"] == "for bob"
    await act(page, "Everybody", "Notify everybody", asks=True, Data='"for all"')
    assert [(await client.expect("notification"))["data"] for client in (bob, carol)] == ["for all", "for all"]

    await act(page, "Put into channel", "Put into the channel", User="carol", Channel="demo:acts")
    assert (await carol.expect("subscribed"))["channel"] == "demo:acts"
    await act(page, "Take out", "Take out", asks=True, User="carol", Channel="demo:acts")
    assert (await carol.expect("unsubscribed"))["channel"] == "demo:acts"

    await act(page, "Delete history", "Delete the history", asks=True, Channel="demo:acts")
    await bob.expect("gap", channel="demo:acts")
    assert (await bob.command("history", channel="demo:acts"))["messages"] == []

    await act(page, "Disconnect one", "Disconnect", asks=True, Connection=carol.id)
    assert await carol.closed_with() == ENDED
    await act(page, "Disconnect user", "Disconnect", asks=True, User="bob")
    assert await bob.closed_with() == ENDED
    await expect(page.get_by_text("1 connection ended.")).to_be_visible()


async def test_by_keyboard_alone_and_escape_does_nothing(guarded: Guarded, tab: OpenTab, connect: Connect):
    bob = await connect(guarded.nodes[1], "bob")
    opened = await asked_for_key(tab, guarded.nodes[0])
    page, keyboard = opened.page, opened.page.keyboard
    destroyed: list[str] = []
    page.on("request", lambda request: destroyed.append(request.url) if request.method == "DELETE" else None)
    await keyboard.type(FULL_KEY)
    await keyboard.press("Enter")
    await opened.reach(page.get_by_role("link", name="Act", exact=True))
    await keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Act", exact=True)).to_be_focused()
    await opened.reach(page.get_by_role("link", name="Disconnect user"))
    await keyboard.press("Enter")
    await opened.reach(page.get_by_label("User"))
    await keyboard.type("bob")

    await keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text("End all connections of bob?")
    await expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
    await keyboard.press("Escape")
    await expect(dialog).to_have_count(0)
    await bob.ping()
    assert destroyed == []

    await keyboard.press("Enter")
    await opened.reach(dialog.get_by_role("button", name="Disconnect"))
    await keyboard.press("Enter")
    assert await bob.closed_with() == ENDED
    await expect(page.get_by_text("1 connection ended.")).to_be_visible()
    assert len(destroyed) == 1


async def test_older_messages_are_read_without_a_hole_and_the_focus_stays(
    guarded: Guarded, console: OpenConsole, connect: Connect
):
    bob = await connect(guarded.nodes[1], "bob", "demo:large")
    # An answer has at most 512 KiB, which is eight of them.
    for number in range(1, 21):
        await bob.publish("demo:large", f"{number} " + "x" * 60_000)
    page = await console(guarded.nodes[0], READ_KEY, "channel?name=demo:large")
    kept = page.get_by_role("list", name="What is kept")
    await expect(kept.locator(".what").first).to_have_text("message 20")
    newest = page.get_by_role("button", name="Read the newest")
    await newest.focus()
    async with page.expect_response("**/history*"):
        await page.keyboard.press("Enter")
    await expect(newest).to_be_enabled()
    await expect(newest).to_be_focused()
    older = page.get_by_role("button", name="Read older ones")
    await older.focus()
    await page.keyboard.press("Enter")
    await expect(kept.locator(".what")).to_have_text([f"message {number}" for number in range(20, 0, -1)])
    await expect(older).to_be_hidden()
    await expect(kept).to_be_focused()


async def test_an_answer_takes_the_focus_back_only_where_nobody_has_moved_it(
    guarded: Guarded, console: OpenConsole, connect: Connect
):
    bob = await connect(guarded.nodes[1], "bob", "demo:focus")
    page = await console(guarded.nodes[0])
    may_go_on = asyncio.Event()

    async def hold(route: Route) -> None:
        await may_go_on.wait()
        await route.continue_()

    await page.route("**/messages", hold)
    await choose(page, "Publish", Channel="demo:focus", Data="1")
    button = page.get_by_role("button", name="Publish", exact=True)
    published = page.get_by_text("Published to demo:focus, as message")
    await button.focus()
    await page.keyboard.press("Space")
    await expect(button).to_be_disabled()
    sender = page.get_by_label("From")
    await sender.focus()
    may_go_on.set()
    await expect(published).to_contain_text("message 1")
    await expect(sender).to_be_focused()
    await page.keyboard.type("a b")
    await expect(sender).to_have_value("a b")
    await sender.fill("")

    may_go_on.clear()
    await button.focus()
    await page.keyboard.press("Space")
    await expect(button).not_to_be_focused()
    may_go_on.set()
    await expect(published).to_contain_text("message 2")
    await expect(button).to_be_focused()
    assert [(await bob.expect("message"))["offset"] for _ in range(2)] == [1, 2]


async def test_the_focus_goes_with_a_row_that_changes_its_place_and_on_where_it_is_gone(
    guarded: Guarded, console: OpenConsole, connect: Connect
):
    bob = await connect(guarded.nodes[1], "bob", "demo:order:first")
    carol = await connect(guarded.nodes[1], "carol", "demo:order:first", "demo:order:second")
    page = await console(guarded.nodes[0], READ_KEY, "channels?match=demo:order:*&sort=subscribers")
    rows = page.get_by_role("rowheader")
    await expect(rows).to_have_text(["demo:order:first", "demo:order:second"])
    second = page.get_by_role("link", name="demo:order:second")
    await second.focus()
    await connect(guarded.nodes[2], "dave", "demo:order:second")
    await connect(guarded.nodes[2], "erin", "demo:order:second")
    await expect(rows).to_have_text(["demo:order:second", "demo:order:first"])
    await expect(second).to_be_focused()
    first = page.get_by_role("link", name="demo:order:first")
    await first.focus()
    for client in (bob, carol):
        await client.command("unsubscribe", channel="demo:order:first")
    await expect(rows).to_have_text(["demo:order:second"])
    await expect(second).to_be_focused()


async def test_show_more_that_goes_away_hands_the_focus_on(guarded: Guarded, console: OpenConsole):
    page = await console(guarded.nodes[0], READ_KEY)

    async def list_channels(route: Route) -> None:
        limit = int(query_of(route)["limit"])
        channels = [{"name": f"demo:{number:03}", "subscribers": 1, "members": 0} for number in range(min(limit, 120))]
        await route.fulfill(json={"channels": channels, **({"after": "demo:099"} if limit < 120 else {})})

    await page.route("**/api/channels?*", list_channels)
    await page.get_by_role("link", name="Channels", exact=True).click()
    await page.get_by_role("button", name="Show more").focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("rowheader")).to_have_count(120)
    await expect(page.get_by_role("button", name="Show more")).to_be_hidden()
    await expect(page.get_by_role("link", name="demo:100")).to_be_focused()


async def test_a_late_answer_takes_no_members_away(guarded: Guarded, console: OpenConsole, connect: Connect):
    await connect(guarded.nodes[1], "bob", "demo:late")
    page = await console(guarded.nodes[0], READ_KEY)
    may_go_on, is_held, is_answered = asyncio.Event(), asyncio.Event(), asyncio.Event()
    reads = 0

    async def list_members(route: Route) -> None:
        """Two pages of a member each; the second reading of the first one is answered late."""
        nonlocal reads
        if "cursor" in query_of(route):
            return await route.fulfill(json={"count": 2, "connections": [member("second")]})
        reads += 1
        if reads == 2:
            is_held.set()
            await may_go_on.wait()
        await route.fulfill(json={"count": 2, "connections": [member("first")], "cursor": "1"})
        if reads == 2:
            is_answered.set()

    def member(user: str) -> dict:
        return {"client": f"c-{user}", "user": user, "node": "web-1", "since": 1_730_000_000_000}

    await page.route("**/presence?*", list_members)
    await page.goto(f"{guarded.nodes[0].http}/console#channel?name=demo:late")
    users = page.get_by_role("group", name="Members by node").get_by_role("rowheader")
    await expect(users).to_have_text(["first"])
    await connect(guarded.nodes[1], "carol", "demo:late")
    await is_held.wait()
    await page.get_by_role("button", name="Show more").focus()
    await page.keyboard.press("Enter")
    await expect(users).to_have_text(["first", "second"])
    await expect(page.get_by_role("group", name="Members by node")).to_be_focused()
    may_go_on.set()
    await is_answered.wait()
    # What it would change is changed by the next answer of the node.
    async with page.expect_response("**/api/channels/demo:late"):
        pass
    await expect(users).to_have_text(["first", "second"])
    await expect(page.get_by_role("button", name="Show more")).to_be_hidden()


async def test_a_lost_redis_is_told_and_what_is_shown_is_called_old(guarded: Guarded, console: OpenConsole):
    page = await console(guarded.nodes[0], READ_KEY)
    states = page.get_by_role("cell").and_(page.locator("[data-label=State]"))
    await expect(states).to_have_text(["up", "up", "up"])
    guarded.redis.kill()
    try:
        first = page.locator(".problems li").first
        await expect(first).to_contain_text(re.compile("Redis cannot be reached.*is as of"))
        await expect(states).to_have_text(["unknown", "unknown", "unknown"])
    finally:
        guarded.redis.start()
    # Nodes take other ids then, and count on.
    for node in guarded.nodes:
        await expect(problem(page, "to Redis lost")).to_contain_text(node.name)
    await expect(states).to_have_text(["up", "up", "up"])
