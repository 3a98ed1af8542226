"""One run: a cluster, its clients, what happens to them, and what is found at the end."""

import asyncio
import time
from collections import Counter
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

from harness.cluster import Cluster
from harness.recovery.checker import Evidence, Report, check
from harness.recovery.client import Decoder, Listener
from harness.recovery.faults import Faults
from harness.recovery.ledger import Ledger
from harness.recovery.plan import RULES, Plan
from harness.recovery.publisher import Publisher, Publishers
from harness.recovery.streams import Streams

# Connections that may be on their way at once.
_CONNECTING = 100
# Seconds: until everybody must have everything, and how long they listen for what should not come.
_LIMIT = 60.0
_AFTERWARDS = 0.5


class Clients:
    """All connections, looked at in turn."""

    def __init__(self, plan: Plan, listeners: list[Listener], publishers: Publishers):
        self.listeners = listeners
        self.publishers = publishers
        self.is_publishing = True
        self._tick = plan.tick

    async def keep_stepping(self) -> None:
        """Goes on until it is cancelled."""
        while True:
            began = time.time()
            free = _CONNECTING - sum(listener.is_connecting for listener in self.listeners)
            for listener in self.listeners:
                before = listener.is_connecting
                listener.step(time.time(), may_connect=free > 0)
                free += before - listener.is_connecting
            self.publishers.step(time.time(), ending=not self.is_publishing)
            await asyncio.sleep(max(0.001, began + self._tick - time.time()))

    def end(self) -> None:
        """Everybody leaves for good."""
        for each in (*self.listeners, self.publishers):
            each.end()


async def run(plan: Plan, directory: Path) -> Report:
    """Starts everything, lets it happen and judges it. The report begins with the seed."""
    rules = directory / "rules.yaml"
    rules.write_text(RULES)
    options = {"--config": rules}
    with Cluster(directory, loops=plan.loops, nodes=plan.nodes, options=options, kind=plan.kind) as cluster:
        return await _run(plan, cluster)


async def _run(plan: Plan, cluster: Cluster) -> Report:
    ledger = Ledger(plan.names)
    streams = Streams(cluster.redis, ledger)
    faults = Faults(cluster, streams, plan.names, plan.random("faults"))
    clients = _clients(plan, cluster, ledger)
    tasks = [asyncio.create_task(clients.keep_stepping()), asyncio.create_task(streams.keep_reading())]
    try:
        began = time.time()
        await _unless_over(tasks, faults.commit(plan.faults, plan.seconds))
        await _unless_over(tasks, asyncio.sleep(max(0, began + plan.seconds - time.time())))
        clients.is_publishing = False
        for listener in clients.listeners:
            listener.calm_down(time.time())
        await _unless_over(tasks, _settle(clients, streams, ledger))
    finally:
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        clients.end()
    journals = [journal for listener in clients.listeners for journal in listener.journals.values()]
    strays = [stray for listener in clients.listeners for stray in listener.strays]
    report = check(Evidence(ledger, journals, strays, faults.away, faults.restarts))
    report.notes = [str(plan), *faults.log, *_notes(clients)]
    return report


def _clients(plan: Plan, cluster: Cluster, ledger: Ledger) -> Clients:
    ports = [node.port for node in cluster.nodes]
    decoder = Decoder()
    listeners = []
    for number in range(plan.clients):
        random = plan.random("client", number)
        channels = random.sample(plan.names, random.randint(1, min(plan.each, plan.channels)))
        listeners.append(Listener(number, channels, ports, random, decoder))
    publishers = [Publisher(f"p{number}", port, ledger, decoder) for number, port in enumerate(ports, 1)]
    return Clients(plan, listeners, Publishers(publishers, plan.names, plan.rate, plan.random("publishers")))


async def _unless_over(tasks: list[asyncio.Task[None]], work: Coroutine[Any, Any, None]) -> None:
    """Does it while the tasks go on; what ends one of them is raised here."""
    doing = asyncio.create_task(work)
    done, _ = await asyncio.wait([doing, *tasks], return_when=asyncio.FIRST_COMPLETED)
    if doing not in done:
        doing.cancel()
    for task in done:
        task.result()


async def _settle(clients: Clients, streams: Streams, ledger: Ledger) -> None:
    """Waits until everybody has everything; the checker tells who has not."""
    deadline = time.time() + _LIMIT
    while time.time() < deadline and not clients.publishers.are_idle:
        await asyncio.sleep(0.1)
    await streams.read()
    tops = {channel: ledger.top(channel) for channel in ledger.streams}
    while time.time() < deadline and not all(listener.is_at(tops) for listener in clients.listeners):
        await asyncio.sleep(0.1)
    await asyncio.sleep(_AFTERWARDS)


def _notes(clients: Clients) -> list[str]:
    """How connections fared."""
    counts = sum((listener.counts for listener in clients.listeners), Counter())
    longest = max((listener.longest_wait for listener in clients.listeners), default=0)
    notes = [f"{what}: {count}" for what, count in sorted((counts + clients.publishers.counts).items())]
    return [", ".join(notes), f"the longest wait for an answer to a subscribe was {longest:.1f} s"]
