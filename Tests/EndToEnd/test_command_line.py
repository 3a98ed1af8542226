"""The command line: what it says of mistakes, what it teaches, and the status with which it ends."""

import os
import shutil
import subprocess
from collections.abc import Iterator

import jwt
import pytest

from harness import Node, Process, free_port, secrets, until
from harness.node import binary
from harness.process import program
from harness.repository import REPOSITORY

COMMANDS = ["serve", "check", "token", "sub", "pub", "bench"]
SECRET = secrets.register("the-secret-of-the-command-line-0123456789abcdef")
NOWHERE = ["--url", "ws://127.0.0.1:1/ws"]


def run(*words: object, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(word) for word in (binary(), *words)],
        capture_output=True,
        text=True,
        timeout=60,
        input=stdin,
        env={"PATH": "/usr/bin:/bin", **environment},
    )


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """One node with one loop: the command line does not care how many there are."""
    node = Node("cli", tmp_path_factory.mktemp("command-line"))
    try:
        yield node.start()
    finally:
        node.end()


# Mistakes

USAGE = {
    "a command that there is not": (["sbu"], "Did you mean sub?"),
    "a longer name of a command": (["subscribe", "lobby"], "Did you mean sub?"),
    "help on a command that there is not": (["help", "bnch"], "Did you mean bench?"),
    "nothing like a command": (["quit"], "serve, check, where, token, sub, pub and bench"),
    "no channel": (["sub"], "<channel>"),
    "no message": (["pub", "lobby"], "<data>"),
    "an argument too many": (["serve", "now"], "now"),
    "a token for nobody": (["token"], "--user"),
    "a time that is none": (["token", "--user", "a", "--ttl", "1y"], "500ms, 20s, 10m, 2h or 7d"),
    "a place that is none": (["sub", "lobby", "--since", "yesterday"], "500ms, 20s, 10m, 2h or 7d"),
    "a size that is none": (["bench", "--payload", "1MB"], "65536, 64KiB, 1MiB or 1GiB"),
    "a right that there is not": (["token", "--user", "a", "--channel", "room:*=fly"], "fly"),
    "figures that cannot be": (["bench", "--connections", "0"], "one connection"),
}


@pytest.mark.parametrize(("words", "mention"), USAGE.values(), ids=USAGE.keys())
def test_a_wrong_command_line_is_told_with_the_usage(words, mention):
    done = run(*words)
    assert done.returncode == 64 and done.stdout == "", done
    assert mention in done.stderr and "\nUsage: apus" in done.stderr, done.stderr
    assert all(len(line) <= 160 for line in done.stderr.splitlines()), done.stderr


@pytest.mark.parametrize(
    ("words", "option"),
    [
        (["serve", "--prot", "1"], "--port"),
        (["check", "--max-conections", "1"], "--max-connections"),
        (["token", "--uesr", "a"], "--user"),
        (["sub", "lobby", "--sinse", "1h"], "--since"),
        (["pub", "lobby", "1", "--tokn", "a"], "--token"),
        (["bench", "--wnidow", "1"], "--window"),
    ],
)
def test_a_misspelt_option_is_told_with_the_one_that_is_meant(words, option):
    done = run(*words)
    assert done.returncode == 64 and f"Did you mean '{option}'?" in done.stderr, done.stderr


def _failures(node: Node) -> dict[str, tuple[list[object], str]]:
    return {
        "nobody may connect": (["serve", "--port", free_port()], "--allow-anonymous"),
        "a value that is none": (["serve", "--dev", "--port", "eighty"], "eighty"),
        "a file that is not there": (["serve", "--config", "/nonexistent"], "/nonexistent"),
        "a key that is not there": (["serve", "--jwt-key", "/nonexistent", "--port", free_port()], "/nonexistent"),
        "a port in use": (["serve", "--dev", "--port", node.port], "in use"),
        "no secret": (["token", "--user", "alice"], "--jwt-secret"),
        "no token": (["token", "--inspect", "abc"], "three parts"),
        "nobody there to publish": (["pub", "lobby", "1", *NOWHERE], "Does a node run there?"),
        "nobody there to listen": (["sub", "lobby", *NOWHERE], "Does a node run there?"),
        "nobody there to load": (["bench", *NOWHERE], "Does a node run there?"),
        "a refused message": (["pub", "no blanks", "1", "--url", node.ws], "channel"),
        "nothing to compare": (["bench", "--compare", "/nonexistent"], "cannot be read"),
        "a token of nobody": (["pub", "lobby", "1", "--token", "a b", *NOWHERE], "token"),
    }


def test_a_failure_is_told_without_the_usage(node):
    for name, (words, mention) in _failures(node).items():
        done = run(*words)
        assert done.returncode == 1 and done.stdout == "", (name, done)
        assert mention in done.stderr and "usage" not in done.stderr.lower(), (name, done.stderr)
        # One sentence, but for those that say what to choose from.
        assert len(done.stderr.splitlines()) <= 3, (name, done.stderr)


# What is taught


@pytest.mark.parametrize("words", [[], ["--help"], *([command, "--help"] for command in COMMANDS)], ids=str)
def test_help_fits_a_terminal_and_begins_with_an_example(words):
    done = run(*words)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= 80, [line for line in lines if len(line) > 80]
    example = f"apus {words[0] if len(words) > 1 else 'serve'} "
    assert any(line.startswith("  ") and example in line for line in lines[:12]), lines[:12]


def test_the_first_screen_names_every_command():
    lines = run().stdout.splitlines()[:24]
    examples = [number for number, line in enumerate(lines) if line.startswith("  apus ")]
    assert examples == list(range(examples[0], examples[0] + 3)), "an example is broken into two lines"
    for command in COMMANDS:
        assert any(line.startswith(f"  {command} ") for line in lines), lines


# Days


def test_days_count_in_every_time(tmp_path):
    config = tmp_path / "apus.yaml"
    config.write_text("drain: 1d\nchannels:\n  - match: '*'\n    history: {size: 10, ttl: 7d}\n")
    done = run("check", "--dev", "--config", config, "--leave-grace", "2d", "--ping-interval", "0.5d")
    assert done.returncode == 0 and "history of 10 for 7d" in done.stdout, done.stdout
    minted = run("token", "--user", "alice", "--ttl", "7d", APUS_JWT_SECRET=SECRET)
    assert minted.returncode == 0, minted.stderr
    claims = jwt.decode(secrets.register_token(minted.stdout.strip()), SECRET, algorithms=["HS256"])
    assert claims["exp"] - claims["iat"] == 7 * 86400


@pytest.mark.parametrize(("line", "words"), [("drain: 7w", "drain"), ("channels: [{match: a, history: {size: 1, ttl: 1y}}]", "ttl")])
def test_a_time_that_is_none_is_told_with_the_units(tmp_path, line, words):
    config = tmp_path / "apus.yaml"
    config.write_text(line + "\n")
    done = run("check", "--dev", "--config", config)
    assert done.returncode == 1 and words in done.stdout and "500ms, 20s, 10m, 2h or 7d" in done.stdout, done.stdout


# Tokens


def test_a_token_that_is_refused_has_status_1_and_is_explained():
    minted = secrets.register_token(run("token", "--user", "alice", APUS_JWT_SECRET=SECRET).stdout.strip())
    for words, stdin in ((minted, ""), ("-", f"  {minted[:40]}\n{minted[40:]}\r\n")):
        done = run("token", "--inspect", words, stdin=stdin, APUS_JWT_SECRET=SECRET)
        assert done.returncode == 0 and "accepts it" in done.stdout, done
        done = run("token", "--inspect", words, stdin=stdin, APUS_JWT_SECRET=SECRET[::-1])
        assert done.returncode == 1 and "refuses it" in done.stdout and "alice" in done.stdout, done
        assert done.stderr == ""
    assert run("token", "--inspect", minted).returncode == 0, "without a key nothing is refused"


# The start of a node


def log(process: Process) -> list[str]:
    """What the node has logged, without what it says to newcomers beside it."""
    return [line for line in process.tail().splitlines() if " info " in line]


@pytest.mark.parametrize(
    ("options", "environment", "words"),
    [
        (["--dev", "--loops", "2"], {}, ["everybody", "--dev", "in memory", "2 threads"]),
        (["--host", "127.0.0.1", "--loops", "1"], {"APUS_JWT_SECRET": SECRET}, ["clients with a token", "in memory", "1 thread "]),
        (["--host", "127.0.0.1", "--allow-anonymous"], {}, ["everybody", "anonymously", "--allow-anonymous"]),
    ],
)
def test_the_first_line_says_who_may_connect(tmp_path, options, environment, words):
    process = Process("first", tmp_path)
    variables = [f"{name}={value}" for name, value in environment.items()]
    process.spawn("env", *variables, binary(), "serve", "--port", free_port(), *options)
    until(lambda: "listening" in process.tail(), what="it does not start")
    first = log(process)[0]
    assert all(word in first for word in words), first
    assert process.stop() == 0


def test_the_first_line_names_redis_without_its_password(tmp_path):
    process = Process("redis", tmp_path)
    url = f"redis://:{SECRET}@127.0.0.1:{free_port()}"
    process.spawn("env", f"APUS_REDIS={url}", binary(), "serve", "--dev", "--port", free_port())
    until(lambda: "listening" in process.tail(), what="it does not start")
    assert "in the cluster of redis://" in log(process)[0] and SECRET not in process.tail()
    process.end()


# The Makefile


def make(*words: str, path: str | None = None, code: int = 0, **environment: str) -> str:
    """Runs targets with the executable under test, which is not built for it."""
    command = [program("make", "make"), "-C", REPOSITORY, f"APUS={binary()}", "-o", binary(), *words]
    done = subprocess.run(
        list(map(str, command)),
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PATH": path or os.environ["PATH"], **environment},
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_install_and_uninstall(tmp_path):
    installed = tmp_path / "root/usr/bin/apus"
    words = (f"DESTDIR={tmp_path}/root", "PREFIX=/usr")
    # A folder that is there stays as it is.
    installed.parent.mkdir(mode=0o700, parents=True)
    make("install", *words)
    assert installed.parent.stat().st_mode & 0o777 == 0o700
    done = subprocess.run([installed, "--version"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and done.stdout == run("--version").stdout
    assert installed.stat().st_mode & 0o777 == 0o755
    make("uninstall", *words)
    assert not installed.exists()


def test_compose_without_compose_says_what_to_install(tmp_path):
    """With a Docker that knows no `compose`, and no `docker-compose`."""
    for name in ("bash", "sh", "find", "swift", "docker"):
        if (path := shutil.which(name)) and name != "docker":
            (tmp_path / name).symlink_to(path)
    docker = tmp_path / "docker"
    docker.write_text("#!/bin/sh\nexit 1\n")
    docker.chmod(0o755)
    said = make("compose", path=str(tmp_path), code=2)
    assert "docker-compose" in said and "https://docs.docker.com/compose/install/" in said, said


PUBLISHED = "docker-compose.yml:docker-compose.api.yml"


@pytest.mark.parametrize(("variables", "files"), [
    ({}, ""),
    ({"APUS_PUBLISH_API": ""}, ""),
    ({"COMPOSE_FILE": "mine.yml"}, "mine.yml"),
    ({"APUS_PUBLISH_API": "127.0.0.1:8081"}, PUBLISHED),
    ({"APUS_PUBLISH_API": "127.0.0.1:8081", "COMPOSE_FILE": "mine.yml"}, "mine.yml:docker-compose.api.yml"),
    ({"REDIS": "one"}, ""),
    ({"REDIS": "sentinel"}, "docker-compose.yml:docker-compose.sentinel.yml"),
    ({"REDIS": "cluster", "COMPOSE_FILE": "mine.yml"}, "mine.yml:docker-compose.redis-cluster.yml"),
    (
        {"REDIS": "cluster", "APUS_PUBLISH_API": "127.0.0.1:8081"},
        "docker-compose.yml:docker-compose.redis-cluster.yml:docker-compose.api.yml",
    ),
])
def test_the_files_of_compose(tmp_path, variables, files):
    docker = tmp_path / "docker"
    docker.write_text('#!/bin/sh\necho "files=$COMPOSE_FILE address=$APUS_PUBLISH_API words=$*"\n')
    docker.chmod(0o755)
    said = make("compose", path=f"{tmp_path}:{os.environ['PATH']}", **variables).splitlines()
    address = variables.get("APUS_PUBLISH_API", "")
    assert f"files={files} address={address} words=compose up --build --scale node=3" in said


def test_compose_names_the_kinds_of_redis_it_knows(tmp_path):
    docker = tmp_path / "docker"
    docker.write_text("#!/bin/sh\n")
    docker.chmod(0o755)
    said = make("compose", path=f"{tmp_path}:{os.environ['PATH']}", code=2, REDIS="shards")
    assert "one, sentinel or cluster, not shards" in said
