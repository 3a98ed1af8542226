"""What the cases run against: a node with its echo, and nginx in front of it with the repository's configuration."""

import re
from pathlib import Path

from harness import Failure, Nginx, Node


def echo_node(folder: Path, executable: Path) -> Node:
    """A node with `--echo` on one loop, in memory."""
    return Node("apus", folder, options={"--echo": None}, executable=executable)


class EchoNginx(Nginx):
    """The repository's nginx with `/echo` in the place of `/ws`."""

    def configure(self, folder: Path) -> None:
        super().configure(folder)
        # What holds for the WebSocket at /ws then holds for the echo: its upstream, and the upgrade that goes there.
        file, pattern = folder / "common/locations.conf", r"location = /ws \{(\s*)proxy_pass http://sockets/ws;"
        text, count = re.subn(pattern, r"location = /echo {\g<1>proxy_pass http://sockets/echo;", file.read_text())
        if count == 0:
            raise Failure(f"nothing to replace in {file}; it must have: {pattern}")
        file.write_text(text)
