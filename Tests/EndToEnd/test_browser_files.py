"""The client and the pages, as a node serves them."""

import base64
import gzip
import hashlib
import re

import pytest

from harness import Node
from harness.repository import REPOSITORY

CLIENT = ["/apus.js", "/apus.d.ts", "/apus-extras.js", "/apus-extras.d.ts"]
PAGES = ["/", "/chat", "/dashboard", "/editor", "/match", "/notifications", "/console"]


@pytest.mark.parametrize("path", CLIENT)
def test_the_client_is_there_for_pages_of_any_origin(memory_node: Node, path: str):
    answer = memory_node.get(path, headers={"Origin": "https://elsewhere.example", "Accept-Encoding": "identity"})
    assert answer.status_code == 200 and answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["content-type"].startswith("text/javascript" if path.endswith(".js") else "text/plain")
    assert answer.headers["cache-control"] == "no-cache" and answer.headers["x-content-type-options"] == "nosniff"
    assert answer.text == (REPOSITORY / "Web" / ("served" if path.endswith(".js") else "") / path[1:]).read_text()


@pytest.mark.parametrize("path", [*CLIENT, *PAGES, "/demo.css", "/demo.js"])
async def test_a_file_is_small_and_sent_once(memory_node: Node, raw, path: str):
    whole = memory_node.get(path, headers={"Accept-Encoding": "identity"})
    socket = await raw(memory_node.port)
    answer = await socket.request(path, headers={"Accept-Encoding": "br;q=1, gzip;q=0.5"})
    assert answer.headers["content-encoding"] == "gzip" and gzip.decompress(answer.body) == whole.content
    assert answer.headers["vary"] == "Accept-Encoding"
    refused = await socket.request(path, headers={"Accept-Encoding": "gzip;q=0, *"})
    assert "content-encoding" not in refused.headers and refused.body == whole.content
    refused = await socket.request(path, headers={"Accept-Encoding": "gzip;\tq=0"})
    assert "content-encoding" not in refused.headers
    assert whole.headers["etag"].startswith("W/"), "both encodings have it"
    for tag in (whole.headers["etag"], whole.headers["etag"].removeprefix("W/"), '"other", ' + whole.headers["etag"], "*"):
        again = await socket.request(path, headers={"If-None-Match": tag})
        assert again.status == 304 and again.body == b"", tag
    other = await socket.request(path, headers={"If-None-Match": '"other"'})
    assert other.status == 200


@pytest.mark.parametrize("path", PAGES)
def test_a_page_may_run_what_stands_in_it_and_no_more(memory_node: Node, path: str):
    answer = memory_node.get(path)
    policy = dict(part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; "))
    for tag, directive in (("script", "script-src"), ("style", "style-src")):
        inline = re.findall(rf"<{tag}(?![^>]*src=)[^>]*>(.*?)</{tag}>", answer.text, re.DOTALL)
        hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in inline]
        assert policy[directive].split() == ["'self'", *(f"'sha256-{digest}'" for digest in hashes)]
    host = f"127.0.0.1:{memory_node.port}"
    assert policy["connect-src"] == f"'self' ws://{host} wss://{host}"
    assert policy["default-src"] == policy["base-uri"] == policy["form-action"] == policy["frame-ancestors"] == "'none'"
    assert answer.headers["referrer-policy"] == "no-referrer"
    for word in ("innerHTML", "insertAdjacentHTML", "document.write", "eval(", "onclick=\"", " style=\"", "https://"):
        assert word not in answer.text.replace("https://elsewhere", ""), word


def test_a_host_that_is_not_plain_adds_nothing_to_the_policy(memory_node: Node):
    answer = memory_node.get("/chat", headers={"Host": "localhost;script-src *"})
    assert answer.status_code != 200 or "*" not in answer.headers["content-security-policy"]


def test_files_take_get_and_head_alone(memory_node: Node):
    assert memory_node.request("POST", "/apus.js").status_code == 405
    head = memory_node.request("HEAD", "/apus.js")
    assert head.status_code == 200 and head.content == b"" and int(head.headers["content-length"]) > 1000
