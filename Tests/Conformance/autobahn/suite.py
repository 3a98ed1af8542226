"""Runs the cases in two clients beside each other, and brings together what came out of them."""

import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

from autobahn.client import FuzzingClient
from autobahn.outcome import Outcome, section
from autobahn.progress import Progress
from harness import Failure, Process

# How many cases each section has, so that none is lost without a word.
SECTIONS = {1: 16, 2: 11, 3: 7, 4: 10, 5: 20, 6: 145, 7: 37, 9: 54, 10: 1, 12: 90, 13: 126}

# The cases of each client.
SHARES = (
    ["12.*"],
    ["1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "9.*", "10.*", "13.*"],
)


def run(wstest: Path, url: str, patterns: list, folder: Path, servers: list[Process]) -> list[Outcome]:
    """Runs the cases that match the patterns, and returns an `Outcome` for each, in order.

    The reports and logs of the clients are left in the folder, reports of an earlier run are removed. Fails when one of
    the servers ends meanwhile.
    """
    with ExitStack() as stack:
        clients = []
        for number, share in enumerate(SHARES, 1):
            # What is excluded is the other shares, so that each client chooses of the patterns what is its own.
            others = [pattern for other in SHARES if other is not share for pattern in other]
            client = FuzzingClient(f"wstest-{number}", folder, wstest, url, patterns, others)
            clients.append(stack.enter_context(client))
        _check_number([case for client in clients for case in client.cases], patterns)
        # Without a case a client waits for ever.
        clients = [client for client in clients if client.cases]
        _follow(clients, servers)
        outcomes = [outcome for client in clients for outcome in _outcomes(client)]
    return sorted(outcomes, key=lambda outcome: [int(number) for number in outcome.case.split(".")])


def _check_number(cases: list, patterns: list) -> None:
    """Fails unless each section that is asked for as a whole has all its cases, and no case is there twice."""
    if twice := sorted({case for case in cases if cases.count(case) > 1}):
        raise Failure(f"there are no such cases, or they are in two shares: {' '.join(twice)}")
    found = Counter(map(section, cases))
    for number, expected in SECTIONS.items():
        if ("*" in patterns or f"{number}.*" in patterns) and found[number] != expected:
            raise Failure(f"section {number} has {found[number]} cases instead of {expected}")
    if not cases:
        raise Failure(f"no case matches {','.join(patterns)}")


def _follow(clients: list[FuzzingClient], servers: list[Process]) -> None:
    """Waits until all clients have ended, showing how far they are."""
    progress = Progress(clients)
    try:
        is_running = True
        while is_running:
            # Before looking, so that nothing is missed that the last of them has printed.
            is_running = any(client.running for client in clients)
            for client in clients:
                client.look()
            progress.show()
            for server in servers:
                cases = ",".join(client.case for client in clients if client.case)
                server.check(f" in {cases}; to run these alone: --sections {cases}")
            time.sleep(0.1)
    finally:
        progress.end()


def _outcomes(client: FuzzingClient) -> list[Outcome]:
    results = client.results()
    return [_outcome(client, case, results.get(case)) for case in client.cases]


def _outcome(client: FuzzingClient, case: str, result: dict | None) -> Outcome:
    if result is None:
        return Outcome(case, "MISSING", "MISSING", 0, client.log)
    # Where the handshake failed it counts from 1970 on.
    seconds = result["duration"] / 1000 if result["duration"] < 1e9 else 0
    return Outcome(case, result["behavior"], result["behaviorClose"], seconds, client.folder / result["reportfile"])
