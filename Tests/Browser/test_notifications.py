"""The notifications: sent by the form, shown in all tabs of a user, and read in all of them."""

import re

from conftest import OpenTab
from playwright.async_api import Locator, WebSocketRoute, expect
from tab import Tab

from harness import Cluster, Node, eventually
from harness.way import Way


class Reader:
    """A tab of a user on the page."""

    def __init__(self, tab: Tab):
        self.tab = tab
        self.page = tab.page
        self.bell = self.page.get_by_role("button", name=re.compile("unread notifications", re.IGNORECASE))
        self.received = self.page.get_by_role("region", name="Received")
        self.sender = self.page.get_by_role("region", name="Send")
        self.told = self.sender.get_by_role("status")

    async def send(self, title: str, *, to: str | None, text: str = "", result: str) -> None:
        """By the form; `to` is a user, or None for everybody."""
        await self.page.get_by_role("radio", name="To one" if to else "To everybody").check()
        if to:
            await self.page.get_by_label("User").fill(to)
        await self.page.get_by_label("Title").fill(title)
        await self.page.get_by_label("Text").fill(text)
        await self.page.get_by_role("button", name="Send", exact=True).click()
        await expect(self.told).to_have_text(result)

    def toast(self, title: str) -> Locator:
        return self.page.get_by_role("status").get_by_text(title)

    async def has(self, *items: str, unread: int) -> None:
        """These are all that it has, each once, the newest first; bell and title say how many are unread."""
        await expect(self.received.get_by_role("listitem")).to_contain_text(list(items))
        await expect(self.bell).to_have_accessible_name(
            f"Unread notifications: {unread}" if unread else "No unread notifications"
        )
        await expect(self.page).to_have_title(f"({unread}) Notifications · Apus" if unread else "Notifications · Apus")


async def open_page(tab: OpenTab, cluster: Cluster, at: Node | str, name: str, *, tabs: int = 1) -> Reader:
    """One more tab of the user: the last of so many. All nodes know of it then."""
    http = at if isinstance(at, str) else at.http
    reader = Reader(await tab(f"{http}/notifications#name={name}"))
    await reader.tab.is_connected()
    await eventually(lambda: cluster.known_connections(name) == tabs)
    return reader


async def test_what_one_user_sends_another_has_at_once(cluster: Cluster, tab: OpenTab):
    ada = await open_page(tab, cluster, cluster.nodes[0], "ada")
    bob = await open_page(tab, cluster, cluster.nodes[1], "bob")
    await expect(bob.page.get_by_text("Here now: ada")).to_be_visible()
    await expect(ada.page.get_by_text("Nothing yet.")).to_be_visible()
    await bob.send("Tea is ready", to="ada", text="In the kitchen", result="Sent to ada.")
    await expect(ada.toast("Tea is ready")).to_be_visible()
    await ada.has("Unread. Tea is readyIn the kitchen", unread=1)
    await bob.has(unread=0)
    await bob.send("Tea", to="carol", result="carol is not connected, so nobody has got it.")


async def test_what_is_read_in_one_tab_is_read_in_all_of_the_user(cluster: Cluster, tab: OpenTab):
    first = await open_page(tab, cluster, cluster.nodes[0], "dora")
    second = await open_page(tab, cluster, cluster.nodes[1], "dora", tabs=2)
    for title in ["one", "two", "three"]:
        await first.send(title, to="dora", result="Sent to dora.")
    await second.has("three", "two", "one", unread=3)
    await second.page.get_by_role("button", name="Mark as read: two").click()
    await first.has("Unread. three", "Read. two", "Unread. one", unread=2)
    # One that is opened later gets the list from the others.
    third = await open_page(tab, cluster, cluster.nodes[2], "dora", tabs=3)
    await third.has("Unread. three", "Read. two", "Unread. one", unread=2)
    await third.page.get_by_role("button", name="Mark all as read").click()
    for reader in [first, second, third]:
        await reader.has("Read. three", "Read. two", "Read. one", unread=0)
    await third.page.reload()
    await third.has("Read. three", "Read. two", "Read. one", unread=0)


async def test_what_is_sent_to_everybody_comes_once_to_each_tab(cluster: Cluster, tab: OpenTab):
    emil = await open_page(tab, cluster, cluster.nodes[0], "emil")
    finn = await open_page(tab, cluster, cluster.nodes[1], "finn")
    await emil.send("We close at six", to=None, result="Sent to everybody.")
    await finn.send("See you tomorrow", to=None, result="Sent to everybody.")
    for reader in [emil, finn]:
        await reader.has("See you tomorrow", "We close at six", unread=2)


async def test_what_comes_in_one_millisecond_is_told_apart_by_its_text(cluster: Cluster, tab: OpenTab):
    def stamp(socket: WebSocketRoute) -> None:
        """All that comes, comes at the same time."""
        node = socket.connect_to_server()
        node.on_message(lambda text: socket.send(re.sub(r'"ts":\d+', '"ts":1700000000000', str(text))))

    lea = Reader(await tab("about:blank"))
    await lea.page.route_web_socket("**/*", stamp)
    await lea.tab.open(f"{cluster.nodes[0].http}/notifications#name=lea")
    await lea.tab.is_connected()
    await eventually(lambda: cluster.known_connections("lea") == 1)
    for text in ["one", "two"]:
        await lea.send("Tea", to="lea", text=text, result="Sent to lea.")
    await lea.has("Unread. Teatwo", "Unread. Teaone", unread=2)


async def test_what_others_tell_a_user_reads_and_adds_nothing(cluster: Cluster, tab: OpenTab):
    gina = await open_page(tab, cluster, cluster.nodes[0], "gina")
    hugo = await open_page(tab, cluster, cluster.nodes[1], "hugo")
    await hugo.send("one", to="gina", result="Sent to gina.")
    await gina.has("Unread. one", unread=1)
    [item] = await gina.page.evaluate("JSON.parse(sessionStorage.getItem('apus-notifications gina'))")
    # First in hugo's name, who has no say in what she has read; then in hers, but not to this page.
    await hugo.page.evaluate("""async item => {
      const { Apus } = await import('/apus.js')
      const told = { page: 'notifications', read: [item.id], items: [{ ...item, id: 'x', title: 'made up' }] }
      await new Apus(undefined, { user: 'hugo' }).send('gina', told)
      const own = new Apus(undefined, { user: 'gina' })
      for (const data of [{ ...told, page: 'chat' }, { text: 'psst' }, 'psst', null]) await own.send('gina', data)
    }""", item)
    await hugo.send("two", to="gina", result="Sent to gina.")
    await gina.has("Unread. two", "Unread. one", unread=2)


async def test_items_from_the_future_leave_room_for_others(cluster: Cluster, tab: OpenTab):
    kim = await open_page(tab, cluster, cluster.nodes[0], "kim")
    # In her own name, as anybody may with --dev: a hundred that would stand before all others for good.
    await kim.page.evaluate("""async () => {
      const { Apus } = await import('/apus.js')
      const own = new Apus(undefined, { user: 'kim' })
      const items = Array.from({ length: 100 }, (_, number) =>
        ({ id: `x${number}`, title: 'made up', text: '', ts: 7e15, read: true }))
      const odd = [null, 7, { id: {}, title: [], text: 1, ts: 'x' }, { id: 'y', title: { toString: 1 }, ts: 1 }]
      const told = { page: 'notifications', read: [{}, null] }
      for (const list of [items, odd, 'x']) await own.send('kim', { ...told, items: list })
      own.close()
    }""")
    await kim.send("one", to="kim", result="Sent to kim.")
    await kim.has("Unread. one", unread=1)


async def test_by_keyboard_alone(cluster: Cluster, tab: OpenTab):
    ivy = await open_page(tab, cluster, cluster.nodes[0], "ivy")
    keyboard = ivy.page.keyboard
    await ivy.tab.reach(ivy.page.get_by_role("radio", name="To one"))
    await ivy.tab.reach(ivy.page.get_by_label("Title"))
    for title in ["one", "two"]:
        await keyboard.press("Control+A")
        await keyboard.type(title)
        await keyboard.press("Enter")
        await expect(ivy.received.get_by_role("listitem").first).to_contain_text(title)
        await expect(ivy.told).to_have_text("Sent to ivy.")
    await expect(ivy.page.get_by_label("Title")).to_be_focused()
    # The bell leads to the newest that is unread, and each that is read to the next one.
    await ivy.tab.reach(ivy.bell, "Shift+Tab")
    await keyboard.press("Enter")
    await expect(ivy.page.get_by_role("button", name="Mark as read: two")).to_be_focused()
    await keyboard.press("Enter")
    await expect(ivy.page.get_by_role("button", name="Mark as read: one")).to_be_focused()
    await keyboard.press("Enter")
    await expect(ivy.page.get_by_role("heading", name="Received")).to_be_focused()
    await ivy.has("Read. two", "Read. one", unread=0)


async def test_the_node_killed_under_a_tab_costs_nothing_that_another_tab_has(cluster: Cluster, tab: OpenTab):
    assert cluster.nginx is not None
    with Way(cluster.nginx.port) as way:
        jane = await open_page(tab, cluster, way.http, "jane")
        await expect(jane.page.get_by_text("Pages may not use the HTTP API of this node")).to_be_visible()
        # The browser complains of the answer that says so.
        await jane.tab.has_complained("403")
        killed = await jane.tab.node(cluster)
        other = await open_page(
            tab, cluster, next(node for node in cluster.nodes if node is not killed), "jane", tabs=2
        )
        await other.send("before", to="jane", result="Sent to jane.")
        await jane.has("Unread. before", unread=1)
        way.hold()
        killed.kill()
        try:
            await other.send("missed", to="jane", result="Sent to jane.")
            await other.page.get_by_role("button", name="Mark as read: before").click()
            way.release()
            await jane.has("Unread. missed", "Read. before", unread=1)
            said = re.compile("^Connected again at .*, after .*. Notifications are not kept")
            await expect(jane.received.get_by_role("status")).to_contain_text(said)
            await other.has("Unread. missed", "Read. before", unread=1)
        finally:
            way.release()
            killed.start()
