"""`deploy/cluster`, which `make cluster` runs: what it does when a program ends, or when it is to end itself."""

import asyncio
import os
import re
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from harness import eventually, until
from harness.eventually import LIMIT
from harness.node import binary
from harness.ports import free_ports, is_taken, status
from harness.process import Process, program
from harness.repository import REPOSITORY

_SCRIPT = REPOSITORY / "deploy/cluster"


class Script(Process):
    """One run of `deploy/cluster`. What it prints is its log."""

    def __init__(self, directory: Path, temporary: Path, nodes: int, redis: str):
        super().__init__("cluster", directory)
        self.redis = redis
        self.nodes = nodes
        self.port = free_ports(nodes + 1)
        # In the environment of all it starts, by which they are found.
        self.temporary = temporary
        self.path = os.environ["PATH"]

    def launch(self) -> "Script":
        program("redis-server", "redis-server")
        program("nginx", "nginx-light")
        # A shell in the background has told its children to ignore SIGINT, and nohup SIGHUP.
        words = ("env", "--default-signal=INT,HUP", f"TMPDIR={self.temporary}", f"PATH={self.path}")
        options = ("--port", str(self.port), "--nodes", str(self.nodes), "--redis", self.redis)
        self.spawn(*words, _SCRIPT, *options, binary())
        return self

    def start(self) -> "Script":
        self.launch()
        self.says("A cluster is up.")
        return self

    def says(self, text: str) -> None:
        """Waits until it has printed that."""

        def said() -> bool:
            assert self.running or text in self.tail(), f"ended with {self.exit_code}\n{self.tail()}"
            return text in self.tail()

        until(said, what=f"{text!r} is not said")

    def pid_of(self, name: str) -> int:
        """As the banner has it."""
        return int(re.search(rf"^  {name} +pid (\d+)", self.tail(), re.MULTILINE)[1])

    def redis_port(self, name: str) -> int:
        """The port of a server of Redis, as the banner has it."""
        return int(re.search(rf"^  {name} +pid \d+ +127\.0\.0\.1:(\d+)$", self.tail(), re.MULTILINE)[1])

    def where(self) -> str:
        """What `apus where` says of the lobby, asked as the banner has it."""
        (line,) = [line.strip() for line in self.tail().splitlines() if f"{binary()} where demo:lobby" in line]
        return subprocess.run(line, shell=True, timeout=LIMIT, check=True, capture_output=True, text=True).stdout

    def readiness(self, node: int) -> int | None:
        return status(self.port + node, "/readyz")

    def left_behind(self) -> list[str]:
        """What still runs, listens, or lies about."""
        ports = range(self.port, self.port + self.nodes + 1)
        return [
            *(f"process {pid}" for pid in self._processes()),
            *(f"port {port}" for port in ports if is_taken(port)),
            *(f"file {path}" for path in self.temporary.iterdir()),
        ]

    def _processes(self) -> Iterator[str]:
        marker = f"TMPDIR={self.temporary}".encode()
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and marker in (entry / "environ").read_bytes().split(b"\0"):
                    yield entry.name
            except OSError:
                pass  # It has ended meanwhile, or is somebody else's.


@pytest.fixture
def script(tmp_path) -> Iterator[Callable[..., Script]]:
    """Makes runs of the script, which are ended with the test."""
    scripts: list[Script] = []
    # In pytest's own folder the path of a unix socket would be too long.
    with tempfile.TemporaryDirectory(prefix="apus-test-") as temporary:

        def make(nodes: int = 1, redis: str = "one") -> Script:
            scripts.append(Script(tmp_path, Path(temporary), nodes, redis))
            return scripts[-1]

        yield make
        for each in scripts:
            if each.running:
                each.stop()


async def test_a_killed_node_comes_back(script, connect):
    cluster = script(nodes=2).start()
    client = await connect(f"ws://127.0.0.1:{cluster.port}/ws")
    # What the chat page offers.
    (told,) = (await client.command("history", channel="demo:nodes", limit=1))["messages"]
    assert told["data"] == {"nodes": [{"name": f"node-{each}", "port": cluster.port + each} for each in (1, 2)]}

    os.kill(cluster.pid_of("node-1"), signal.SIGKILL)
    cluster.says("node-1 (pid ")
    cluster.says("It starts again in 5 s.")
    assert cluster.readiness(1) is None and cluster.readiness(2) == 200
    others = await connect(f"ws://127.0.0.1:{cluster.port}/ws")
    assert (await others.command("request", method="whoami"))["result"]["node"].startswith("node-2.")

    cluster.says("node-1 is back")
    assert cluster.readiness(1) == 200
    direct = await connect(f"ws://127.0.0.1:{cluster.port + 1}/ws")
    await direct.subscribe("demo:lobby")
    await others.publish("demo:lobby", "hello")
    await direct.expect("message", data="hello")

    cluster.signal(signal.SIGINT)
    assert cluster.wait() == 130
    assert cluster.left_behind() == []


async def test_a_killed_shard_takes_its_channels_alone_and_comes_back(script, connect):
    cluster = script(redis="shards").start()
    client = await connect(f"ws://127.0.0.1:{cluster.port}/ws")
    # As docs/redis.md has them: shard 0 of 4, and shard 2.
    await client.subscribe("demo:lobby")
    await client.subscribe("room:1")
    os.kill(cluster.pid_of("redis-0"), signal.SIGKILL)
    cluster.says("redis-0 (pid ")

    async def refused() -> bool:
        return (await client.command("publish", channel="demo:lobby", data=1)).get("code") == "unavailable"

    await eventually(refused)
    await client.publish("room:1", "on")
    await client.expect("message", data="on")
    cluster.says("redis-0 is back")
    await client.expect("gap", channel="demo:lobby")
    await client.publish("demo:lobby", "again")
    await client.expect("message", data="again")
    said = cluster.where()
    assert "redis-0.sock" in said and "apus:presence:demo:lobby" in said
    cluster.stop()
    assert cluster.left_behind() == []


@pytest.mark.parametrize("redis", ["sentinel", "cluster"])
async def test_a_replica_takes_the_place_of_a_killed_primary(script, connect, redis):
    cluster = script(nodes=2, redis=redis).start()
    clients = [await connect(f"ws://127.0.0.1:{cluster.port + node}/ws") for node in (1, 2)]
    for client in clients:
        await client.subscribe("demo:lobby")
    await clients[0].publish("demo:lobby", "before")
    await clients[1].expect("message", data="before")
    # In the Cluster redis-1 has the first third of the slots, and the lobby with them.
    assert f"127.0.0.1:{cluster.redis_port('redis-1')}" in cluster.where().replace(" -p ", ":")

    os.kill(cluster.pid_of("redis-1"), signal.SIGKILL)
    cluster.says("redis-1 (pid ")
    cluster.says("It starts again in 15 s.")
    for client in clients:
        await client.expect("gap", channel="demo:lobby")
    await clients[0].publish("demo:lobby", "after")
    await clients[1].expect("message", data="after")
    cluster.says("redis-1 is back")
    await eventually(lambda: cluster.readiness(1) == cluster.readiness(2) == 200)

    cluster.signal(signal.SIGINT)
    assert cluster.wait() == 130
    assert cluster.left_behind() == []


def test_what_the_banner_says_can_be_pasted(script):
    cluster = script().start()
    lines = [line.strip() for line in cluster.tail().splitlines()]
    (look,) = [line for line in lines if line.startswith("redis-cli")]
    assert subprocess.run(look, shell=True, timeout=LIMIT, check=False).returncode == 0
    (publish,) = [line for line in lines if line.startswith(f"{binary()} pub")]
    assert subprocess.run(publish, shell=True, timeout=LIMIT, check=False).returncode == 0
    (notify,) = [line for line in lines if line.startswith("curl")]
    assert subprocess.run(f"{notify} --fail", shell=True, timeout=LIMIT, check=False).returncode == 0
    assert f"kill -9 {cluster.pid_of('node-1')}" in lines
    for port in (cluster.port, cluster.port + 1):
        assert status(port, "/") == 200 and f"http://127.0.0.1:{port}/" in cluster.tail()


async def test_the_api_through_nginx(script, connect):
    """nginx listens on loopback alone, so it passes the API and the console; the rest is closed as always."""
    cluster = script().start()
    assert status(cluster.port, "/api/access") == 200
    # By the node, whether it knows the path or not.
    for path in ("/api/nope", "/console", "/x/../%61pi/nope"):
        assert status(cluster.port, path) == status(cluster.port + 1, path) != 403
    for path in ("/metrics", "/readyz", "/healthz", "/openapi.json", "/api/../metrics", "/console/%2e%2e/readyz"):
        assert status(cluster.port, path) == 403

    client = await connect(f"ws://127.0.0.1:{cluster.port}/ws", user="a/b")
    url = f"http://127.0.0.1:{cluster.port}/api/users/a%2Fb/messages"
    body = b'{"data":"hello"}'.ljust(8 * 1024 * 1024)
    assert (await asyncio.to_thread(requests.post, url, body, timeout=LIMIT)).json() == {"online": True}
    await client.expect("notification", data="hello")
    assert (await asyncio.to_thread(requests.post, url, body + b" ", timeout=LIMIT)).status_code == 413


async def test_it_ends_while_a_node_is_down(script):
    cluster = script().start()
    os.kill(cluster.pid_of("node-1"), signal.SIGKILL)
    cluster.says("It starts again")
    cluster.stop()
    assert cluster.left_behind() == []


@pytest.mark.parametrize(
    ("redis", "log", "number"),
    [
        ("one", "redis.log", signal.SIGINT),
        ("one", "redis.log", signal.SIGTERM),
        ("one", "redis.log", signal.SIGHUP),
        ("sentinel", "redis-1.log", signal.SIGINT),
        ("cluster", "form-cluster.log", signal.SIGINT),
    ],
)
async def test_it_ends_while_it_starts(script, redis, log, number):
    cluster = script(redis=redis).launch()
    cluster.says("== starting")
    await eventually(lambda: list(cluster.temporary.glob(f"*/{log}")))
    cluster.signal(number)
    assert cluster.wait() == 128 + number
    assert "is up" not in cluster.tail()
    assert cluster.left_behind() == []


def test_it_ends_when_its_terminal_is_closed(script):
    """Also where it is not the session's leader, which is the only one to get a SIGHUP."""
    cluster = script()
    leader, terminal = os.openpty()
    setsid = ("setsid", "--ctty", "sh", "-c", 'trap "" HUP; "$@"; :', "sh")
    words = ("env", f"TMPDIR={cluster.temporary}", _SCRIPT, "--port", cluster.port, "--nodes", "1", binary())
    process = subprocess.Popen([str(word) for word in (*setsid, *words)], stdin=terminal, stdout=terminal, stderr=terminal)
    os.close(terminal)
    try:
        said = b""
        while b"Ctrl-C ends it all." not in said:
            said += os.read(leader, 4096)
        os.close(leader)
        process.wait(LIMIT)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
    assert cluster.left_behind() == []


@pytest.mark.parametrize("offset", [0, 2], ids=["nginx", "a-node"])
def test_a_port_that_is_taken(script, offset):
    cluster = script(nodes=2)
    with socket.create_server(("127.0.0.1", cluster.port + offset)):
        assert cluster.launch().wait() == 1
    said = cluster.tail()
    assert f"Port {cluster.port + offset} is in use" in said
    assert re.search(r"^  make cluster PORT=9\d00$", said, re.MULTILINE)
    assert "starting" not in said
    assert cluster.left_behind() == []


@pytest.mark.parametrize("name", ["redis-server", "nginx"])
def test_a_program_that_fails(script, name):
    cluster = script()
    programs = cluster.log.parent / "bin"
    programs.mkdir()
    (programs / name).write_text("#!/bin/sh\necho 'the moon is full' >&2\nexit 7\n")
    (programs / name).chmod(0o755)
    cluster.path = f"{programs}:{cluster.path}"
    assert cluster.launch().wait() == 1
    assert "has ended at its start:\n   the moon is full" in cluster.tail()
    assert "is up" not in cluster.tail()
    assert cluster.left_behind() == []


@pytest.mark.parametrize("name", ["redis", "nginx"])
def test_nothing_goes_on_without(script, name):
    """A killed nginx leaves its workers, which are ended, too."""
    cluster = script().start()
    os.kill(cluster.pid_of(name), signal.SIGKILL)
    assert cluster.wait() == 1
    assert f"{name} (pid {cluster.pid_of(name)}) has ended" in cluster.tail()
    assert cluster.left_behind() == []


def test_a_word_that_is_wrong():
    options = (["--nodes", "0"], ["--port", "65535"], ["--redis", "many"], ["--prot", "1"])
    for words in ([], ["no-such"], *([*option, binary()] for option in options)):
        run = subprocess.run([_SCRIPT, *words], capture_output=True, text=True, timeout=LIMIT, check=False)
        assert run.returncode == 2 and "usage: deploy/cluster" in run.stderr, words
