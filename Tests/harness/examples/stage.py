"""The place where an example runs: a folder, a network with every port free, and the programs in the PATH."""

import os
import shlex
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from harness.eventually import until
from harness.examples import transcript
from harness.examples.blocks import Block
from harness.examples.javascript import javascript
from harness.node import Node, Options, binary
from harness.process import Process
from harness.redis_server import Redis
from harness.repository import REPOSITORY

# Hosts that examples name besides localhost, and a place for sockets that no other program uses.
_PRELUDE = """\
mount --bind {folder}/hosts /etc/hosts
mount -t tmpfs tmpfs /run
mkdir /run/redis
mount --bind {folder}/run /run/redis
cd {folder}/work
"""
_HOSTS = "127.0.0.1 localhost redis host\n"
# Redis' own switch: its output is the one of a terminal.
_TERMINAL = {"FAKETTY": "1"}


class Stage:
    """For one section of a page. Inside `own_network()`; what was started ends with the `with`."""

    def __init__(self, folder: Path):
        self.folder = folder
        # The folder that the example runs in, and the one with what its programs print.
        self.work, self.logs = folder / "work", folder / "logs"
        self.variables: dict[str, str] = {}
        self._stack = ExitStack()
        self._replaced: list[tuple[str, str]] = []
        self._saved: list[str] = []
        self._programs = 0
        programs = folder / "bin"
        for each in (self.work, self.logs, programs, folder / "run"):
            each.mkdir()
        (folder / "hosts").write_text(_HOSTS)
        for name in ("apus", "redis-cli", "curl"):
            (programs / name).symlink_to(Path(__file__).with_name("terminal.py"))
        # So that examples which start from a clone find its files.
        (self.work / "nginx").symlink_to(REPOSITORY / "nginx")

    def __enter__(self) -> "Stage":
        return self

    def __exit__(self, *_) -> None:
        self._stack.close()

    # What the text takes for granted

    def node(self, options: Options | None = None, *, port: int = 8080, redis: bool = False, **more) -> Node:
        """Starts a node called web-1, in `--dev` and with the usual rate."""
        url = "redis://localhost:6379" if redis else None
        node = Node("web-1", self.logs, port=port, redis=url, options={"--rate": 50, **(options or {})}, **more)
        self._stack.callback(node.end)
        return node.start()

    def redis(self) -> Redis:
        """Starts Redis on its usual port, and for blocks at /run/redis/redis.sock; it knows `user` by `password`."""
        redis = Redis(self.logs, port=6379, options=["--unixsocket", str(self.folder / "run/redis.sock")])
        self._stack.callback(redis.end)
        redis.start()
        everything = {"keys": ["*"], "channels": ["*"], "commands": ["+@all"]}
        redis.client.acl_setuser("user", enabled=True, passwords=["+password"], **everything)
        return redis

    def replace(self, text: str, by: str) -> None:
        """Has blocks of a shell say something else."""
        self._replaced.append((text, by))

    def save(self, name: str) -> None:
        """Has the next program be saved under that name, and run by a shell's block."""
        self._saved.append(name)

    # Running

    def run(self, section: list[Block]) -> None:
        """Runs the blocks of a shell to their end, then starts the programs."""
        programs = [block for block in section if block.language != "sh"]
        for name in self._saved:
            (self.work / name).write_text(programs.pop(0).text)
        shells = [block.text for block in section if block.language == "sh"]
        if shells:
            folders = [self.logs / f"transcript-{number}" for number in range(len(shells))]
            self.shell("\n".join(map(transcript.script, shells, folders)))
            for text, folder in zip(shells, folders, strict=True):
                transcript.check(text, folder)
        for block in programs:
            self._start_program(block)

    def shell(self, text: str) -> None:
        """Runs a shell's text to its end. What it started in the background stays until the stage ends."""
        for old, new in self._replaced:
            text = text.replace(old, new)
        done, script = self.folder / "done", self.folder / "script"
        prelude = _PRELUDE.format(folder=shlex.quote(str(self.folder)))
        script.write_text(f"{prelude}\n{text}\ntouch {shlex.quote(str(done))}\nexec sleep infinity\n")
        words = ("unshare", "-mp", "--mount-proc", "--fork", "--kill-child", "bash", "-euo", "pipefail", script)
        shell = self.start("shell", *words, end=Process.kill)
        until(lambda: done.exists() or not shell.running, within=100, what=f"the end of\n{text}")
        assert done.exists(), f"{text}\nended with status {shell.exit_code}:\n{shell.tail()}"

    def start(self, name: str, *command: str | Path, end: Callable[[Process], None] = Process.end) -> Process:
        """Starts a program that ends with the stage."""
        process = Process(name, self.logs)
        path = [self.folder / "bin", Path(sys.executable).parent, "/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin"]
        variables = {
            "PATH": os.pathsep.join(map(str, path)),
            "HOME": str(self.work),
            "EXAMPLE_APUS": str(binary()),
            "EXAMPLE_LOGS": str(self.logs),
            **_TERMINAL,
            **self.variables,
        }
        self._stack.callback(end, process)
        process.spawn("env", "-i", *(f"{name}={value}" for name, value in variables.items()), *command, cwd=self.work)
        return process

    def printed(self, name: str) -> str:
        """All that a program has printed so far: `shell`, `apus-serve`, `redis-cli-subscribe`, `curl--N`, `example1`."""
        log = self.logs / f"{name}.log"
        return log.read_text() if log.exists() else ""

    def _start_program(self, block: Block) -> None:
        command, ending = {"python": ([sys.executable, "-u"], "py"), "js": (javascript(), "mjs")}[block.language]
        self._programs += 1
        path = self.work / f"example{self._programs}.{ending}"
        path.write_text(block.text)
        self.start(path.stem, *command, path)
