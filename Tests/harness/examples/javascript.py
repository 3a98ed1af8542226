"""The program that runs JavaScript as browsers do, as far as WebSockets and streams of events go."""

import functools
import subprocess
from pathlib import Path

from harness.failure import Missing
from harness.process import program

# Node.js has WebSocket from version 22 on, behind a switch from 20 on, and before that by a package of Debian's.
_WAYS = [[], ["--experimental-websocket"], ["--require", str(Path(__file__).with_name("websocket.cjs"))]]
_EVENT_SOURCE = ["--require", str(Path(__file__).with_name("eventsource.cjs"))]
_ASK = "process.exit(typeof WebSocket === 'function' ? 0 : 1)"


@functools.cache
def javascript() -> list[str]:
    """The command to which the file is added."""
    node = program("node", "nodejs node-ws")
    for way in _WAYS:
        if subprocess.run([node, *way, "-e", _ASK], capture_output=True).returncode == 0:
            return [node, *way, *_EVENT_SOURCE]
    raise Missing("This Node.js has no WebSocket. Install it with: apt-get install node-ws")
