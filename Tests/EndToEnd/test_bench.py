"""`apus bench` against real nodes."""

import json
import subprocess

import pytest

from harness import until
from harness.node import binary


def bench(*options: object, code: int = 0) -> str:
    """What one short run prints; it must end with `code`."""
    command = [binary(), "bench", "--duration", "500ms", "--warmup", "100ms", *map(str, options)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert run.returncode == code, run.stdout + run.stderr
    return run.stdout + run.stderr


def figures(*options: object, code: int = 0) -> dict:
    return json.loads(bench("--json", *options, code=code))


def test_everything_arrives_in_a_closed_loop(memory_node):
    result = figures("--url", memory_node.ws, "--connections", 50, "--window", 8)
    assert result["expected"] == result["delivered"] == 50 * result["published"] > 0
    assert result["lost"] == result["disordered"] == 0
    assert 0 < result["latency"]["p50"] <= result["latency"]["p99"] <= result["latency"]["max"]


def test_an_open_loop_publishes_on_time(memory_node):
    result = figures(
        "--url", memory_node.ws, "--connections", 40, "--channels", 20, "--publishers", 4, "--rate", 1000
    )
    # Never more than 600 ms at 1,000 a second; fewer only where the machine stands still at the end.
    assert 0 < result["published"] <= 700
    assert result["expected"] == result["delivered"] == 2 * result["published"]


def test_connections_are_dealt_out_to_the_nodes(cluster):
    urls = [word for node in cluster.nodes for word in ("--url", node.ws)]
    result = figures(*urls, "--connections", 30, "--channels", 3, "--publishers", 7, "--rate", 200, "--payload", 500)
    assert result["load"]["nodes"] == 3
    assert result["expected"] == result["delivered"] == 10 * result["published"]
    assert result["disordered"] == 0


def test_connections_are_held(memory_node):
    result = figures("--url", memory_node.ws, "--connections", 200, "--publishers", 0)
    assert result["connect"]["connections"] == 200
    assert result["published"] == 0


def test_the_table_is_for_people(memory_node):
    text = bench("--url", memory_node.ws, "--connections", 10)
    assert "10 subscribers on 1 channels" in text
    assert "lost        0, out of order 0" in text
    assert "p99" in text


def test_two_runs_are_compared(memory_node, tmp_path):
    earlier = tmp_path / "earlier.json"
    earlier.write_text(bench("--url", memory_node.ws, "--connections", 10, "--json"))
    text = bench("--url", memory_node.ws, "--connections", 10, "--compare", earlier)
    assert "ratio" in text and "delivered/s" in text
    assert "The loads differ" not in text
    assert "The loads differ" in bench("--url", memory_node.ws, "--connections", 11, "--compare", earlier)


def test_another_source_address(memory_node):
    figures("--url", memory_node.ws, "--connections", 10, "--source", "127.0.0.9", "--source", "127.0.0.10")


def test_refused_publishes_are_told(own_node):
    node = own_node({"--rate": 10, "--burst": 10})
    text = bench("--url", node.ws, "--connections", 2, "--rate", 100, code=1)
    assert "rate_limited: start the node with --rate 0" in text


@pytest.mark.parametrize("load", [("--rate", 100), ("--window", 4)], ids=lambda load: load[0])
def test_what_is_refused_is_not_lost(own_node, load):
    """Publishers of several channels, too, whose messages the node refuses without saying which."""
    node = own_node({"--rate": 10, "--burst": 10})
    result = figures("--url", node.ws, "--connections", 6, "--channels", 3, "--publishers", 2, *load, code=1)
    refused = result["refused"].pop("rate_limited")
    assert refused > 0 and not result["refused"]
    assert result["lost"] == 0 and result["delivered"] == result["expected"] > 0
    assert result["expected"] == 2 * (result["published"] - refused)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--connections", 0], "at least one connection"),
        (["--connections", 1, "--channels", 2], "more channels than connections"),
        (["--connections", 2**63 - 1], "can be at most"),
        (["--publishers", 2**63 - 1], "can be at most"),
        (["--connections", 100_000, "--publishers", 100_000], "kept apart"),
        (["--payload", 10], "payload must be"),
        (["--payload", 2**32 - 1], "payload must be"),
        (["--rate", 0], "rate must be from"),
        (["--rate", 1e-300], "rate must be from"),
        (["--rate", 1e300], "rate must be from"),
        (["--rate", 5, "--publishers", 0], "Without a publisher"),
        (["--rate", 5, "--window", 5], "not both"),
        (["--window", 0], "window must be from"),
        (["--window", 2**63 - 1], "window must be from"),
        (["--duration", 0], "duration must be above 0"),
        (["--url", "http://127.0.0.1/"], "ws://"),
        (["--source", "nonsense"], "numeric address"),
    ],
)
def test_what_cannot_be_run_is_refused_with_a_reason(options, words):
    assert words in bench(*options, code=64)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--connections", 9_000_000], "open files are needed"),
        (["--url", "ws://127.0.0.1:1/ws", "--connections", 3], "Does a node run there?"),
        (["--url", "ws://nowhere.invalid/ws"], "nowhere.invalid"),
        (["--compare", "/nonexistent"], "cannot be read"),
        (["--compare", __file__], "not the output of apus bench"),
    ],
)
def test_what_cannot_be_done_is_told(options, words):
    assert words in bench(*options, code=1)


def test_two_runs_at_once_do_not_meet(memory_node):
    command = [binary(), "bench", "--url", memory_node.ws, "--connections", "5", "--rate", "50", "--duration", "1s"]
    runs = [subprocess.Popen([*command, "--json"], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    for run in runs:
        output, _ = run.communicate(timeout=120)
        assert run.returncode == 0, output
        result = json.loads(output)
        assert result["expected"] == result["delivered"] == 5 * result["published"] > 0


def test_an_absurd_earlier_run_is_borne(memory_node, tmp_path):
    earlier = tmp_path / "absurd.json"
    result = figures("--url", memory_node.ws, "--connections", 3)
    result["deliveriesPerSecond"] = 1e300
    result["latency"]["max"] = 1e-300
    earlier.write_text(json.dumps(result))
    assert "ratio" in bench("--url", memory_node.ws, "--connections", 3, "--compare", earlier)


def test_a_node_that_dies_is_seen(own_node):
    node = own_node()
    command = [binary(), "bench", "--url", node.ws, "--connections", "5", "--rate", "100", "--duration", "20s", "--json"]
    run = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        until(lambda: node.metrics().total("apus_published_total") > 20, what="nothing was published")
        node.kill()
        output, _ = run.communicate(timeout=120)
    finally:
        run.kill()
    assert run.returncode == 1
    result = json.loads(output)
    assert result["lostConnections"] == 6
    assert result["lost"] > 0
