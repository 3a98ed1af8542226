"""The servers that the measurements need: the node, the floor and Redis, each with its log in the folder `work`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from harness import Node, Redis, free_port

from .processes import LOAD_CORE, SERVER_CORE, Measured, Server
from .programs import compiled

# What is sent, and what confirms a subscription.
_FLOOR = ("--sub", "S %c", "--ready", "ok", "--pub", 'P %c {"t":%t,"d":"%p"}')
_APUS = (
    *("--path", "/ws"),
    *("--sub", '{"type":"subscribe","channel":"%c","id":1}', "--ready", '"subscribed"'),
    *("--pub", '{"type":"publish","channel":"%c","data":{"t":%t,"d":"%p"}}'),
)


class Located(Protocol):
    """Whatever a node can be told by --redis."""

    @property
    def url(self) -> str | Sequence[str]: ...


class MeasuredNode(Measured, Node):
    pass


class MeasuredRedis(Measured, Redis):
    pass


def floor(work: Path, cores: set[int] = SERVER_CORE) -> Measured:
    """The floor: floor.c."""
    port = free_port()
    return Server("floor", work, [compiled("floor", work), port], port, cores=cores, protocol=_FLOOR)


def node(
    apus: Path,
    work: Path,
    *,
    cores: set[int] = SERVER_CORE,
    redis: Located | None = None,
    loops: int = 1,
    dev: bool = True,
    **options,
) -> MeasuredNode:
    """A node without a limit of commands; `options` are more of its options.

    Without `dev` it lets anonymous clients in, too, and publishes nothing by itself.
    """
    port = free_port()
    words = {"--log-level": "error"} | {f"--{name.replace('_', '-')}": value for name, value in options.items()}
    if not dev:
        words["--allow-anonymous"] = None
    return MeasuredNode(
        f"bench-{port}",
        work,
        redis=redis.url if redis else None,
        port=port,
        loops=loops,
        dev=dev,
        options=words,
        executable=apus,
        cores=cores,
        protocol=_APUS,
    )


def redis_server(work: Path, cores: set[int] = LOAD_CORE, *, closes_late_subscribers: bool = False) -> MeasuredRedis:
    """A Redis that keeps nothing on disk, and by default closes no subscriber that is behind."""
    options = ["--loglevel", "warning"]
    if not closes_late_subscribers:
        options += ["--client-output-buffer-limit", "pubsub 0 0 0"]
    return MeasuredRedis(work, options=options, cores=cores)
