"""Who somebody is: tokens of every kind, the ways to show one, and where a node has its keys from."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator

import jwt
import pytest

from harness import Node, Process, eventually, keys, secrets
from harness.claim_cases import CLAIMS
from harness.form_cases import FORMS
from harness.keys import EDDSA, ES256, HS256, RS256, SECRET, jwks
from harness.node import binary
from harness.signature_cases import SIGNED
from harness.token_cases import EC, ED25519, JWKS, MIXED, ONE_SECRET, RSA, TokenCase
from harness.tokens import AUDIENCE, ISSUER, LEFT_OUT, ahead, by_hand, changed, claims_text, header, token, url_with
from harness.ways_in import FAILED, INVALID, WAYS, Answer, by_command, by_query

CASES: dict[str, TokenCase] = {
    case.name: case for table in (FORMS, SIGNED, CLAIMS) for section in table.values() for case in section
}

# These are shown in each of the three ways.
IN_EACH_WAY = """
by a key for HS256; by a key for RS256; by a key for ES256; by a key for EdDSA; two parts; four parts; alg none;
a bit flipped, ES256; by a foreign RSA key; HS256 with the RSA key's PEM; with its own key in jwk; the kid of nobody;
crit; expired; expired for 29 s; expired and badly signed; exp missing; sub of 200 bytes of UTF-8; aud of another;
channels empty
"""

SECRET_TEXT = SECRET.private.decode()


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Node]]:
    """One node for each kind of keys. How many loops they have makes no difference to a token."""
    directory = tmp_path_factory.mktemp("tokens")

    def file(name: str, content: str | bytes) -> str:
        path = directory / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(path)

    options = {
        JWKS: {"--jwks": file("jwks.json", jwks()), "--jwt-audience": AUDIENCE, "--jwt-issuer": ISSUER},
        ONE_SECRET: {"--jwt-secret": SECRET_TEXT},
        RSA: {"--jwt-key": file("rsa.pem", RS256.pem())},
        EC: {"--jwt-key": file("ec.pem", ES256.pem())},
        ED25519: {"--jwt-key": file("ed25519.pem", EDDSA.pem())},
        MIXED: {
            "--jwt-secret": SECRET_TEXT,
            "--jwt-key": file("mixed.pem", EDDSA.pem()),
            "--jwks": file("mixed.json", jwks(RS256)),
        },
    }
    nodes = {
        name: Node(f"tokens-{index}", directory, dev=False, options={**given, "--log-level": "trace"})
        for index, (name, given) in enumerate(options.items())
    }
    try:
        for node in nodes.values():
            node.launch()
        for node in nodes.values():
            node.wait_ready()
        yield nodes
    finally:
        for node in nodes.values():
            node.end()


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
async def test_a_token(nodes, connect, case):
    assert await WAYS[case.way](connect, nodes[case.node], case.token()) == case.answer, case.why


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", IN_EACH_WAY.strip().replace("\n", " ").split("; "))
async def test_each_way_in(nodes, connect, way, name):
    case = CASES[name]
    assert await WAYS[way](connect, nodes[case.node], case.token()) == case.answer, case.why


def test_no_two_cases_share_a_name():
    assert len(CASES) == sum(len(section) for table in (FORMS, SIGNED, CLAIMS) for section in table.values())


async def test_the_first_way_counts(nodes, connect):
    """The query before the subprotocol, and both before the command, which then is a renewal."""
    good, other, bad = token(), token(sub="bob"), token(keys.FOREIGN_EC)
    client = await connect(url_with(nodes[JWKS].ws, good), subprotocols=["apus.v1", f"auth.{bad}"])
    assert client.hello["user"] == "alice"
    assert (await client.command("auth", token=other)).type == "error"
    await client.ping()
    client = await connect(url_with(nodes[JWKS].ws, bad), subprotocols=["apus.v1", f"auth.{good}"])
    assert client.hello["user"] is None and await client.closed_with() == FAILED


async def test_a_token_too_long_for_a_query_is_an_http_error(nodes, raw):
    connection = await raw(nodes[JWKS].port)
    response = await connection.upgrade(f"/ws?token={token(pad='x' * 8000)}")
    assert response.status == 431


async def test_a_token_is_never_given_back(nodes, raw):
    """Neither in the headers of an answer, nor in what the node says, whatever becomes of the handshake."""
    node = nodes[JWKS]
    for shown in (token(), token(keys.FOREIGN_EC), "x" * 40):
        signature = secrets.register_token(shown).rsplit(".", 1)[-1].encode()
        for path, headers, status in [
            (f"/ws?token={shown}", {}, 101),
            ("/ws", {"Sec-WebSocket-Protocol": f"apus.v1, auth.{shown}"}, 101),
            ("/ws", {"Sec-WebSocket-Protocol": f"auth.{shown}, apus.v1"}, 101),
            ("/ws", {"Sec-WebSocket-Protocol": f"auth.{shown}"}, 400),
            (f"/ws?token={shown}", {"Sec-WebSocket-Version": "8"}, 426),
            (f"/ws?token={shown}", {"Origin": "https://evil.test"}, 403),
            (f"/nope?token={shown}", {}, 404),
            (f"/api/channels?token={shown}", {}, 404),
        ]:
            connection = await raw(node.port)
            response = await connection.upgrade(path, headers=headers)
            assert response.status == status, response
            if "Sec-WebSocket-Protocol" in headers and status == 101:
                assert response.headers["sec-websocket-protocol"] == "apus.v1"
            said = json.dumps(response.headers).encode() + response.body
            if status == 101:
                said += (await connection.receive_frame())[1]
                await connection.send_command("auth", token=shown, id=1)
                said += (await connection.receive_frame())[1]
            assert signature not in said


async def test_addresses_in_a_token_are_not_visited(nodes, connect):
    visits = []

    def visited(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        visits.append(writer.get_extra_info("peername"))
        writer.close()

    server = await asyncio.start_server(visited, "127.0.0.1", 0)
    address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/keys"
    for name in ("jku", "x5u"):
        shown = by_hand(header(RS256, **{name: address}), claims_text(), keys.FOREIGN_RSA)
        assert await by_query(connect, nodes[JWKS], shown) == INVALID
    server.close()
    assert visits == []


async def test_results_are_counted(own_node, connect):
    node = own_node({"--jwt-secret": SECRET_TEXT}, dev=False)
    shown = {"accepted": token(SECRET), "expired": token(SECRET, exp=0), "invalid": token(HS256)}
    for count, result in enumerate(shown, start=1):
        for way in [*WAYS.values()][:count]:
            await way(connect, node, shown[result])
    for count, result in enumerate(shown, start=1):
        assert node.metrics().total("apus_authentications_total", result=result) == count, result


# Keys


async def test_keys_change_while_the_node_runs(own_node, connect, tmp_path):
    """A new key is taken before it is used, the old one is given up later, and nobody is closed for it."""
    file = tmp_path / "jwks.json"
    file.write_text(jwks(RS256))
    node = own_node({"--jwks": file}, dev=False)
    old, new = Answer("alice"), Answer("bob")
    early = await connect(url_with(node.ws, token(RS256)))
    assert await by_query(connect, node, token(ES256, sub="bob")) == INVALID

    async def answers(first: Answer, second: Answer) -> bool:
        found = [await by_query(connect, node, shown) for shown in (token(RS256), token(ES256, sub="bob"))]
        return found == [first, second]

    file.write_text(jwks(RS256, ES256))
    await eventually(answers, old, new)
    # A file that takes the place of the other, as deployments do it.
    (tmp_path / "next.json").write_text(jwks(ES256))
    (tmp_path / "next.json").rename(file)
    await eventually(answers, INVALID, new)
    await early.ping()


async def test_a_broken_file_of_keys_changes_nothing(own_node, connect, tmp_path):
    file = tmp_path / "jwks.json"
    file.write_text(jwks(RS256))
    node = own_node({"--jwks": file}, dev=False)
    lines = node.tail(1000).count("jwks.json")
    file.write_text(jwks(RS256, ES256)[:-10])
    await eventually(lambda: node.tail(1000).count("jwks.json") > lines, what="nothing was logged")
    assert await by_query(connect, node, token(RS256)) == Answer("alice")
    file.write_text(jwks(ES256))
    await eventually(lambda: accepted(connect, node, token(ES256)))


async def accepted(connect, node: Node, shown: str) -> bool:
    return await by_query(connect, node, shown) == Answer("alice")


async def test_keys_that_are_not_used_are_told(nodes):
    for key in (keys.WITHOUT_ALGORITHM, keys.FOR_ENCRYPTION, keys.OF_ANOTHER_KIND):
        assert key.kid in nodes[JWKS].tail(1000)


@pytest.mark.parametrize("source", ["variable", "file", "configuration"])
async def test_where_a_secret_comes_from(own_node, connect, tmp_path, source):
    file = tmp_path / "secret"
    file.write_text(SECRET_TEXT)
    configuration = tmp_path / "apus.yaml"
    configuration.write_text(f"jwt-secret: {SECRET_TEXT}\nchannels:\n  - match: '*'\n")
    options, environment = {
        "variable": ({}, {"APUS_JWT_SECRET": SECRET_TEXT}),
        "file": ({}, {"APUS_JWT_SECRET_FILE": str(file)}),
        "configuration": ({"--config": configuration}, {}),
    }[source]
    node = own_node(options, dev=False, environment=environment)
    assert await by_query(connect, node, token(SECRET)) == Answer("alice")
    assert await by_query(connect, node, token(HS256)) == INVALID


async def test_a_secret_changes_while_the_node_runs(own_node, connect, tmp_path):
    file = tmp_path / "secret"
    file.write_text(SECRET_TEXT + "\n")
    node = own_node({}, dev=False, environment={"APUS_JWT_SECRET_FILE": str(file)})
    assert await by_query(connect, node, token(SECRET)) == Answer("alice")
    file.write_text("another-secret-" * 4)
    node.signal(signal.SIGHUP)

    async def is_gone() -> bool:
        return await by_query(connect, node, token(SECRET)) == INVALID

    await eventually(is_gone, what="the old secret is still good")


async def test_without_the_secret_the_rules_stay_too(own_node, connect, tmp_path):
    file, configuration = tmp_path / "secret", tmp_path / "apus.yaml"
    file.write_text(SECRET_TEXT)
    configuration.write_text("channels:\n  - match: 'room:*'\n")
    environment = {"APUS_JWT_SECRET_FILE": str(file)}
    node = own_node({"--config": configuration}, dev=False, environment=environment)
    client = await connect(url_with(node.ws, token(SECRET)))
    await client.subscribe("room:1")
    configuration.write_text("channels:\n  - match: 'other:*'\n")
    file.unlink()
    node.signal(signal.SIGHUP)
    await eventually(lambda: "stay as they were" in node.tail(1000), what="nothing in the log")
    await client.publish("room:1", 1)
    await client.expect("message", data=1)
    assert client.events("unsubscribed") == []


async def test_a_key_taken_out_while_the_node_starts_is_gone(own_node, connect, tmp_path):
    file, small = tmp_path / "jwks.json", tmp_path / "small.json"
    many = json.loads(jwks(RS256, ES256))
    # So many that reading them takes a while.
    many["keys"] += [{**many["keys"][1], "kid": f"k{number}"} for number in range(3000)]
    small.write_text(jwks(ES256))
    for delay in (0.03, 0.06, 0.1):
        file.write_text(json.dumps(many))
        timer = threading.Timer(delay, lambda: shutil.copy(small, tmp_path / "next").rename(file))
        timer.start()
        node = own_node({"--jwks": file}, dev=False)
        timer.join()

        async def is_gone(node: Node = node) -> bool:
            return await by_query(connect, node, token(RS256)) == INVALID

        await eventually(is_gone, what="the key is still good")
        assert await by_query(connect, node, token(ES256)) == Answer("alice")


# The command line


def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    variables = [f"{name}={value}" for name, value in environment.items()]
    return subprocess.run(["env", *variables, binary(), *words], capture_output=True, text=True, timeout=60)


async def test_apus_token(nodes, connect):
    done = run(
        *("token", "--user", "alice", "--ttl", "1h"),
        *("--channel", "room:*=subscribe,publish", "--channel", "news=subscribe"),
        APUS_JWT_SECRET=SECRET_TEXT,
    )
    assert done.returncode == 0, done.stderr
    minted = secrets.register_token(done.stdout.strip())
    claims = jwt.decode(minted, SECRET.private, algorithms=["HS256", "HS384", "HS512"])
    assert claims["sub"] == "alice"
    assert claims["channels"] == {"room:*": ["subscribe", "publish"], "news": ["subscribe"]}
    assert 3500 < claims["exp"] - time.time() <= 3601
    assert await by_query(connect, nodes[ONE_SECRET], minted) == Answer("alice")
    assert await by_command(connect, nodes[ONE_SECRET], changed(minted, lambda _: "A" * 43)) == INVALID


def test_apus_token_explains_one():
    shown = token(SECRET, {"kid": LEFT_OUT}, channels={"room:*": ["subscribe"]})
    done = run("token", "--inspect", shown, APUS_JWT_SECRET=SECRET_TEXT)
    assert done.returncode == 0, done.stderr
    assert "alice" in done.stdout and "room:*" in done.stdout
    expired = run("token", "--inspect", token(SECRET, exp=ahead(-3600)), APUS_JWT_SECRET=SECRET_TEXT)
    assert "expired" in (expired.stdout + expired.stderr).lower()
    foreign = run("token", "--inspect", token(keys.FOREIGN_SECRET), APUS_JWT_SECRET=SECRET_TEXT)
    assert "signature" in (foreign.stdout + foreign.stderr).lower()


def test_apus_token_without_a_secret():
    done = run("token", "--user", "alice")
    assert done.returncode != 0 and done.stdout == "" and "secret" in done.stderr


def test_a_node_that_is_open_to_all_by_accident_does_not_start(tmp_path):
    process = Process("open", tmp_path)
    process.spawn(binary(), "serve", "--host", "127.0.0.1", "--port", "0")
    assert process.wait() != 0
    for word in ("--jwt-secret", "--allow-anonymous"):
        assert word in process.tail()


def test_a_token_in_a_log_is_found(tmp_path):
    """The check at the end of the run can fail."""
    shown = token()
    clean, leaky, key = tmp_path / "clean.log", tmp_path / "leaky.log", os.urandom(16).hex()
    clean.write_text(f"a token: {shown.split('.')[0]}.\n")
    leaky.write_text(f"first\nGET /ws?token={shown} 101\n")
    registered = shown.split(".")[1:]
    assert secrets.leaks([clean], [*registered, key]) == []
    assert [leak.split(": ")[0] for leak in secrets.leaks([leaky, clean], registered)] == [f"{leaky}:2"] * 2
    clean.write_text(f"Authorization: Bearer {key}")
    assert len(secrets.leaks([clean], [*registered, key])) == 1
    assert len(secrets.leaks([tmp_path / "gone.log"], [key])) == 1
