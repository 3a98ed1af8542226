"""The servers that the measurements need: the node, the floor and Redis."""

import os
import urllib.error
import urllib.request
from pathlib import Path

from .processes import LOAD_CORE, SERVER_CORE, Process, free_port
from .programs import compiled, program

ROOT = Path(__file__).resolve().parents[3]

# What is sent, and what confirms a subscription.
_FLOOR = ("--sub", "S %c", "--ready", "ok", "--pub", 'P %c {"t":%t,"d":"%p"}')
_APUS = (
    *("--path", "/ws"),
    *("--sub", '{"type":"subscribe","channel":"%c","id":1}', "--ready", '"subscribed"'),
    *("--pub", '{"type":"publish","channel":"%c","data":{"t":%t,"d":"%p"}}'),
)


def default_apus() -> Path:
    return Path(os.environ.get("APUS_BINARY") or ROOT / ".build/release/apus")


def _is_ready(port: int) -> bool:
    # A proxy of the environment must not stand between us and the node.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        return opener.open(f"http://127.0.0.1:{port}/readyz", timeout=1).status == 200
    except (urllib.error.URLError, OSError):
        return False


def floor(work: Path, cores: set[int] = SERVER_CORE) -> Process:
    """The floor: floor.c."""
    port = free_port()
    return Process("floor", [compiled("floor", work), port], port, cores, protocol=_FLOOR)


def node(apus: Path, cores: set[int] = SERVER_CORE, *, redis: Process | None = None, loops: int = 1, **options):
    """A node in `--dev` without a limit of commands; `options` are more of its options."""
    port = free_port()
    words = ["--port", port, "--loops", loops, "--rate", 0, "--node", f"bench-{port}", "--log-level", "error"]
    if redis:
        words += ["--redis", f"redis://127.0.0.1:{redis.port}"]
    for name, value in options.items():
        words += [f"--{name.replace('_', '-')}", value]
    return Process("apus", [apus, "serve", "--dev", *words], port, cores, protocol=_APUS, ready=_is_ready)


def redis_server(
    cores: set[int] = LOAD_CORE, *, folder: Path | None = None, closes_late_subscribers: bool = False
) -> Process:
    """A Redis that keeps nothing on disk, and by default closes no subscriber that is behind."""
    port = free_port()
    words = ["--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", "/tmp"]
    words += ["--loglevel", "warning"]
    if not closes_late_subscribers:
        words += ["--client-output-buffer-limit", "pubsub 0 0 0"]
    return Process("redis", [program("redis-server", "redis-server"), *words], port, cores, folder=folder)
