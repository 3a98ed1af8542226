"""Fixtures: clusters of processes, with two event loops per node, or with one and with two where that matters."""

import asyncio
import itertools
import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import ExitStack

import pytest
import pytest_asyncio
from xdist.scheduler import LoadScopeScheduling

from harness import Cluster, Node, RawSocket, topology
from harness.certificates import Authority
from harness.client import Client
from harness.handshake import HOSTS
from harness.logs import pytest_runtest_makereport, pytest_runtest_setup
from harness.redis_cluster import RedisCluster
from harness.scene import RULES, Scene
from harness.secrets import (
    pytest_runtest_teardown,
    pytest_sessionfinish,
    pytest_terminal_summary,
    pytest_testnodedown,
)

# Pytest finds its hooks here by their names.
__all__ = [
    "pytest_runtest_makereport",
    "pytest_runtest_setup",
    "pytest_runtest_teardown",
    "pytest_sessionfinish",
    "pytest_terminal_summary",
    "pytest_testnodedown",
]

_numbers = itertools.count(1)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Tests of what crosses loops run twice: alone on its thread the relay shares the only loop, else it has its own."""
    if "loops" in metafunc.fixturenames:
        numbers = [1, 2] if metafunc.definition.get_closest_marker("loops") else [2]
        ids = [f"loops-{number}" for number in numbers]
        metafunc.parametrize("loops", numbers, ids=ids, indirect=True, scope="session")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leaves out what is about one Redis where the tests run over another kind, and says why."""
    for item in items if topology.kind() != topology.ONE else ():
        if marker := item.get_closest_marker("one_redis"):
            (reason,) = marker.args
            item.add_marker(pytest.mark.skip(reason=f"is about one Redis: {reason}"))


class _ByFileAndLoops(LoadScopeScheduling):
    """Gives one worker all tests of a file that run with so many loops, so that they share their clusters."""

    def _split_scope(self, nodeid: str) -> str:
        file, _, test = nodeid.partition("::")
        loops = re.search(r"loops-\d", test)
        return f"{file} {loops[0] if loops else ''}"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LoadScopeScheduling:
    """Of several workers each takes the next such group when it has done one."""
    return _ByFileAndLoops(config, log)


@pytest.fixture(scope="session")
def loops(request: pytest.FixtureRequest) -> int:
    """How many event loops each node has."""
    return request.param


@pytest.fixture(scope="session")
def cluster(loops: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Redis, three nodes and nginx, shared by every test that leaves them as it found them."""
    with Cluster(tmp_path_factory.mktemp(f"cluster-{loops}"), loops=loops, nginx=True) as cluster:
        yield cluster


@pytest.fixture
def own_cluster(loops: int, tmp_path) -> Iterator[Callable[..., Cluster]]:
    """Starts a cluster for one test that breaks it."""
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(Cluster(tmp_path, loops=loops, **options))


@pytest.fixture(scope="session")
def memory_node(loops: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """One node without Redis, shared like `cluster`; it answers to the hosts of `harness.handshake`, too."""
    folder = tmp_path_factory.mktemp(f"memory-{loops}")
    with Node("alone", folder, loops=loops, options={"--allowed-host": HOSTS}) as node:
        yield node


@pytest.fixture
def own_node(loops: int, tmp_path) -> Iterator[Callable[..., Node]]:
    """Starts a node for one test, with options of its own; in memory unless `redis` is given; `more` are `Node`'s."""
    with ExitStack() as stack:

        def start(options: Mapping[str, object] | None = None, redis: str | None = None, **more) -> Node:
            node = Node(f"own-{next(_numbers)}", tmp_path, redis=redis, loops=loops, options=options, **more)
            return stack.enter_context(node)

        yield start


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Signs the certificates of a file's tests; nobody trusts it by itself."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def ruled(request: pytest.FixtureRequest, own_node: Callable[..., Node], tmp_path) -> Callable[..., Node]:
    """Starts a node as `own_node` does, in memory, with the rules of the test's file, `RULES`."""
    file = tmp_path / "rules.yaml"
    file.write_text(request.module.RULES)
    return lambda options=None, **more: own_node({"--config": file, **(options or {})}, **more)


@pytest.fixture
def scene(own_node: Callable[..., Node], connect: Callable, tmp_path) -> Iterator[Scene]:
    """A Redis Cluster and two nodes for one test that does something to it."""
    (tmp_path / "rules.yaml").write_text(RULES)
    with RedisCluster(tmp_path / "redis") as redis:
        nodes = [own_node({"--config": tmp_path / "rules.yaml"}, redis=redis.url) for _ in range(2)]
        yield Scene(redis, nodes, connect)


@pytest.fixture
def channel() -> str:
    """A channel no other test uses."""
    return f"test-{next(_numbers)}"


@pytest_asyncio.fixture
async def connect() -> AsyncIterator[Callable]:
    """`Client.connect` for connections that end with the test."""
    clients: list[Client] = []

    async def connect(url: str, **options) -> Client:
        client = await Client.connect(url, **options)
        clients.append(client)
        return client

    yield connect
    await asyncio.gather(*(client.close() for client in clients))


@pytest_asyncio.fixture
async def raw() -> AsyncIterator[Callable]:
    """`RawSocket.open`, or `RawSocket.upgraded` with `upgraded=True`, for connections that end with the test."""
    sockets: list[RawSocket] = []

    async def open(port: int, *, upgraded: bool = False, **options) -> RawSocket:
        socket = await (RawSocket.upgraded if upgraded else RawSocket.open)(port, **options)
        sockets.append(socket)
        return socket

    yield open
    for socket in sockets:
        socket.close()
