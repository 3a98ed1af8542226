"""`apus check`: what a node would do, said before it does it."""

import json
import socket
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from harness import Redis, free_port, secrets
from harness.keys import ES256, HS256
from harness.node import binary

SECRET = secrets.register("the-secret-of-apus-check-0123456789abcdef")


def check(*options: object, environment: dict[str, str] | None = None) -> tuple[int, str]:
    """The exit status of `apus check` and all it says."""
    run = subprocess.run(
        [str(word) for word in (binary(), "check", *options)],
        capture_output=True,
        text=True,
        timeout=60,
        env={"PATH": "/usr/bin:/bin", **(environment or {})},
    )
    said = run.stdout + run.stderr
    assert SECRET not in said
    return run.returncode, said


@pytest.fixture
def redis(tmp_path: Path):
    server = Redis(tmp_path)
    try:
        yield server.start()
    finally:
        server.end()


def test_a_node_that_would_run():
    code, said = check("--dev")
    assert code == 0 and "It would run." in said, said


def test_a_node_that_would_not_start():
    code, said = check()
    assert code == 1 and "--allow-anonymous" in said and "--jwt-secret" in said, said


def test_redis_is_tried(redis):
    redis.client.config_set("client-output-buffer-limit", "pubsub 268435456 67108864 60")
    before = redis.client.keys()
    code, said = check("--allow-anonymous", "--redis", redis.url)
    assert code == 0, said
    for word in ["version", "round trip", "noeviction", "client-output-buffer-limit", "every command"]:
        assert word in said, f"{word} is missing in:\n{said}"
    assert redis.client.keys() == before, "something is left in Redis"


def test_a_redis_that_repeats_the_password_is_not_repeated(tmp_path):
    """It says of a command that it does not know with what arguments it came."""
    with Redis(tmp_path, options=["--rename-command", "AUTH", ""]) as server:
        code, said = check("--allow-anonymous", "--redis", f"redis://apus:{SECRET}@127.0.0.1:{server.port}")
    assert code == 1 and "does not take the login (AUTH)" in said, said


def test_a_password_that_nobody_asked_for(redis):
    code, said = check("--allow-anonymous", "--redis", f"redis://:{SECRET}@127.0.0.1:{redis.port}")
    assert code == 1 and "this Redis has no password" in said, said


def test_a_server_of_a_cluster_is_told(tmp_path):
    with Redis(tmp_path, options=["--cluster-enabled", "yes", "--cluster-port", free_port()]) as server:
        code, said = check("--allow-anonymous", "--redis", server.url)
    assert code == 1 and "this Redis is a server of a Cluster: use redis+cluster://" in said, said


def test_what_redis_should_not_do_is_told(redis):
    for policy in ["allkeys-lru", "volatile-ttl"]:
        redis.client.config_set("maxmemory-policy", policy)
        code, said = check("--allow-anonymous", "--redis", redis.url)
        assert code == 1 and policy in said and "error" in said, said


def test_what_redis_forbids_is_told(redis):
    redis.client.acl_setuser("apus", enabled=True, passwords=[f"+{SECRET}"], keys=["*"], commands=["+@all", "-publish"])
    code, said = check("--allow-anonymous", "--redis", f"redis://apus:{SECRET}@127.0.0.1:{redis.port}")
    assert code == 1 and "PUBLISH" in said, said


def test_nodes_that_take_other_messages_are_told(redis):
    redis.client.config_set("client-output-buffer-limit", "pubsub 268435456 67108864 60")
    for name, size in {"same.x": 65_536, "other.x": 1000, "old.x": None}.items():
        redis.client.zadd("apus:nodes", {name: 1})
        if size:
            redis.client.hset(f"apus:node:{name}", "maxMessageSize", size)
    code, said = check("--allow-anonymous", "--redis", redis.url)
    assert code == 0 and "other.x accepts messages up to 1000 bytes, this node up to 65536" in said, said
    assert "same.x" not in said and "old.x" not in said, said


def test_a_redis_that_is_not_there():
    code, said = check("--allow-anonymous", "--redis", f"redis://:{SECRET}@127.0.0.1:{free_port()}")
    assert code == 1 and "error" in said, said


def test_words_of_a_redis_do_not_reach_the_terminal_as_they_are():
    """Some other program may listen there, and say anything."""

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
                with connection:
                    while connection.recv(65536):
                        connection.sendall(b"-ERR \x1b[2J\xc2\x9b31m\n  ok  all is well\r\n")
            except OSError:
                return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, daemon=True).start()
        code, said = check("--dev", "--redis", f"redis://127.0.0.1:{listener.getsockname()[1]}")
        listener.shutdown(socket.SHUT_RDWR)
    assert code == 1 and "all is well" in said, said
    assert all(character == "\n" or character.isprintable() for character in said), said
    assert not any(line.startswith("  ok  all") for line in said.splitlines()), said


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [(200, b'{"error":"unknown"}', 0), (200, b'{"result":null}', 0), (401, b"{}", 1), (200, b"<html>", 1)],
)
def test_the_backend_is_called(status, body, code):
    heads = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            heads.append((json.loads(self.rfile.read(int(self.headers["Content-Length"]))), self.headers))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever).start()
        url = f"http://127.0.0.1:{server.server_port}/"
        exit_code, said = check("--dev", "--backend", url, environment={"APUS_BACKEND_SECRET": SECRET})
        server.shutdown()
    assert exit_code == code and f"Backend, {url}" in said, said
    ((call, headers),) = heads
    assert call["method"] == "apus.check" and call["user"] is None and "Apus-Signature" in headers


def test_a_backend_that_is_not_there():
    code, said = check("--dev", "--backend", f"http://127.0.0.1:{free_port()}/")
    assert code == 1 and "cannot be reached" in said and "--backend-secret" in said, said


@pytest.mark.parametrize("url", ["localhost:80", "ftp://a/", f"http://u:{SECRET}@a/"])
def test_an_address_that_is_no_backend(url):
    code, said = check("--dev", environment={"APUS_BACKEND": url})
    assert code == 1 and "APUS_BACKEND: " in said, said


def test_keys_are_read(tmp_path):
    pem = tmp_path / "key.pem"
    pem.write_bytes(ES256.pem())
    code, said = check("--jwt-key", pem)
    assert code == 0 and "ES256" in said, said
    pem.write_text("-----BEGIN PUBLIC KEY-----\nMTIz\n-----END PUBLIC KEY-----\n")
    code, said = check("--jwt-key", pem)
    assert code == 1 and "key.pem" in said, said
    code, said = check("--jwks", tmp_path / "missing.json")
    assert code == 1 and "missing.json" in said, said


def test_options_come_from_everywhere(tmp_path):
    config = tmp_path / "apus.yaml"
    config.write_text("port: 9001\nmax-channels: 7\nrate: 5\nchannels:\n  - match: 'room:*'\n    publish: members\n")
    secret = tmp_path / "secret"
    secret.write_text(SECRET + "\n")
    environment = {"APUS_JWT_SECRET_FILE": str(secret), "APUS_PORT": "9002", "APUS_RATE": "6"}
    code, said = check("--config", config, "--rate", 8, environment=environment)
    assert code == 0 and HS256.algorithm in said and "room:*" in said, said
    assert "9002" in said and "9001" not in said, "the environment comes before the file"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--dev"], ["localhost", "an IP address", "--allowed-host: none", "this machine, on any port: --dev"]),
        (["--dev", "--allowed-host", "apus.example"], ["--allowed-host: apus.example"]),
        (["--allow-anonymous"], ["any Host header: no --allowed-host", "pages from the node's own host"]),
        (["--allow-anonymous", "--allowed-host", "apus.example"], ["localhost, an IP address", ": apus.example"]),
        (["--allow-anonymous", "--allowed-origin", "https://a.example"], ["own host, https://a.example"]),
        (["--dev", "--allowed-origin", "*"], ["pages from every origin"]),
        (["--dev", "--allowed-origin", "null"], ["warning", "sandboxed", "It would run, with warnings."]),
    ],
)
def test_hosts_and_origins_are_told(options, words):
    code, said = check(*options)
    assert code == 0, said
    for word in words:
        assert word in said, f"{word} is missing in:\n{said}"


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (["--allowed-origin", "https://a.example/"], "write https://a.example."),
        (["--allowed-origin", "https://a.example:443"], "write https://a.example."),
        (["--allowed-origin", "a.example"], "write https://a.example."),
        (["--allowed-origin", "https://*.example"], "patterns are not"),
        (["--allowed-host", "https://a.example:8080/"], "write a.example."),
        (["--ws-path", "/events"], "/events is reserved"),
        (["--listen", "unix://run/apus.sock"], "unix:///path"),
    ],
)
def test_options_that_can_never_work(options, word):
    code, said = check("--dev", *options)
    assert code == 1 and options[0] in said and word in said, said


def test_rules_that_never_count_are_told_with_both_lines(tmp_path):
    config = tmp_path / "apus.yaml"
    config.write_text("channels:\n  - match: 'room:*'\n    publish: members\n\n  - match: 'room:1'\n  - match: '*'\n")
    code, said = check("--dev", "--config", config)
    assert code == 0 and "It would run, with warnings." in said, said
    (line,) = [line for line in said.splitlines() if "never applies" in line]
    assert "warning" in line and "line 5" in line and "line 2" in line and '"room:1"' in line and '"room:*"' in line


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("port: 1\nrate: 1\nport: 2\n", ["line 3", "twice, first in line 1"]),
        ("max-outbx: 1MiB\n", ["line 1", "max-outbox"]),
        ("port: 80\nchannels:\n  - match: a\n    publsh: server\n", ["line 4", "publish"]),
        ("channels:\n  - match: a\n    publish: everybody\n", ["line 3", "anyone"]),
        ("channels:\n  - publish: server\n", ["line 2", "match"]),
        ("port: many\n", ["line 1", "port"]),
        ("direct: friends\n", ["line 1", "server"]),
        ("channels:\n  - match: a\n    history: {size: many}\n", ["line 3", "size"]),
        ("{", ["apus.yaml"]),
    ],
)
def test_a_bad_file_is_told_by_its_line(tmp_path, text, words):
    config = tmp_path / "apus.yaml"
    config.write_text(text)
    code, said = check("--dev", "--config", config)
    assert code == 1, said
    for word in ["apus.yaml", *words]:
        assert word in said, f"{word} is missing in:\n{said}"
