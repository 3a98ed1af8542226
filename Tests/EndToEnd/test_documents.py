"""Tables of the documents say what programs, sources and other tables say, and links lead somewhere.

Tables that have an enum as their counterpart are compared in the units: `DocumentsTests`, `OptionsPageTests`,
`RedisKeysTests`.
"""

import itertools
import json
import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from harness import Cluster, limits
from harness.examples import blocks, pages
from harness.handshakes_refused import REFUSED
from harness.node import binary
from harness.repository import REPOSITORY


def section(page: str, heading: str) -> list[str]:
    """The lines below a heading, which is given with its `#` signs, up to the next one."""
    lines = (REPOSITORY / page).read_text().splitlines()
    assert heading in lines, f"{page} has no {heading}"
    below = lines[lines.index(heading) + 1 :]
    fenced = False
    for number, line in enumerate(below):
        fenced ^= line.startswith("```")
        if line.startswith("#") and not fenced:
            return below[:number]
    return below


def table(page: str, heading: str, head: str = "") -> list[list[str]]:
    """The cells of each row of a section's first table, or of the one whose head begins with that word."""
    lines = section(page, heading)
    begin = next((number for number, line in enumerate(lines) if line.startswith(f"| {head}")), None)
    assert begin is not None, f"{heading} of {page} has no table {head}"
    rows = itertools.takewhile(lambda line: line.startswith("|"), lines[begin + 2 :])
    return [[cell.strip() for cell in row[1:-1].split("|")] for row in rows]


def words(cell: str) -> list[str]:
    """What stands in backticks."""
    return re.findall(r"`([^`]+)`", cell)


def named(rows: list[list[str]]) -> list[str]:
    """What stands in backticks in the first cells."""
    return [word for row in rows for word in words(row[0])]


def source(path: str) -> str:
    return (REPOSITORY / path).read_text()


def said(*arguments: str) -> str:
    run = subprocess.run([binary(), *arguments], capture_output=True, text=True, timeout=30)
    return run.stdout + run.stderr


# What the program says


def test_commands():
    subcommands = said("--help").split("SUBCOMMANDS:")[1].split("\n\n")[0]
    commands = re.findall(r"^  (\w+) ", subcommands, re.MULTILINE)
    written = [word.split()[1] for word in named(table("docs/operations.md", "## The command line")) if " " in word]
    assert sorted(written) == sorted(commands)


@pytest.mark.parametrize(("command", "heading"), [("token", "## apus token"), ("bench", "## Load")])
def test_options_of_other_commands(command: str, heading: str):
    written = [word for word in named(table("docs/operations.md", heading)) if word.startswith("--")]
    options = set(re.findall(r"(?<=^  )--[\w-]+", said(command, "--help"), re.MULTILINE))
    assert set(written) == options - {"--version", "--help"}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory):
    with Cluster(tmp_path_factory.mktemp("documents"), loops=1, nodes=1) as cluster:
        yield cluster


def test_metrics(cluster):
    text = cluster.nodes[0].get("/metrics").text
    declared = re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE)
    rows = table("docs/operations.md", "## Metrics")
    assert sorted((words(row[0])[0], row[1]) for row in rows) == sorted(declared)
    explained = {words(row[0])[0]: words(row[2]) for row in rows}
    for name, label in re.findall(r"^(\w+?)(?:_bucket|_sum|_count)?\{(\w+)=", text, re.MULTILINE):
        assert label == "le" or label in explained[name], f"the label {label} of {name} is not told"
    for limit in re.findall(r'^apus_limited_total\{limit="(\w+)"', text, re.MULTILINE):
        assert limit in explained["apus_limited_total"], f"the limit {limit} is not told"


def test_dependencies(cluster):
    names = cluster.nodes[0].get("/readyz").json()["dependencies"].keys()
    assert sorted(named(table("docs/operations.md", "## HTTP", "dependency"))) == sorted(names)


async def test_keys_in_redis(cluster, connect, tmp_path):
    """Every key that a node writes has the form of a row."""
    pieces = [re.split(r"<\w+>", form) for form in named(table("docs/redis.md", "## Keys"))]
    patterns = [re.compile(".+".join(map(re.escape, each))) for each in pieces]
    client = await connect(cluster.nodes[0].ws, user="alice")
    await client.subscribe("demo:keys", presence=True)
    await client.publish("demo:keys", 1, key="k")
    await client.command("send", to="alice", data=1)
    for key in cluster.redis.client.keys():
        assert any(pattern.fullmatch(key) for pattern in patterns), f"{key} is not in docs/redis.md"


# What a source says


def test_statuses_of_the_program():
    """Statuses are made in `Sources/apus`, but for that of a second signal."""
    known = {"failure": 1, "validationFailure": 64, "128 + SIGPIPE": 128 + signal.SIGPIPE}
    files = [*(REPOSITORY / "Sources/apus").rglob("*.swift"), REPOSITORY / "Sources/Node/Signals.swift"]
    text = "\n".join(file.read_text() for file in files)
    statuses = re.findall(r"\bExitCode\.(\w+)", text) + re.findall(r"\bexit\((?!withError: )([^()]+)\)", text)
    statuses += re.findall(r"\b_exit\(([^()]+)\)", text)
    written = [row[0] for row in table("docs/operations.md", "## The command line", "status")]
    assert written == sorted({"0"} | {str(known.get(each, each)) for each in statuses}, key=int)


def test_commands_of_the_protocol():
    known = re.findall(r'utf8\.equals\("(\w+)"\)', source("Sources/Protocol/Apus/CommandKind.swift"))
    text = (REPOSITORY / "docs/protocol.md").read_text()
    commands = text.split("\n## Commands\n")[1].split("\n## ")[0]
    headings = [heading.split(",")[0] for heading in re.findall(r"^### (.*)$", commands, re.MULTILINE)]
    # `message` is another name for `publish`; `auth` stands where identity does.
    assert set(known) - {"message", "auth"} == set(headings) - {"JSON-RPC"}
    assert "### auth" in text and '`"type":"message"` is another name' in text


def test_members_that_may_stand_once():
    known = re.findall(r'utf8\.equals\("(\w+)"\): self = \.', source("Sources/Protocol/Apus/Envelope.swift"))
    text = " ".join(section("docs/protocol.md", "## Messages"))
    listed = words(re.search(r"Unknown members are ignored\.(.*?)may stand once only", text)[1])
    # `jsonrpc` makes a message one of another protocol.
    assert sorted(listed) == sorted(set(known) - {"jsonrpc"})


def test_statuses_of_a_refused_handshake():
    statuses = set(re.findall(r"status: (\d{3})", source("Sources/WebSocket/Handshake/HandshakeRefusal.swift")))
    written = {words(row[0])[0] for row in table("docs/protocol.md", "## Connecting", "status")}
    # Whoever is too slow is refused by the worker; another path is told of below the table; a handshake has no body.
    assert written - {"404"} == statuses - {"404", "413"} | {"408"}
    assert {str(status) for status in REFUSED} - {"404"} <= written


def test_statuses_of_http():
    refusals = source("Sources/WebSocket/Handshake/HandshakeRefusal.swift")
    made = dict(re.findall(r"package static (?:func|var) (\w+).*\n(?:.*\n)?? +.*status: (\d{3})", refusals))
    accepting = source("Sources/Server/Worker/Worker+Accepting.swift")
    # What the loop looks at before it gives a connection away; the rest of the file is for handshakes.
    looked_at = re.findall(r"^  func (?:peek|handshakeTimedOut)\(.*?^  \}", accepting, re.DOTALL | re.MULTILINE)
    parts = looked_at + [source("Sources/Node/HTTP/HTTPMessages.swift")]
    parts += [file.read_text() for file in (REPOSITORY / "Sources/WebSocket/Requests").glob("*.swift")]
    parts += [source(f"Sources/WebSocket/Handshake/{name}.swift") for name in ("RequestLine", "HeadScanner")]
    text = "\n".join(parts)
    statuses = set(re.findall(r"HandshakeRefusal\(\s*status: (\d+)", text))
    statuses |= {made[name] for name in re.findall(r"\.(\w+)", text) if name in made}
    rows = table("docs/operations.md", "## HTTP", "status")
    # `RequestLine` reads handshakes, too, which are GET.
    assert [row[0] for row in rows] == sorted(statuses - {made["methodNotAllowed"]})


def fallbacks() -> list[str]:
    """The paths for clients without a WebSocket."""
    folder = REPOSITORY / "Sources/Node/Fallbacks"
    named_so = {file.stem: re.findall(r'static let path = "(.*)"', file.read_text()) for file in folder.glob("*.swift")}
    listed = re.search(r"static let paths: Set = \[(.*)\]", (folder / "Fallbacks.swift").read_text())[1]
    paths = [each.strip() for each in listed.split(",")]
    return [each.strip('"') if each.startswith('"') else named_so[each.partition(".")[0]][0] for each in paths]


def files() -> list[str]:
    """The paths of files for browsers."""
    listed = re.findall(r'\("(/[\w.-]*)", "([\w.-]+)", \.(\w+)\)', source("Sources/Pages/Pages.swift"))
    assert {name for _, name, _ in listed} == set(re.findall(r'FILE\("([^"]+)"', source("Web/served/files.inc")))
    return [path for path, *_ in listed]


def test_paths():
    router = source("Sources/Node/HTTP/Router.swift")
    health = re.search(r"healthPaths: Set = \[(.*)\]", source("Sources/Server/ServerConfiguration.swift"))[1]
    paths = re.findall(r'"(/\w+)"', health)
    assert re.findall(r'case "(/\w+)"', router) == paths
    assert re.findall(r"path\.hasPrefix\(([^)]*)\)", router) == ["API.prefix"]
    paths += fallbacks()
    paths.append(re.search(r'static let prefix = "(.*)"', source("Sources/Node/API/API.swift"))[1] + "...")
    paths += re.findall(r'static let description = "(.*)"', router)
    assert named(table("docs/operations.md", "## HTTP")) == paths + files()
    ready = dict((words(row[0])[0], row[1]) for row in table("docs/operations.md", "## HTTP"))["/readyz"]
    [answers] = re.findall(r"isReady \? \.(\w+) : \.(\w+)", source("Sources/Node/HTTP/Health.swift"))
    assert limits.of_page([ready]) == [limits.http_status(name) for name in answers]


# The HTTP API

API = "docs/http-api.md"

# Codes of the protocol that no request to the API comes to.
NEVER_BY_HTTP = {"unknown_type", "unknown_method", "invalid_token", "expired_token", "too_many_channels"}


@pytest.fixture(scope="module")
def routes(cluster) -> dict[str, dict]:
    """What `/openapi.json` tells, by method and path."""
    paths = cluster.nodes[0].get("/openapi.json").json()["paths"]
    return {f"{method.upper()} {path}": route for path, each in paths.items() for method, route in each.items()}


def members(schema: dict, prefix: str = "") -> dict[str, bool]:
    """The members of an object, and those of the objects in it, and whether each may be left out."""
    found = {}
    for name, value in schema.get("properties", {}).items():
        found[prefix + name] = name not in schema["required"]
        found |= members(value, f"{prefix}{name}.")
        found |= members(value.get("items", {}), f"{prefix}{name}[].")
    return found


def schemas(route: dict) -> dict[str, dict]:
    """Those of a request's body, where it takes one, and of its answer, where that is JSON."""
    contents = {"body": route.get("requestBody"), "answer": None if is_stream(route) else route["responses"]["200"]}
    return {where: each["content"]["application/json"]["schema"] for where, each in contents.items() if each}


def is_stream(route: dict) -> bool:
    return list(route["responses"]["200"]["content"]) == ["text/event-stream"]


def query(route: dict) -> dict[str, dict]:
    return {each["name"]: each["schema"] for each in route["parameters"] if each["in"] == "query"}


def rows_of(name: str) -> dict[tuple[str, str], str]:
    """The forms of a request's members, by where they stand and their names."""
    heading = f"### {name}"
    if not any(line.startswith("| in |") for line in section(API, heading)):
        return {}
    rows = table(API, heading, "in")
    forms = {(row[0], words(row[1])[0]): row[2] for row in rows}
    assert len(forms) == len(rows), f"{name}: a member stands twice"
    return forms


def test_requests_of_the_api(routes):
    assert named(table(API, "## Reference", "request")) == list(routes)
    lines = (REPOSITORY / API).read_text().splitlines()
    titles = [line.removeprefix("### ") for line in lines if re.match(r"### [A-Z]+ /", line)]
    assert titles == list(routes)
    cells = [row[0] for row in table(API, "## Reference", "request")]
    assert cells == [f"[`{title}`](#{anchor(title)})" for title in titles]


def test_members_of_the_api(routes):
    """The rows of each request are the members of its query, its body and its answer."""
    for name, route in routes.items():
        wanted = {("query", each): True for each in query(route)}
        for where, schema in schemas(route).items():
            wanted |= {(where, member): optional for member, optional in members(schema).items()}
        written = {member: form.endswith(", optional") for member, form in rows_of(name).items()}
        assert list(written.items()) == list(wanted.items()), name
        text = " ".join(section(API, f"### {name}"))
        assert ("The answer is a stream of events." in text) == is_stream(route), name
        is_empty = not is_stream(route) and not schemas(route)["answer"]["properties"]
        assert ("The answer is `{}`." in text) == is_empty, name
        can_be_left_out = not route.get("requestBody", {"required": True})["required"]
        assert ("The body may be left out." in text) == can_be_left_out, name


def test_numbers_of_the_api(routes):
    """What the description tells of ranges, lengths and words stands in the rows, too."""
    # A pattern and names are told elsewhere, and a cursor is what a node has told.
    elsewhere = {"match", "after", "from", "cursor"}
    for name, route in routes.items():
        known = {("query", member): schema for member, schema in query(route).items()}
        for where, schema in schemas(route).items():
            known |= {(where, member): each for member, each in schema["properties"].items()}
        rows = rows_of(name)
        for (where, member), schema in known.items():
            if member in elsewhere:
                continue
            form = rows[where, member]
            bounds = {schema[key] for key in ("maximum", "maxLength", "maxItems") if schema.get(key, 2**53) < 2**53}
            assert {f"{bound:,}" for bound in bounds} <= set(re.findall(r"\d+(?:,\d{3})*", form)), f"{name}: {member}"
            assert set(schema.get("enum", [])) <= set(words(form)), f"{name}: {member}"


def test_errors_of_the_requests(routes):
    """Those that a route may give besides what every one may give."""
    declared = {}
    for file in (REPOSITORY / "Sources/Node/API/Routes").glob("*.swift"):
        pattern = r'Route\(\s*(?:method: )?\.(\w+), (?:path: )?"([^"]+)"(.*?)\{ \(request\b'
        for method, path, rest in re.findall(pattern, file.read_text(), re.DOTALL):
            codes = re.search(r"errors: \[([^]]*)\]", rest)
            names = re.findall(r"\.(\w+)", codes[1]) if codes else []
            declared[f"{method.upper()} {path}"] = [limits.error_codes()[name] for name in names]
    assert declared.keys() == routes.keys()
    for name, codes in declared.items():
        line = next((each for each in section(API, f"### {name}") if each.startswith("Errors: ")), "")
        assert set(codes) <= set(words(line)), name
    always = re.search(r"always: \[ErrorCode\] = \[([^]]*)\]", source("Sources/Node/API/OpenAPI.swift"))[1]
    told = re.search(r"Every request may be answered with (.*?);", " ".join(section(API, "## Reference")))[1]
    assert words(told) == [limits.error_codes()[name] for name in re.findall(r"\.(\w+)", always)]


def test_statuses_of_the_api(routes):
    of_codes = re.findall(r"case (\..*): (\d{3})$", source("Sources/Model/ErrorCode+HTTP.swift"), re.MULTILINE)
    wanted = {
        (status, limits.error_codes()[name])
        for names, status in of_codes
        for name in re.findall(r"\.(\w+)", names)
        if limits.error_codes()[name] not in NEVER_BY_HTTP
    }
    folder = "\n".join(file.read_text() for file in (REPOSITORY / "Sources/Node/API").glob("*.swift"))
    wanted |= set(re.findall(r'RouteError\(\s*status: (\d{3}), code: "(\w+)"', folder))
    for status, code in re.findall(r'\.error\(\.(\w+), "(\w+)"', folder):
        wanted.add((str(limits.http_status(status)), code))
    rows = table(API, "## Errors", "status")
    assert [row[0] for row in rows] == sorted(row[0] for row in rows)
    assert {(row[0], words(row[1])[0]) for row in rows} == wanted
    described = {status for route in routes.values() for status in route["responses"]} - {"200"}
    assert described <= {row[0] for row in rows}


def test_statuses_of_the_fallbacks():
    """Each code stands with its status; those that no error of the protocol has are made there."""
    folder = "\n".join(file.read_text() for file in (REPOSITORY / "Sources/Node/Fallbacks").glob("*.swift"))
    own = {code: int(status) for status, code in re.findall(r'status: (\d{3}), code: "(\w+)"', folder)}
    assert own, "405 and 415"
    told = {code: int(row[0]) for row in table("docs/fallbacks.md", "## Refusals", "status") for code in words(row[1])}
    assert told == {code: own.get(code) or limits.status_of(code) for code in told}
    assert own.keys() <= told.keys()
    made = {limits.error_codes()[name] for name in re.findall(r"(?:RouteError|Refusal)\(\s*\.(\w+),", folder)}
    assert made <= told.keys()


def test_codes_of_json_rpc():
    codes = re.findall(r"case \w+ = (-\d+)", source("Sources/Protocol/Apus/RPC/RPCResponse.swift"))
    rows = table("docs/protocol.md", "### JSON-RPC")
    assert sorted(code for row in rows for code in row[0].split(", ")) == sorted(codes)


def test_methods_of_a_node():
    methods = re.findall(r'case "(\w+)":', source("Sources/Server/Worker/Worker+Requests.swift"))
    assert sorted(named(table("docs/protocol.md", "### request"))) == sorted(methods)


def test_keys_of_a_rule():
    text = source("Sources/Node/Configuration/ChannelRuleDraft.swift")
    keys = words(re.search(r"\[([^]]*\"match\"[^]]*)\]", text)[1].replace('"', "`"))
    assert sorted(named(table("docs/operations.md", "### Rules for channels"))) == sorted(keys)


LIMITS = {
    "no options": ("docs/operations.md", "## Limits that are no options", "what", limits.of_operations),
    "the backend": ("docs/operations.md", "## The backend", "what", limits.of_backend),
    "the HTTP API": ("docs/http-api.md", "## Limits", "what", limits.of_http_api),
    "the fallbacks": ("docs/fallbacks.md", "## Limits", "what", limits.of_fallbacks),
    "the protocol": ("docs/protocol.md", "## Limits", "what", limits.of_protocol),
}


@pytest.mark.parametrize(("page", "heading", "head", "in_code"), LIMITS.values(), ids=LIMITS)
def test_limits(page: str, heading: str, head: str, in_code: Callable[[], dict[str, limits.Row]]):
    rows = table(page, heading, head)
    in_page = {row[0]: limits.of_page(row) for row in rows}
    assert len(in_page) == len(rows)
    assert in_page == in_code()


def test_limits_of_the_server_are_told():
    constants = re.findall(r"static let (\w+)(?:: \w+)? = \d", source("Sources/Server/ServerConfiguration.swift"))
    told = re.findall(r'number\(server, "(\w+)"\)', source("Tests/harness/limits.py"))
    # Of options (`--echo`, `--compression`), of a full node, and one that nobody outside sees.
    others = ["maxEchoSize", "maxEchoOutbox", "maxEchoFragments", "minCompressedSize", "beyondRoomTimeout"]
    assert sorted(constants) == sorted([*told, *others, "maxEnvelope"])


def test_keys_and_algorithms():
    known = dict(re.findall(r'case (\w+) = "(\w+)"', source("Sources/Tokens/SignatureAlgorithm.swift")))
    loading = source("Sources/Tokens/TokenKeys+Loading.swift")
    of_secrets = [known[name] for name in re.findall(r"case \.(\w+): \.sha", loading)]
    of_files = [known[name] for name in re.findall(r"algorithm: \.(\w+), verifier", loading)]
    rows = {words(row[0])[0].split()[0]: row[2] for row in table("docs/security.md", "## Keys")}
    written = {option: re.findall("|".join(known.values()), cell) for option, cell in rows.items()}
    assert written == {"--jwt-secret": of_secrets, "--jwt-key": of_files, "--jwks": []}
    # A JWKS may have all of them: "one of those above".
    assert sorted(of_secrets + of_files) == sorted(known.values())
    configuration = source("Sources/Node/Configuration/NodeConfiguration.swift")
    options = re.search(r"isAuthenticated: Bool \{ (.*) \}", configuration)[1]
    names = [name.removesuffix("File") for name in re.findall(r"(\w+) != nil", options)]
    assert list(rows) == ["--" + re.sub("([A-Z])", r"-\1", name).lower() for name in names]


def test_claims():
    claims = source("Sources/Tokens/TokenClaims.swift")
    rows = {words(row[0])[0]: row[1:] for row in table("docs/security.md", "## What a token says")}
    assert set(rows) == set(re.findall(r'claims\.\w+\("(\w+)"\)', claims))
    required = set(re.findall(r'claims\.\w+\("(\w+)"\).* else \{\n +throw', claims))
    assert {name for name, cells in rows.items() if cells[0] == "required"} == required
    expected = re.findall(r"if let \w+ = expectations\.(\w+)", source("Sources/Tokens/TokenVerifier.swift"))
    with_options = {name: words(cells[0]) for name, cells in rows.items() if cells[0].startswith("required with")}
    assert with_options == {name[:3]: [f"--jwt-{name}"] for name in expected}
    assert {cells[0].partition(" with")[0] for cells in rows.values()} == {"required", "optional"}
    numbers = {name: limits.of_page(cells) for name, cells in rows.items()}
    assert {name: row for name, row in numbers.items() if row} == {
        "sub": [1, limits.number("Model/Identifiers", "maxLength")],
        "exp": [1970, 1000 * limits.number("Model/Access/Identity", "leeway")],
        "info": [limits.number("Model/Presence", "maxInfoLength")],
    }
    text = " ".join(section("docs/security.md", "## What a token says"))
    longest = re.findall(r"A token has at most ([\d,]+ bytes)", text)
    assert limits.of_page(longest) == [limits.number("Tokens/TokenVerifier", "maxLength")]


def test_scripts():
    scripts = [each.stem for each in (REPOSITORY / "Sources/Broker/Redis/Lua").glob("*.lua")]
    assert sorted(named(table("docs/redis.md", "## Scripts"))) == sorted(scripts)


def test_modules():
    targets = re.findall(r'\.(?:target|executableTarget|systemLibrary)\(\s*name: "(\w+)"', source("Package.swift"))
    modules = [words(row[0])[0] for row in table("docs/architecture.md", "## Modules")]
    assert sorted(modules) == sorted(each for each in targets if not each.endswith("TestSupport"))


def test_variables_of_compose():
    text = source("docker-compose.yml") + source("docker-compose.api.yml")
    used = re.findall(r"\$\{(APUS_\w+)", text) + re.findall(r"- (APUS_\w+)$", text, re.MULTILINE)
    assert set(named(table("docs/operations.md", "## docker-compose"))) == set(used)


# What stands in two pages


def test_limits_that_are_options():
    defaults = {words(row[0])[0]: row[1] for row in table("docs/operations.md", "## Options of apus serve")}
    limits = " ".join(row[1] for row in table("docs/protocol.md", "## Limits"))
    sizes = {"1MiB": "1 MiB", "65536": "65,536 bytes", "10s": "10 s"}
    told = re.findall(r"`(--[\w-]+)`(?: a second| at once)?, (\d[\d,]*(?<!,)(?: bytes| MiB| s\b)?)", limits)
    assert len(told) >= 6
    for name, value in told:
        default = defaults[name].strip("`")
        assert value == sizes.get(default, default), f"{name} is {default}, not {value}"
    connected = table("docs/protocol.md", "## Connecting")
    for name in words(" ".join(row[1] for row in connected)):
        assert not name.startswith("--") or name in defaults


def test_files_of_secrets():
    options = table("docs/operations.md", "## Options of apus serve")
    told = [word for row in options for word in words(row[2]) if word.endswith("_FILE")]
    assert sorted(named(table("docs/operations.md", "### Secrets"))) == sorted(told)


def test_members_of_connected():
    [example] = [each for each in blocks(REPOSITORY / "docs/protocol.md") if each.heading == "Connecting"]
    event = json.loads(example.text.removeprefix("< "))
    rows = table("docs/protocol.md", "## Connecting")
    always = [row for row in rows if not row[1].startswith("only where")]
    assert named(always) == [name for name in event if name != "type"]


def test_members_of_a_call():
    [example] = [block for block in blocks(REPOSITORY / "docs/operations.md") if block.heading == "The backend"]
    assert named(table("docs/operations.md", "## The backend")) == list(json.loads(example.text.splitlines()[-1]))


def test_documents():
    listed = re.findall(r"\]\(([^)]+)\)", " ".join(row[0] for row in table("README.md", "## Documents")))
    there = [str(page.relative_to(REPOSITORY)) for page in pages() if page.name != "README.md"]
    assert sorted(listed) == sorted(there)


def test_folders():
    listed = [word.rstrip("/") for word in named(table("CONTRIBUTING.md", "## Layout"))]
    for each in listed:
        assert (REPOSITORY / each).is_dir(), f"{each} is no folder"
    tests = [f"Tests/{each.name}" for each in (REPOSITORY / "Tests").iterdir() if each.is_dir()]
    assert set(tests) - {"Tests/Support"} <= set(listed)


def test_targets_of_make():
    targets = set(re.findall(r"^([a-z-]+):.*##", source("Makefile"), re.MULTILINE))
    for page in pages():
        for block in blocks(page):
            used = re.findall(r"^make ([a-z-]+)", block.text, re.MULTILINE) if block.language == "sh" else []
            assert set(used) <= targets, f"{block.place}: there is no make {used}"


def anchor(heading: str) -> str:
    """As GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower()).replace(" ", "-")


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_links(page: Path):
    for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", page.read_text()):
        path, _, name = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{page.name}: {target} leads nowhere"
        if name:
            headings = {anchor(heading) for heading in re.findall(r"^#+ (.*)$", file.read_text(), re.MULTILINE)}
            assert name in headings, f"{page.name}: {target} leads nowhere"
