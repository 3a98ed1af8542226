"""The cluster under test as processes, and the clients that drive it.

Nothing here knows how a node works inside: it starts programs, speaks to them over sockets and ends them. What this
file names needs Python alone, since the conformance tests and the benchmarks run without a virtual environment. The
other modules need the packages of EndToEnd/requirements.txt where they import them.
"""

from harness.bystanders import bystanders
from harness.cluster import Cluster
from harness.eventually import eventually, until
from harness.failure import Failure
from harness.metrics import Metrics
from harness.nginx import NamedNginx, Nginx
from harness.node import Node
from harness.ports import free_port
from harness.process import Process
from harness.raw import Opcode, RawSocket
from harness.redis_server import Redis

__all__ = [
    "Cluster",
    "Failure",
    "Metrics",
    "NamedNginx",
    "Nginx",
    "Node",
    "Opcode",
    "Process",
    "RawSocket",
    "Redis",
    "bystanders",
    "eventually",
    "free_port",
    "until",
]
