"""Every session that stands in a page is what a node says: see `harness.examples`."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from websockets.asyncio.client import connect as open_socket

from harness import Node, Redis, eventually
from harness.backend import Backend, error, result
from harness.client import Client
from harness.examples import Block, Cue, Session, blocks, pages
from harness.keys import HS256
from harness.redis_proxy import RedisProxy
from harness.tokens import LEFT_OUT, token

KEPT = 'channels: [{ match: "room:*", history: { size: 1000, ttl: 10m } }]'
OPEN = 'channels: [{ match: "*", subscribe: anyone, publish: anyone }]'
# Shown in pages in the place of a whole token.
A_TOKEN = "eyJhbGciOi…"

SESSIONS = [block for page in pages() for block in blocks(page) if block.is_session]


def names() -> list[str]:
    """What each session is called here: its page, its heading, and its number where there are more of them."""
    counts: dict[tuple[str, str], itertools.count] = {}
    called = []
    for block in SESSIONS:
        number = next(counts.setdefault((block.page, block.heading), itertools.count()))
        called.append(f"{Path(block.page).name}: {block.heading}" + (f", {number + 1}" if number else ""))
    return called


@dataclass
class Stand:
    """What a setting gets: it starts a node and says what happens to the client of the session."""

    folder: Path
    stack: AsyncExitStack
    node: Node
    session: Session

    def start(self, options: dict[str, object] | None = None, *, rules: str = "", **more) -> Node:
        if rules:
            (self.folder / "rules.yaml").write_text(rules)
            options = {**(options or {}), "--config": self.folder / "rules.yaml"}
        self.node = Node("web-1", self.folder, options=options, **more)
        self.stack.callback(self.node.end)
        return self.node.start()

    def redis(self) -> Redis:
        redis = Redis(self.folder)
        self.stack.callback(redis.end)
        return redis.start()

    async def other(self, user: str | None = None, channel: str | None = None, **members) -> Client:
        """Somebody else, in a channel where one is given."""
        client = await Client.connect(self.node.ws, user=user)
        self.stack.push_async_callback(client.close)
        if channel:
            await client.subscribe(channel, **members)
        return client

    async def backend(self, answer: bytes) -> None:
        backend = Backend()
        backend.answer = lambda call: asyncio.sleep(0, answer)
        await backend.start()
        self.stack.push_async_callback(backend.stop)
        self.start(backend.options())

    async def enter(self, user: str | None = "alice", query: str = "", **values: Any) -> None:
        """Connects the client of the session."""
        query = query or (f"?user={user}" if user else "")
        options = {"compression": None, "proxy": None, "ping_interval": None, "max_size": None}
        socket = await open_socket(self.node.ws + query, **options)
        self.stack.push_async_callback(socket.close)
        self.session = Session(socket, values)

    async def connected(self, *commands: str) -> None:
        """Lets the client hear what a page does not show: its `connected`, and the replies to these commands."""
        await self.session.next()
        for command in commands:
            await self.session.say(command)
            await self.session.next()


Setting = Callable[[Stand], Awaitable[list[Cue]]]
SETTINGS: dict[str, Setting] = {}


def setting(*called: str) -> Callable[[Setting], Setting]:
    """Sets up the sessions of those names; all others get a node in `--dev` that keeps nothing, and are alice."""

    def register(function: Setting) -> Setting:
        SETTINGS.update(dict.fromkeys(called, function))
        return function

    return register


async def usual(stand: Stand) -> list[Cue]:
    stand.start()
    await stand.enter()
    return []


@setting("protocol.md: One session")
async def one_session(stand: Stand) -> list[Cue]:
    stand.start()
    await stand.enter()
    bob = await stand.other("bob")
    lobby = "demo:lobby"
    return [
        Cue('"type":"join"', lambda: bob.subscribe(lobby, presence=True, info={"name": "Bob"})),
        Cue("hi, Alice", lambda: bob.publish(lobby, {"text": "hi, Alice"})),
        Cue('"type":"leave"', lambda: bob.unsubscribe(lobby)),
    ]


@setting("protocol.md: One session, 2")
async def back_again(stand: Stand) -> list[Cue]:
    stand.start()
    bob = await stand.other("bob")
    for text in ("hello", "hi, Alice", "still there?"):
        epoch = (await bob.publish("demo:lobby", {"text": text}))["epoch"]
    await stand.enter(x1=epoch)
    return []


@setting("protocol.md: auth")
async def by_command(stand: Stand) -> list[Cue]:
    stand.start({"--jwt-secret": HS256.private.decode()}, dev=False)
    await stand.enter(None, **{A_TOKEN: a_token()})
    await stand.connected()
    return []


@setting("protocol.md: auth, 2")
async def an_anonymous_member(stand: Stand) -> list[Cue]:
    stand.start({"--jwt-secret": HS256.private.decode(), "--allow-anonymous": None}, dev=False, rules=OPEN)
    await stand.enter(None, **{A_TOKEN: a_token()})
    await stand.connected()
    return []


@setting("protocol.md: expiring")
async def a_token_that_ends(stand: Stand) -> list[Cue]:
    stand.start({"--jwt-secret": HS256.private.decode()}, dev=False)
    await stand.enter(query=f"?token={a_token(time.time() - 5)}")
    await stand.connected()
    return []


def a_token(ends: float | None = None) -> str:
    claims = {"exp": int(ends)} if ends else {}
    return token(HS256, {"kid": LEFT_OUT}, aud=LEFT_OUT, iss=LEFT_OUT, **claims)


@setting("protocol.md: subscribe, 3", "README.md: History and recovery")
async def something_was_missed(stand: Stand) -> list[Cue]:
    epoch = await forty_one(stand)
    bob = await stand.other("bob")
    await bob.publish("room:1", "hi")
    await stand.enter(x1=epoch)
    await stand.connected()
    return []


@setting("protocol.md: subscribe, 4")
async def put_by_the_server(stand: Stand) -> list[Cue]:
    await usual(stand)
    await stand.connected()
    body = {"presence": True}
    path = "/api/users/alice/channels/room:7"
    return [Cue('"reason":"server"', lambda: asyncio.to_thread(stand.node.request, "PUT", path, json=body))]


@setting("http-api.md: With a key and rules")
async def only_the_server(stand: Stand) -> list[Cue]:
    rules = 'channels: [{ match: "news:*", publish: server, history: { size: 100, ttl: 1h } }]'
    stand.start({"--allow-anonymous": None}, dev=False, rules=rules)
    await stand.enter(None)
    await stand.connected()
    return []


@setting("protocol.md: history")
async def the_past(stand: Stand) -> list[Cue]:
    epoch = await forty_one(stand)
    await (await stand.other("bob")).publish("room:1", "hi")
    await stand.enter(x1=epoch)
    await stand.connected()
    return []


async def forty_one(stand: Stand) -> str:
    """A node that keeps what is said in room:1, and 41 messages there."""
    stand.start(rules=KEPT)
    carol = await stand.other("carol")
    for number in range(41):
        reply = await carol.publish("room:1", number)
    return reply["epoch"]


@setting("protocol.md: send", "README.md: Messages to a user")
async def somebody_to_send_to(stand: Stand) -> list[Cue]:
    await usual(stand)
    await stand.connected()
    await stand.other("bob")
    return []


@setting("protocol.md: presence")
async def a_room_with_others(stand: Stand) -> list[Cue]:
    stand.start()
    for _ in range(2):
        await stand.other("alice", "room:1", presence=True, info={"name": "Alice"})
    await stand.other(None, "room:1", presence=True)
    await stand.enter("bob")
    await stand.connected()
    return []


@setting("protocol.md: presence, 2")
async def a_stadium(stand: Stand) -> list[Cue]:
    redis = stand.redis()
    redis.fill("stadium", 5000)
    stand.start(redis=redis.url)
    await stand.enter()
    await stand.connected()
    return []


@setting("protocol.md: request")
async def a_backend_that_refuses(stand: Stand) -> list[Cue]:
    await stand.backend(error('{"code":"shipped","message":"It is on its way already."}'))
    await stand.enter()
    await stand.connected()
    return []


@setting("protocol.md: JSON-RPC")
async def a_backend_that_agrees(stand: Stand) -> list[Cue]:
    await stand.backend(result("true"))
    await stand.enter()
    await stand.connected()
    return []


@setting("README.md: Requests to your backend")
async def a_backend_that_does_it(stand: Stand) -> list[Cue]:
    await stand.backend(result('{"cancelled":true}'))
    await stand.enter()
    await stand.connected()
    return []


@setting("protocol.md: message", "redis.md: Publishing from another program")
async def messages(stand: Stand) -> list[Cue]:
    redis = stand.redis()
    stand.start(redis=redis.url)
    await stand.enter("bob")
    await stand.connected('{"type":"subscribe","channel":"room:1"}')
    alice = await stand.other("alice")

    async def by_another_program() -> None:
        redis.client.publish("apus:ch:room:1", '{"text":"hi"}')

    spoken = Cue('"from":"alice"', lambda: alice.publish("room:1", {"text": "hello"}))
    written = Cue('"from":null', by_another_program)
    return [spoken, written] if stand.folder.name.startswith("protocol") else [written]


@setting("protocol.md: signal, 2")
async def a_signal(stand: Stand) -> list[Cue]:
    stand.start()
    await stand.enter("bob")
    await stand.connected('{"type":"subscribe","channel":"room:1"}')
    alice = await stand.other("alice")
    return [Cue("signal", lambda: alice.command("signal", channel="room:1", event="typing", data={"at": 3}))]


@setting("protocol.md: direct, notification")
async def to_bob(stand: Stand) -> list[Cue]:
    stand.start()
    await stand.enter("bob")
    await stand.connected()
    alice = await stand.other("alice")

    async def notify() -> None:
        headers = {"Content-Type": "application/json"}
        body = '{"data":{"text":"Back at noon."}}'
        answer = stand.node.request("POST", "/api/users/bob/messages", data=body, headers=headers)
        assert answer.json() == {"online": True}

    return [
        Cue("direct", lambda: alice.command("send", to="bob", data={"text": "psst"})),
        Cue("notification", notify),
    ]


@setting("protocol.md: gap")
async def more_was_missed_than_is_kept(stand: Stand) -> list[Cue]:
    link = stand.stack.enter_context(RedisProxy(stand.redis().port))
    stand.start(redis=link.url, rules=KEPT.replace("1000", "3"))
    await stand.enter("bob")
    await stand.connected('{"type":"subscribe","channel":"room:1"}')
    stand.session.ignored = lambda event: event["type"] == "message"
    alice = await stand.other("alice")

    async def lose() -> None:
        link.hold()
        for number in range(60):
            await alice.publish("room:1", number)
        link.cut_and_release()

    return [Cue("gap", lose)]


@setting("protocol.md: join, leave")
async def who_comes_and_goes(stand: Stand) -> list[Cue]:
    stand.start()
    await stand.other("carol", "room:1", presence=True)
    await stand.enter()
    await stand.connected('{"type":"subscribe","channel":"room:1","presence":true}')
    bob = await stand.other("bob")
    return [
        Cue('"user":"bob","info"', lambda: bob.subscribe("room:1", presence=True, info={"name": "Bob"})),
        Cue("leave", lambda: bob.unsubscribe("room:1")),
        Cue('"user":null', lambda: stand.other(None, "room:1", presence=True)),
    ]


@setting("protocol.md: members")
async def a_crowd(stand: Stand) -> list[Cue]:
    stand.start()
    await stand.enter()
    await stand.connected('{"type":"subscribe","channel":"room:1","presence":true}')
    crowd = await asyncio.gather(*(stand.other() for _ in range(230)))
    comings = {"join", "leave"}

    async def come() -> None:
        for each in crowd:
            await each.subscribe("room:1", presence=True)

    async def go() -> None:
        stand.session.ignored = lambda event: event["type"] in comings or "members" not in event
        for each in crowd[: 231 - 149]:
            await each.unsubscribe("room:1")

    stand.session.ignored = lambda event: event["type"] in comings or event["count"] < 231
    return [Cue('"count":231', come), Cue('"members":[', go)]


@setting("protocol.md: drain")
async def a_node_that_ends(stand: Stand) -> list[Cue]:
    await usual(stand)
    await stand.connected()
    return [Cue("drain", lambda: asyncio.to_thread(stand.node.stop))]


@setting("protocol.md: error")
async def what_is_refused(stand: Stand) -> list[Cue]:
    redis = stand.redis()
    stand.start({"--rate": 50, "--burst": 1}, redis=redis.url)
    await stand.enter()
    await stand.connected()

    async def publish(id: int) -> None:
        await stand.session.say(f'{{"type":"publish","channel":"room:1","data":1,"id":{id}}}')

    async def without_redis() -> None:
        redis.kill()
        await eventually(lambda: stand.node.readiness() == 503)
        await publish(4)

    async def at_once() -> None:
        stand.session.ignored = lambda event: event.get("id") != 5
        await publish(6)
        await publish(5)

    return [Cue("unavailable", without_redis), Cue("rate_limited", at_once)]


@pytest_asyncio.fixture
async def stand(tmp_path: Path) -> AsyncIterator[Stand]:
    async with AsyncExitStack() as stack:
        yield Stand(tmp_path, stack, None, None)


@pytest.mark.parametrize("block", SESSIONS, ids=names())
async def test_a_session(block: Block, stand: Stand, request):
    name = request.node.callspec.id
    stand.folder = stand.folder / block.page.replace("/", "-").removeprefix("docs-")
    stand.folder.mkdir()
    cues = await SETTINGS.get(name, usual)(stand)
    if name not in SETTINGS and not block.text.startswith('< {"type":"connected"'):
        await stand.connected()
    await stand.session.play(block.text, cues)


def test_each_setting_has_its_session():
    assert SETTINGS.keys() <= set(names())
