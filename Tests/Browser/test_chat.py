"""The chat: what people do on the page, and what it tells them."""

import re
from urllib.parse import quote

from conftest import OpenTab
from playwright.async_api import Locator, expect
from tab import Tab

from harness import Cluster, Node, eventually
from harness.way import Way


class Person:
    """Somebody who has the page open in a room."""

    def __init__(self, tab: Tab, room: str):
        self.tab = tab
        self.page = tab.page
        self.log = self.log_of(f"Messages in {room}")
        self.text = self.page.get_by_role("textbox", name="Message", exact=True)
        self.people = self.page.get_by_role("complementary")

    def log_of(self, name: str) -> Locator:
        return self.page.get_by_role("log", name=name)

    def title(self, text: str) -> Locator:
        return self.page.get_by_role("heading", name=text, exact=True)

    async def say(self, *texts: str) -> None:
        for text in texts:
            await self.text.fill(text)
            await self.text.press("Enter")

    async def has_read(self, *texts: str) -> None:
        """These are all the messages, each once and in this order, and all have been confirmed."""
        messages = self.log.get_by_role("article")
        await expect(messages).to_contain_text(list(texts))
        await expect(messages.get_by_text("Sending …")).to_have_count(0)


async def enter(tab: OpenTab, at: Node | str, name: str, room: str, **options: int) -> Person:
    http = at if isinstance(at, str) else at.http
    person = Person(await tab(f"{http}/chat#name={quote(name)}&room={room}", **options), room)
    await expect(person.log).to_have_attribute("aria-busy", "false")
    return person


def publish(node: Node, room: str, *texts: str) -> None:
    """As another program does it."""
    for text in texts:
        answer = node.request("POST", f"/api/channels/demo:{room}/messages", json={"data": {"text": text}})
        assert answer.status_code == 200, answer.text


async def test_people_on_two_nodes_read_everything_once_and_in_the_same_order(cluster: Cluster, tab: OpenTab):
    ada = await enter(tab, cluster.nodes[0], "ada", "order")
    bob = await enter(tab, cluster.nodes[1], "bob", "order")
    for number in range(4):
        await ada.say(f"ada, {number};")
        await bob.say(f"bob, {number};")

    async def order(person: Person) -> list[str]:
        await expect(person.log.get_by_text("Sending …")).to_have_count(0)
        return re.findall(r"\w+, \d;", await person.log.inner_text())

    async def has_all() -> bool:
        return len(await order(ada)) == len(await order(bob)) == 8

    await eventually(has_all)
    assert await order(ada) == await order(bob)
    # Each one's own are in the order in which they were written.
    assert [text for text in await order(bob) if "ada" in text] == [f"ada, {number};" for number in range(4)]


async def test_one_sees_who_is_here_on_which_node_who_types_and_who_leaves(cluster: Cluster, tab: OpenTab):
    ada = await enter(tab, cluster.nodes[0], "ada", "people")
    bob = await enter(tab, cluster.nodes[1], "bob", "people")
    await expect(ada.log.get_by_text("bob joined on web-2")).to_be_visible()
    await expect(ada.title("2 people")).to_be_visible()
    await expect(ada.people.get_by_role("button", name="bob")).to_contain_text("web-2")
    await expect(ada.people.get_by_role("listitem").filter(has_text="ada")).to_contain_text("you · web-1")
    await bob.text.press_sequentially("he")
    await expect(ada.page.get_by_text("bob is typing …")).to_be_visible()
    await bob.say("hello")
    await ada.has_read("hello")
    await expect(ada.page.get_by_text("bob is typing …")).to_be_hidden()
    await bob.page.close()
    await expect(ada.log.get_by_text("bob left")).to_be_visible()
    await expect(ada.title("1 person")).to_be_visible()


async def test_who_comes_by_a_link_gets_the_room_and_its_last_fifty_messages(cluster: Cluster, tab: OpenTab):
    publish(cluster.nodes[0], "history", *(f"message {number};" for number in range(60)))
    ada = await enter(tab, cluster.nodes[0], "ada", "before")
    await ada.page.get_by_label("Name of a room").fill("history")
    await ada.page.get_by_role("button", name="Open", exact=True).click()
    await expect(ada.title("# history")).to_be_visible()
    room = re.search("room=([^&]+)", ada.page.url)
    assert room is not None
    bob = await enter(tab, cluster.nodes[1], "bob", room[1])
    await bob.has_read(*(f"message {number};" for number in range(10, 60)))
    await expect(bob.log.get_by_text("message 59;")).to_be_in_viewport()
    # What was said before one came is not new.
    await expect(bob.log.get_by_text("New messages")).to_have_count(0)
    await expect(bob.page).to_have_title("history · bob · Apus")


async def test_the_channels_name_leads_to_the_same_room_as_its_short_one(cluster: Cluster, tab: OpenTab):
    publish(cluster.nodes[0], "one-name", "hello")
    ada = Person(await tab(f"{cluster.nodes[0].http}/chat#name=ada&room=demo:one-name"), "one-name")
    await ada.has_read("hello")
    for name in ["one-name", "demo:one-name"]:
        await ada.page.get_by_label("Name of a room").fill(name)
        await ada.page.get_by_role("button", name="Open", exact=True).click()
        await expect(ada.title("# one-name")).to_be_visible()
    await ada.has_read("hello")
    await expect(ada.page.locator("#rooms").get_by_role("button", name="one-name")).to_have_count(1)


async def test_who_was_taken_out_enters_again_by_keyboard(cluster: Cluster, tab: OpenTab):
    ada = await enter(tab, cluster.nodes[0], "ada", "taken")
    for _ in range(2):
        taken = cluster.nodes[1].request("DELETE", "/api/users/ada/channels/demo:taken")
        assert taken.json() == {"connections": 1}
        again = ada.log.get_by_role("button", name="Enter again")
        await ada.tab.reach(again, "Shift+Tab")
        await ada.page.keyboard.press("Enter")
        await expect(ada.text).to_be_focused()
        await expect(again).to_be_hidden()
        await expect(ada.title("1 person")).to_be_visible()
    await ada.say("here again")
    await ada.has_read("here again")


async def test_gaps_are_told_of_a_room_that_was_left_and_opened_again(cluster: Cluster, tab: OpenTab):
    ada = await enter(tab, cluster.nodes[0], "ada", "stays")

    async def open_room() -> None:
        await ada.page.get_by_label("Name of a room").fill("gap")
        await ada.page.get_by_role("button", name="Open", exact=True).click()
        await expect(ada.title("# gap")).to_be_visible()
        await expect(ada.title("1 person")).to_be_visible()

    await open_room()
    await ada.page.get_by_role("button", name="Leave").click()
    await expect(ada.title("# stays")).to_be_visible()
    await open_room()
    assert cluster.nodes[1].request("DELETE", "/api/channels/demo:gap/history").status_code == 200
    room = ada.log_of("Messages in gap")
    await expect(room.get_by_text("Messages may be missing here")).to_have_count(1)
    await ada.page.get_by_role("button", name="Connected").click()
    await expect(ada.page.get_by_role("group", name="Connection")).to_contain_text(re.compile("Last gapdemo:gap, "))


async def test_who_reads_further_up_is_told_of_new_messages_and_not_moved(cluster: Cluster, tab: OpenTab):
    publish(cluster.nodes[0], "long", *(f"old {number};" for number in range(40)))
    ada = await enter(tab, cluster.nodes[0], "ada", "long")
    await expect(ada.log.get_by_text("old 39;")).to_be_in_viewport()
    await ada.log.press("Home")
    # Screen readers are not interrupted meanwhile.
    await expect(ada.log).to_have_attribute("aria-live", "off")
    publish(cluster.nodes[1], "long", "new 0;", "new 1;", "new 2;")
    newer = ada.page.get_by_role("button", name="3 new messages")
    await expect(newer).to_be_visible()
    await expect(ada.page).to_have_title("(3) long · ada · Apus")
    await expect(ada.log.get_by_text("old 0;")).to_be_in_viewport()
    await newer.click()
    await expect(newer).to_be_hidden()
    await expect(ada.log.get_by_text("new 2;")).to_be_in_viewport()
    await expect(ada.log).to_have_attribute("aria-live", "polite")
    await expect(ada.page).to_have_title("long · ada · Apus")
    said = await ada.log.inner_text()
    assert said.index("old 39;") < said.index("New messages") < said.index("new 0;")


async def test_a_private_thread_is_of_two_and_what_did_not_arrive_can_be_sent_again(cluster: Cluster, tab: OpenTab):
    ada, bob, eve = [
        await enter(tab, node, name, "private") for node, name in zip(cluster.nodes, ["ada", "bob", "eve"], strict=True)
    ]
    await ada.people.get_by_role("button", name="bob").click()
    await ada.say("between us")
    await bob.page.get_by_role("button", name=re.compile("^ada.*1 new")).click()
    thread = bob.log_of("Messages between you and ada").get_by_role("article")
    await expect(thread).to_contain_text(["between us"])
    await bob.say("and no other")
    answers = ada.log_of("Messages between you and bob").get_by_role("article")
    await expect(answers).to_contain_text(["between us", "and no other"])

    await bob.page.close()
    await eventually(lambda: cluster.known_connections("bob") == 0)
    await ada.say("are you there?")
    await expect(answers.last).to_contain_text("Not sent: bob is not here.")
    back = await enter(tab, cluster.nodes[1], "bob", "private")
    await eventually(lambda: cluster.known_connections("bob") == 1)
    await ada.tab.reach(answers.last.get_by_role("button", name="Send again"), "Shift+Tab")
    await ada.page.keyboard.press("Enter")
    await expect(ada.text).to_be_focused()
    await expect(answers.last).not_to_contain_text("Not sent")
    await back.page.get_by_role("button", name=re.compile("^ada.*1 new")).click()
    thread = back.log_of("Messages between you and ada").get_by_role("article")
    await expect(thread).to_contain_text(["are you there?"])

    await back.page.keyboard.press("Escape")
    await back.say("to all")
    await eve.has_read("to all")
    await expect(eve.page.get_by_role("heading", name="Private", exact=True)).to_be_hidden()


async def test_of_what_other_pages_tell_a_user_only_notifications_are_shown(cluster: Cluster, tab: OpenTab):
    ada = await enter(tab, cluster.nodes[0], "ada", "others")
    bob = await enter(tab, cluster.nodes[1], "bob", "others")
    await bob.page.evaluate("""async () => {
      const { Apus } = await import('/apus.js')
      const apus = new Apus(undefined, { user: 'bob' })
      await apus.send('ada', { page: 'notifications', tab: '1', ask: true })
      await apus.send('ada', { text: 'by another program' })
    }""")
    await ada.page.get_by_role("button", name=re.compile("^bob.*1 new")).click()
    thread = ada.log_of("Messages between you and bob").get_by_role("article")
    await expect(thread).to_contain_text(["by another program"])
    for data in [{"title": "Tea is ready", "text": ""}, {"title": "Tea", "text": "is cold"}]:
        cluster.nodes[2].request("POST", "/api/users/ada/messages", json={"data": data})
    shown = ada.log_of("Messages between you and bob")
    await expect(shown.get_by_text("Notification: Tea is ready", exact=True)).to_be_visible()
    await expect(shown.get_by_text("Notification: Tea · is cold", exact=True)).to_be_visible()


async def test_long_words_and_many_writers_leave_the_page_usable(cluster: Cluster, tab: OpenTab):
    node = cluster.nodes[0]
    publish(node, "flood", "A" * 60_000)
    ada = await enter(tab, node, "ada", "flood")
    await ada.has_read("… 58,000 more characters")
    assert len(await ada.log.get_by_role("article").inner_text()) < 2200
    bob = await enter(tab, cluster.nodes[1], "bob", "flood")
    await bob.people.get_by_role("button", name="ada").click()
    await bob.say("before the flood")
    threads = ada.page.locator("#threads").get_by_role("button")
    await threads.click()
    await ada.say("an answer")
    await ada.page.keyboard.press("Escape")
    await ada.page.evaluate("""async () => {
      const { Apus } = await import('/apus.js')
      const clients = Array.from({ length: 52 }, (_, index) => new Apus(undefined, { user: `writer-${100 + index}` }))
      for (const client of clients) await client.send('ada', { text: 'flood' })
      for (const client of clients) client.close()
    }""")
    await expect(threads.filter(has_text="writer-151")).to_be_visible()
    await expect(threads).to_have_count(50)
    # The oldest have gone, but not the one that ada has written in.
    await expect(threads.filter(has_text="writer-102")).to_have_count(0)
    await expect(threads.filter(has_text="writer-103")).to_have_count(1)
    await expect(threads.first).to_contain_text("bob")
    await expect(ada.page).to_have_title("(49) flood · ada · Apus")
    await ada.say("still here")
    await bob.page.keyboard.press("Escape")
    await bob.has_read("… 58,000 more characters", "still here")


async def test_by_keyboard_alone(cluster: Cluster, tab: OpenTab):
    ada = await enter(tab, cluster.nodes[0], "ada", "keys")
    bob = await enter(tab, cluster.nodes[1], "bob", "keys")
    keyboard = ada.page.keyboard
    await ada.tab.reach(ada.text)
    await keyboard.type("one")
    await keyboard.press("Shift+Enter")
    await keyboard.type("two")
    await keyboard.press("Enter")
    await bob.has_read("one\ntwo")

    await ada.tab.reach(ada.people.get_by_role("button", name="bob"))
    await keyboard.press("Enter")
    await expect(ada.title("bob")).to_be_visible()
    await keyboard.type("psst")
    await keyboard.press("Enter")
    await expect(bob.page.get_by_role("status")).to_have_text("ada writes to you")
    await ada.tab.reach(ada.page.get_by_role("button", name="Send"))
    await keyboard.press("Escape")
    await expect(ada.title("# keys")).to_be_visible()
    await expect(ada.text).to_be_focused()

    await ada.tab.reach(ada.page.get_by_role("button", name="ideas"), "Shift+Tab")
    await keyboard.press("Enter")
    await expect(ada.title("# ideas")).to_be_visible()
    await ada.tab.reach(ada.page.get_by_role("button", name="Leave"), "Shift+Tab")
    await keyboard.press("Enter")
    await expect(ada.title("# keys")).to_be_visible()

    change = ada.page.get_by_role("button", name="Change")
    await ada.tab.reach(change, "Shift+Tab")
    await keyboard.press("Enter")
    await expect(ada.page.get_by_role("textbox", name="Name", exact=True)).to_be_focused()
    await keyboard.press("Escape")
    await expect(change).to_be_focused()
    await keyboard.press("Enter")
    await keyboard.press("Control+A")
    await keyboard.type("ada lovelace")
    await keyboard.press("Enter")
    await expect(bob.people.get_by_role("button", name="ada lovelace")).to_be_visible()


async def test_on_a_phone_rooms_and_people_are_panels(cluster: Cluster, tab: OpenTab):
    ada = await enter(tab, cluster.nodes[0], "ada", "phone", width=360)
    opens = ada.page.get_by_role("button", name="Rooms")
    await ada.tab.reach(opens)
    await ada.page.keyboard.press("Enter")
    await expect(ada.text).to_be_hidden()
    await ada.tab.reach(ada.page.get_by_role("button", name="random"), "Shift+Tab")
    await ada.page.keyboard.press("Escape")
    await expect(ada.text).to_be_visible()
    await expect(opens).to_be_focused()


async def test_the_node_killed_under_a_tab_costs_no_message_and_doubles_none(cluster: Cluster, tab: OpenTab):
    assert cluster.nginx is not None
    with Way(cluster.nginx.port) as way:
        ada = await enter(tab, way.http, "ada", "killed")
        killed = await ada.tab.node(cluster)
        bob = await enter(tab, next(node for node in cluster.nodes if node is not killed), "bob", "killed")
        await ada.say("before")
        await bob.has_read("before")
        # What ada says now is on its way when the node dies.
        way.hold()
        await ada.say("on its way")
        await expect(ada.log.get_by_role("article").last).to_contain_text("Sending …")
        killed.kill()
        try:
            await bob.say("missed", "missed, too")
            await bob.has_read("before", "missed", "missed, too")
            way.release()
            await ada.has_read("before", "missed", "missed, too", "on its way")
            await bob.has_read("before", "missed", "missed, too", "on its way")
            await expect(ada.log.get_by_text(re.compile("^Away for .*: 2 messages caught up$"))).to_be_visible()
        finally:
            way.release()
            killed.start()
