"""`/openapi.json`: it is OpenAPI 3.1, the nodes do what it says, and each of its routes is tested somewhere."""

import ast
import asyncio
import http.client
import json
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from harness import Node
from harness.secrets import register

KEY = register("an-api-key-of-some-length")
READER = register("a-read-key-of-some-length")

RULES = """channels:
  - match: "kept:*"
    history: {size: 100, ttl: 60s}
    publish: server
  - match: "quiet:*"
    presence: false
"""
# With it whatever name is made up has a rule, and with history every route of channels can succeed.
REST = """  - match: "*"
    history: {size: 10, ttl: 60s}
"""

# Names that are more than made up: rules match the channels, and where users can have names these are there.
CONFIGURATION = """
# A stream has no end, but says something at its beginning.
max-stream-events = 1

[dictionaries]
channels.values = ["kept:1", "quiet:1", "$x"]
users.values = ["alice", "nobody"]
leaving.values = ["carol", "nobody"]

[parameters]
"path.channel" = {dictionary = "channels", probability = 0.5}
"path.user" = {dictionary = "users", probability = 0.5}

# Whoever is closed is in no later answer.
[[operations]]
include-path = "/api/users/{user}/connections"
[operations.parameters]
"path.user" = {dictionary = "leaving", probability = 0.5}

# `after` is refused with `sort=subscribers`: what two parameters may say together cannot be described.
[[operations]]
include-path = "/api/channels"
checks.positive_data_acceptance.expected-statuses = ["2xx", "400"]

# A cursor is refused that no answer has told.
[[operations]]
include-path = "/api/channels/{channel}/presence"
checks.positive_data_acceptance.expected-statuses = ["2xx", "400", "403"]

# The schema of a stream is that of its whole text in OpenAPI 3.1; here each event would be compared with it.
[[operations]]
include-path = "/api/channels/{channel}/events"
checks.response_schema_conformance.enabled = false

# What is made of earlier answers, which hold random ids, would be another at each run.
[phases.fuzzing]
extra-data-sources.responses = false
error-feedback.enabled = false
[phases.coverage]
extra-data-sources.responses = false
"""

# In development no key is asked for, whatever the document says, which is the same for all nodes.
WITHOUT_KEYS = """
[checks]
ignored_auth.enabled = false
missing_required_header.enabled = false
[generation]
with-security-parameters = false
# `maxLength` counts characters, the limits of the API bytes: only in ASCII is what the document allows always taken.
codec = "ascii"
"""
WITH_KEYS = """
[checks]
# Here names and texts are made of all of Unicode, see above.
positive_data_acceptance.enabled = false
"""


@pytest.fixture(scope="module")
def nodes(loops, tmp_path_factory) -> Iterator[dict[str, Node]]:
    """Two nodes in memory: `open`, in development, and `keyed`, where some channels have no rule."""
    folder = tmp_path_factory.mktemp("openapi")
    (folder / "open.yaml").write_text(RULES + REST)
    (folder / "keyed.yaml").write_text(RULES)
    keys = {"--allow-anonymous": None, "--api-key": KEY, "--api-read-key": READER, "--config": folder / "keyed.yaml"}
    with (
        Node("open", folder, loops=loops, options={"--config": folder / "open.yaml"}) as open_node,
        Node("keyed", folder, loops=loops, options=keys, dev=False) as keyed,
    ):
        yield {"open": open_node, "keyed": keyed}


@pytest.fixture
def document(nodes) -> dict:
    """What the node with keys tells everybody; a test may change it."""
    return nodes["keyed"].get("/openapi.json").json(object_pairs_hook=_unambiguous)


def _unambiguous(members: list[tuple[str, object]]) -> dict:
    assert len(dict(members)) == len(members), f"a member stands twice: {[name for name, _ in members]}"
    return dict(members)


def operations(document: Mapping) -> list[tuple[str, str]]:
    return [(method.upper(), path) for path, methods in document["paths"].items() for method in methods]


def example(path: str) -> str:
    """A path that the template stands for."""
    return path.replace("{channel}", "kept:1").replace("{user}", "nobody").replace("{client}", "c-nobody")


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


# The document by itself


def faults(document: Mapping) -> list[str]:
    return [error.message for error in OpenAPIV31SpecValidator(document).iter_errors()]


def test_it_is_openapi(nodes, document):
    assert document == nodes["open"].get("/openapi.json").json() and document["openapi"].startswith("3.1.")
    assert faults(document) == []


@pytest.mark.parametrize("member", ["required", "schema"])
def test_the_validator_notices_what_is_missing(document, member):
    del document["paths"]["/api/channels/{channel}"]["get"]["parameters"][0][member]
    assert faults(document)


# The document and the nodes


@dataclass(frozen=True)
class Verdict:
    """What a run of schemathesis has found."""

    text: str
    report: dict

    @property
    def failures(self) -> set[tuple[str, str]]:
        """Kinds of failures, each with the operation that failed."""
        return {(group["type"], operation) for group in self.report["failures"] for operation in group["operations"]}

    @property
    def accepted(self) -> dict[str, int]:
        """How many requests of an operation have succeeded."""
        rates = self.report["valid_rates"]
        return {operation: sum(each["accepted"] for each in phases.values()) for operation, phases in rates.items()}


async def compare(node: Node, document: dict, folder: Path, configuration: str, key: str | None = None) -> Verdict:
    """Sends the node what the document allows and what it forbids, and compares the answers with it.

    It runs as a process of its own, since it computes for seconds while clients have to be read.
    """
    (folder / "openapi.json").write_text(json.dumps(document))
    (folder / "schemathesis.toml").write_text(CONFIGURATION + configuration)
    # Each request on its own connection: one that sends more than 100 a second is told 429 instead of an answer.
    headers = {"Connection": "close", **(bearer(key) if key else {})}
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", "schemathesis.toml", "run", "openapi.json"),
        *("--url", node.http, "--phases", "coverage,fuzzing", "--max-examples", 10, "--seed", 1, "--no-shrink"),
        *("--continue-on-failure", "--generation-database", "none", "--suppress-health-check", "all"),
        *("--request-timeout", 30, "--warnings", "off", "--no-color", "--output-truncate", "false"),
        # What is filtered out of the output cannot be tried again.
        *("--output-sanitize", "false"),
        *("--report", "json", "--report-json-path", "report.json"),
        *chain.from_iterable(("--header", f"{name}: {value}") for name, value in headers.items()),
    ]
    process = await asyncio.create_subprocess_exec(
        *map(str, command),
        cwd=folder,
        # No proxy from the environment.
        env={**os.environ, "NO_PROXY": "*", "no_proxy": "*"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(), 100)
    finally:
        if process.returncode is None:
            process.kill()
    text = output.decode()
    assert (folder / "report.json").exists(), text
    report = json.loads((folder / "report.json").read_text())
    # What it could not try counts as no failure there.
    assert report["stop_reason"] == "completed" and not report["errors"], text
    return Verdict(text, report)


def assert_agreement(document: dict, verdict: Verdict) -> None:
    assert not verdict.failures, verdict.text
    untried = [name for name in map(" ".join, operations(document)) if not verdict.accepted.get(name)]
    assert not untried, f"no request succeeded of {untried}"


async def inhabited(node: Node, connect: Callable) -> list:
    """Clients that make answers hold more than empty lists."""
    clients = [await connect(node.ws + query) for query in ("?user=alice", "?user=alice", "", "?user=carol")]
    for client in clients[:3]:
        await client.command("subscribe", channel="kept:1", presence=True, info={"name": "A"})
        await client.command("subscribe", channel="quiet:1")
    return clients[:3]


async def test_a_node_without_keys_does_what_the_document_says(nodes, document, connect, tmp_path):
    clients = await inhabited(nodes["open"], connect)
    assert_agreement(document, await compare(nodes["open"], document, tmp_path, WITHOUT_KEYS))
    for client in clients:
        await client.ping()


async def test_a_node_with_keys_does_what_the_document_says(nodes, document, tmp_path):
    assert_agreement(document, await compare(nodes["keyed"], document, tmp_path, WITH_KEYS, KEY))


def _answer(operation: dict) -> dict:
    return operation["responses"]["200"]["content"]["application/json"]["schema"]["properties"]


def _body(operation: dict) -> dict:
    return operation["requestBody"]["content"]["application/json"]["schema"]["properties"]


def _parameter(operation: dict, name: str) -> dict:
    return next(each["schema"] for each in operation["parameters"] if each["name"] == name)


# What a document may say wrongly of an operation, by how the failure is called.
LIES: dict[tuple[str, str, str], Callable[[dict, dict], object]] = {
    # The rows of a list are compared, too.
    ("JsonSchemaError", "GET", "/api/channels/{channel}/presence"): lambda operation, _: (
        _answer(operation)["connections"]["items"]["properties"]["since"].update(type="string")
    ),
    ("UndefinedStatusCode", "GET", "/api/channels/{channel}/history"): lambda operation, _: (
        operation["responses"].pop("400")
    ),
    ("UndefinedContentType", "GET", "/api/stats"): lambda operation, _: (
        operation["responses"]["200"].update(content={"text/plain": {"schema": {"type": "string"}}})
    ),
    ("RejectedPositiveData", "DELETE", "/api/users/{user}/connections"): lambda operation, _: (
        _parameter(operation, "reason").update(maxLength=124)
    ),
    ("AcceptedNegativeData", "POST", "/api/notifications"): lambda operation, _: (
        _body(operation)["data"].update(type="string")
    ),
    ("UnsupportedMethodResponse", "DELETE", "/api/channels/{channel}/history"): lambda _, methods: (
        methods.pop("delete")
    ),
    # These two are true; the node that is asked wants no key.
    ("IgnoredAuth", "GET", "/api/access"): lambda *_: None,
    ("MissingHeaderNotRejected", "GET", "/api/nodes"): lambda *_: None,
}


async def test_every_lie_is_noticed(nodes, document, connect, tmp_path):
    await inhabited(nodes["open"], connect)
    truth, document["paths"] = document["paths"], {}
    for _, method, path in LIES:
        document["paths"].setdefault(path, {})[method.lower()] = truth[path][method.lower()]
    for (_, method, path), tell in LIES.items():
        methods = document["paths"][path]
        tell(methods[method.lower()], methods)
    verdict = await compare(nodes["open"], document, tmp_path, "", KEY)
    unnoticed = {(kind, f"{method} {path}") for kind, method, path in LIES} - verdict.failures
    assert not unnoticed, verdict.text


# What holds for each route: schemathesis is content with a 403 or a 404 in some of these places


def test_other_methods(nodes, document):
    for path, methods in document["paths"].items():
        # A stream has no answer that could be left out.
        is_stream = "text/event-stream" in methods.get("get", {}).get("responses", {}).get("200", {}).get("content", {})
        taken = {method.upper() for method in methods} | ({"HEAD"} if "get" in methods and not is_stream else set())
        for method in {"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "FROB"} - taken:
            for node in nodes.values():
                headers = bearer(KEY) if node is nodes["keyed"] else {}
                answer = node.request(method, example(path), headers=headers)
                assert answer.status_code == 405, (method, path, answer.text)
                assert set(answer.headers["Allow"].split(", ")) == taken, (method, path)
            assert nodes["keyed"].request(method, example(path)).status_code == 401, (method, path)


def test_every_route_asks_for_a_key(nodes, document):
    node = nodes["keyed"]
    wrong = [{}, bearer("another-key-of-some-length"), bearer(KEY[:-1]), bearer(""), {"Authorization": KEY}]
    for method, path in operations(document):
        for headers in wrong:
            # The key comes before everything else that may be wrong.
            answer = node.request(method, example(path) + "?unknown=1", data="{", headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated"), (method, path, answer.text)
            assert answer.headers["WWW-Authenticate"] == "Bearer"
        # Of a stream that has no end the head is enough.
        with node.request(method, example(path), headers=bearer(READER), stream=True) as answer:
            status = answer.status_code
        assert status == (200 if method == "GET" else 403), (method, path)


def test_too_many_requests_are_described(nodes, document):
    connection = http.client.HTTPConnection("127.0.0.1", nodes["open"].port, timeout=10)
    for _ in range(1000):
        connection.request("GET", "/api/access")
        answer = connection.getresponse()
        body = json.loads(answer.read())
        if answer.status != 200:
            break
    connection.close()
    assert (answer.status, body.keys()) == (429, {"code", "error"})
    silent = [
        f"{method.upper()} {path}"
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if "429" not in operation["responses"]
    ]
    assert not silent


# The document and the tests


def test_every_route_is_requested_by_a_test(document):
    assert untested(document) == []
    document["paths"]["/api/channels/{channel}"]["patch"] = {}
    document["paths"]["/api/channels/{channel}/others"] = {"get": {}}
    assert untested(document) == ["PATCH /api/channels/{channel}", "GET /api/channels/{channel}/others"]


def untested(document: Mapping) -> list[str]:
    """Operations that no call in a test of the API asks for."""
    folder = Path(__file__).parent
    files = [*folder.glob("test_api*.py"), folder / "test_direct.py", folder / "test_streams.py"]
    asked = {request for file in files for request in _requests(ast.parse(file.read_text()))}
    return [f"{method} {path}" for method, path in operations(document) if not _is_asked(method, path, asked)]


def _is_asked(method: str, path: str, asked: set[tuple[str, str]]) -> bool:
    # Braces stay outside of what is escaped; a word of a path is none of its parameters.
    parts = re.split(r"\{\w+\}", path)
    pattern = re.compile(r"[^/]+".join(map(re.escape, parts)))
    return any(method == verb and pattern.fullmatch(target) for verb, target in asked)


def _requests(module: ast.Module) -> Iterator[tuple[str, str]]:
    """The method and the path of every call that has both: `call(node, "PUT", "/api/...")`, `node.get("/api/...")`,
    also where it is handed to a thread. Tables of requests that are refused are no calls."""
    for call in ast.walk(module):
        if not isinstance(call, ast.Call):
            continue
        texts = [text for argument in call.args if (text := _text(argument))]
        words = {name.upper() for each in (call.func, *call.args) if (name := _name(each))} | set(texts)
        for method in words & {"GET", "POST", "PUT", "DELETE", "PATCH"}:
            yield from ((method, text.partition("?")[0]) for text in texts if text.startswith("/"))


def _name(expression: ast.expr) -> str | None:
    match expression:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return None


def _text(expression: ast.expr) -> str | None:
    """A text as it stands in a test, with an asterisk for each part that is computed."""
    match expression:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(_text(part) or "*" for part in parts)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return (_text(left) or "*") + (_text(right) or "*")
    return None
