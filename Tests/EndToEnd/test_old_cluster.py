"""A Redis Cluster that is too old: a node does not use it and says why.

`make versions` runs this with an old Redis.
"""

import subprocess

import pytest

from harness import Node, Redis, until
from harness.node import binary


def test_a_cluster_that_is_too_old(tmp_path):
    options = ["--cluster-enabled", "yes", "--cluster-config-file", tmp_path / "nodes.conf"]
    with Redis(tmp_path, options=options) as redis:
        version = redis.client.info("server")["redis_version"]
        if int(version.split(".")[0]) >= 7:
            pytest.skip(f"Redis {version} is not too old: APUS_REDIS_SERVER names one that is")
        redis.client.execute_command("CLUSTER", "ADDSLOTS", *range(16384))
        until(lambda: "cluster_state:ok" in redis.client.execute_command("CLUSTER", "INFO"), what=redis.tail)
        url = f"redis+cluster://127.0.0.1:{redis.port}"
        words = [str(binary()), "check", "--allow-anonymous", "--redis", url]
        run = subprocess.run(words, capture_output=True, text=True, timeout=60)
        assert run.returncode == 1, run.stdout
        assert f"version {version}: Apus needs 7.0 or newer" in run.stdout, run.stdout
        node = Node("early", tmp_path, redis=url)
        try:
            node.launch()
            said = f"a Cluster must be of Redis 7.0 or newer, not {version}"
            until(lambda: node.readiness() == 503 and said in node.get("/readyz").text, what=node.tail)
        finally:
            node.end()
