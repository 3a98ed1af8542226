"""`apus sub` and `apus pub`: the cluster from a terminal."""

import base64
import contextlib
import hashlib
import json
import socket
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator

import pytest

from harness import Process, until
from harness.node import binary

pytestmark = pytest.mark.loops


def pub(node, channel: str, data: str, code: int = 0) -> str:
    run = subprocess.run(
        [binary(), "pub", channel, data, "--url", node.ws], capture_output=True, text=True, timeout=60
    )
    assert run.returncode == code, run.stdout + run.stderr
    return run.stderr


def pub_input(node, channel: str, data: bytes, code: int = 0) -> str:
    """Publishes what stands on standard input; returns what is said of it."""
    command = [binary(), "pub", channel, "-", "--url", node.ws]
    run = subprocess.run(command, input=data, capture_output=True, timeout=60)
    assert run.returncode == code, run.stdout + run.stderr
    return run.stderr.decode()


def sub(node, tmp_path, *channels: str, options: tuple[str, ...] = ()) -> Process:
    """A subscriber whose channels have all been confirmed."""
    process = Process("sub", tmp_path)
    process.spawn(binary(), "sub", *channels, *options, "--url", node.ws)
    until(lambda: len(events(process, "subscribed")) == len(channels), what="not subscribed")
    return process


def events(process: Process, kind: str) -> list[dict]:
    lines = [line for line in process.tail(1000).splitlines() if line.startswith("{")]
    return [event for event in map(json.loads, lines) if event["type"] == kind]


CONNECTED = '{"type":"connected","clientId":"c-1","node":"n.1","user":null,"pingInterval":25000,"maxMessageSize":65536}'


@contextlib.contextmanager
def scripted_node(script: Callable[[socket.socket], None]) -> Iterator[str]:
    """The URL of a node that takes handshakes and then does with each connection what `script` says."""

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection:
                    head = b""
                    while b"\r\n\r\n" not in head:
                        head += connection.recv(65536)
                    key = next(line for line in head.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key"))
                    digest = hashlib.sha1(key.split(b":")[1].strip() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
                    connection.sendall(
                        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        b"Sec-WebSocket-Accept: " + base64.b64encode(digest) + b"\r\n\r\n" + text(CONNECTED)
                    )
                    script(connection)

    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"ws://127.0.0.1:{listener.getsockname()[1]}/ws"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def text(content: str) -> bytes:
    """A text frame of at most 65,535 bytes."""
    payload = content.encode()
    return b"\x81" + (bytes([len(payload)]) if len(payload) < 126 else struct.pack(">BH", 126, len(payload))) + payload


def test_who_is_turned_away_stays_away_even_when_the_connection_is_reset():
    visits = []

    def turn_away(connection: socket.socket) -> None:
        visits.append(1)
        connection.sendall(b"\x88\x06" + struct.pack(">H", 4003) + b"away")
        # What the client has sent is left unread, and the end is a reset.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with scripted_node(turn_away) as url:
        run = subprocess.run([binary(), "sub", "lobby", "--url", url], capture_output=True, text=True, timeout=60)
    assert run.returncode == 1
    assert "4003" in run.stderr, run.stderr
    assert len(visits) == 1


def test_a_name_no_node_would_take_is_refused_at_once(memory_node):
    run = subprocess.run(
        [binary(), "sub", "a" * 70_000, "--url", memory_node.ws], capture_output=True, text=True, timeout=60
    )
    assert run.returncode == 1
    assert "at most 65536 bytes" in run.stderr


def test_a_reader_that_goes_away_ends_it(memory_node, channel):
    process = subprocess.Popen([binary(), "sub", channel, "--url", memory_node.ws], stdout=subprocess.PIPE, text=True)
    assert '"connected"' in process.stdout.readline()
    assert '"subscribed"' in process.stdout.readline()
    process.stdout.close()
    pub(memory_node, channel, "1")
    assert process.wait(30) != 0


def test_it_ends_with_its_reader_also_while_nothing_is_said(memory_node, channel):
    process = subprocess.Popen([binary(), "sub", channel, "--url", memory_node.ws], stdout=subprocess.PIPE, text=True)
    assert '"connected"' in process.stdout.readline()
    assert '"subscribed"' in process.stdout.readline()
    process.stdout.close()
    assert process.wait(30) in (141, -13)


# White space between tokens; DEL, C1, a line separator and an override of direction within a string.
HOSTILE = '{"a":\n[1,\r\n\t2],\n"b":"\x7f\x85\x9b31m\u2028\u202e","c":"\\u001b\\n"}'


def test_an_event_is_one_line_whatever_it_holds(memory_node, tmp_path, channel):
    process = sub(memory_node, tmp_path, channel)
    pub(memory_node, channel, HOSTILE)
    pub(memory_node, channel, '"end"')
    until(lambda: '"end"' in process.tail(), what="not heard")
    printed = process.log.read_text()
    assert all(character == "\n" or character.isprintable() for character in printed), printed
    lines = [json.loads(line) for line in printed.splitlines()]
    assert [line["type"] for line in lines] == ["connected", "subscribed", "message", "message"]
    assert lines[2]["data"] == json.loads(HOSTILE)
    process.end()


def test_words_of_a_node_do_not_reach_the_terminal_as_they_are():
    """Close reasons, texts that are no JSON, and refusals of handshakes."""
    words = "bad\x1b[2J\x9b31m\nok it is"

    def close(connection: socket.socket) -> None:
        reason = struct.pack(">H", 4003) + words.encode()
        connection.sendall(text(words) + b"\x88" + bytes([len(reason)]) + reason)

    def check(url: str, *command: str) -> None:
        run = subprocess.run([binary(), *command, "--url", url], capture_output=True, text=True, timeout=60)
        said = run.stdout + run.stderr
        assert run.returncode == 1 and "bad" in run.stderr, said
        assert all(character == "\n" or character.isprintable() for character in said), said
        assert not any(line.startswith("ok") for line in said.splitlines()), said

    def refuse() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection:
                    connection.recv(65536)
                    connection.sendall(f"HTTP/1.1 40\x9b3 No\r\n\r\n{words}".encode())

    with scripted_node(close) as url:
        check(url, "sub", "lobby")
        check(url, "bench", "--connections", "1")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=refuse, daemon=True).start()
        check(f"ws://127.0.0.1:{listener.getsockname()[1]}/ws", "pub", "lobby", "1")
        listener.shutdown(socket.SHUT_RDWR)


def test_standard_input_is_one_message(memory_node, tmp_path, channel):
    process = sub(memory_node, tmp_path, channel)
    texts = [b"two\nlines\r\n", b'{"a":\n1}\n', b"\n", "Gr\u00fc\u00dfe".encode(), b"x" * 65000]
    said = [pub_input(memory_node, channel, data, code=1 if data == b"\n" else 0) for data in texts]
    assert [bool(words) for words in said] == [False, False, True, False, False], said
    assert "empty" in said[2]
    until(lambda: len(events(process, "message")) == 4, what="not heard")
    assert [event["data"] for event in events(process, "message")] == [
        "two\nlines",
        {"a": 1},
        "Gr\u00fc\u00dfe",
        "x" * 65000,
    ]
    process.end()


def test_standard_input_has_the_limit_of_a_message(memory_node, channel):
    for data in (b"x" * 65536, b"x" * 65540, b"x" * 20_000_000):
        words = pub_input(memory_node, channel, data, code=1)
        assert "65536" in words and len(words.splitlines()) == 1, words
    assert "UTF-8" in pub_input(memory_node, channel, b"\xff", code=1)


def test_a_message_that_begins_like_json_and_is_none_is_warned_of(memory_node, tmp_path, channel):
    process = sub(memory_node, tmp_path, channel)
    for data in ('{"a":1', " [1,]", '"open', "{a:1}"):
        assert "not valid JSON" in pub(memory_node, channel, data), data
    for data in ('{"a":1}', "hello", "tr", "1.", "a{"):
        assert pub(memory_node, channel, data) == "", data
    until(lambda: len(events(process, "message")) == 9, what="not heard")
    assert events(process, "message")[0]["data"] == '{"a":1'
    process.end()


def test_since_without_history_says_so(memory_node, tmp_path, channel):
    process = sub(memory_node, tmp_path, channel, f"demo:{channel}", options=("--since", "1d"))
    until(lambda: "keeps no history" in process.tail(), what="it was not told")
    told = [line for line in process.tail().splitlines() if line.startswith("apus:")]
    assert len(told) == 1 and channel in told[0] and "demo" not in told[0], told
    process.end()


def test_since_a_place_that_is_gone_says_so(memory_node, tmp_path, channel):
    process = sub(memory_node, tmp_path, f"demo:{channel}", options=("--since", "gone:7"))
    until(lambda: "only new messages" in process.tail(), what="it was not told")
    process.end()


def test_what_is_said_is_heard(memory_node, tmp_path, channel):
    process = sub(memory_node, tmp_path, channel, f"{channel}-2")
    pub(memory_node, channel, '{"a": [1, 2]}')
    pub(memory_node, f"{channel}-2", "hello there")
    until(lambda: len(events(process, "message")) == 2, what="not heard")
    assert [(event["channel"], event["data"]) for event in events(process, "message")] == [
        (channel, {"a": [1, 2]}),
        (f"{channel}-2", "hello there"),
    ]
    process.end()


def test_a_listener_survives_its_node(own_node, tmp_path, channel):
    node = own_node()
    process = sub(node, tmp_path, channel)
    node.kill()
    until(lambda: "Trying again" in process.tail(), what="the loss was not told")
    node.start()
    until(lambda: len(events(process, "subscribed")) == 2, what="not subscribed again")
    pub(node, channel, "1")
    until(lambda: len(events(process, "message")) == 1, what="not heard")
    process.end()


def test_where_nobody_listens_both_say_what_to_do():
    for command in (["sub", "lobby"], ["pub", "lobby", "1"]):
        run = subprocess.run(
            [binary(), *command, "--url", "ws://127.0.0.1:1/ws"], capture_output=True, text=True, timeout=60
        )
        assert run.returncode == 1
        assert "Does a node run there?" in run.stderr


def test_a_refused_publish_is_told(memory_node):
    assert "channel" in pub(memory_node, "no spaces", "1", code=1)


def test_what_was_published_before(own_node, tmp_path):
    """--dev keeps a history of demo channels: by place, and by time."""
    node = own_node()
    for number in range(3):
        pub(node, "demo:1", str(number))
    run = Process("sub", tmp_path)
    run.spawn(binary(), "sub", "demo:1", "--since", "10m", "--url", node.ws)
    until(lambda: len(events(run, "message")) == 3, what="not all that was published came")
    [subscribed] = events(run, "subscribed")
    assert subscribed["recovered"] is True
    run.end()
    place = Process("sub-place", tmp_path)
    place.spawn(binary(), "sub", "demo:1", "--since", f"{subscribed['epoch']}:2", "--url", node.ws)
    until(lambda: [event["data"] for event in events(place, "message")] == [2], what="not what follows that place")
    place.end()


def test_a_since_that_is_none(own_node):
    for since in ("yesterday", ":3", "x:", "x:-1", "-5s"):
        run = subprocess.run([binary(), "sub", "demo:1", "--since", since], capture_output=True, text=True, timeout=60)
        assert run.returncode != 0 and "--since" in run.stderr, (since, run.stderr)
