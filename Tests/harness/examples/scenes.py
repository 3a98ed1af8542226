"""Things that the text of each section takes for granted, and that must have come about in the end.

A scene is a generator: what comes before its `yield` happens before the section's blocks run.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable

import jwt

from harness import secrets
from harness.client import Client
from harness.eventually import eventually
from harness.examples.stage import Stage
from harness.node import binary
from harness.repository import REPOSITORY

Around = AsyncIterator[None]
Scene = Callable[[Stage], Around]

KEY = secrets.register("the-key-of-the-examples-0123456789")
SECRET = secrets.register("the-secret-of-the-examples-0123456789abcdef")

# Makes an ordinary user of whoever is root, in a namespace or outside: nginx would change its user otherwise.
ORDINARY = "unshare -U --map-user=1000 --map-group=1000"

# By the name of a section, `page: heading`.
SCENES: dict[str, Scene] = {}


def scene(*names: str) -> Callable[[Scene], Scene]:
    def register(function: Scene) -> Scene:
        SCENES.update(dict.fromkeys(names, function))
        return function

    return register


async def nothing(stage: Stage) -> Around:
    yield


async def says(stage: Stage, name: str, *texts: str) -> None:
    """Waits until a program has printed all of these."""
    for text in texts:
        try:
            await eventually(lambda: text in stage.printed(name), what=text)
        except AssertionError:
            raise AssertionError(f"{text}\nis not in what {name} has printed:\n{stage.printed(name)}") from None


class Line:
    """A way to a port of this machine that can be cut."""

    def __init__(self, port: int, target: int):
        self._port, self._target = port, target
        self._writers: list[asyncio.StreamWriter] = []

    async def __aenter__(self) -> "Line":
        self._server = await asyncio.start_server(self._connect, "127.0.0.1", self._port)
        return self

    async def __aexit__(self, *_) -> None:
        self._server.close()
        self.cut()

    def cut(self) -> None:
        """Ends what is connected; new connections pass."""
        for writer in self._writers:
            writer.transport.abort()
        self._writers = []

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers, commands = await asyncio.open_connection("127.0.0.1", self._target)
        self._writers += [writer, commands]
        with contextlib.suppress(ConnectionError):
            await asyncio.gather(self._pass(reader, commands), self._pass(answers, writer))

    @staticmethod
    async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
        writer.close()


@scene("README.md: Start")
async def from_a_terminal(stage: Stage) -> Around:
    stage.node()
    yield
    await says(stage, "apus-sub", '"data":{"text":"hello"}')


@scene("protocol.md: A client")
async def a_page(stage: Stage) -> Around:
    node = stage.node(port=8081)
    async with Line(8080, node.port) as line:
        yield
        await says(stage, "example1", "1 here", "alice: hello")
        bob = await Client.connect(node.ws, user="bob")
        await bob.subscribe("demo:lobby", presence=True)
        await says(stage, "example1", "bob joins, 2 here")
        line.cut()
        await bob.publish("demo:lobby", {"text": "are you there?"})
        await says(stage, "example1", "2 here and nothing missed", "bob: are you there?")
        await bob.close()


@scene("README.md: From Python")
async def a_program(stage: Stage) -> Around:
    node = stage.node(port=8081)
    async with Line(8080, node.port) as line:
        yield
        await says(stage, "example1", "1 here", "bob: hi")
        alice = await Client.connect(node.ws, user="alice")
        await alice.subscribe("demo:lobby", presence=True)
        await says(stage, "example1", "alice joins, 2 here")
        line.cut()
        await alice.publish("demo:lobby", {"text": "are you there?"})
        await says(stage, "example1", "lost:", "alice: are you there?")
        await alice.close()


@scene("README.md: From your backend")
async def from_a_backend(stage: Stage) -> Around:
    node = stage.node()
    bob = await Client.connect(node.ws, user="bob")
    await bob.subscribe("demo:lobby", presence=True)
    yield
    for text in ("We are open.", "Your order is on its way."):
        await bob.expect("message", data={"text": text}, **{"from": "shop"})
    await says(stage, "example1", "bob is here")
    await bob.close()


@scene("README.md: Access control")
async def with_a_token(stage: Stage) -> Around:
    yield
    await says(stage, "apus-sub", '"user":"alice"', '"channel":"room:1"')


@scene("README.md: Messages to a user")
async def a_notification(stage: Stage) -> Around:
    node = stage.node()
    bob = await Client.connect(node.ws, user="bob")
    yield
    await bob.expect("notification", data={"text": "Back at noon."})
    await bob.close()


@scene("README.md: Presence")
async def after_make_cluster(stage: Stage) -> Around:
    (stage.folder / "tmp").mkdir()
    stage.variables["TMPDIR"] = str(stage.folder / "tmp")
    stage.replace("/tmp/", f"{stage.folder}/tmp/")
    cluster = stage.start("cluster", *ORDINARY.split(), REPOSITORY / "deploy/cluster", binary())
    await says(stage, "cluster", "Ctrl-C")
    client = await Client.connect("ws://127.0.0.1:8080/ws", user="alice")
    await client.subscribe("demo:lobby", presence=True)
    yield
    await client.expect("message", data={"text": "hi"})
    await says(stage, "shell", '"alice\\",', '"alice"')
    await client.close()
    cluster.stop()


@scene("operations.md: The command line")
async def somebody_listens(stage: Stage) -> Around:
    node = stage.node()
    bob = await Client.connect(node.ws, user="bob")
    await bob.subscribe("lobby")
    yield
    assert (await bob.expect("message"))["data"] == {"text": "hello"}
    assert isinstance((await bob.expect("message"))["data"], str)
    assert (await bob.expect("message"))["data"] == -5
    await bob.close()


@scene("operations.md: Where an option is looked for")
async def with_redis(stage: Stage) -> Around:
    stage.redis()
    yield


@scene("operations.md: apus check")
async def checked(stage: Stage) -> Around:
    stage.redis()
    (stage.work / "apus.yaml").write_text("redis: redis://redis:6379\n")
    (stage.work / "jwt-secret").write_text(SECRET)
    stage.variables["APUS_JWT_SECRET_FILE"] = "jwt-secret"
    yield


@scene("operations.md: apus token")
async def minted(stage: Stage) -> Around:
    stage.variables["APUS_JWT_SECRET"] = SECRET
    yield


@scene("operations.md: Who calls")
async def a_backend(stage: Stage) -> Around:
    stage.save("backend.py")
    yield
    client = await Client.connect("ws://127.0.0.1:8080/ws", user="alice")

    async def answers() -> bool:
        reply = await client.command("request", method="hello")
        return reply.get("result") == "Hello, alice"

    await eventually(answers)
    await client.close()


@scene("operations.md: HTTP")
async def ready(stage: Stage) -> Around:
    stage.redis()
    stage.node(redis=True)
    yield


@scene("operations.md: nginx")
async def behind_nginx(stage: Stage) -> Around:
    stage.node(port=8081)
    stage.replace("nginx -p", f"{ORDINARY} nginx -p")
    yield
    client = await Client.connect("ws://127.0.0.1:8080/ws", user="alice")
    assert client.node.startswith("web-1.")
    await client.close()


@scene("redis.md: Apus in Redis")
async def two_ways(stage: Stage) -> Around:
    stage.redis()
    yield


@scene("redis.md: Keys", "redis.md: Pub/sub channels", "redis.md: Publishing from another program")
async def in_redis(stage: Stage) -> Around:
    stage.redis()
    node = stage.node(redis=True)
    alice = await Client.connect(node.ws, user="alice")
    await alice.send_text('{"type":"subscribe","channel":"room:1","presence":true,"info":{"name":"Alice"}}')
    await alice.expect("subscribed")
    yield
    await alice.close()


@scene("coming-from.md: ws")
async def ws(stage: Stage) -> Around:
    stage.node()
    yield
    await says(stage, "example1", "alice: hello")


@scene("coming-from.md: Socket.IO")
async def socket_io(stage: Stage) -> Around:
    stage.node()
    yield
    await says(stage, "example1", "event connected", "I am alice")


@scene("coming-from.md: Django Channels")
async def django(stage: Stage) -> Around:
    stage.node()
    yield
    await says(stage, "example1", "connected", "online: True", "Your order is on its way.")


@scene("coming-from.md: FastAPI")
async def fast_api(stage: Stage) -> Around:
    (stage.work / "secret").write_text(SECRET + "\n")
    stage.node(dev=False, environment={"APUS_JWT_SECRET_FILE": str(stage.work / "secret")})
    yield
    await says(stage, "example1", "I am alice", "room:1 subscribed", "staff:1 error forbidden")


@scene("coming-from.md: Pusher")
async def pusher(stage: Stage) -> Around:
    node = stage.node()
    bob = await Client.connect(node.ws, user="bob")
    await bob.subscribe("demo:lobby", presence=True)
    yield
    await bob.expect("signal", event="typing")
    await bob.command("signal", channel="demo:lobby", event="typing")
    await says(stage, "example1", "here: bob, Alice", "bob is typing")
    await bob.close()
    await says(stage, "example1", "leave bob 1")


@scene("http-api.md: Quick start")
async def a_first_look(stage: Stage) -> Around:
    yield
    await says(stage, "apus-sub", '"from":"shop","data":{"text":"hello"}', '"from":null,"data":{"text": "hi"}')
    await says(stage, "example1", "published at 2")


# The rules that the page begins with.
RULES = """\
channels:
  - match: "news:*"
    publish: server
    history: { size: 100, ttl: 1h }
  - match: "room:*"
"""


class Backend:
    """A node in a cluster with a key, rules, and two users: alice is in news:today and room:1, bob in room:1."""

    def __init__(self, stage: Stage):
        self._stage = stage
        stage.variables |= {"API": "http://localhost:8080/api", "AUTH": f"Authorization: Bearer {KEY}"}
        (stage.work / "api-key").write_text(KEY + "\n")
        (stage.work / "apus.yaml").write_text(RULES)

    async def __aenter__(self) -> "Backend":
        self._stage.redis()
        options = {"--api-key": KEY, "--jwt-secret": SECRET, "--config": self._stage.work / "apus.yaml"}
        self.node = self._stage.node(options, dev=False, redis=True)
        self.alice, self.bob = [await self._connect(name) for name in ("alice", "bob")]
        await self.alice.subscribe("news:today")
        await self.alice.send_text('{"type":"subscribe","channel":"room:1","presence":true,"info":{"name":"Alice"}}')
        await self.alice.expect("subscribed")
        await self.bob.subscribe("room:1")
        return self

    async def __aexit__(self, *_) -> None:
        await self.alice.close()
        await self.bob.close()

    async def _connect(self, user: str) -> Client:
        token = jwt.encode({"sub": user, "exp": time.time() + 600}, SECRET, "HS256")
        return await Client.connect(f"{self.node.ws}?token={token}")

    def publish(self, channel: str, *data: str) -> None:
        """Publishes these JSON texts."""
        for each in data:
            self.ask("POST", f"/api/channels/{channel}/messages", data=f'{{"data":{each}}}')

    def ask(self, method: str, path: str, **arguments) -> dict:
        answer = self.node.request(method, path, headers={"Authorization": f"Bearer {KEY}"}, **arguments)
        assert answer.status_code == 200, answer.text
        return answer.json()


@scene(
    *[
        f"http-api.md: {heading}"
        for heading in (
            "Publish many messages",
            "Read who is present",
            "See where a user is",
        )
    ]
)
async def asked(stage: Stage) -> Around:
    async with Backend(stage):
        yield


@scene("http-api.md: Look at nodes and statistics")
async def looked_at(stage: Stage) -> Around:
    async with Backend(stage) as backend:
        def is_probed() -> bool:
            return "redisRoundTrip" in backend.ask("GET", "/api/nodes")["nodes"][0]

        # It takes a few seconds.
        await eventually(is_probed, what="a probe of Redis")
        yield


@scene("http-api.md: Publish a message")
async def published(stage: Stage) -> Around:
    async with Backend(stage) as backend:
        stage.replace("c-fKSqVCnQ3UBi", backend.bob.id)
        yield
        for user in (None, "alice"):
            event = await backend.alice.expect("message", channel="room:1", data={"text": "hello"})
            assert event["from"] == user and "client" not in event
        await backend.bob.ping()
        assert len(backend.bob.events("message")) == 1


@scene("http-api.md: Publish with history")
async def published_with_history(stage: Stage) -> Around:
    async with Backend(stage) as backend:
        yield
        event = await backend.alice.expect("message", channel="news:today")
        assert (event["from"], event["offset"]) == ("editor", 1)


@scene("http-api.md: Publish once")
async def published_once(stage: Stage) -> Around:
    async with Backend(stage):
        yield
        await says(stage, "example1", "'channel': 'news:orders'", "'offset': 2")


@scene("http-api.md: Send a signal")
async def signalled(stage: Stage) -> Around:
    async with Backend(stage) as backend:
        yield
        await backend.bob.expect("signal", event="typing", data={"user": "alice"})


@scene("http-api.md: Listen to a channel")
async def listened(stage: Stage) -> Around:
    async with Backend(stage):
        yield
        await says(stage, "curl--N", "retry: ", '"reason":"server"}', '"from":null,"data":{"text":"hello"}')


@scene("http-api.md: Put a user into a channel")
async def put(stage: Stage) -> Around:
    async with Backend(stage) as backend:
        yield
        await backend.alice.expect("subscribed", channel="room:7", reason="server", count=1)


@scene("http-api.md: Take a user out of a channel")
async def taken_out(stage: Stage) -> Around:
    async with Backend(stage) as backend:
        yield
        await backend.alice.expect("unsubscribed", channel="room:1", reason="server")


@scene("http-api.md: End connections")
async def ended(stage: Stage) -> Around:
    async with Backend(stage) as backend:
        stage.replace("c-fKSqVCnQ3UBi", backend.bob.id)
        yield
        assert await backend.alice.closed_with() == 4003
        assert backend.alice.socket.close_reason == "Your account is closed."
        assert await backend.bob.closed_with() == 4003


@scene("http-api.md: List channels")
async def listed(stage: Stage) -> Around:
    async with Backend(stage):
        yield
        await says(stage, "example1", "room:1 2")


@scene("http-api.md: Read a history")
async def read(stage: Stage) -> Around:
    async with Backend(stage) as backend:
        # More than one answer has.
        backend.publish("news:today", *map(str, range(150)), '{"title":"We are closed"}')
        yield
        await says(stage, "example1", str([*range(51, 150), {"title": "We are closed"}]))


@scene("http-api.md: Delete a history")
async def deleted(stage: Stage) -> Around:
    async with Backend(stage) as backend:
        backend.publish("news:today", "1")
        yield
        await backend.alice.expect("gap", channel="news:today", offset=0)


@scene("http-api.md: Send to a user")
async def sent_to_a_user(stage: Stage) -> Around:
    async with Backend(stage) as backend:
        yield
        await backend.alice.expect("notification", data={"text": "Your order is on its way."})
        await backend.bob.expect("notification", data={"text": "Back at noon."})


@scene("fallbacks.md: Quick start")
async def a_stream(stage: Stage) -> Around:
    yield
    await says(stage, "curl--N", '"user":"bob"', ':0\ndata: {"type":"subscribed"', ':1\ndata: {"type":"message"')
    await says(stage, "curl--N", '"from":"alice"', '"data":{"text":"hello"},"offset":1')


@scene("fallbacks.md: In a web page")
async def a_page_by_events(stage: Stage) -> Around:
    node = stage.node(port=8081)
    async with Line(8080, node.port) as line:
        yield
        await says(stage, "example1", "listening", "alice: hello")
        line.cut()
        bob = await Client.connect(node.ws, user="bob")
        await bob.publish("demo:lobby", {"text": "are you there?"})
        await says(stage, "example1", "coming back", "nothing missed", "bob: are you there?")
        await bob.close()


@scene("fallbacks.md: In Python")
async def a_program_by_events(stage: Stage) -> Around:
    node = stage.node(port=8081)
    async with Line(8080, node.port) as line:
        yield
        alice = await Client.connect(node.ws, user="alice")
        # It says nothing when it listens.
        await eventually(lambda: node.get("/api/users/bob").json()["connections"], what="bob")
        await alice.publish("demo:lobby", "hello")
        await says(stage, "example1", "alice: hello")
        line.cut()
        await alice.publish("demo:lobby", "are you there?")
        await says(stage, "example1", "alice: are you there?")
        await alice.close()


@scene("fallbacks.md: Polls")
async def polled(stage: Stage) -> Around:
    node = stage.node()
    message = {"data": {"text": "hello"}}
    first = node.request("POST", "/api/channels/demo:lobby/messages", json=message).json()
    stage.replace("kT3mQ9xZ", first["epoch"])
    yield
    # It says nothing when it listens.
    deadline = time.monotonic() + 30
    while "message {'text': 'hello'}" not in stage.printed("example1"):
        assert time.monotonic() < deadline, stage.printed("example1")
        node.request("POST", "/api/channels/demo:lobby/messages", json=message)
        await asyncio.sleep(0.2)


@scene("fallbacks.md: Commands")
async def commanded(stage: Stage) -> Around:
    node = stage.node()
    bob = await Client.connect(node.ws, user="bob")
    await bob.subscribe("demo:lobby")
    yield
    await bob.expect("message", data="hi")
    await bob.expect("signal", event="typing")
    await bob.close()
