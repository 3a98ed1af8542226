"""The editor: many write in one text, over outages, and nothing that somebody wrote is lost."""

import asyncio
import json
import re

import pytest
from conftest import OpenTab
from playwright.async_api import Locator, Page, WebSocket, expect
from tab import Tab

from harness import Cluster, eventually
from harness.way import Way


@pytest.fixture
def document(request: pytest.FixtureRequest) -> str:
    """One that no other test writes in."""
    return re.sub(r"\W+", "-", request.node.name)[:60]


# As a page that has come too late for the history asks the others for a snapshot.
ASK = """async channel => {
  const { Apus } = await import('/apus.js')
  const apus = new Apus(undefined, { user: 'cem' })
  await apus.channel(channel).subscribe()
  apus.channel(channel).signal('ask')
}"""


def states(cluster: Cluster, document: str) -> list[dict]:
    """What the snapshots hold that somebody has written; small ones, of one part each."""
    messages = cluster.nodes[0].get(f"/api/channels/demo:doc:{document}:snapshot/history").json()["messages"]
    return [json.loads(message["data"]["text"]) for message in messages]


class Writer:
    """Somebody who has the document open."""

    def __init__(self, tab: Tab):
        self.tab = tab
        self.page: Page = tab.page
        self.text: Locator = tab.page.locator("#text")
        self.state: Locator = tab.page.locator("#saved")

    async def is_saved(self) -> None:
        await expect(self.state).to_have_text("Saved")

    async def type(self, text: str, *, at: str = "End", delay: int = 20) -> None:
        """At the end of the text, or at `Home`."""
        await self.text.press(f"Control+{at}")
        await self.page.keyboard.type(text, delay=delay)

    async def read(self) -> str:
        return await self.text.input_value()


async def open_document(tab: OpenTab, http: str, name: str, document: str) -> Writer:
    writer = Writer(await tab(f"{http}/editor#name={name}&doc={document}"))
    await writer.is_saved()
    return writer


async def are_equal(*writers: Writer, length: int) -> str:
    """In the end all have the same text of that many letters, and it is saved. Returns it."""
    for writer in writers:
        await expect(writer.page.locator("#count")).to_have_text(f"{length} letters")
    for writer in writers:
        await writer.is_saved()
    first, *others = [await writer.read() for writer in writers]
    assert all(other == first for other in others), [first, *others]
    return first


async def test_three_on_three_nodes_write_at_once(cluster: Cluster, tab: OpenTab, document: str):
    names = ["ada", "bob", "cem"]
    writers = [
        await open_document(tab, node.http, name, document) for node, name in zip(cluster.nodes, names, strict=True)
    ]
    await expect(writers[0].page.locator("#people li")).to_have_count(3)
    await asyncio.gather(*(writer.type(letter * 25) for writer, letter in zip(writers, "abc", strict=True)))
    text = await are_equal(*writers, length=75)
    assert sorted(text) == sorted("a" * 25 + "b" * 25 + "c" * 25)
    # Where the others are is drawn for the eye and told in a list.
    await expect(writers[2].page.locator(".caret[data-user=ada]")).to_have_count(1)
    await expect(writers[2].page.locator("li[data-user=ada]")).to_contain_text("line 1")


async def test_what_was_written_while_cut_off_is_merged_and_saved_only_then(
    cluster: Cluster, tab: OpenTab, document: str
):
    with Way(cluster.nodes[0].port) as proxy:
        ada = await open_document(tab, proxy.http, "ada", document)
        bob = await open_document(tab, cluster.nodes[1].http, "bob", document)
        await ada.type("Both. ")
        await are_equal(ada, bob, length=6)
        proxy.close()
        await asyncio.gather(ada.type("Ada alone. "), bob.type("Bob alone. "))
        await expect(ada.state).to_have_text("Kept here, not sent yet")
        await bob.is_saved()
        assert "Ada alone" not in await bob.read()
        proxy.open()
        text = await are_equal(ada, bob, length=28)
        assert text in ("Both. Ada alone. Bob alone. ", "Both. Bob alone. Ada alone. ")


async def test_saved_is_said_only_when_the_node_has_confirmed_it(cluster: Cluster, tab: OpenTab, document: str):
    with Way(cluster.nodes[0].port) as proxy:
        ada = await open_document(tab, proxy.http, "ada", document)
        proxy.hold()
        await ada.type("not yet")
        await expect(ada.state).to_have_text("Saving …")
        # Longer than a batch waits for more.
        await asyncio.sleep(0.5)
        await expect(ada.state).to_have_text("Saving …")
        proxy.release()
        await ada.is_saved()


async def test_undo_takes_back_what_one_wrote_oneself(cluster: Cluster, tab: OpenTab, document: str):
    ada = await open_document(tab, cluster.nodes[0].http, "ada", document)
    bob = await open_document(tab, cluster.nodes[1].http, "bob", document)
    await ada.type("mine")
    await are_equal(ada, bob, length=4)
    await bob.type("yours ", at="Home")
    await are_equal(ada, bob, length=10)
    await ada.page.keyboard.press("Control+z")
    assert await are_equal(ada, bob, length=6) == "yours "
    await ada.page.keyboard.press("Control+Shift+z")
    assert await are_equal(ada, bob, length=10) == "yours mine"
    await bob.page.keyboard.press("Control+z")
    assert await are_equal(ada, bob, length=4) == "mine"


async def test_a_passage_that_two_deleted_comes_back_once(cluster: Cluster, tab: OpenTab, document: str):
    with Way(cluster.nodes[0].port) as proxy:
        ada = await open_document(tab, proxy.http, "ada", document)
        bob = await open_document(tab, cluster.nodes[1].http, "bob", document)
        await ada.type("the passage")
        await are_equal(ada, bob, length=11)
        proxy.close()
        for writer in (ada, bob):
            await writer.text.focus()
            await writer.page.keyboard.press("Control+a")
            await writer.page.keyboard.press("Delete")
        await expect(bob.page.locator("#count")).to_have_text("0 letters")
        await asyncio.gather(*(writer.page.keyboard.press("Control+z") for writer in (ada, bob)))
        await bob.is_saved()
        proxy.open()
        assert await are_equal(ada, bob, length=11) == "the passage"


async def test_a_newcomer_reads_a_snapshot_and_only_what_came_after(cluster: Cluster, tab: OpenTab, document: str):
    node = cluster.nodes[0]
    ada = await open_document(tab, node.http, "ada", document)
    # Each letter in a batch of its own: every 50th makes a snapshot.
    await ada.type("letter by letter it becomes a text of sixty letters, at last", delay=90)
    await ada.is_saved()

    def has_snapshot() -> bool:
        return bool(node.get(f"/api/channels/demo:doc:{document}:snapshot/history").json()["messages"])

    await eventually(has_snapshot)
    bob = Writer(await tab("about:blank"))
    batches: list[dict] = []
    bob.page.on("websocket", lambda socket: collect_batches(socket, batches))
    await bob.tab.open(f"{cluster.nodes[1].http}/editor#name=bob&doc={document}")
    assert await are_equal(ada, bob, length=60) == "letter by letter it becomes a text of sixty letters, at last"
    assert len(batches) < 30, f"{len(batches)} batches, though there is a snapshot"


def collect_batches(socket: WebSocket, batches: list[dict]) -> None:
    def receive(payload: str | bytes) -> None:
        event = json.loads(payload)
        if event["type"] == "history":
            batches.extend(message for message in event["messages"] if "edits" in message["data"])
        elif event["type"] == "message" and "edits" in event["data"]:
            batches.append(event)

    socket.on("framereceived", receive)


async def test_deletes_of_letters_that_never_come_neither_fill_the_page_nor_stop_it(
    cluster: Cluster, tab: OpenTab, document: str
):
    ada = await open_document(tab, cluster.nodes[0].http, "ada", document)
    deletes = [{"delete": [[1 + 1500 * number, "a", 1500]], "turn": 1} for number in range(1000)]
    # What no editor sends in one message, and then as much in messages that it might.
    for edits in [deletes, *(deletes[start : start + 6] for start in range(0, 24, 6))]:
        path = f"/api/channels/demo:doc:{document}/messages"
        assert cluster.nodes[1].request("POST", path, json={"data": {"edits": edits}}).status_code == 200
    await ada.type("still here")
    bob = await open_document(tab, cluster.nodes[1].http, "bob", document)
    assert await are_equal(ada, bob, length=10) == "still here"
    await bob.page.evaluate(ASK, f"demo:doc:{document}")

    def waiting() -> list[int]:
        """How many letters wait, by each snapshot that somebody has written."""
        return [sum(run[2] for edit in state["early"] for run in edit["delete"]) for state in states(cluster, document)]

    await eventually(waiting)
    assert all(9000 < letters <= 20_000 for letters in waiting()), waiting()


async def test_snapshots_that_somebody_has_made_up_neither_fill_the_page_nor_close_the_document(
    cluster: Cluster, tab: OpenTab, document: str
):
    ada = await open_document(tab, cluster.nodes[0].http, "ada", document)
    await ada.type("still ")
    await ada.is_saved()
    position = {"epoch": "made up", "offset": 0}
    for number in range(9):
        state = {"copies": [f"made-up-{number}"], "runs": [[0, 1, 200_000 - 20_000 * number]], "early": []}
        data = {"snapshot": str(number), "part": 0, "parts": 1, "position": position, "text": json.dumps(state)}
        path = f"/api/channels/demo:doc:{document}:snapshot/messages"
        assert cluster.nodes[1].request("POST", path, json={"data": data}).status_code == 200
    await ada.type("here")
    bob = await open_document(tab, cluster.nodes[1].http, "bob", document)
    await bob.type("!")
    assert await are_equal(ada, bob, length=11) == "still here!"
    for writer in (ada, bob):
        await expect(writer.page.locator("#notice")).to_be_hidden()
    await bob.page.evaluate(ASK, f"demo:doc:{document}")

    def sizes() -> list[int]:
        """How many letters, deleted ones included, each snapshot of an editor has."""
        runs = [[run[2] for run in state["runs"]] for state in states(cluster, document)]
        written = [each for each in runs if any(isinstance(what, str) for what in each)]
        return [sum(what if isinstance(what, int) else len(what) for what in each) for each in written]

    await eventually(sizes)
    assert all(letters < 150_000 for letters in sizes()), sizes()


async def test_when_the_history_is_deleted_the_text_stays_and_the_gap_is_told(
    cluster: Cluster, tab: OpenTab, document: str
):
    ada = await open_document(tab, cluster.nodes[0].http, "ada", document)
    bob = await open_document(tab, cluster.nodes[1].http, "bob", document)
    await ada.type("still here")
    await are_equal(ada, bob, length=10)
    channel = f"demo:doc:{document}"
    assert cluster.nodes[2].request("DELETE", f"/api/channels/{channel}/history").status_code == 200
    await ada.page.get_by_role("button", name="Connected").click()
    await expect(ada.page.get_by_role("group", name="Connection")).to_contain_text(re.compile(f"Last gap{channel}, "))
    await bob.type(", both")
    cem = await open_document(tab, cluster.nodes[2].http, "cem", document)
    assert await are_equal(ada, bob, cem, length=16) == "still here, both"


async def test_a_node_that_is_killed_while_two_write_takes_nothing_along(
    cluster: Cluster, tab: OpenTab, document: str
):
    assert cluster.nginx is not None
    ada = await open_document(tab, cluster.nginx.http, "ada", document)
    own = await ada.tab.node(cluster)
    other = next(node for node in cluster.nodes if node is not own)
    bob = await open_document(tab, other.http, "bob", document)

    async def kill() -> None:
        await expect(bob.text).to_have_value(re.compile("aaaaa"))
        own.kill()

    await asyncio.gather(ada.type("a" * 40), bob.type("b" * 40), kill())
    own.start()
    text = await are_equal(ada, bob, length=80)
    assert sorted(text) == sorted("a" * 40 + "b" * 40)
    await expect(bob.page.locator("#people li")).to_have_count(2)
