"""The client in other engines: it connects, publishes, is cut off and comes back, on every transport."""

import itertools

import pytest
from conftest import OpenTab
from tab import Tab

from harness import Node, until
from harness.way import Way

# A file of the node that has no client of its own.
EMPTY = "/demo.css"

READ = """async (user, channel) => {
  const { Apus } = await import('/apus.js')
  window.apus = new Apus(undefined, { user, timeout: 60_000 })
  window.room = apus.channel(channel)
  window.told = []
  window.errors = []
  apus.on('error', (error) => errors.push(String(error)))
  room.on('message', ({ data }) => told.push(data))
  room.on('gap', () => told.push('gap'))
  await room.subscribe()
}"""

_numbers = itertools.count(1)


@pytest.fixture
def channel() -> str:
    return f"demo:engines-{next(_numbers)}"


def reader(tab: Tab, user: str, channel: str, transport: str) -> Tab:
    """A tab that reads the channel by that transport."""
    tab.evaluate(READ, user, channel)
    tab.comes_to(f"() => apus.transport === '{transport}' && room.state === 'subscribed'")
    return tab


def publish(node: Node, channel: str, *messages: str) -> None:
    for data in messages:
        answer = node.request("POST", f"/api/channels/{channel}/messages", json={"data": data})
        assert answer.status_code == 200, answer.text


def has_told(tab: Tab, messages: list[str]) -> None:
    """Waits until it has been told so many, and looks which."""

    def told() -> list[str]:
        return tab.evaluate("() => told")

    until(lambda: len(told()) >= len(messages), what=lambda: f"{messages}, but {told()}")
    assert tab.evaluate("() => [told, errors]") == [messages, []]


def test_two_tabs_tell_each_other(tab: OpenTab, way: Way, transport: str, channel: str):
    alice = reader(tab(way.http + EMPTY), "alice", channel, transport)
    bob = reader(tab(way.http + EMPTY), "bob", channel, transport)
    messages = [f"{number} of {user}" for number in range(10) for user in ("alice", "bob")]
    for message in messages:
        by = alice if message.endswith("alice") else bob
        by.evaluate("(data) => room.publish(data)", message)
    for each in (alice, bob):
        has_told(each, messages)
        assert each.evaluate("() => apus.transport") == transport


def test_what_is_published_while_the_way_is_cut_comes_once_and_in_order(
    tab: OpenTab, way: Way, node: Node, transport: str, channel: str
):
    alice = reader(tab(way.http + EMPTY), "alice", channel, transport)
    publish(node, channel, "before")
    has_told(alice, ["before"])
    way.close()
    alice.comes_to("() => apus.state === 'reconnecting'")
    away = [f"away {number}" for number in range(20)]
    publish(node, channel, *away)
    way.open()
    has_told(alice, ["before", *away])
    publish(node, channel, "behind")
    has_told(alice, ["before", *away, "behind"])
    alice.comes_to(f"() => apus.transport === '{transport}'")


def test_what_a_tab_publishes_while_the_way_is_cut_arrives_once(
    tab: OpenTab, way: Way, node: Node, transport: str, channel: str
):
    alice = reader(tab(way.http + EMPTY), "alice", channel, transport)
    bob = tab(node.http + EMPTY)
    bob.evaluate(READ, "bob", channel)
    alice.evaluate("() => room.publish('before')")
    way.close()
    alice.evaluate("() => { window.published = ['one', 'two', 'three'].map((data) => room.publish(data)) }")
    alice.comes_to("() => apus.state === 'reconnecting'")
    way.open()
    offsets = alice.evaluate("() => Promise.all(published).then((all) => all.map(({ offset }) => offset))")
    assert offsets == [2, 3, 4]
    for each in (alice, bob):
        has_told(each, ["before", "one", "two", "three"])


# A poll is no connection.
@pytest.mark.parametrize("transport", ["websocket", "sse"])
def test_a_client_that_is_closed_leaves_the_node(tab: OpenTab, way: Way, node: Node, transport: str, channel: str):
    user = channel.removeprefix("demo:")

    def is_there() -> bool:
        return bool(node.request("GET", f"/api/users/{user}").json()["connections"])

    alice = reader(tab(way.http + EMPTY), user, channel, transport)
    until(is_there)
    alice.evaluate("() => apus.close()")
    assert alice.evaluate("() => [apus.state, apus.transport]") == ["offline", None]
    until(lambda: not is_there())
