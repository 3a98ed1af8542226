"""A tab of a browser, whichever engine it has."""

import json
import re
from abc import ABC, abstractmethod
from typing import Any

from harness import Failure, until

# What a browser writes by itself when a WebSocket or a request does not get through; Firefox keeps silent on requests.
_REFUSED_DIAL = re.compile(
    r"^WebSocket connection to .* failed: |^Failed to load resource: (?!the server responded)"
    r"|^Firefox can’t establish a connection to the server at ws:"
)

_SETTLED = """(async () => {
  try {
    return JSON.stringify({ value: await %s })
  } catch (error) {
    return JSON.stringify({ error: String(error) })
  }
})()"""


class Tab(ABC):
    """A page; `faults` has errors of the console, exceptions and rejections that nobody has handled."""

    def __init__(self) -> None:
        self._errors: list[str] = []

    def evaluate(self, function: str, *arguments: Any) -> Any:
        """What a function of JavaScript returns, or its promise, called with the arguments; all of it is JSON."""
        words = ", ".join(json.dumps(argument) for argument in arguments)
        outcome = json.loads(self._settle(_SETTLED % f"({function})({words})"))
        if "error" in outcome:
            raise Failure(f"{outcome['error']}\n{function}")
        return outcome.get("value")

    def comes_to(self, function: str) -> None:
        """Waits until the function returns something true."""
        until(lambda: self.evaluate(function), what=function)

    def faults(self) -> list[str]:
        # What was written before this comes before its answer.
        self.evaluate("() => null")
        return [error for error in self._errors if not _REFUSED_DIAL.search(error)]

    @abstractmethod
    def _settle(self, expression: str) -> str:
        """The text that the promise is fulfilled with which the expression gives."""

    @abstractmethod
    def close(self) -> None: ...
