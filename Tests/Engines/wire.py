"""Commands to a browser, and what it tells, as JSON over a WebSocket."""

import itertools
import json
from collections.abc import Callable
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from harness import Failure

# How long a command may take: pages load and promises settle within it.
_PATIENCE = 60.0

Message = dict[str, Any]


class Wire:
    """Sends one command at a time. Events go to `heard(name, parameters)` while its answer is waited for."""

    def __init__(self, url: str, heard: Callable[[str, Message], None]):
        self._opening = connect(url, max_size=None, proxy=None)
        self._heard = heard
        self._numbers = itertools.count(1)

    def __enter__(self) -> "Wire":
        self._socket: ClientConnection = self._opening.__enter__()
        return self

    def __exit__(self, *details: Any) -> None:
        self._opening.__exit__(*details)

    def call(self, method: str, **parameters: Any) -> Message:
        """The result of a command; what the browser has against it is a Failure."""
        number = next(self._numbers)
        try:
            self._send({"id": number, "method": method, "params": parameters})
            while (message := self._receive()).get("id") != number:
                if "method" in message:
                    self._heard(message["method"], message["params"])
        except TimeoutError:
            raise Failure(f"the browser has not answered {method} within {_PATIENCE:g} s") from None
        except ConnectionClosed as closed:
            raise Failure(f"the browser went away at {method}: {closed}") from None
        if "error" in message:
            raise Failure(f"{method}: {message.get('message', message['error'])}")
        return message["result"]

    def _send(self, message: Message) -> None:
        self._socket.send(json.dumps(message))

    def _receive(self) -> Message:
        return json.loads(self._socket.recv(_PATIENCE))
