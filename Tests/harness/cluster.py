"""Redis, nodes and nginx together."""

from pathlib import Path

from harness.nginx import Nginx
from harness.node import Node, Options
from harness.topology import redis_of_kind


class Cluster:
    """Redis, nodes `web-1`, `web-2` … and, where asked for, an nginx in front of them.

    A context manager: everything runs inside the `with`, and nothing afterwards. Redis is of that `kind`, else
    of the one that `harness.topology` says.
    """

    def __init__(
        self,
        directory: Path,
        *,
        loops: int,
        nodes: int = 3,
        nginx: bool = False,
        options: Options | None = None,
        descriptors: int | None = None,
        kind: str | None = None,
    ):
        self.redis = redis_of_kind(directory, kind)
        self.nodes = [
            Node(
                f"web-{number}",
                directory,
                redis=self.redis.url,
                loops=loops,
                options=options,
                descriptors=descriptors,
            )
            for number in range(1, nodes + 1)
        ]
        self.nginx = Nginx(directory, [node.port for node in self.nodes]) if nginx else None

    def __enter__(self) -> "Cluster":
        try:
            self.redis.start()
            for node in self.nodes:
                node.launch()
            for node in self.nodes:
                node.wait_ready()
            if self.nginx:
                self.nginx.start()
        except BaseException:
            self.end()
            raise
        return self

    def __exit__(self, *_) -> None:
        self.end()

    def known_connections(self, user: str) -> int:
        """How many connections of the user Redis knows of: nodes tell it after they have opened."""
        return len(self.redis.connections(user))

    def end(self) -> None:
        """Ends every process, whatever state it is in."""
        for process in [self.nginx, *self.nodes, self.redis]:
            if process:
                process.end()
