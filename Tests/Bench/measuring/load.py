"""The load generator wsload."""

import json
import subprocess
from contextlib import AbstractContextManager
from pathlib import Path

from harness import Failure

from .processes import LOAD_CORE, Measured, helper

# It waits itself for at most 150 s until all are connected.
_PATIENCE = 240


class Load:
    """Runs of wsload, each against one server or several of the same kind; its report is one line of JSON."""

    def __init__(self, executable: Path, seconds: float, cores: set[int] = LOAD_CORE):
        self._executable = executable
        self._cores = cores
        self.seconds = seconds

    def start(
        self, server: Measured, *, cores: set[int] | None = None, **options
    ) -> AbstractContextManager[subprocess.Popen]:
        """A run until it is left; `options` are those of wsload, besides the ones that follow from the server."""
        words = {"port": server.port, "pid": ",".join(map(str, server.pids())), "duration": self.seconds} | options
        command = [self._executable, *server.protocol]
        for name, value in words.items():
            command += [f"--{name}", value]
        return helper(command, cores or self._cores, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def finish(self, process: subprocess.Popen) -> dict:
        """Waits for a run to end: what it has measured."""
        try:
            output, errors = process.communicate(timeout=self.seconds + _PATIENCE)
        except subprocess.TimeoutExpired:
            raise Failure("the load generator did not come to its end") from None
        if process.returncode:
            raise Failure(errors.strip() or f"wsload has ended with {process.returncode}")
        return json.loads(output)

    def run(self, server: Measured, **options) -> dict:
        with self.start(server, **options) as process:
            return self.finish(process)
