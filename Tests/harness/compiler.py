"""Programs in C that the tests bring along."""

import subprocess
from pathlib import Path

from harness.failure import Failure
from harness.process import program


def compiled(source: Path, output: Path, *options: str, packages: str = "") -> Path:
    """The output, made of the source by the C compiler; a failure names the packages that this one needs."""
    compiler = program("cc", "gcc libc6-dev")
    command = [compiler, "-O2", "-Wall", "-o", output, source, *options]
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode:
        needs = f"apt-get install gcc libc6-dev {packages}".strip()
        raise Failure(f"{source.name} does not compile ({needs})\n{result.stderr}")
    return output
