"""What an HTTP request may look like, and what becomes of its connection."""

import json

import pytest

from harness import RawSocket
from harness.http_cases import CASES, HOST, NOTICE, HTTPCase, get
from harness.raw import Response


async def check(socket: RawSocket, case: HTTPCase, response: Response) -> None:
    assert response.status == case.status, response
    if response.status >= 400:
        assert response.headers["content-type"] == "application/json; charset=utf-8"
        body = json.loads(response.body)
        assert body.keys() == {"code", "error"} and body["code"] and body["error"].endswith(".")
    if case.closes:
        assert response.headers.get("connection") == "close"
        await socket.send(get())
        assert await socket.ended() == b"", "something follows the last answer"
    else:
        assert response.headers.get("connection") == case.connection
        assert (await socket.request("/healthz")).status == 200


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
async def test_a_request(memory_node, raw, case):
    first = await raw(memory_node.port)
    await first.send(case.sent)
    answer = await first.response()
    await check(first, case, answer)
    second = await raw(memory_node.port)
    assert (await second.request("/healthz")).status == 200
    await second.send(case.sent)
    assert await second.response() == answer, "it is not what the first request of a connection gets"
    await check(second, case, answer)


async def test_the_body_is_asked_for(memory_node, raw):
    for _ in range(2):
        socket = await raw(memory_node.port)
        for _ in range(2):
            await socket.send(NOTICE + b"Expect: 100-Continue\r\nContent-Length: 10\r\n\r\n")
            assert (await socket.response()).status == 100
            await socket.send(b'{"data":1}')
            assert (await socket.response()).status == 200
    old = await raw(memory_node.port)
    await old.send(NOTICE.replace(b"1.1", b"1.0") + b'Expect: 100-continue\r\nContent-Length: 10\r\n\r\n{"data":1}')
    assert (await old.response()).status == 200, "HTTP/1.0 does not know 100"


async def test_who_may_not_is_not_asked_for_the_body(own_node, raw):
    node = own_node({"--allow-anonymous": None, "--api-key": "k" * 20}, dev=False)
    for key, status in (("k" * 20, 100), ("wrong", 401)):
        socket = await raw(node.port)
        head = f"Authorization: Bearer {key}\r\nExpect: 100-continue\r\nContent-Length: 10\r\n\r\n"
        await socket.send(NOTICE + head.encode())
        answer = await socket.response()
        assert answer.status == status
        if status == 401:
            assert answer.headers["connection"] == "close"
            assert await socket.ended() == b""


@pytest.mark.parametrize("framing", [b"Content-Length: 20\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\na\r\n"])
async def test_half_a_body_is_not_a_body(memory_node, raw, connect, framing):
    """What has come would be a notification."""
    listener = await connect(memory_node.ws)
    ended = await raw(memory_node.port)
    await ended.send(NOTICE + framing + b'{"data":1}')
    await ended.end_writing()
    answer = await ended.response()
    assert answer.status == 400 and json.loads(answer.body)["code"] == "bad_request"
    assert await ended.ended() == b""
    reset = await raw(memory_node.port)
    await reset.send(NOTICE + framing + b'{"data":1}')
    reset.reset()
    await listener.ping()
    assert memory_node.request("POST", "/api/notifications", json={"data": 2}).status_code == 200
    assert (await listener.expect("notification"))["data"] == 2
    assert [event["data"] for event in listener.events("notification")] in ([], [2])


async def test_requests_of_a_client_that_has_ended_its_half(memory_node, raw):
    socket = await raw(memory_node.port)
    await socket.send(get() * 10 + get(HOST, b"/nope"))
    await socket.end_writing()
    assert [(await socket.response()).status for _ in range(11)] == [200] * 10 + [404]
    assert await socket.ended() == b""


@pytest.mark.parametrize("target", ["/%zz", "/healthz"])
async def test_the_refusal_of_a_head_request_has_no_body(memory_node, raw, target):
    request = f"HEAD {target} HTTP/1.1\r\n\r\n".encode()
    for before in (b"", get()):
        socket = await raw(memory_node.port)
        await socket.send(before)
        if before:
            assert (await socket.response()).status == 200
        await socket.send(request)
        answer = await socket.ended()
        assert answer.startswith(b"HTTP/1.1 400 ") and answer.endswith(b"\r\n\r\n")


async def test_a_refused_handshake_is_json(memory_node, raw):
    for sent, code in ((b"GET /ws HTTP/1.1\r\n\r\n", "bad_request"), (get(target=b"/ws", version=b"2.0"), "version_not_supported")):
        socket = await raw(memory_node.port)
        await socket.send(sent)
        answer = await socket.response()
        assert json.loads(answer.body).keys() == {"code", "error"}
        assert json.loads(answer.body)["code"] == code
