"""Assertions about states that come about sooner or later.

The limits are generous: they end a test that would never pass and say nothing about speed.
"""

import asyncio
import inspect
import time
from collections.abc import Callable
from typing import Any

from harness.failure import Failure

LIMIT = 30.0
_PAUSE = 0.05


async def eventually(condition: Callable[..., Any], *arguments: Any, within: float = LIMIT, what: str = "") -> Any:
    """Waits until `condition` (plain or async), called with `arguments`, returns something true, and returns that.

    A condition may also assert: its last failure is the one that is reported.
    """
    deadline = time.monotonic() + within
    while True:
        outcome, failure = None, None
        try:
            outcome = condition(*arguments)
            if inspect.isawaitable(outcome):
                outcome = await outcome
        except AssertionError as error:
            outcome, failure = None, error
        if outcome:
            return outcome
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within:g} s: {what or failure or outcome!r}") from failure
        await asyncio.sleep(_PAUSE)


def until(condition: Callable[[], Any], within: float = LIMIT, what: str | Callable[[], str] = "") -> Any:
    """The same for code that runs outside an event loop, such as fixtures that start processes.

    `what` may be a function, for a text that is known at the end only.
    """
    deadline = time.monotonic() + within
    while not (outcome := condition()):
        if time.monotonic() > deadline:
            text = what() if callable(what) else what
            raise Failure(f"not within {within:g} s: {text or repr(outcome)}")
        time.sleep(_PAUSE)
    return outcome
