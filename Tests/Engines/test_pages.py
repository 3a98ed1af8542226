"""The pages in other engines: they connect, and write no error into the console."""

import pytest
from conftest import OpenTab

from harness import Node


@pytest.mark.parametrize("page", ["", "chat", "dashboard", "editor", "match", "notifications"])
def test_a_page_connects(tab: OpenTab, node: Node, page: str):
    one = tab(f"{node.http}/{page}")
    one.comes_to("() => document.querySelector('apus-status').dataset.state === 'connected'")
    assert one.evaluate("() => document.querySelector('apus-status').dataset.transport") == "websocket"


def test_the_console_shows_the_node(tab: OpenTab, node: Node):
    one = tab(node.http + "/console")
    one.comes_to("() => document.querySelector('main').innerText.includes('web-1')")
