"""What one run does."""

from dataclasses import dataclass
from random import Random

# What may happen to Redis, and to a node.
PAUSE, LINKS, RESTART, NODE = "pause", "links", "restart", "node"
# To a Redis Cluster: slots move, and the move of one stops for a while.
MOVE, HALT = "move", "halt"
FAULTS = (PAUSE, LINKS, RESTART, NODE, MOVE, HALT)

# The rules of the nodes; everything a channel of a run ever held must be read before it is trimmed.
RULES = 'channels: [{match: "h:*", history: {size: 1000, ttl: 10m}}]\n'


@dataclass(frozen=True)
class Plan:
    """The seed decides who does what and when; how the machine runs it decides what comes of it."""

    seed: int
    clients: int = 2000
    channels: int = 10
    # A client is in at most so many.
    each: int = 2
    # Messages a second in all, and how long they are published.
    rate: float = 200
    seconds: float = 120
    nodes: int = 3
    loops: int = 2
    faults: tuple[str, ...] = (PAUSE, LINKS, RESTART)

    @property
    def kind(self) -> str | None:
        """The kind of Redis that all of that can happen to; None for any."""
        if {MOVE, HALT} & set(self.faults):
            return "cluster"
        return "one" if {PAUSE, RESTART} & set(self.faults) else None

    @property
    def names(self) -> list[str]:
        """The channels."""
        return [f"h:{number}" for number in range(1, self.channels + 1)]

    @property
    def tick(self) -> float:
        """Seconds between two looks at every connection: many clients read seldom and much at once."""
        return 0.02 if self.clients <= 200 else 0.1

    def random(self, *who: object) -> Random:
        """The random numbers of one part of the run."""
        return Random("/".join(map(str, (self.seed, *who))))

    def __str__(self) -> str:
        return (
            f"seed {self.seed}: {self.clients} clients, {self.rate:g} messages a second over {self.channels} channels "
            f"for {self.seconds:g} s, {self.nodes} nodes, faults: {', '.join(self.faults) or 'none'}"
        )
