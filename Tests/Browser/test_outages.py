"""The client in a browser, in outages of every kind: what was said meanwhile comes once and in order."""

import asyncio
import contextlib
import os
import re
import signal
from collections.abc import Iterator

import pytest
from conftest import OpenTab
from playwright.async_api import Browser, Error
from tab import Tab

from harness import Cluster, Node, eventually
from harness.way import Way

# Shown as text, so that there is no client but the test's.
BLANK = "/apus.js"

JOIN = """async ([user, channel]) => {
  const { Apus } = await import('/apus.js')
  window.apus = new Apus(undefined, { user, timeout: 60_000 })
  window.room = apus.channel(channel)
  window.told = []
  window.states = []
  room.on('message', ({ data }) => told.push(data))
  room.on('gap', () => told.push('gap'))
  apus.on('state', ({ state }) => states.push(state))
  await room.subscribe({ presence: true })
  states.length = 0
  return apus.transport
}"""

# Numbers, a new one every 20 ms whether or not there is a connection; what follows them shows that none came twice.
PUBLISH = """(count) => void (async () => {
  for (let number = 0; number < count; number++) {
    room.publish(number).catch((error) => told.push(error.code))
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  await room.publish('end')
})()"""

# A ping that must be answered in three seconds.
LOOK = "dispatchEvent(new Event('offline'))"


@pytest.fixture
def channel(request: pytest.FixtureRequest) -> str:
    """One that keeps history and that no other test uses."""
    return "demo:" + re.sub(r"\W+", "-", request.node.name)


async def join(tab: Tab, user: str, channel: str) -> str:
    """Makes the tab a listener: `told` has what came, `states` those of the client since. Returns the transport."""
    return await tab.page.evaluate(JOIN, [user, channel])


def say(node: Node, channel: str, data: object) -> None:
    answer = node.request("POST", f"/api/channels/{channel}/messages", json={"data": data})
    assert answer.status_code == 200, answer.text


async def has_heard(tab: Tab, expected: list) -> None:
    """In the end the tab has been told this and no more."""
    with contextlib.suppress(Error):
        await tab.until(f"told.length >= {len(expected)}")
    assert await tab.page.evaluate("told") == expected


async def test_a_connection_that_was_held_up_goes_on(cluster: Cluster, tab: OpenTab, channel: str):
    one, other, _ = cluster.nodes
    with Way(one.port) as proxy:
        alice = await tab(proxy.http + BLANK)
        await join(alice, "alice", channel)
        proxy.hold()
        for number in range(3):
            say(other, channel, number)
        await alice.page.evaluate("void room.publish(3)")
        await asyncio.sleep(1)
        assert await alice.page.evaluate("told") == []
        proxy.release()
        await has_heard(alice, [0, 1, 2, 3])
        assert await alice.page.evaluate("states") == []


async def test_a_connection_that_is_held_up_for_long_is_given_up(cluster: Cluster, tab: OpenTab, channel: str):
    one, other, _ = cluster.nodes
    with Way(one.port) as proxy:
        alice = await tab(proxy.http + BLANK)
        await join(alice, "alice", channel)
        say(other, channel, "before")
        await has_heard(alice, ["before"])
        proxy.hold()
        say(other, channel, "meanwhile")
        await alice.page.evaluate(f"void room.publish('mine'); {LOOK}")
        await alice.until("states.includes('reconnecting')")
        proxy.release()
        await alice.page.evaluate("room.publish('end')")
        await has_heard(alice, ["before", "meanwhile", "mine", "end"])


async def test_what_is_published_over_cuts_comes_once_and_in_order(cluster: Cluster, tab: OpenTab, channel: str):
    with Way(cluster.nodes[0].port) as proxy:
        alice = await tab(proxy.http + BLANK)
        bob = await tab(cluster.nodes[1].http + BLANK)
        await join(alice, "alice", channel)
        await join(bob, "bob", channel)
        await alice.page.evaluate(PUBLISH, 90)
        for heard in (20, 40, 60):
            await bob.until(f"told.length >= {heard}")
            proxy.close()
            proxy.open()
        await has_heard(bob, [*range(90), "end"])
        await has_heard(alice, [*range(90), "end"])


async def test_a_browser_that_was_stopped_goes_on_with_the_same_connection(
    cluster: Cluster, own_browser: Browser, channel: str
):
    """All of its processes, as when a laptop sleeps; what came meanwhile waits in its sockets, and a pong with it."""
    one, other, _ = cluster.nodes
    with Way(one.port) as proxy:
        alice = await Tab(await own_browser.new_page()).open(proxy.http + BLANK)
        await join(alice, "alice", channel)
        pids = await processes(own_browser)
        proxy.hold()
        await alice.page.evaluate(LOOK)
        with stopped(pids):
            proxy.release()
            say(other, channel, "while stopped")
            await asyncio.sleep(15)
        await has_heard(alice, ["while stopped"])
        say(other, channel, "afterwards")
        await has_heard(alice, ["while stopped", "afterwards"])
        # Longer than what waits in the socket is waited for.
        await asyncio.sleep(1.5)
        assert await alice.page.evaluate("states") == []
        assert alice.faults == []


async def processes(browser: Browser) -> list[int]:
    session = await browser.new_browser_cdp_session()
    return [each["id"] for each in (await session.send("SystemInfo.getProcessInfo"))["processInfo"]]


@contextlib.contextmanager
def stopped(pids: list[int]) -> Iterator[None]:
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


@pytest.mark.parametrize("transport", ["websocket", "sse"])
async def test_a_node_that_goes_away_takes_no_message_along(
    cluster: Cluster, tab: OpenTab, channel: str, transport: str
):
    assert cluster.nginx is not None
    with Way(cluster.nginx.port, transport) as proxy:
        alice = await tab(proxy.http + BLANK)
        assert await join(alice, "alice", channel) == transport
        leaving = await node_of(cluster, alice)
        staying = next(node for node in cluster.nodes if node is not leaving)
        bob = await tab(staying.http + BLANK)
        await join(bob, "bob", channel)
        await alice.page.evaluate(PUBLISH, 60)
        await bob.until("told.length >= 15")
        leaving.signal(signal.SIGTERM)
        try:
            await has_heard(bob, [*range(60), "end"])
            await has_heard(alice, [*range(60), "end"])
        finally:
            leaving.wait()
            leaving.start()


async def node_of(cluster: Cluster, tab: Tab) -> Node:
    """The one that the tab's member is at."""
    name = (await tab.page.evaluate("apus.node")).rpartition(".")[0]
    return next(node for node in cluster.nodes if node.name == name)


async def test_seven_tabs_of_a_browser_hold_three_streams_and_poll_in_the_others(
    cluster: Cluster, tab: OpenTab, channel: str
):
    """Over HTTP/1.1 a browser has six connections to a host: with seven streams nothing else would get through."""
    with Way(cluster.nodes[0].port, "sse") as proxy:
        first = await tab(proxy.http + BLANK)
        tabs = [first, *[await tab(proxy.http + BLANK, beside=first) for _ in range(6)]]
        transports = await asyncio.gather(*(join(each, f"user-{at}", channel) for at, each in enumerate(tabs)))
        assert sorted(transports) == ["poll"] * 4 + ["sse"] * 3
        for at, each in enumerate(tabs):
            await each.page.evaluate(f"room.publish({at})")
        for each in tabs:
            await has_heard(each, list(range(7)))


async def test_a_page_in_the_cache_of_the_browser_leaves_and_comes_back(cluster: Cluster, tab: OpenTab, channel: str):
    node = cluster.nodes[0]
    alice = await tab(node.http + BLANK)
    await join(alice, "alice", channel)
    assert members(node, channel) == ["alice"]
    await alice.page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }))")
    await eventually(lambda: members(node, channel) == [])
    say(node, channel, "while away")
    assert await alice.page.evaluate("told") == []
    await alice.page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    await has_heard(alice, ["while away"])
    assert members(node, channel) == ["alice"]


def members(node: Node, channel: str) -> list[str]:
    """The user of each connection that is a member."""
    answer = node.get(f"/api/channels/{channel}/presence")
    assert answer.status_code == 200, answer.text
    return [connection["user"] for connection in answer.json()["connections"]]


async def test_a_page_that_was_frozen_hears_what_it_has_missed(cluster: Cluster, tab: OpenTab, channel: str):
    """By the debugger: a browser freezes only what is hidden, and no page is under a driver."""
    node = cluster.nodes[0]
    alice = await tab(node.http + BLANK)
    await join(alice, "alice", channel)
    debugger = await alice.page.context.new_cdp_session(alice.page)
    await debugger.send("Debugger.enable")
    frozen = asyncio.Event()
    debugger.on("Debugger.paused", lambda _: frozen.set())
    await alice.page.evaluate("void setTimeout(() => { debugger })")
    await frozen.wait()
    for number in range(3):
        say(node, channel, number)
    await asyncio.sleep(1)
    await debugger.send("Debugger.resume")
    await alice.page.evaluate("document.dispatchEvent(new Event('resume'))")
    await has_heard(alice, [0, 1, 2])
    assert await alice.page.evaluate("states") == []
    assert members(node, channel) == ["alice"]


@pytest.mark.parametrize("transport", ["websocket", "sse"])
async def test_a_reload_leaves_no_ghost(cluster: Cluster, tab: OpenTab, channel: str, transport: str):
    node = cluster.nodes[0]
    with Way(node.port, transport) as proxy:
        alice = await tab(proxy.http + BLANK)
        assert await join(alice, "alice", channel) == transport
        await alice.page.reload()
        await eventually(lambda: members(node, channel) == [])
        await join(alice, "alice", channel)
        assert members(node, channel) == ["alice"]
