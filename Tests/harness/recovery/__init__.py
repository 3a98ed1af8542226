"""Clients that are cut off again and again, faults beside them, and a checker that knows what they should have got.

Start reading at `runner`. By hand: `Tests/EndToEnd/recovery --help`.
"""

from harness.recovery.checker import Evidence, Report, check
from harness.recovery.plan import Plan
from harness.recovery.runner import run

__all__ = ["Evidence", "Plan", "Report", "check", "run"]
