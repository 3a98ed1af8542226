"""The page of metrics as Prometheus' own programs read it, and what it tells of the process, the build and the API."""

import os
import re
import resource
import subprocess
import time
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as families_of_open_metrics
from prometheus_client.parser import text_string_to_metric_families as families_of_text

from harness import Metrics, Node, eventually
from harness.node import binary
from harness.process import program
from harness.repository import REPOSITORY

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPEN_METRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
# What Prometheus 2.42 sends.
PROMETHEUS = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)


def page(node: Node, accept: str | None = None) -> str:
    answer = node.get("/metrics", headers={"Accept": accept})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == (OPEN_METRICS if accept else TEXT)
    return answer.text


@pytest.fixture
async def busy_node(cluster, connect, channel) -> Node:
    """A node that has counted something with every kind of label."""
    node = cluster.nodes[0]
    client = await connect(node.ws)
    await client.subscribe(channel)
    await client.publish(channel, 1)
    await client.collect("message", 1)
    await client.command("dance")
    await client.close()
    for path in ("/api/access", "/api/nope"):
        node.get(path)
    return node


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        (None, TEXT),
        ("*/*", TEXT),
        ("text/plain", TEXT),
        ("application/openmetrics-text;version=2.0.0", TEXT),
        ("application/openmetrics-text", OPEN_METRICS),
        (PROMETHEUS, OPEN_METRICS),
    ],
)
def test_the_format_is_the_one_asked_for(memory_node, accept, content_type):
    answer = memory_node.get("/metrics", headers={"Accept": accept})
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, content_type)
    assert answer.text.endswith("\n# EOF\n") == (content_type == OPEN_METRICS)


def test_promtool_accepts_the_page(busy_node):
    command = [program("promtool", "prometheus"), "check", "metrics"]
    result = subprocess.run(command, input=page(busy_node), capture_output=True, text=True, timeout=30)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_the_parsers_read_all_of_both_pages(busy_node):
    of_text, of_open_metrics = page(busy_node), page(busy_node, PROMETHEUS)
    families = list(families_of_text(of_text)), list(families_of_open_metrics(of_open_metrics))
    names = []
    for text, read in zip((of_text, of_open_metrics), families, strict=True):
        samples = [sample for family in read for sample in family.samples]
        assert len(read) == len(re.findall("^# TYPE ", text, re.MULTILINE))
        assert len(samples) == len(re.findall("^[^#\n]", text, re.MULTILINE))
        assert all(family.documentation for family in read)
        names.append({sample.name for sample in samples})
    assert names[0] == names[1]
    types = [{family.name: family.type for family in read} for read in families]
    assert types[1].pop("apus_build") == "info" and types[0].pop("apus_build_info") == "gauge"
    assert types[0] == types[1]
    units = {family.name: family.unit for family in families[1] if family.unit}
    assert units["process_cpu_seconds"] == "seconds" and units["process_resident_memory_bytes"] == "bytes"


def test_every_label_is_told(busy_node):
    rows = dict(re.findall(r"^\| `(\w+)` \| \w+ \| (.*) \|$", (REPOSITORY / "docs/operations.md").read_text(), re.M))
    text = page(busy_node)
    labels = {
        (re.sub(r"_(bucket|sum|count)$", "", name) if f"\n# TYPE {name} " not in text else name, label)
        for name, carried in Metrics.parse(text).samples
        for label, _ in carried
    }
    assert {name for name, _ in labels} >= {"apus_api_requests_total", "apus_api_seconds", "apus_build_info"}
    for name, label in labels:
        assert label == "le" or f"`{label}`" in rows[name], f"the label {label} of {name} is not told"


async def test_the_process(own_node, raw):
    begin = time.time()
    node = own_node()
    cpu = used(node)
    metrics = node.metrics()
    assert cpu <= metrics.total("process_cpu_seconds_total") <= used(node)
    # The kernel tells when the machine started in whole seconds.
    assert begin - 1.1 <= metrics.total("process_start_time_seconds") <= time.time()
    assert node.metrics().total("process_start_time_seconds") == metrics.total("process_start_time_seconds")
    assert node.memory() / 2 < metrics.total("process_resident_memory_bytes") < node.memory() * 2
    assert metrics.total("process_max_fds") == resource.prlimit(node.pid, resource.RLIMIT_NOFILE)[0]
    for _ in range(20):
        await raw(node.port)
    # The scrape has a connection itself.
    await eventually(lambda: abs(node.metrics().total("process_open_fds") - node.open_files()) <= 2)
    assert node.metrics().total("process_open_fds") >= metrics.total("process_open_fds") + 15


def used(node: Node) -> float:
    """The seconds of processors that a process has used."""
    fields = Path(f"/proc/{node.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_the_build(memory_node):
    version = subprocess.run([binary(), "--version"], capture_output=True, text=True, timeout=30).stdout.strip()
    samples = memory_node.metrics().samples
    [(labels, value)] = [(dict(labels), value) for (name, labels), value in samples.items() if name == "apus_build_info"]
    assert value == 1 and labels.keys() == {"version", "swift"}
    assert labels["version"] == version
    assert re.fullmatch(r"\d+\.\d+( or newer)?", labels["swift"])


def test_requests_of_the_api(own_node):
    node = own_node()
    assert "apus_api_requests_total" not in {name for name, _ in node.metrics().samples}
    for user in ("alice", "bob", "carol"):
        assert node.request("POST", f"/api/users/{user}/messages", json={"data": 1}).status_code == 200
    assert node.request("POST", "/api/users/dave/messages", json={}).status_code == 400
    assert node.get("/api/access").status_code == 200
    for number in range(5):
        assert node.get(f"/api/nope/{number}").status_code == 404
    # What is no request of the API is not counted.
    assert node.get("/nope").status_code == 404

    metrics = node.metrics()
    counts = {
        (dict(labels)["route"], dict(labels)["status"]): value
        for (name, labels), value in metrics.samples.items()
        if name == "apus_api_requests_total"
    }
    messages = "POST /api/users/{user}/messages"
    assert counts == {
        (messages, "200"): 3,
        (messages, "400"): 1,
        ("GET /api/access", "200"): 1,
        ("none", "404"): 5,
    }
    for route, count in ((messages, 4), ("GET /api/access", 1), ("none", 5)):
        assert metrics.total("apus_api_seconds_count", route=route) == count
        assert metrics.total("apus_api_seconds_bucket", route=route, le="+Inf") == count
        assert metrics.total("apus_api_seconds_bucket", route=route, le="0.001") <= count
        assert metrics.total("apus_api_seconds_sum", route=route) > 0
