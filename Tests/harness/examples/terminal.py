#!/usr/bin/env python3
"""Stands in the PATH of an example for programs that stay until they are ended: each gets a terminal of its own.

`apus serve`, `apus sub`, `redis-cli subscribe` and `curl -N` go on in the background, and the example goes on when they
are up.
Their output goes to `<program>-<word>.log` in EXAMPLE_LOGS. All other calls become the program itself.
"""

import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

_STAYING = {"apus": {"serve", "sub"}, "redis-cli": {"subscribe"}, "curl": {"-N"}}
_LIMIT = 30.0


def is_ready(words: list[str]) -> bool:
    """Whether the node that these words start can serve."""
    port = words[words.index("--port") + 1] if "--port" in words else os.environ.get("APUS_PORT", "8080")
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


def main() -> None:
    here, name = Path(sys.argv[0]).parent, Path(sys.argv[0]).name
    words = sys.argv[1:]
    elsewhere = os.pathsep.join(each for each in os.environ["PATH"].split(os.pathsep) if Path(each) != here)
    program = os.environ["EXAMPLE_APUS"] if name == "apus" else shutil.which(name, path=elsewhere)
    if not program:
        package = {"redis-cli": "redis-tools"}.get(name, name)
        sys.exit(f"{name} is missing. Install it with: apt-get install {package}")
    word = next((word for word in words if word in _STAYING[name]), None)
    if word is None:
        os.execv(program, [name, *words])
    log = Path(os.environ["EXAMPLE_LOGS"]) / f"{name}-{word}.log"
    with log.open("ab") as output:
        process = subprocess.Popen([program, *words], stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    deadline = time.monotonic() + _LIMIT
    while not (is_ready(words) if word == "serve" else "subscribe" in log.read_text()):
        if process.poll() is not None or time.monotonic() > deadline:
            sys.exit(f"{name} {word} is not up (status {process.poll()}):\n{log.read_text()}")
        time.sleep(0.02)


main()
