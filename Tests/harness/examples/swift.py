"""Swift is checked against the modules of the build that is tested; a package of its own would take minutes."""

import subprocess
from pathlib import Path

from harness.failure import Missing
from harness.node import binary
from harness.process import program
from harness.repository import REPOSITORY


def typecheck(text: str, folder: Path) -> None:
    """Asserts that `text` is a `main.swift` that compiles with `ApusClient`."""
    build = _build()
    maps = [word for each in build.glob("C*.build/module.modulemap") for word in ("-Xcc", f"-fmodule-map-file={each}")]
    main = folder / "main.swift"
    main.write_text(text)
    options = ["-typecheck", "-swift-version", "6", "-I", build / "Modules"]
    command = [program("swiftc", "swiftlang"), *options, *maps, main]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


def _build() -> Path:
    """The folder of a build that has the modules: the one of the executable, where it stands beside them."""
    places = [binary().resolve().parent, *(REPOSITORY / ".build" / each for each in ("release", "debug"))]
    for place in places:
        if (place / "Modules/ApusClient.swiftmodule").exists():
            return place
    raise Missing("The modules of a build are missing. Make them with: make build")
