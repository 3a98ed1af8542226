"""The servers: how each is started, and how the load generator speaks with it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from harness import Failure
from harness.node import binary
from harness.process import program

HERE = Path(__file__).resolve().parents[1]

# The load generator answers no pings once messages come in, so no server sends any while it runs. In seconds.
_NO_PINGS = "3600"


@dataclass(frozen=True)
class Place:
    """Where a server runs: what its command needs to know."""

    port: int
    redis_port: int
    folder: Path
    connections: int
    apus: Path
    virtualenv: Path

    @property
    def redis(self) -> str:
        return f"redis://127.0.0.1:{self.redis_port}"


@dataclass(frozen=True)
class Server:
    """A row of the table."""

    title: str
    command: Callable[[Place], list[str | Path]]
    # The options of wsload. In them %c is the channel, %t the time of sending, which it finds in what arrives, and %p
    # the payload.
    protocol: tuple[str, ...]


def _apus(place: Place) -> list[str | Path]:
    return [
        *(binary(place.apus), "serve", "--dev", "--port", str(place.port), "--log-level", "warning"),
        *("--loops", "1", "--rate", "0", "--ping-interval", _NO_PINGS),
    ]


def _apus_with_redis(place: Place) -> list[str | Path]:
    return [*_apus(place), "--redis", place.redis]


def _nchan(place: Place, upstream: str = "", store: str = "") -> list[str | Path]:
    parts = {
        # Besides the load's connections there are those to Redis and the listening sockets.
        "connections.conf": f"worker_connections {place.connections + 1000};\n",
        "listen.conf": f"listen 127.0.0.1:{place.port};\n",
        "upstream.conf": upstream,
        "store.conf": store,
        "nchan.conf": (HERE / "nchan.conf").read_text(),
    }
    for name, text in parts.items():
        (place.folder / name).write_text(text)
    return [program("nginx", "nginx libnginx-mod-nchan"), "-p", place.folder, "-c", "nchan.conf", "-e", "stderr"]


def _nchan_with_redis(place: Place) -> list[str | Path]:
    # nchan's mode in which Redis relays messages and keeps none, without waiting for its answer.
    upstream = (
        "upstream redis {\n"
        f"    nchan_redis_server {place.redis};\n"
        "    nchan_redis_storage_mode nostore;\n"
        "    nchan_redis_nostore_fastpublish on;\n"
        "}\n"
    )
    return _nchan(place, upstream=upstream, store="nchan_redis_pass redis;\n")


def _uvicorn(module: str) -> Callable[[Place], list[str | Path]]:
    def command(place: Place) -> list[str | Path]:
        uvicorn = place.virtualenv / "bin/uvicorn"
        if not uvicorn.exists():
            raise Failure(f"{uvicorn} is missing, see `install`")
        return [
            *(uvicorn, "--app-dir", HERE, "--host", "127.0.0.1", "--port", str(place.port), "--workers", "1"),
            *("--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning"),
            *("--ws-ping-interval", _NO_PINGS, f"{module}:app"),
        ]

    return command


_MESSAGE = '{"t":%t,"p":"%p"}'

_APUS_PROTOCOL = (
    *("--path", "/ws"),
    *("--sub", '{"type":"subscribe","channel":"%c","id":1}', "--ready", '"subscribed"'),
    *("--pub", '{"type":"publish","channel":"%c","data":' + _MESSAGE + "}"),
)
_PATHS = ("--path", "/listen/%c", "--pubpath", "/publish/%c", "--pub", _MESSAGE)
# Socket.IO on Engine.IO: 40 connects, 42 is an event, and 43 answers the event that had the same number, here 0.
_SOCKETIO_PROTOCOL = (
    *("--path", "/socket.io/?EIO=4&transport=websocket"),
    *("--sub", "40", "--sub", '420["listen","%c"]', "--ready", '430["ready"]'),
    *("--pubinit", "40", "--pub", '42["publish","%c",' + _MESSAGE + "]"),
)

SERVERS = {
    "apus-memory": Server("Apus, in memory", _apus, _APUS_PROTOCOL),
    "apus": Server("Apus, Redis", _apus_with_redis, _APUS_PROTOCOL),
    # nchan says nothing to a new listener: it is one as soon as it is connected.
    "nchan-memory": Server("nginx with nchan, in memory", _nchan, _PATHS),
    "nchan": Server("nginx with nchan, Redis", _nchan_with_redis, _PATHS),
    "fastapi": Server("FastAPI, Redis", _uvicorn("fastapi_app"), (*_PATHS, "--ready", "ready")),
    "channels": Server("Django Channels, Redis", _uvicorn("channels_app"), (*_PATHS, "--ready", "ready")),
    # Its own listeners get a message at once; through Redis it goes to the other nodes, of which there are none here.
    "socketio": Server("python-socketio, Redis", _uvicorn("socketio_app"), _SOCKETIO_PROTOCOL),
}
