"""Redis behind TLS: what a cluster does there, whom a node trusts, and what it says where it does not."""

import contextlib
import os
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from harness import eventually, free_port, until
from harness.certificates import Authority, Certificate
from harness.node import binary
from harness.redis_server import SecureRedis
from harness.wire import Wire

# Larger than what a record of TLS, the socket and the buffers of Redis' client hold.
LARGE = 10 << 20


@pytest.fixture(scope="module")
def secure(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureRedis]:
    """A Redis whose certificate is for `localhost` alone, shared by the tests that leave it as it is."""
    folder = tmp_path_factory.mktemp("secure")
    with SecureRedis(folder, authority.issue("localhost")) as redis:
        yield redis


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., SecureRedis]]:
    """Starts a Redis with TLS for one test."""
    with ExitStack() as stack:
        yield lambda *words, **more: stack.enter_context(SecureRedis(tmp_path, *words, **more))


def check(url: str, *options: object) -> tuple[int, str]:
    """The exit status of `apus check` and all it says, on one line."""
    words = [str(word) for word in (binary(), "check", "--allow-anonymous", "--redis", url, *options)]
    run = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert run.returncode in (0, 1), run.stderr
    return run.returncode, " ".join((run.stdout + run.stderr).split())


async def test_a_cluster_through_tls(secure, authority, own_node, connect, channel):
    options = {"--redis-ca": authority.file, "--max-message-size": "16MiB", "--max-outbox": "64MiB"}
    first, second = (own_node(options, redis=secure.secure_url) for _ in range(2))
    alice = await connect(first.ws, user="alice")
    bob = await connect(second.ws, user="bob")
    await alice.subscribe(f"demo:{channel}", presence=True)
    answer = await bob.subscribe(f"demo:{channel}", presence=True)
    assert {member["user"] for member in answer["members"]} >= {"alice"}
    for size in (1, 1000, 16_384, 100_000, LARGE):
        await alice.publish(f"demo:{channel}", "x" * size)
    messages = await bob.collect("message", 5)
    assert [len(message["data"]) for message in messages] == [1, 1000, 16_384, 100_000, LARGE]
    read = await bob.command("history", channel=f"demo:{channel}", limit=4)
    assert read.type == "history"
    # What is asked of all nodes goes the same way.
    assert first.get("/api/users/bob").json()["connections"][0]["node"] == bob.node
    await alice.close()
    assert (await bob.expect("leave"))["user"] == "alice"


CASES = {
    "an authority that is not trusted": ("localhost", [], "not trusted", "--redis-ca"),
    "another name": ("127.0.0.1", ["ca"], "its certificate is for localhost, not for 127.0.0.1", "?server-name="),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_wrong_is_said(secure, authority, case):
    host, options, reason, advice = CASES[case]
    url = secure.secure_url.replace("localhost", host)
    code, said = check(url, *(["--redis-ca", authority.file] if options else []))
    assert code == 1 and reason in said and advice in said, said


def test_an_authority_that_has_not_signed_is_named(secure, tmp_path):
    other = Authority(tmp_path, "other")
    code, said = check(secure.secure_url, "--redis-ca", other.file)
    assert code == 1 and f"none in {other.file} has signed it" in said, said


def test_the_name_may_be_given(secure, authority):
    url = secure.secure_url.replace("localhost", "127.0.0.1")
    code, said = check(f"{url}?server-name=localhost", "--redis-ca", authority.file)
    assert code == 0 and "TLSv1.3; its certificate ends in" in said, said
    # It ends in five days.
    assert "renew it" in said, said
    code, said = check(f"{url}?server-name=other.example", "--redis-ca", authority.file)
    assert code == 1 and "is for localhost, not for other.example" in said, said


def test_an_address_in_the_certificate_counts(start, authority):
    redis = start(authority.issue("127.0.0.1", "::1", file="address"))
    code, said = check(redis.secure_url.replace("localhost", "127.0.0.1"), "--redis-ca", authority.file)
    assert code == 0, said
    code, said = check(redis.secure_url, "--redis-ca", authority.file)
    assert code == 1 and "is for 127.0.0.1, ::1, not for localhost" in said, said


def test_an_expired_certificate_is_refused(start, authority):
    redis = start(authority.issue("localhost", file="expired", expired=True))
    code, said = check(redis.secure_url, "--redis-ca", authority.file)
    assert code == 1 and "its certificate has expired" in said, said


@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
def test_a_redis_that_asks_for_a_certificate(start, authority, own_node, version):
    options = ["--tls-protocols", version]
    redis = start(authority.issue("localhost", file="demanding"), demands=authority, options=options)
    own = authority.issue("node", file="node")
    code, said = check(redis.secure_url, "--redis-ca", authority.file)
    assert code == 1 and "asks for a certificate" in said and "--redis-cert" in said, said
    stranger = Authority(authority.file.parent, "stranger").issue("node", file="stranger-node")
    code, said = check(redis.secure_url, *files(authority, stranger))
    assert code == 1 and "refuses the certificate of this side" in said, said
    code, said = check(redis.secure_url, *files(authority, own))
    assert code == 0, said
    own_node(dict(zip(*[iter(files(authority, own))] * 2, strict=True)), redis=redis.secure_url)


def files(authority: Authority, own: Certificate) -> list[object]:
    return ["--redis-ca", authority.file, "--redis-cert", own.certificate, "--redis-key", own.key]


def test_the_wrong_kind_of_port(secure, authority):
    plain = f"rediss://localhost:{secure.port}"
    code, said = check(plain, "--redis-ca", authority.file)
    # Redis waits for the end of what it takes for a command.
    assert code == 1 and "if this port does not speak TLS, use redis://" in said, said
    code, said = check(f"redis://localhost:{secure.secure_port}")
    assert code == 1 and "if this port speaks TLS, use rediss://" in said, said


def test_a_handshake_that_stalls(authority):
    with socket.create_server(("127.0.0.1", free_port())) as silent:
        url = f"rediss://127.0.0.1:{silent.getsockname()[1]}"
        code, said = check(url, "--redis-timeout", "300ms")
    assert code == 1 and "no TLS within 300 ms" in said, said


def test_nothing_is_sent_in_the_clear(authority, tmp_path):
    """Not even to somebody who answers as a plain Redis would."""
    heard = bytearray()
    password = "not-for-the-wire-0123456789"
    with socket.create_server(("127.0.0.1", free_port())) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection, contextlib.suppress(OSError):
                    heard.extend(connection.recv(4096))
                    connection.sendall(b"+OK\r\n+OK\r\n")
                    heard.extend(connection.recv(4096))

        threading.Thread(target=serve, daemon=True).start()
        code, said = check(f"rediss://apus:{password}@127.0.0.1:{listener.getsockname()[1]}")
        assert code == 1 and "does not speak TLS" in said, said
        assert heard[:1] == b"\x16" and password.encode() not in heard
        assert password not in said
        listener.shutdown(socket.SHUT_RDWR)


def test_bytes_may_come_one_by_one(secure, authority):
    with Wire(secure.secure_port, step=1) as wire:
        code, said = check(f"rediss://localhost:{wire.port}", "--redis-ca", authority.file)
    assert code == 0, said
    assert wire.passed["down"] > 3000


@pytest.mark.parametrize("way", ["up", "down"])
def test_a_connection_may_break_anywhere(secure, authority, way):
    """Within the handshake, between records, within a record of an answer: it is said, and nothing hangs or crashes."""
    with Wire(secure.secure_port) as whole:
        assert check(f"rediss://localhost:{whole.port}", "--redis-ca", authority.file)[0] == 0
    # What comes last is the answer to the last PING, and the goodbye, without which all was done.
    last = whole.passed[way] - 200
    for count in [0, 1, 4, 5, 6, *range(7, last, last // 40)]:
        with Wire(secure.secure_port, **{way: count}) as wire:
            code, said = check(f"rediss://localhost:{wire.port}", "--redis-ca", authority.file)
        assert code == 1, f"{count} bytes {way}: {said}"


async def test_a_node_comes_back_through_tls(start, authority, own_node, connect, channel):
    """The checks of a name and an authority are made anew each time, and members are entered again."""
    redis = start(authority.issue("localhost", file="again"))
    node = own_node({"--redis-ca": authority.file}, redis=redis.secure_url)
    client = await connect(node.ws, user="alice")
    await client.subscribe(f"demo:{channel}", presence=True)
    redis.kill()
    await eventually(lambda: node.readiness() == 503)
    redis.start()
    await eventually(lambda: redis.presence(f"demo:{channel}").keys() == {client.id})
    # The node listens again once it has said so; what is published before may be lost, and is told by this `gap`.
    await client.expect("gap", channel=f"demo:{channel}")
    await client.publish(f"demo:{channel}", "back")
    await client.expect("message", data="back")


def test_certificates_are_renewed_by_sighup(start, tmp_path, own_node):
    old, new = Authority(tmp_path, "old"), Authority(tmp_path, "new")
    trusted = tmp_path / "trusted.pem"
    trusted.write_bytes(old.file.read_bytes())
    redis = start(old.issue("localhost", file="server"))
    node = own_node({"--redis-ca": trusted}, redis=redis.secure_url)
    redis.stop()
    new.issue("localhost", file="server")
    redis.start()
    until(lambda: "not trusted" in node.tail(50), what=lambda: node.tail(50))
    assert node.readiness() == 503
    # What cannot be used changes nothing.
    trusted.write_text("no certificate")
    node.signal(signal.SIGHUP)
    until(lambda: "certificates for Redis stay as they were" in node.tail(50))
    trusted.write_bytes(new.file.read_bytes())
    node.signal(signal.SIGHUP)
    until(lambda: node.readiness() == 200, what=lambda: node.tail(50))


WRONG = {
    "a file that is not there": (["--redis-ca", "/nowhere.pem"], "/nowhere.pem: No such file"),
    "a folder": (["--redis-ca", "/tmp"], "/tmp is not a file"),
    "a pipe that nobody writes to": (["--redis-ca", "PIPE"], "is not a file"),
    "an empty file": (["--redis-ca", "EMPTY"], "holds no certificate"),
    "a key without its certificate": (["--redis-key", "KEY"], "go together"),
    "a certificate without its key": (["--redis-cert", "CERT"], "go together"),
    "a key of another certificate": (["--redis-cert", "CERT", "--redis-key", "OTHER"], "does not belong"),
    "a certificate in place of the key": (["--redis-cert", "CERT", "--redis-key", "CERT"], "holds no key"),
    "a key in place of the certificate": (["--redis-cert", "KEY", "--redis-key", "KEY"], "holds no certificate"),
}


@pytest.mark.parametrize("case", WRONG)
def test_files_that_cannot_be_used_are_an_error_at_the_start(authority, tmp_path, case):
    one, other = authority.issue("one", file="one"), authority.issue("other", file="other")
    paths = {"KEY": one.key, "CERT": one.certificate, "OTHER": other.key}
    paths |= {"PIPE": tmp_path / "pipe", "EMPTY": tmp_path / "empty"}
    os.mkfifo(paths["PIPE"])
    paths["EMPTY"].touch()
    words, sentence = WRONG[case]
    options = [str(paths.get(word, word)) for word in words]
    command = [str(binary()), "serve", "--dev", "--port", "0", "--redis", "rediss://localhost:1", *options]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert run.returncode != 0 and sentence in run.stderr, run.stderr
    code, said = check("rediss://localhost:1", *options)
    assert code == 1 and sentence in said, said


def test_options_for_tls_need_a_url_with_tls(authority):
    for url in ("redis://127.0.0.1:1", "unix:///run/redis.sock"):
        code, said = check(url, "--redis-ca", authority.file)
        assert code == 1 and "--redis-ca is for TLS" in said and "rediss://" in said, said
