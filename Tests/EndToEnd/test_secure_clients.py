"""`wss://` for `apus sub`, `pub` and `bench`: through nginx with `nginx/tls.conf`, and what is said where it fails."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import Node, Process, until
from harness.certificates import Authority
from harness.nginx import SecureNginx
from harness.node import binary
from harness.wire import Wire


@pytest.fixture(scope="module")
def front(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureNginx]:
    """A node behind nginx, whose certificate is for `localhost`."""
    folder = tmp_path_factory.mktemp("front")
    with Node("web-1", folder) as node, SecureNginx(folder, [node.port], authority.issue("localhost")) as nginx:
        yield nginx


def run(*words: object, trusting: Authority | Path | None = None) -> tuple[int, str]:
    """The exit status of a command and all it says."""
    file = trusting.file if isinstance(trusting, Authority) else trusting
    environment = {**os.environ, **({"SSL_CERT_FILE": str(file)} if file else {})}
    command = [str(word) for word in (binary(), *words)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)
    return ended.returncode, ended.stdout + ended.stderr


def test_what_is_published_is_heard(front, authority, tmp_path):
    sub = Process("sub", tmp_path)
    environment = {"SSL_CERT_FILE": str(authority.file)}
    sub.spawn(binary(), "sub", "demo:secure", "--url", front.wss, environment=environment)
    until(lambda: '"subscribed"' in sub.tail(20), what=lambda: sub.tail(20))
    # Larger than one record, and than what the socket takes at once.
    data = json.dumps("x" * 60_000)
    for text in ('"hello"', data):
        code, said = run("pub", "demo:secure", text, "--url", front.wss, trusting=authority)
        assert code == 0, said
    until(lambda: f'"data":{data}' in sub.log.read_text().replace('": ', '":'), what=lambda: sub.tail(5))
    assert '"hello"' in sub.log.read_text()
    sub.end()


def test_bench_measures_through_tls(front, authority):
    words = ["--connections", 20, "--channels", 2, "--rate", 20, "--duration", "1s", "--warmup", "0s", "--json"]
    code, said = run("bench", "--url", front.wss, *words, trusting=authority)
    assert code == 0, said


REASONS = {
    "nobody is trusted": ("localhost", False, "an authority that is not trusted: SSL_CERT_FILE"),
    "the name is another": ("127.0.0.1", True, "is for localhost, not for 127.0.0.1"),
}


@pytest.mark.parametrize("case", REASONS)
def test_whom_a_client_does_not_trust(front, authority, case):
    host, is_trusted, sentence = REASONS[case]
    url = front.wss.replace("localhost", host)
    code, said = run("pub", "demo:x", "1", "--url", url, trusting=authority if is_trusted else None)
    assert code != 0 and sentence in said, said


def test_a_file_of_authorities_that_is_not_there(front):
    code, said = run("pub", "demo:x", "1", "--url", front.wss, trusting=Path("/nowhere.pem"))
    assert code != 0 and "/nowhere.pem: No such file" in said, said


def test_a_password_in_the_url_is_refused_and_not_shown():
    code, said = run("pub", "demo:x", "1", "--url", "wss://me:s3cr3t@localhost/ws")
    assert code != 0 and "a token says who connects" in said and "s3cr3t" not in said, said


def test_the_wrong_kind_of_port(front, authority):
    url = f"wss://localhost:{front.port}/ws"
    code, said = run("pub", "demo:x", "1", "--url", url, trusting=authority)
    assert code != 0 and "does not speak TLS: use ws://" in said, said
    code, said = run("pub", "demo:x", "1", "--url", front.wss.replace("wss", "ws"))
    # nginx says so itself.
    assert code != 0 and "400" in said, said


def test_bytes_may_come_one_by_one(front, authority):
    with Wire(front.secure_port, step=1) as wire:
        code, said = run("pub", "demo:x", "1", "--url", f"wss://localhost:{wire.port}/ws", trusting=authority)
    assert code == 0, said


def test_a_connection_may_break_anywhere(front, authority):
    with Wire(front.secure_port) as whole:
        url = f"wss://localhost:{whole.port}/ws"
        assert run("pub", "demo:x", "1", "--url", url, trusting=authority)[0] == 0
    # What comes last is the goodbye of both, when it is published already.
    for count in [0, 1, 5, 100, 700, 1500, whole.passed["down"] - 150]:
        with Wire(front.secure_port, down=count) as wire:
            url = f"wss://localhost:{wire.port}/ws"
            code, said = run("pub", "demo:x", "1", "--url", url, trusting=authority)
        assert code in (1, 2) and said, f"{count} bytes: {said}"
