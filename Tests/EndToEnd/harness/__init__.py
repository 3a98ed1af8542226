"""The cluster under test as processes, and the clients that drive it.

Nothing here knows how a node works inside: it starts programs, speaks to them over sockets and ends them.
"""

from harness.bystanders import bystanders
from harness.client import Client, Message
from harness.cluster import Cluster
from harness.eventually import eventually, until
from harness.metrics import Metrics
from harness.nginx import Nginx
from harness.node import Node
from harness.ports import free_port
from harness.process import Process
from harness.raw import Opcode, RawSocket
from harness.redis_server import Redis

__all__ = [
    "Client",
    "Cluster",
    "Message",
    "Metrics",
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
