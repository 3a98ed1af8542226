"""The load generator wsload, and how to speak with each server."""

import json
import os
import subprocess
from pathlib import Path

from .programs import Failure, compiled
from .servers import LOAD_CORE, Server

# What is sent, and what confirms a subscription.
_DIALECTS = {
    "floor": {"sub": "S %c", "ready": "ok", "pub": 'P %c {"t":%t,"d":"%p"}'},
    "apus": {
        "path": "/ws",
        "sub": '{"type":"subscribe","channel":"%c","id":1}',
        "ready": '"subscribed"',
        "pub": '{"type":"publish","channel":"%c","data":{"t":%t,"d":"%p"}}',
    },
}


class Load:
    """Runs of wsload, each against one server or several of the same kind."""

    def __init__(self, work: Path, seconds: float):
        self._work = work
        self.seconds = seconds

    def start(self, server: Server, *, cores: set[int] = LOAD_CORE, **options) -> subprocess.Popen:
        """Starts a run; `options` are those of wsload and go before the ones that follow from the server."""
        words = {"port": server.port, "pid": server.pid, "payload": 64, "duration": self.seconds}
        words |= _DIALECTS[server.name] | options
        command = [str(compiled("wsload", self._work))]
        for name, value in words.items():
            command += [f"--{name}", str(value)]
        return subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, preexec_fn=lambda: os.sched_setaffinity(0, cores)
        )

    def finish(self, process: subprocess.Popen) -> dict:
        """Waits for a run to end: what it has measured."""
        output, _ = process.communicate()
        if process.returncode:
            raise Failure(f"wsload has ended with {process.returncode}")
        return json.loads(output)

    def run(self, server: Server, **options) -> dict:
        return self.finish(self.start(server, **options))
