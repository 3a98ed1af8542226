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


@scene("README.md: From a web page")
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


@scene("operations.md: HTTP API")
async def by_http(stage: Stage) -> Around:
    stage.variables["KEY"] = KEY
    node = stage.node({"--api-key": KEY, "--jwt-secret": SECRET}, dev=False)
    token = jwt.encode({"sub": "alice", "exp": time.time() + 600}, SECRET, "HS256")
    alice = await Client.connect(f"{node.ws}?token={token}")
    yield
    await alice.expect("notification", data={"text": "Back at noon."})
    await alice.close()


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
