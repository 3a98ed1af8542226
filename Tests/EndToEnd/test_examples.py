"""Every example of the documents runs as it is printed: see `harness.examples`; sessions in `test_example_sessions`.

All blocks under one heading run in one place: those of a shell one after the other in one shell, then the programs.
`apus serve`, `apus sub`, `redis-cli subscribe` and `curl -N` stay, as in a terminal of their own.
"""

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import jwt
import pytest

from harness.examples import Block, Stage, blocks, own_network, pages
from harness.examples.scenes import SCENES, SECRET, nothing
from harness.examples.swift import typecheck
from harness.node import binary

ALL = [block for page in pages() for block in blocks(page)]
RUN = [block for block in ALL if block.reason is None]
KINDS = {"sh", "python", "js", "swift", "yaml", "json", "html", "text"}
# Its scripts are run by a browser, in Tests/Browser, and so is all HTML.
BROWSER_PAGE = "docs/browser.md"


def of(*languages: str) -> list[Block]:
    return [block for block in RUN if block.language in languages and (block.page, block.language) != (BROWSER_PAGE, "js")]


def section(block: Block) -> str:
    return f"{Path(block.page).name}: {block.heading}"


def place(block: Block) -> str:
    return block.place


SECTIONS = {name: list(each) for name, each in itertools.groupby(of("sh", "python", "js"), section)}


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with own_network(), Stage(tmp_path) as stage:
        yield stage


if os.geteuid() == 0:

    @pytest.mark.parametrize("name", SECTIONS)
    async def test_a_section(name: str, stage: Stage):
        around = SCENES.get(name, nothing)(stage)
        await anext(around)
        stage.run(SECTIONS[name])
        await anext(around, None)

    @pytest.mark.parametrize("block", of("yaml"), ids=place)
    def test_a_file_of_options(block: Block, stage: Stage):
        stage.redis()
        (stage.work / "apus.yaml").write_text(block.text)
        stage.variables["APUS_JWT_SECRET"] = SECRET
        stage.shell("apus check --config apus.yaml")
        assert "It would run" in stage.printed("shell")

else:

    @pytest.mark.timeout(300)
    def test_all_this_as_root_of_a_namespace():
        """Only root may make a network; anybody is root in a namespace of users."""
        command = ["unshare", "-rn", sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__]
        run = subprocess.run(command, capture_output=True, text=True)
        assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize("block", of("json"), ids=place)
def test_json(block: Block):
    """JSON by itself is valid, and where it has a `sub` it is the claims of a token that has ended long ago."""
    claims = json.loads(block.text)
    if "sub" not in claims:
        return
    command = [binary(), "token", "--inspect", "-"]
    variables = {"APUS_JWT_SECRET": SECRET, "PATH": "/usr/bin:/bin"}
    token = jwt.encode(claims, SECRET, "HS256")
    run = subprocess.run(command, input=token, capture_output=True, text=True, env=variables)
    assert claims["sub"] in run.stdout and "expired" in run.stdout, run.stdout + run.stderr
    for pattern, capabilities in claims["channels"].items():
        assert any(pattern in line and ", ".join(capabilities) in line for line in run.stdout.splitlines()), run.stdout


@pytest.mark.parametrize("block", of("swift"), ids=place)
def test_swift(block: Block, tmp_path: Path):
    typecheck(block.text, tmp_path)


def test_each_block_says_what_it_is():
    for block in ALL:
        known = block.language in KINDS or block.is_session
        assert known, f"{block.place}: a block is {', '.join(sorted(KINDS))}, or a session of lines with > and <"
        assert not block.note or block.reason, f"{block.place}: {block.note} is not understood"
    assert SCENES.keys() <= SECTIONS.keys()


def test_what_is_not_run(capsys: pytest.CaptureFixture):
    """Lists it; a shell at least understands it."""
    left_out = [block for block in ALL if block.reason is not None]
    with capsys.disabled():
        print()
        for block in left_out:
            print(f"not run: {block.place}: {block.reason}")
    for block in left_out:
        if block.language == "sh":
            run = subprocess.run(["bash", "-n"], input=block.text, capture_output=True, text=True)
            assert run.returncode == 0, f"{block.place}: {run.stderr}"
