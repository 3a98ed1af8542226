"""Requests that a backend does: what it is told, what becomes of its answers, and what becomes of it when it fails."""

import asyncio
import json
import signal
import sys

import pytest
import pytest_asyncio

from harness import Opcode, Process, eventually, free_port
from harness.backend import SECRET, Backend, Call, error, http, result, self_signed
from harness.client import Client, Message
from harness.keys import HS256
from harness.repository import REPOSITORY
from harness.tokens import token, url_with

MIB = 1 << 20


@pytest_asyncio.fixture
async def backend():
    backend = await Backend().start()
    yield backend
    await backend.stop()


@pytest.fixture
def node(own_node, backend):
    return own_node(backend.options())


async def ask(client: Client, method: str = "m", params: str | None = None, *, id: str = "r") -> Message:
    """A request in which `params` stand as they are written; its reply."""
    before = len(client.replies[id])
    rest = "" if params is None else f',"params":{params}'
    await client.send_text(f'{{"type":"request","id":"{id}","method":"{method}"{rest}}}')
    await eventually(lambda: len(client.replies[id]) > before)
    return client.replies[id][-1]


async def call(client: Client, method: str = "m", *, id: str = "c") -> Message:
    """A call of JSON-RPC; its answer."""
    before = len(client.replies[id])
    await client.send_text(json.dumps({"jsonrpc": "2.0", "method": method, "id": id}))
    await eventually(lambda: len(client.replies[id]) > before)
    return client.replies[id][-1]


class Held:
    """An answer that comes when the test wants it."""

    def __init__(self, backend: Backend, answer: bytes = result("1")):
        self.release = asyncio.Event()
        self._answer = answer
        backend.answer = self

    async def __call__(self, call: Call) -> bytes:
        await self.release.wait()
        return self._answer


# What the backend is told


async def test_the_backend_is_told_who_wants_what(node, backend, connect):
    alice, nobody = await connect(node.ws, user="alice"), await connect(node.ws)
    assert (await ask(alice, "orders.list", '{"n":1}'))["result"] == {"n": 1}
    assert (await ask(nobody, "orders.list"))["result"] is None
    assert [json.loads(each.body) for each in backend.calls] == [
        {"method": "orders.list", "params": {"n": 1}, "user": "alice", "clientId": alice.id},
        {"method": "orders.list", "params": None, "user": None, "clientId": nobody.id},
    ]
    for each in backend.calls:
        assert each.line == "POST /apus?x=1 HTTP/1.1"
        assert each.headers["content-type"] == "application/json"
        assert each.is_signed() and not each.is_signed(SECRET + "x")


async def test_without_a_secret_nothing_is_signed(own_node, backend, connect):
    node = own_node({"--backend": backend.url})
    await ask(await connect(node.ws))
    assert "apus-signature" not in backend.calls[0].headers
    assert "--backend-secret" in node.tail(), "it is warned of"


@pytest.mark.parametrize(
    "text",
    [
        "1.0e400",
        '{"a":1,"a":2}',
        r'"\u0041\ud83d\ude00\/"',
        "[1 ,\t2]",
        r'"\ud800"',
        "123456789012345678901234567890.10",
        '"é\u2028"',
        "null",
    ],
)
async def test_params_and_result_stay_as_they_are(node, backend, connect, text):
    client = await connect(node.ws, user="alice")
    reply = await ask(client, params=text)
    assert f'"params":{text},"user":"alice"'.encode() in backend.calls[0].body
    assert reply.raw == f'{{"type":"response","id":"r","result":{text}}}'


async def test_methods_of_the_node_stay_its_own(node, backend, connect):
    client = await connect(node.ws)
    for method in ("time", "whoami", "channels"):
        assert "result" in await ask(client, method)
        assert "result" in await call(client, method)
    assert backend.calls == []


async def test_strangers_are_not_passed_on(own_node, backend, connect):
    node = own_node({**backend.options(), "--jwt-secret": HS256.private.decode()}, dev=False)
    stranger = await connect(node.ws)
    assert (await ask(stranger))["code"] == "unauthenticated"
    assert (await call(stranger))["error"]["code"] == -32001
    await stranger.send_text('{"jsonrpc":"2.0","method":"m"}')
    await stranger.ping()
    bob = await connect(url_with(node.ws, token(HS256, sub="bob")))
    await ask(bob)
    assert [json.loads(each.body)["user"] for each in backend.calls] == ["bob"]


# What it answers


@pytest.mark.parametrize("text", ['"no"', '{"code":"gone","message":"a"}', '{"x":1e999,"x":2}', "null", "7"])
async def test_an_error_is_passed_on(node, backend, connect, text):
    async def refuse(call: Call) -> bytes:
        return error(text)

    backend.answer = refuse
    client = await connect(node.ws)
    assert (await ask(client)).raw == f'{{"type":"response","id":"r","error":{text}}}'
    answer = await call(client)
    assert answer.raw.endswith(f'"error":{{"code":-32004,"message":"Backend error","data":{text}}}}}')


async def test_an_error_of_json_rpc_is_one(node, backend, connect):
    text = '{"code":-32602,"message":"Invalid params","data":[1.50]}'

    async def refuse(call: Call) -> bytes:
        return error(text)

    backend.answer = refuse
    client = await connect(node.ws)
    assert (await ask(client)).raw == f'{{"type":"response","id":"r","error":{text}}}'
    assert (await call(client)).raw == f'{{"jsonrpc":"2.0","id":"c","error":{text}}}'


def chunked(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)


def filled(size: int) -> bytes:
    """An answer of that many bytes."""
    return b'{"result":"' + b"x" * (size - 13) + b'"}'


@pytest.mark.parametrize(
    ("answer", "code", "number"),
    [
        (http("{}"), "internal", -32603),
        (http("<html>"), "internal", -32603),
        (http(b'{"result":"\xc3\x28"}'), "internal", -32603),
        (http('{"result":1,"error":2}'), "internal", -32603),
        (http('{"result":1}', "201 Created"), "internal", -32603),
        (http('{"result":1}', "404 Not Found"), "internal", -32603),
        (http('{"result":1}', "500 Internal Server Error"), "internal", -32603),
        (http('{"result":1}', "503 Service Unavailable"), "unavailable", -32002),
        (http(filled(MIB + 1)), "internal", -32603),
        (chunked(filled(MIB + 1)), "internal", -32603),
        (b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "internal", -32603),
        (b"nonsense\r\n\r\n", "internal", -32603),
        (None, "timeout", -32003),
    ],
)
async def test_answers_that_are_none(node, backend, connect, answer, code, number):
    async def give(call: Call) -> bytes | None:
        return answer

    backend.answer = give
    client = await connect(node.ws)
    reply = await ask(client)
    assert (reply.type, reply["code"], reply["temporary"]) == ("error", code, True), reply.raw
    assert (await call(client))["error"]["code"] == number
    backend.answer = Backend().answer
    assert (await ask(client, params="5"))["result"] == 5


async def test_a_redirect_is_not_followed(node, backend, connect):
    async def redirect(call: Call) -> bytes:
        return http("", "307 Temporary Redirect", Location=f"http://127.0.0.1:{backend.port}/elsewhere")

    backend.answer = redirect
    assert (await ask(await connect(node.ws)))["code"] == "internal"
    assert [each.line.split()[1] for each in backend.calls] == ["/apus?x=1"]


@pytest.mark.parametrize("form", [http, chunked])
async def test_an_answer_may_have_a_mebibyte(node, backend, connect, form):
    async def give(call: Call) -> bytes:
        return form(filled(MIB))

    backend.answer = give
    assert len((await ask(await connect(node.ws)))["result"]) == MIB - 13


async def test_an_answer_larger_than_the_outbox_is_refused(own_node, backend, connect):
    async def give(call: Call) -> bytes:
        return http(filled(200_000 if call.method == "large" else 100_000))

    backend.answer = give
    client = await connect(own_node(backend.options(**{"--max-outbox": "128KiB", "--max-message-size": "4KiB"})).ws)
    assert (await ask(client, "large"))["code"] == "too_large"
    assert (await call(client, "large"))["error"]["code"] == -32603
    assert "result" in await ask(client) and "result" in await call(client)


# When it fails


async def test_a_backend_that_does_not_answer(node, backend, connect):
    Held(backend)
    client = await connect(node.ws)
    waiting = await client.start("request", method="m")
    await client.ping()
    assert not waiting.done(), "the connection works on meanwhile"
    reply = await client.reply(waiting)
    assert reply["code"] == "timeout" and reply["temporary"]


async def test_an_answer_that_never_ends(node, backend, connect):
    class Stalled(Held):
        async def __call__(self, call: Call) -> bytes:
            # The head at once and then nothing: its length is never reached.
            return b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"result":'

    Stalled(backend)
    assert (await ask(await connect(node.ws)))["code"] == "timeout"


async def test_a_backend_that_is_not_there(own_node, backend, connect):
    down = Backend()
    node = own_node(down.options())
    client = await connect(node.ws)
    for _ in range(20):
        assert (await ask(client))["code"] == "unavailable"
    assert (await call(client))["error"]["code"] == -32002
    await eventually(lambda: "the backend failed" in node.log.read_text())
    assert node.log.read_text().count("the backend failed") == 1, "not a line for each"
    await down.start()
    assert (await ask(client, params="[1]"))["result"] == [1]
    await down.stop()


async def test_a_backend_that_nobody_has_vouched_for(own_node, backend, connect, tmp_path):
    imposter = await Backend(self_signed(tmp_path)).start()
    client = await connect(own_node(imposter.options()).ws)
    reply = await ask(client)
    assert reply["code"] == "unavailable" and "certificate" in reply["error"]
    # One that speaks no TLS.
    client = await connect(own_node({"--backend": backend.url.replace("http:", "https:")}).ws)
    assert (await ask(client)).type == "error"
    assert imposter.calls == backend.calls == []
    await imposter.stop()


async def test_connections_are_used_again(node, backend, connect):
    client = await connect(node.ws)
    for number in range(20):
        assert (await ask(client, params=str(number)))["result"] == number
    assert len({each.connection for each in backend.calls}) == 1


async def test_the_backend_of_the_documentation(own_node, connect, tmp_path):
    page = (REPOSITORY / "docs/operations.md").read_text()
    program = page.split("```python\n")[1].split("```")[0]
    port = free_port()
    (tmp_path / "backend.py").write_text(program.replace("9000", str(port)))
    (tmp_path / "backend-secret").write_text(SECRET + "\n")
    example = Process("example", tmp_path)
    example.spawn(sys.executable, tmp_path / "backend.py", cwd=tmp_path)
    try:
        url = f"http://127.0.0.1:{port}/"
        node = own_node({"--backend": url}, environment={"APUS_BACKEND_SECRET_FILE": str(tmp_path / "backend-secret")})
        client = await connect(node.ws, user="alice")
        await eventually(lambda: ask_for(client, "hello", "Hello, alice"), what=example.tail())
        assert (await ask(client, "add", "[1,2]"))["result"] == 3
        assert (await ask(client, "add", '"x"'))["error"]["code"] == -32602
        assert (await call(client, "other"))["error"]["code"] == -32601
        stranger = own_node({"--backend": url, "--backend-secret": SECRET[::-1]})
        assert (await ask(await connect(stranger.ws), "hello"))["code"] == "internal"
    finally:
        example.end()


async def ask_for(client: Client, method: str, expected: object) -> bool:
    """Whether a method has that result."""
    return (await ask(client, method)).get("result") == expected


# Many


async def test_sixty_four_at_a_time(node, backend, connect):
    held = Held(backend)
    clients = await asyncio.gather(*(connect(node.ws) for _ in range(20)))
    waiting = [await client.start("request", method="m") for client in clients for _ in range(10)]
    await eventually(lambda: backend.running == 64)
    await asyncio.gather(*(client.ping() for client in clients))
    assert backend.running == 64
    held.release.set()
    for reply in waiting:
        assert (await clients[0].reply(reply))["result"] == 1
    assert backend.peak == 64 and len(backend.calls) == 200


async def test_one_connection_has_sixteen(node, backend, connect):
    held = Held(backend)
    client, other = await connect(node.ws), await connect(node.ws)
    waiting = [await client.start("request", method="m") for _ in range(16)]
    refused = await client.command("request", method="m")
    assert refused["code"] == "rate_limited" and refused["retryAfter"] > 0
    assert (await call(client))["error"]["code"] == -32000
    await other.start("request", method="m")
    await eventually(lambda: backend.running == 17)
    held.release.set()
    for reply in waiting:
        assert (await client.reply(reply))["result"] == 1
    assert (await ask(client))["result"] == 1


async def test_who_waits_for_a_turn_is_answered_too(node, backend, connect):
    Held(backend)
    clients = await asyncio.gather(*(connect(node.ws) for _ in range(8)))
    waiting = [await client.start("request", method="m") for client in clients for _ in range(16)]
    codes = [(await clients[0].reply(reply))["code"] for reply in waiting]
    # Some are still begun in the last moments of their time.
    assert codes.count("timeout") >= 64 and set(codes) <= {"timeout", "unavailable"}


# JSON-RPC


async def frames(socket, count: int) -> list:
    return [json.loads((await socket.receive_frame())[1]) for _ in range(count)]


async def test_a_batch_is_answered_whole(node, backend, raw):
    gates = {name: asyncio.Event() for name in "ab"}

    async def answer(call: Call) -> bytes:
        await gates[call.method].wait() if call.method in gates else None
        return error('{"code":7,"message":"no"}') if call.method == "bad" else result(f'"{call.method}"')

    backend.answer = answer
    socket = await raw(node.port, upgraded=True)
    await socket.receive_frame()
    calls = [("a", 1), ("time", 2), ("b", 3), ("note", None), ("bad", 4), ("channels", None)]
    batch = [
        {"jsonrpc": "2.0", "method": method, **({} if id is None else {"id": id})} for method, id in calls
    ] + [{"x": 1}]
    await socket.send_frame(Opcode.TEXT, json.dumps(batch).encode())
    await socket.send_frame(Opcode.TEXT, b'{"jsonrpc":"2.0","method":"c","params":[1],"id":"alone"}')
    (alone,) = await frames(socket, 1)
    assert alone == {"jsonrpc": "2.0", "id": "alone", "result": "c"}, "others do not wait for the batch"
    gates["b"].set()
    await eventually(lambda: backend.running == 1)
    gates["a"].set()
    (answers,) = await frames(socket, 1)
    assert [each["id"] for each in answers] == [1, 2, 3, 4, None]
    assert [answers[0]["result"], answers[2]["result"], answers[3]["error"]["code"]] == ["a", "b", 7]
    assert sorted(each.method for each in backend.calls) == ["a", "b", "bad", "c", "note"]


async def test_notifications_are_done_and_not_answered(node, backend, raw):
    socket = await raw(node.port, upgraded=True)
    await socket.receive_frame()
    await socket.send_frame(Opcode.TEXT, b'{"jsonrpc":"2.0","method":"a","params":[1]}')
    await socket.send_frame(Opcode.TEXT, b'[{"jsonrpc":"2.0","method":"b"},{"jsonrpc":"2.0","method":"c"}]')
    await eventually(lambda: sorted(each.method for each in backend.calls) == ["a", "b", "c"] and not backend.running)
    await socket.send_frame(Opcode.TEXT, b'{"jsonrpc":"2.0","method":"d","id":1}')
    assert (await frames(socket, 1))[0]["id"] == 1


async def test_a_batch_whose_answers_are_too_large(node, backend, raw):
    async def give(call: Call) -> bytes:
        return http(filled(600_000))

    backend.answer = give
    socket = await raw(node.port, upgraded=True)
    await socket.receive_frame()
    batch = [{"jsonrpc": "2.0", "method": "m", "id": id} for id in range(3)]
    await socket.send_frame(Opcode.TEXT, json.dumps(batch).encode())
    (answers,) = await frames(socket, 1)
    assert sorted("result" in each or each["error"]["code"] for each in answers) == [-32603, -32603, True]


# Ends


async def test_nobody_gets_the_answer_of_one_who_is_gone(node, backend, connect):
    held = Held(backend)
    gone = [await connect(node.ws) for _ in range(4)]
    for client in gone:
        await client.start("request", method="m")
        await client.send_text('{"jsonrpc":"2.0","method":"m","id":1}')
    await eventually(lambda: backend.running == 8)
    await asyncio.gather(*(client.abort() for client in gone))
    await eventually(lambda: node.metrics().total("apus_connections") == 0)
    # They come into the slots of those who are gone.
    fresh = [await connect(node.ws) for _ in range(4)]
    held.release.set()
    await eventually(lambda: backend.running == 0)
    for client in fresh:
        assert (await ask(client))["result"] == 1
        await client.ping()
        assert len(client.received) == 1 and sum(map(len, client.replies.values())) == 2


async def test_calls_under_way_are_answered_before_the_end(own_node, backend, connect):
    node = own_node(backend.options(**{"--drain": "8s"}))
    held = Held(backend)
    clients = [await connect(node.ws) for _ in range(20)]
    idle = [await connect(node.ws) for _ in range(10)]
    waiting = [await client.start("request", method="m") for client in clients]
    await eventually(lambda: backend.running == 20)
    node.signal(signal.SIGTERM)
    # Of thirty that have a moment each at random, some that wait should have been closed by now.
    await eventually(lambda: sum(not client.is_open for client in idle) >= 3)
    held.release.set()
    for client, reply in zip(clients, waiting, strict=True):
        assert (await client.reply(reply))["result"] == 1
        assert await client.closed_with() == 1012
    assert await asyncio.to_thread(node.wait) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_node_ends_though_the_backend_does_not_answer(node, backend, connect, number):
    Held(backend)
    clients = [await connect(node.ws) for _ in range(5)]
    for client in clients:
        for _ in range(15):
            await client.start("request", method="m")
    await eventually(lambda: backend.running == 64)
    node.signal(number)
    for client in clients:
        assert await client.closed_with() == 1012
    assert await asyncio.to_thread(node.wait) == 0
