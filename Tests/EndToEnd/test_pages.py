"""What web pages may do: by which host they reach a node, from which origin, and what they are told."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from harness import Node, eventually, free_port, secrets
from harness.raw import Response

FOREIGN_HOSTS = ["evil.example", "evil.example:8080", "localhost.evil.example", "127.0.0.1.evil.example", "127.1"]
OWN_HOSTS = ["localhost", "LOCALHOST:1", "apus.localhost:3000", "10.1.2.3", "[::1]:8080", "[2001:db8::1]"]
MONITORED = ["/healthz", "/readyz", "/metrics"]


@pytest.fixture(scope="module")
def start(tmp_path_factory) -> Iterator[Callable[..., Node]]:
    """Starts a node of one loop with these options; the same node for the same options."""
    nodes: dict[str, Node] = {}
    with ExitStack() as stack:

        def start(*, dev: bool = True, **options) -> Node:
            key = f"{dev} {options}"
            if key not in nodes:
                named = {"--" + name.replace("_", "-"): value for name, value in options.items()}
                node = Node(f"pages-{len(nodes)}", tmp_path_factory.mktemp("pages"), options=named, dev=dev)
                stack.callback(node.end)
                nodes[key] = node.start()
            return nodes[key]

        yield start


async def handshake(raw, node: Node, path: str = "/ws", **headers: str) -> Response:
    socket = await raw(node.port)
    return await socket.upgrade(path, headers={name.replace("_", "-"): value for name, value in headers.items()})


def forbidden(body: bytes) -> bool:
    """Whether the answer is that the node does not answer to the host, with the option that helps."""
    said = json.loads(body)
    return said["code"] == "forbidden" and "--allowed-host" in said["error"]


# ---- hosts ----


@pytest.mark.parametrize("host", FOREIGN_HOSTS)
async def test_a_page_of_a_rebound_name_reaches_nothing(start, raw, host):
    """DNS rebinding: the page's own name leads to this machine, and it is of the node's origin then."""
    node = start()
    for path in ("/", "/nope", "/api/notifications", "/healthz/x"):
        answer = node.get(path, headers={"Host": host, "Origin": f"http://{host}"})
        assert answer.status_code == 403 and forbidden(answer.content), (path, answer.text)
    answer = node.request("POST", "/api/notifications", headers={"Host": host}, json={"data": 1})
    assert answer.status_code == 403 and forbidden(answer.content)
    response = await handshake(raw, node, Host=host, Origin=f"http://{host}")
    assert response.status == 403 and forbidden(response.body), response
    for path in MONITORED:
        assert node.get(path, headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("host", OWN_HOSTS)
async def test_what_cannot_be_rebound_will_do(start, raw, host):
    node = start()
    assert node.get("/", headers={"Host": host}).status_code == 200
    assert (await handshake(raw, node, Host=host)).status == 101


async def test_a_rebound_name_on_a_connection_that_is_kept(start, raw):
    socket = await raw(start().port)
    assert (await socket.request("/nope")).status == 404
    response = await socket.request("/nope", headers={"Host": "evil.example"})
    assert response.status == 403 and forbidden(response.body)


async def test_a_host_that_is_named(start, raw):
    node = start(allowed_host=["Apus.Example", "other.example"])
    for host in ("apus.example", "APUS.example:8080", "other.example", "localhost", "10.1.2.3"):
        assert node.get("/", headers={"Host": host}).status_code == 200
        assert (await handshake(raw, node, Host=host, Origin=f"http://{host}")).status == 101
    for host in ("x.apus.example", "apus.example.evil.example", "evil.example"):
        assert forbidden(node.get("/", headers={"Host": host}).content)
        assert forbidden((await handshake(raw, node, Host=host)).body)


async def test_any_host_unless_some_are_named(start, raw):
    node = start(dev=False, allow_anonymous=None)
    assert node.get("/nope", headers={"Host": "any.example"}).status_code == 404
    assert (await handshake(raw, node, Host="any.example")).status == 101
    node = start(dev=False, allow_anonymous=None, allowed_host="apus.example")
    assert node.get("/nope", headers={"Host": "apus.example"}).status_code == 404
    assert (await handshake(raw, node, Host="apus.example")).status == 101
    assert (await handshake(raw, node, Host="localhost")).status == 101
    assert forbidden(node.get("/nope", headers={"Host": "any.example"}).content)
    assert forbidden((await handshake(raw, node, Host="any.example")).body)
    assert node.get("/metrics", headers={"Host": "any.example"}).status_code == 200


async def test_a_key_is_no_way_around_the_hosts(start):
    key = secrets.register("key-of-hosts-" + "k" * 32)
    node = start(dev=False, allow_anonymous=None, api_key=key, allowed_host="apus.example")
    for host, status in (("apus.example", 200), ("any.example", 403)):
        headers = {"Host": host, "Authorization": f"Bearer {key}"}
        assert node.request("POST", "/api/notifications", headers=headers, json={"data": 1}).status_code == status


# ---- origins ----


LOCAL_ORIGINS = ["http://localhost:3000", "https://localhost:5173", "http://app.localhost", "http://127.8.9.1:1"]
LOCAL_ORIGINS += ["http://[::1]:3000"]


@pytest.mark.parametrize("origin", LOCAL_ORIGINS)
async def test_a_development_server_on_this_machine(start, raw, origin):
    assert (await handshake(raw, start(), Origin=origin)).status == 101
    response = await handshake(raw, start(dev=False, allow_anonymous=None), Origin=origin)
    assert response.status == 403 and b"--allowed-origin" in response.body


@pytest.mark.parametrize("origin", ["null", "http://10.0.0.1:3000", "http://localhost.evil.example", "file://"])
async def test_others_stay_foreign(start, raw, origin):
    response = await handshake(raw, start(), Origin=origin)
    assert response.status == 403 and b"--allowed-origin" in response.body, response
    assert (await handshake(raw, start(allowed_origin=["null", "file://"]), Origin=origin)).status == (
        101 if origin in ("null", "file://") else 403
    )


@pytest.mark.parametrize("proto", ["https", "HTTPS", "wss", "https, http"])
async def test_a_page_of_http_is_foreign_to_https(start, raw, proto):
    """An attacker on the network can give a page of http any host; it must not reach what is served by https."""
    node = start(dev=False, allow_anonymous=None, trusted_proxy="127.0.0.1")
    headers = {"Host": "apus.example", "X_Forwarded_Proto": proto}
    assert (await handshake(raw, node, Origin="https://apus.example", **headers)).status == 101
    assert (await handshake(raw, node, Origin="http://apus.example", **headers)).status == 403
    # The word of anybody else counts for nothing.
    node = start(dev=False, allow_anonymous=None)
    assert (await handshake(raw, node, Origin="http://apus.example", **headers)).status == 101


def test_the_api_takes_no_page_of_http_behind_https(start):
    for proxy, status in ({"trusted_proxy": "127.0.0.1"}, 403), ({}, 200):
        node = start(allowed_host="apus.example", **proxy)
        headers = {"Host": "apus.example", "Origin": "http://apus.example", "X-Forwarded-Proto": "https"}
        answer = node.request("POST", "/api/notifications", json={"data": 1}, headers=headers)
        assert answer.status_code == status, answer.text


async def test_without_a_word_both_schemes_are_the_nodes_own(start, raw):
    node = start(dev=False, allow_anonymous=None, trusted_proxy="127.0.0.1")
    for scheme in ("http", "https"):
        for headers in ({}, {"X_Forwarded_Proto": "http"}):
            origin = f"{scheme}://apus.example"
            assert (await handshake(raw, node, Host="apus.example", Origin=origin, **headers)).status == 101


# ---- the log ----


async def test_what_is_refused_is_logged_once(start, raw):
    node = start(log_level="info")
    for _ in range(3):
        await handshake(raw, node, Origin="https://once.example")
        await handshake(raw, node, Host="once.test")
        node.get("/", headers={"Host": "once.test"})
    await handshake(raw, node, Origin="https://last.example")
    await eventually(lambda: "last.example" in node.log.read_text())
    for name, option in (("origin=https://once.example", "--allowed-origin"), ("host=once.test", "--allowed-host")):
        (line,) = [line for line in node.log.read_text().splitlines() if name in line]
        assert option in line and "warning" in line


async def test_strangers_cannot_fill_the_log(start, raw):
    node = start(log_level="notice")
    await handshake(raw, node, Origin="https://evil\u009b2J\u202e.example")
    await handshake(raw, node, Origin="https://" + "x" * 5000)
    for number in range(150):
        await handshake(raw, node, Origin=f"https://{number}.example")
    await handshake(raw, node, Host="last.test")
    await eventually(lambda: "last.test" in node.log.read_text())
    lines = [line for line in node.log.read_text().splitlines() if "origin" in line]
    assert len(lines) == 101 and max(len(line) for line in lines) < 300
    assert r"\u{9b}2J\u{202e}.example" in lines[0]
    assert "further ones are not" in lines[-1]


# ---- upgrades at other paths ----


@pytest.mark.parametrize("path", ["/", "/socket.io/?EIO=4", "/ws/", "/nope", "/api/x", "/healthz", "/echo"])
async def test_an_upgrade_at_another_path(start, raw, path):
    for node, real in ((start(), "/ws"), (start(ws_path="/real/path"), "/real/path")):
        socket = await raw(node.port)
        first = await socket.upgrade(path)
        assert (first.status, first.headers["content-type"].split(";")[0]) == (404, "application/json")
        assert first.body == b'{"code":"not_found","error":"The WebSocket is at %s."}' % real.encode()
        assert await socket.ended() == b""
        socket = await raw(node.port)
        await socket.request("/healthz")
        later = await socket.upgrade(path, headers={"Upgrade": "h2c, WebSocket"})
        assert (later.status, later.body) == (404, first.body)
        assert await socket.ended() == b""


async def test_another_upgrade_is_none(start, raw):
    socket = await raw(start().port)
    response = await socket.request("/", headers={"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c"})
    assert response.status == 200


async def test_a_path_that_is_taken(tmp_path):
    node = Node("taken", tmp_path, options={"--ws-path": "/metrics", "--port": free_port()})
    node.launch()
    try:
        await eventually(lambda: not node.running)
        assert node.exit_code != 0 and "--ws-path" in node.tail() and "/metrics is reserved" in node.tail()
    finally:
        node.end()
