"""What people read at the end: a table of the sections, and each case that is not as it should be."""

import json
import re
from collections import Counter

from autobahn.outcome import Outcome

_NAMES = {
    1: "Framing",
    2: "Pings and pongs",
    3: "Reserved bits",
    4: "Opcodes",
    5: "Fragmentation",
    6: "UTF-8",
    7: "Close",
    9: "Limits and performance",
    10: "Auto-fragmentation",
    12: "Compression, payloads",
    13: "Compression, parameters",
}
_COLUMNS = ("OK", "INFORMATIONAL", "NON-STRICT", "UNIMPLEMENTED", "FAILED", "MISSING")
# How many cases are told in full, and how much of the wire of each.
_CASES = 20
_ROWS = 16


def table(outcomes: list) -> str:
    """A row for each section: cases, how many behaved in which way, how many did not close well, and the time."""
    rows = [("section", "cases", *_COLUMNS, "close", "seconds")]
    for number in sorted({outcome.section for outcome in outcomes}):
        rows.append(_row(f"{number:>2} {_NAMES.get(number, '')}", [one for one in outcomes if one.section == number]))
    if len(rows) > 2:
        rows.append(_row("   all", outcomes))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        row[0].ljust(widths[0]) + "".join(f"  {cell:>{width}}" for cell, width in zip(row[1:], widths[1:]))
        for row in rows
    )


def _row(title: str, outcomes: list) -> tuple:
    # Whatever else a case may have come to is a failure.
    behaviors = Counter(one.behavior if one.behavior in _COLUMNS else "FAILED" for one in outcomes)
    unclosed = sum(not one.has_closed and one.behavior != "MISSING" for one in outcomes)
    numbers = [len(outcomes), *(behaviors[column] for column in _COLUMNS), unclosed]
    seconds = sum(one.seconds for one in outcomes)
    return (title, *(str(number) if number else "-" for number in numbers), f"{seconds:.1f}")


def failures(outcomes: list) -> str:
    """The cases that are not strict, with what was expected of them and the end of what went over the wire."""
    failed = [one for one in outcomes if not one.is_strict and one.behavior != "MISSING"]
    missing = [one for one in outcomes if one.behavior == "MISSING"]
    texts = [_failure(one) for one in failed[:_CASES]]
    if len(failed) > _CASES:
        texts.append(f"and {len(failed) - _CASES} more: " + " ".join(one.case for one in failed[_CASES:]))
    if missing:
        logs = ", ".join(sorted({str(one.report) for one in missing}))
        texts.append(f"not run, or not to the end ({logs}): " + " ".join(one.case for one in missing))
    return "\n\n".join(texts)


def _failure(outcome: Outcome) -> str:
    title = f"case {outcome.case}: {outcome.behavior}"
    case = json.loads(outcome.report.read_text())
    if not outcome.has_closed:
        title += f", close {outcome.close}"
    answer = (case["httpResponse"].splitlines() or ["none"])[0]
    wire = [row for row in case["wirelog"] if not _is_handshake(row)]
    return "\n".join(
        [
            title,
            f"  description: {_plain(case['description'])}",
            f"  expectation: {_plain(case['expectation'])}",
            f"  result:      {_plain(case['result'])}",
            f"  close:       {_plain(case['resultClose'])}; code {case['remoteCloseCode']}, "
            f"reason {case['remoteCloseReason']!r}, {case['wasNotCleanReason'] or 'clean'}",
            f"  handshake:   {answer}",
            *(f"    {_wire(row)}" for row in wire[-_ROWS:]),
            f"  report:      {outcome.report.with_suffix('.html')}",
        ]
    )


def _plain(text: str) -> str:
    """Without the HTML of Autobahn's texts."""
    return " ".join(re.sub(r"<[^>]*>", " ", text or "").split())


def _is_handshake(row: list) -> bool:
    """Whether these are the octets of the request ("GET ") or of the answer ("HTTP")."""
    return row[0] in ("TO", "RO") and row[1][1].startswith(("47455420", "48545450"))


def _wire(row: list) -> str:
    """One row of the wire log: octets and frames to and from the server; delays as they stand."""
    direction = {"T": "sent", "R": "received"}.get(row[0][0])
    if row[0] in ("TO", "RO"):
        length, octets = row[1]
        return f"{direction} {length} octets: {octets}"
    if row[0] in ("TF", "RF"):
        length, payload = row[1]
        return f"{direction} frame: opcode {row[2]}, fin {row[3]}, rsv {row[4]}, {length} octets {payload!r}"
    return " ".join(str(word) for word in row)
