"""Examples of the documents that need a browser: pages, and the scripts of docs/browser.md."""

import functools
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from harness import Cluster
from harness.examples.blocks import Block, blocks, pages

ALL = [block for page in pages() for block in blocks(page) if block.reason is None]
HTML = [block for block in ALL if block.language == "html"]
SCRIPTS = [block for block in ALL if block.language == "js" and block.page == "docs/browser.md"]

# What the text takes for granted: a client, a channel, and functions of the program.
AROUND = """
  const { Apus } = await import('/apus.js')
  const apus = window.apus = new Apus(undefined, { user: 'bob' })
  const user = apus.user ?? 'bob'
  const room = window.room = apus.channel('demo:examples')
  const [badge, line, input] = ['p', 'p', 'input'].map(name => document.body.appendChild(document.createElement(name)))
  window.told = []
  const tell = name => (...values) => { window.told.push([name, ...values]) }
  const [toast, show, draw, mark, reload] = ['toast', 'show', 'draw', 'mark', 'reload'].map(tell)
"""


def place(block: Block) -> str:
    return block.place


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder, and where it is served, as `python3 -m http.server` does."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(SimpleHTTPRequestHandler, directory=tmp_path))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield tmp_path, f"http://localhost:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


async def talk(page) -> None:
    await page.locator("input").fill("hello")
    await page.get_by_role("button", name="Send").click()


@pytest.mark.parametrize("block", HTML, ids=place)
async def test_a_page(cluster: Cluster, tab, folder: tuple[Path, str], block: Block):
    """As it is printed, but for the ports: saved, served and opened twice."""
    path, address = folder
    text = block.text.replace('<meta charset="utf-8">', '<meta charset="utf-8"><link rel="icon" href="data:,">')
    (path / "chat.html").write_text(text.replace("localhost:8080", f"localhost:{cluster.nodes[0].port}"))
    one, other = [(await tab(f"{address}/chat.html")).page for _ in range(2)]
    await talk(one)
    await other.get_by_text("alice: hello").last.wait_for()
    # Who comes later sees it, too.
    third = (await tab(f"{address}/chat.html")).page
    await third.get_by_text("alice: hello").last.wait_for()


@pytest.mark.parametrize("block", SCRIPTS, ids=place)
async def test_a_script(cluster: Cluster, tab, block: Block):
    """It throws nothing, and what it has set up works on a live connection."""
    page = (await tab(cluster.nodes[0].http + "/chat")).page
    # It may go on for ever, as a loop over messages does.
    await page.evaluate("async () => {" + AROUND + "; void (async () => {" + block.text + "})() }")
    await page.evaluate("apus.connect().then(() => room.subscribe()).then(() => room.publish({ text: 'an example' }))")
