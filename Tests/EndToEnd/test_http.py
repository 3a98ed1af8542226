"""The HTTP side of a node, and its command line."""

import asyncio
import signal
import subprocess

import pytest
import requests

from harness import Metrics, eventually, free_port
from harness.node import binary


def test_healthz(cluster):
    for node in cluster.nodes:
        assert node.get("/healthz").status_code == 200


def test_readyz_names_its_dependencies(cluster, memory_node):
    for node in cluster.nodes:
        answer = node.get("/readyz")
        assert answer.status_code == 200
        assert answer.headers["Content-Type"].startswith("application/json")
        assert {"redis", "probe", "lease", "draining"} <= set(leaves(answer.json()))
    answer = memory_node.get("/readyz")
    assert answer.status_code == 200 and isinstance(answer.json(), dict)


def leaves(value) -> list[str]:
    """The names of all members at any depth."""
    if isinstance(value, list):
        return [name for item in value for name in leaves(item)]
    if isinstance(value, dict):
        return [*value, *(name for item in value.values() for name in leaves(item))]
    return []


async def test_readyz_without_redis(own_cluster):
    cluster = own_cluster(nodes=1)
    (node,) = cluster.nodes
    cluster.redis.stop()
    await eventually(lambda: node.readiness() == 503)
    answer = node.get("/readyz")
    assert answer.headers["Content-Type"].startswith("application/json") and "redis" in answer.text
    assert node.get("/healthz").status_code == 200


NAMES = {
    "apus_connections",
    "apus_channels",
    "apus_subscriptions",
    "apus_connects_total",
    "apus_disconnects_total",
    "apus_commands_total",
    "apus_errors_total",
    "apus_published_total",
    "apus_delivered_total",
    "apus_keyspaces_joined",
    "apus_redis_up",
}


async def test_metrics_follow_what_happens(cluster, connect, channel):
    node = cluster.nodes[0]
    before = node.metrics()
    clients = [await connect(node.ws) for _ in range(3)]
    for client in clients:
        await client.subscribe(channel)
    for _ in range(5):
        await clients[0].publish(channel, 1)
    for client in clients:
        await client.collect("message", 5)
    assert (await clients[0].command("dance"))["code"] == "unknown_type"

    def grown(name: str, **labels: str) -> float:
        return node.metrics().total(name, **labels) - before.total(name, **labels)

    assert node.metrics().names >= NAMES
    assert node.metrics().total("apus_redis_up") == 1
    await eventually(lambda: grown("apus_connects_total") == 3)
    await eventually(lambda: grown("apus_published_total") == 5)
    await eventually(lambda: grown("apus_delivered_total") == 15)
    await eventually(lambda: grown("apus_commands_total", type="subscribe") == 3)
    await eventually(lambda: grown("apus_commands_total", type="publish") == 5)
    await eventually(lambda: grown("apus_errors_total", code="unknown_type") == 1)
    # Gauges: connections of earlier tests may still be on their way out.
    await eventually(lambda: node.metrics().total("apus_connections") == 3)
    await eventually(lambda: node.metrics().total("apus_subscriptions") == 3)
    await eventually(lambda: node.metrics().total("apus_channels") == 1)
    for client in clients:
        await client.close()
    await eventually(lambda: grown("apus_disconnects_total", code="1000") == 3)
    await eventually(lambda: node.metrics().total("apus_connections") == 0)
    await eventually(lambda: node.metrics().total("apus_channels") == 0)


def test_metrics_are_declared(cluster):
    answer = cluster.nodes[0].get("/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain")
    metrics = Metrics.parse(answer.text)
    for name in NAMES:
        assert metrics.types[name] == ("counter" if name.endswith("_total") else "gauge")
    for (name, _), value in metrics.samples.items():
        assert value >= 0, name


@pytest.mark.parametrize("path", ["/nope", "/api/nope", "/wsx", "/healthz/x", "/..%2f..%2fetc%2fpasswd"])
def test_unknown_path(memory_node, path):
    answer = memory_node.get(path)
    assert answer.status_code == 404
    assert answer.headers["Content-Type"].startswith("application/json")
    assert answer.json().keys() == {"code", "error"} and answer.json()["error"]


async def test_keep_alive(memory_node, raw):
    connection = await raw(memory_node.port)
    for _ in range(3):
        for path, status in [("/healthz", 200), ("/nope", 404), ("/readyz", 200), ("/metrics", 200)]:
            assert (await connection.request(path)).status == status


async def test_upgrade_on_a_connection_that_was_handed_over(memory_node, raw):
    connection = await raw(memory_node.port)
    assert (await connection.request("/healthz")).status == 200
    response = await connection.upgrade()
    assert response.status == 503 and response.headers["connection"] == "close"
    await connection.ended()
    again = await raw(memory_node.port)
    assert (await again.upgrade()).status == 101


async def test_an_absolute_target(memory_node, raw):
    connection = await raw(memory_node.port)
    response = await connection.upgrade(f"http://127.0.0.1:{memory_node.port}/ws")
    assert response.status == 101


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Runs the command line to its end; one that keeps running fails the test."""
    return subprocess.run(
        [str(word) for word in (binary(), *arguments)], capture_output=True, text=True, timeout=30, check=False
    )


def test_serve_refuses_to_be_open_by_accident():
    outcome = run("serve", "--port", free_port())
    assert outcome.returncode != 0
    assert "--allow-anonymous" in outcome.stderr + outcome.stdout


async def test_serve_with_anonymous_allowed(connect):
    """`?user=` names nobody outside `--dev`."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *(str(binary()), "serve", "--allow-anonymous", "--host", "127.0.0.1", "--port", str(port), "--loops", "1"),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:

        def answers() -> bool:
            assert process.returncode is None, f"ended with {process.returncode}"
            try:
                return requests.get(f"http://127.0.0.1:{port}/readyz", timeout=10).status_code == 200
            except requests.ConnectionError:
                return False

        await eventually(answers)
        client = await connect(f"ws://127.0.0.1:{port}/ws", user="alice")
        assert client.hello["user"] is None
        await client.ping()
    finally:
        process.kill()
        await process.wait()


OPTIONS = ["--allow-anonymous", "--burst", "--dev", "--drain", "--host", "--leave-grace", "--loops", "--max-channels"]
OPTIONS += ["--max-connections", "--max-outbox", "--node", "--ping-interval", "--port", "--rate", "--redis"]


def test_help_teaches():
    outcome = run("--help")
    assert outcome.returncode == 0 and "serve" in outcome.stdout
    outcome = run("serve", "--help")
    assert outcome.returncode == 0
    for option in OPTIONS:
        assert option in outcome.stdout
    for default in ("8080", "65536", "128", "0.0.0.0"):
        assert default in outcome.stdout


# Options that are refused, and what the message has to mention.
REFUSED = {
    "unknown scheme": (["--redis", "http://127.0.0.1:6379"], "redis://"),
    "TLS without a URL for it": (["--redis", "redis://127.0.0.1:6379", "--redis-ca", "/a.pem"], "rediss://"),
    "unknown option": (["--prot", "8080"], "--prot"),
    "port is no number": (["--port", "eighty"], "eighty"),
    "port out of range": (["--port", "70000"], "70000"),
    "no loops": (["--loops", "0"], "--loops"),
    "bad duration": (["--drain", "soon"], "soon"),
    "bad node name": (["--node", "web 1"], "web 1"),
    "outbox below two messages": (["--max-outbox", "100000"], "--max-outbox"),
}


@pytest.mark.parametrize("arguments, mention", REFUSED.values(), ids=REFUSED.keys())
def test_bad_options_are_refused_clearly(arguments, mention):
    port = [] if "--port" in arguments else ["--port", free_port()]
    outcome = run("serve", "--dev", *port, *arguments)
    assert outcome.returncode != 0
    assert mention in outcome.stderr + outcome.stdout


def test_a_port_in_use(memory_node):
    outcome = run("serve", "--dev", "--port", memory_node.port)
    assert outcome.returncode != 0
    assert str(memory_node.port) in outcome.stderr + outcome.stdout


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_the_file_of_a_socket_goes_with_the_node(own_node, tmp_path, number):
    path = tmp_path / "apus.sock"
    node = own_node({"--listen": f"unix://{path}"})
    assert path.is_socket()
    node.signal(number)
    assert await asyncio.to_thread(node.wait) == 0
    assert not path.exists()


async def test_a_file_that_is_anothers_stays(own_node, tmp_path):
    path = tmp_path / "apus.sock"
    node = own_node({"--listen": f"unix://{path}"})
    path.unlink()
    successor = own_node({"--listen": f"unix://{path}"})
    assert await asyncio.to_thread(node.stop) == 0
    assert path.is_socket() and successor.readiness() == 200
