"""`apus check` and `apus where` with a Redis Cluster: what is there, and what should be otherwise."""

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from harness import Redis, free_port, partitions, secrets
from harness.node import binary
from harness.redis_cluster import RedisCluster
from harness.repository import REPOSITORY

SECRET = secrets.register("the-secret-of-a-cluster-0123456789abcdef")
BUFFER = "pubsub 268435456 67108864 60"


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisCluster]:
    """Three primaries and a replica of each, which every test leaves as it found them."""
    options = ["--client-output-buffer-limit", BUFFER]
    with RedisCluster(tmp_path_factory.mktemp("redis"), options=options) as redis:
        yield redis


def apus(*words: object) -> tuple[int, str]:
    """The exit status of a command and all it says."""
    run = subprocess.run([str(each) for each in (binary(), *words)], capture_output=True, text=True, timeout=60)
    assert SECRET not in run.stdout + run.stderr
    return run.returncode, run.stdout + run.stderr


def check(url: str, *options: object) -> tuple[int, str]:
    return apus("check", "--allow-anonymous", "--redis", url, *options)


def about(said: str, server: Redis) -> str:
    """What is said of one server."""
    return said.split(f"Redis, 127.0.0.1:{server.port}\n")[1].split("\nRedis, ")[0]


def owned(redis: RedisCluster, server: Redis) -> int:
    slots = set(redis.slots(server))
    return sum(partitions.slot(each) in slots for each in range(partitions.PARTITIONS))


def test_all_is_well(redis):
    code, said = check(redis.url)
    assert code == 0 and "It would run." in said, said
    assert "all slots have an owner" in said
    shares = {each: owned(redis, each) for each in redis.primaries}
    assert sum(shares.values()) == 64 and min(shares.values()) >= 21
    for primary, share in shares.items():
        assert f"the primary 127.0.0.1:{primary.port} has {share} of 64 partitions" in said, said
        assert "it is a primary" in about(said, primary)
    for each in redis.servers:
        here = about(said, each)
        for words in ("version ", "cluster_state ok", "cluster-require-full-coverage is no", "pubsub is 256 MiB"):
            assert f"ok       {words}" in here.replace("client-output-buffer-limit ", ""), here
        assert "ok       may run every command a node runs, on apus:*" in here, here
    replica = next(each for each in redis.servers if each not in redis.primaries)
    assert "it is a replica" in about(said, replica)
    assert redis.keys() == [], "it leaves something behind"


def test_one_server_is_enough(redis):
    for each in (redis.servers[0], redis.servers[-1]):
        code, said = check(f"redis+cluster://127.0.0.1:{each.port}")
        assert code == 0 and said.count("of 64 partitions") == 3, said


def test_a_server_that_is_away_is_a_warning(redis):
    away = free_port()
    code, said = check(f"redis+cluster://127.0.0.1:{away},127.0.0.1:{redis.servers[0].port}")
    assert code == 0 and "warning  cannot be used: connect: Connection refused" in said, said
    code, said = check(f"redis+cluster://127.0.0.1:{away}")
    assert code == 1 and "no server says who owns which slots" in said, said


def test_primaries_of_another_cluster_or_away(redis, tmp_path):
    other = redis.servers[0]
    with RedisCluster(tmp_path, replicas=0) as redis:
        code, said = check(f"{redis.url},127.0.0.1:{other.port}")
        assert code == 0 and said.count("warning  tells other owners of slots than 127.0.0.1:") >= 1, said
        lost = redis.primaries[1]
        share = owned(redis, lost)
        lost.kill()
        code, said = check(redis.url)
        assert code == 1 and f"Connection refused; it has {share} partitions" in about(said, lost), said


def test_slots_without_an_owner_are_told(redis):
    with redis.without_owner(partitions.slot(2)):
        code, said = check(redis.url)
        assert code == 1 and f"the slot {partitions.slot(2)} has no owner: the partition 2 cannot be used" in said, said
        code, said = apus("where", "room:1", "--redis", redis.url)
        assert code == 1 and f"No server owns the slot {partitions.slot(2)}" in said, said
    code, said = check(redis.url)
    assert code == 0, said


def test_one_slot_should_not_stop_all(redis):
    server = redis.servers[0]
    server.client.config_set("cluster-require-full-coverage", "yes")
    code, said = check(redis.url)
    server.client.config_set("cluster-require-full-coverage", "no")
    assert code == 0 and "warning  cluster-require-full-coverage is yes" in about(said, server), said
    assert said.count("cluster-require-full-coverage is yes") == 1


def documented(word: str) -> list[str]:
    """The words of a block of docs/redis.md that begins with one."""
    page = (REPOSITORY / "docs/redis.md").read_text()
    return next(block for block in page.split("```text\n")[1:] if block.startswith(word)).split("```")[0].split()


def test_the_documented_permissions_are_enough_and_none_is_too_much(redis):
    words = [each for each in documented("ACL SETUSER apus on >secret resetkeys ~") if not each.endswith("publish")]
    words = [each for each in words[2:] if each not in ("+subscribe", "+unsubscribe", ">secret")]
    more = documented("+spublish")
    url = redis.url.replace("://", f"://apus:{SECRET}@")
    with ExitStack() as stack:
        for each in redis.servers:
            each.client.execute_command("ACL", "SETUSER", *words, *more, f">{SECRET}")
            stack.callback(each.client.acl_deluser, "apus")
        code, said = check(url)
        assert code == 0, said
        assert said.count("cluster-require-full-coverage cannot be read (CONFIG GET)") == len(redis.servers), said
        for word in more:
            for each in redis.servers:
                each.client.execute_command("ACL", "SETUSER", "apus", f"-{word[1:]}")
            code, said = check(url)
            assert code == 1 and f"It needs {word} ~apus:* &apus:*" in said, said
            for each in redis.servers:
                each.client.execute_command("ACL", "SETUSER", "apus", word)


def test_the_other_kind_of_redis_is_told(redis, tmp_path):
    code, said = check(f"redis://127.0.0.1:{redis.servers[0].port}")
    assert code == 1 and "this Redis is a server of a Cluster: use redis+cluster://host:6379" in said, said
    assert said.count("server of a Cluster") == 1, said
    with Redis(tmp_path) as alone:
        url = f"redis+cluster://127.0.0.1:{alone.port}"
        code, said = check(url)
        assert code == 1 and "this Redis is not a server of a Cluster: use redis://host:6379" in said, said
        code, said = apus("where", "room:1", "--redis", url)
        assert code == 1 and "not a server of a Cluster" in said and "No server of the Cluster answers." in said, said


def test_where_says_what_to_type(redis):
    away = free_port()
    # Any server will do, and the first that answers is enough.
    url = f"redis+cluster://127.0.0.1:{away},127.0.0.1:{redis.servers[-1].port}"
    owner = redis.owner(partitions.slot(2))
    code, said = apus("where", "room:1", "--redis", url)
    assert code == 0 and f"The server 127.0.0.1:{away} cannot be used" in said, said
    assert f"partition 2 of 64, tag 2.303, slot {partitions.slot(2)}" in said
    assert f"127.0.0.1:{owner.port}\n" in said
    lines = {words[0]: words[1] for words in (line.split(maxsplit=1) for line in said.splitlines())}

    def type_in(what: str) -> str:
        run = subprocess.run(lines[what], shell=True, capture_output=True, text=True, timeout=60, check=True)
        return run.stdout

    owner.client.hset("apus:{2.303}:presence:room:1", "somebody", "{}")
    assert "somebody" in type_in("presence")
    owner.client.delete("apus:{2.303}:presence:room:1")
    assert type_in("nodes").split() == ["apus:{2.303}:ch:room:1", "0"]
    assert type_in("publish").split() == ["0"]
    code, said = apus("where", "--user", "alice", "--redis", redis.url, "--redis-prefix", "a:")
    assert code == 0 and "hgetall 'a:{4.40}:user:alice'" in said, said


def test_a_prefix_with_braces_is_refused(redis):
    for words in (["serve", "--allow-anonymous"], ["check", "--allow-anonymous"], ["where", "room:1"]):
        for prefix in ("a{b", "}"):
            code, said = apus(*words, "--redis", redis.url, "--redis-prefix", prefix)
            assert code == 1 and "--redis-prefix takes no { and no }" in said, said


def test_through_tls(authority, tmp_path):
    with RedisCluster(tmp_path, replicas=0, authority=authority) as redis:
        code, said = check(redis.url, "--redis-ca", authority.file)
        assert code == 0 and said.count("TLSv1.3; its certificate ends in") == 3, said
        code, said = check(redis.url)
        assert code == 1 and "not trusted" in said and "--redis-ca" in said, said
        code, said = apus("where", "room:1", "--redis", redis.url, "--redis-ca", authority.file)
        assert code == 0 and f"-p {redis.owner(partitions.slot(2)).told} --tls --cacert" in said, said
        code, said = check(redis.url.replace("rediss", "redis"))
        assert code == 1 and "if this port speaks TLS, use rediss+cluster://" in said, said
