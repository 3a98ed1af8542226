"""What the shipped configurations of nginx keep closed and what they pass, each with the nodes it is made for."""

import asyncio
import http.client
import json
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness import NamedNginx, Nginx, Node
from harness.backend import Backend, Call
from harness.backend import http as answer
from harness.nginx import has_sticky
from harness.repository import REPOSITORY

CONFIGURATIONS = {"nginx/nginx.conf": NamedNginx, "nginx/fixed/nginx.conf": Nginx}
KIB, MIB = 1024, 1024 * 1024


@pytest.fixture(params=CONFIGURATIONS.values(), ids=CONFIGURATIONS.keys(), scope="module")
def configuration(request: pytest.FixtureRequest) -> type[Nginx]:
    return request.param


@dataclass
class Answered:
    status: int
    headers: http.client.HTTPMessage
    text: str

    @property
    def json(self) -> dict[str, object]:
        return json.loads(self.text)


def ask(port: int, path: str, method: str = "GET", body: bytes | None = None, **headers: str) -> Answered:
    """One request, whose path is sent as it is given."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, path, body, {"Connection": "close", **headers})
        response = connection.getresponse()
        return Answered(response.status, response.headers, response.read().decode())
    finally:
        connection.close()


# With a node


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    with Node("web-1", tmp_path_factory.mktemp("node")) as node:
        yield node


@pytest.fixture(scope="module")
def front(configuration: type[Nginx], node: Node, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    """As it is shipped."""
    with configuration(tmp_path_factory.mktemp("front"), [node.port]) as nginx:
        yield nginx


CLOSED = ["api", "api/", "api/nodes", "api/x.html", "console", "console/app.js"]
CLOSED += ["metrics", "readyz", "healthz", "openapi.json"]
SPELLINGS = {
    "plain": "/{}",
    "with a query": "/{}?x=1",
    "with an empty query": "/{}?",
    "with more below": "/{}/x",
    "two slashes": "//{}",
    "many slashes": "////{}",
    "a dot": "/./{}",
    "two dots": "/x/../{}",
    "two dots below it": "/{}/x/..",
    "two dots and two slashes": "/x/..//{}",
    "escaped dots": "/x/%2e%2e/{}",
    "an escaped slash": "/%2f{}",
    "escaped dots and slashes": "/x%2F%2E%2E%2F{}",
    "an escaped slash after it": "/{}%2Fx",
    "an escaped newline after it": "/{}%0A",
    "a whole address": "http://localhost/{}",
    "a whole address with two slashes": "http://localhost//{}",
    "out of the WebSocket": "/ws/../{}",
    "out of a stream": "/events/../{}",
}


def is_closed(answered: Answered) -> bool:
    return (
        answered.status == 403
        and answered.headers["Content-Type"] == "application/json"
        and answered.text.count("\n") == 1
        and answered.text.endswith("\n")
        and answered.json.keys() == {"code", "error"}
        and answered.json["code"] == "forbidden"
        and str(answered.json["error"]).startswith("Closed to the outside: ")
    )


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS.keys())
def test_what_is_closed(front, spelling):
    for path in CLOSED:
        answered = ask(front.port, spelling.format(path))
        assert is_closed(answered), (path, answered)


@pytest.mark.parametrize("path", CLOSED)
def test_what_is_closed_with_escaped_letters(front, path):
    for number, letter in enumerate(path):
        escaped = f"/{path[:number]}%{ord(letter):02x}{path[number + 1 :]}"
        assert is_closed(ask(front.port, escaped)), escaped
    assert is_closed(ask(front.port, "/" + "".join(f"%{ord(letter):02X}" for letter in path)))


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_what_is_closed_to_other_methods(front, method):
    for path in CLOSED:
        assert is_closed(ask(front.port, f"/{path}", method, b"{}"))


def test_what_is_closed_to_a_handshake(front):
    words = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    assert is_closed(ask(front.port, "/api/nodes", **words, **{"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}))


# What only looks like it: a node knows none of them.
OTHERS = ["/API", "/Api/nodes", "/apis", "/api.json", "/api;x/nodes", "/x/api"]
OTHERS += ["/%2561pi/nodes", "/api%5Cnodes", "/api%20/nodes"]
OTHERS += ["/METRICS", "/metricsx", "/readyz.json", "/openapi.jsonx", "/openapixjson", "/ws/api", "/events/api/nodes"]


@pytest.mark.parametrize("path", OTHERS)
def test_what_looks_like_it_is_nothing_to_a_node(front, path):
    answered = ask(front.port, path)
    assert answered.status == 404 and answered.json["code"] == "not_found"


@pytest.mark.parametrize("path", ["/../api", "/x/../../api/nodes", "/api%00", "/%zz"])
def test_a_path_that_is_none(front, path):
    assert ask(front.port, path).status == 400


async def test_what_is_open(front, connect):
    assert ask(front.port, "/").status == 200
    client = await connect(front.ws)
    await client.ping()


# The inside listener

BLOCKS = {"the block that is commented out": "common/inside.conf", "that of compose": "compose/inside.conf"}


@pytest.fixture(params=BLOCKS.values(), ids=BLOCKS.keys())
def block(request: pytest.FixtureRequest) -> str:
    return request.param


async def test_the_inside_listener(configuration, block, node, tmp_path, connect):
    with configuration(tmp_path, [node.port], inside=block) as nginx:
        assert ask(nginx.inside, "/api/access").json == {"access": "full"}
        for path in ("/healthz", "/readyz", "/metrics"):
            assert ask(nginx.inside, path).status == 200
        for path in CLOSED:
            assert not is_closed(ask(nginx.inside, f"/{path}")) and is_closed(ask(nginx.port, f"/{path}"))

        client = await connect(nginx.ws)
        body = b'{"data":"hello"}'.ljust(8 * MIB)
        assert (await asyncio.to_thread(ask, nginx.inside, "/api/notifications", "POST", body)).status == 200
        await client.expect("notification", data="hello")
        over = await asyncio.to_thread(ask, nginx.inside, "/api/notifications", "POST", body + b" ")
        assert over.status == 413


# With nodes that are none, for what real ones do not answer yet, and to see what they are asked

@pytest.fixture
async def fakes(configuration: type[Nginx], tmp_path: Path) -> AsyncIterator[Callable]:
    """Starts so many fake nodes, which answer 200, with nginx in front of them."""
    async with AsyncExitStack() as stack:

        async def start(count: int = 1, **options: object) -> tuple[Nginx, list[Backend]]:
            nodes = []
            for _ in range(count):
                nodes.append(await Backend().start())
                stack.push_async_callback(nodes[-1].stop)
                nodes[-1].answer = plainly
            nginx = stack.enter_context(configuration(tmp_path, [node.port for node in nodes], **options))
            return nginx, nodes

        yield start


async def plainly(call: Call) -> bytes:
    return answer("{}")


async def unavailable(call: Call) -> bytes:
    return answer("{}", "503 Service Unavailable")


async def asked(port: int, *words: object, **headers: str) -> Answered:
    return await asyncio.to_thread(ask, port, *words, **headers)


async def test_a_name_with_a_slash_stays_whole_inside(fakes, block):
    nginx, (node,) = await fakes(inside=block)
    for path in ("/api/users/a%2Fb/messages?x=%2F", "/api/channels/a%2F..%2Fb%20%C3%A9", "/api//x"):
        await asked(nginx.inside, path)
        assert node.calls[-1].line == f"GET {path} HTTP/1.1"


STREAMS = ["/events", "/poll", "/commands"]


@pytest.mark.parametrize("path", STREAMS)
async def test_bodies_of_streams_and_commands(fakes, path):
    nginx, (node,) = await fakes()
    body = b"x" * 256 * KIB
    assert (await asked(nginx.port, path, "POST", body)).status == 200
    assert node.calls[-1].body == body
    assert (await asked(nginx.port, path, "POST", body + b"x")).status == 413
    # Everything else that is public takes less.
    assert (await asked(nginx.port, "/x", "POST", b"x" * 64 * KIB)).status == 200
    assert (await asked(nginx.port, "/x", "POST", b"x" * (64 * KIB + 1))).status == 413
    assert len(node.calls) == 2


@pytest.mark.parametrize("path", STREAMS)
async def test_streams_have_connections_of_their_own(fakes, path):
    nginx, (node,) = await fakes()
    for _ in range(5):
        await asked(nginx.port, "/")
        assert (await asked(nginx.port, f"{path}?channel=a&x=%2F", "POST", b"{}", Upgrade="websocket")).status == 200
    streams = [call for call in node.calls if call.line == f"POST {path}?channel=a&x=%2F HTTP/1.1"]
    assert len(streams) == 5
    assert all(call.headers["connection"] == "close" and "upgrade" not in call.headers for call in streams)
    assert len({call.connection for call in streams}) == 5
    assert not {call.connection for call in streams} & {call.connection for call in node.calls if call not in streams}


async def test_a_stream_comes_as_it_is_sent(fakes):
    nginx, (node,) = await fakes()

    async def stream(call: Call) -> bytes:
        return b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n"

    node.answer = stream
    reader, writer = await asyncio.open_connection("127.0.0.1", nginx.port)
    writer.write(b"GET /events?channel=a HTTP/1.1\r\nHost: localhost\r\n\r\n")
    async with asyncio.timeout(5):
        assert b" 200 " in await reader.readuntil(b"data: 1\n\n")
    writer.close()


@pytest.mark.parametrize("file", ["nginx.conf", "fixed/upstreams.conf", "fixed/compose/upstreams.conf"])
def test_streams_have_the_nodes_of_the_websocket(file):
    """And their stickiness, of which an older nginx can show nothing."""
    text = (REPOSITORY / "nginx" / file).read_text()
    blocks = dict(re.findall(r"^ *upstream (\w+) \{\n(.*?)^ *\}", text, re.MULTILINE | re.DOTALL))
    lines = {
        name: [line.strip() for line in block.splitlines() if line.strip() and "zone" not in line and "#" not in line]
        for name, block in blocks.items()
    }
    assert lines["streams"] == lines["sockets"] and len(lines["streams"]) >= 2


@pytest.mark.parametrize("path", STREAMS)
async def test_streams_come_back_to_their_node(fakes, configuration, path):
    if configuration is NamedNginx and not has_sticky():
        pytest.skip("this nginx has no `sticky`")
    nginx, nodes = await fakes(3)
    first = await asked(nginx.port, path)
    (cookie,) = first.headers.get_all("Set-Cookie")
    assert "httponly" in cookie.lower() and "samesite=lax" in cookie.lower()
    (home,) = [node for node in nodes if node.calls]
    for _ in range(10):
        again = await asked(nginx.port, path, "POST", b"{}", Cookie=cookie.split(";")[0])
        assert not again.headers.get_all("Set-Cookie")
    assert len(home.calls) == 11 and sum(len(node.calls) for node in nodes) == 11


@pytest.mark.parametrize(("path", "method", "passed_on"), [
    ("/events", "GET", True),
    ("/events", "POST", True),
    ("/poll", "POST", True),
    ("/commands", "POST", False),
])
async def test_a_node_that_refuses_a_stream_is_passed_over(fakes, path, method, passed_on):
    """Commands are not sent twice: whoever has sent them decides."""
    nginx, nodes = await fakes(2)
    nodes[0].answer = unavailable
    statuses = {(await asked(nginx.port, path, method, b"{}" if method == "POST" else None)).status for _ in range(20)}
    assert statuses == ({200} if passed_on else {200, 503})
    assert len(nodes[0].calls) > 0 and len(nodes[1].calls) > 0
    assert sum(len(node.calls) for node in nodes) == 20 + (len(nodes[0].calls) if passed_on else 0)
