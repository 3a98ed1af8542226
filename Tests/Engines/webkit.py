"""WebKitGTK on a virtual screen, driven by the protocol of its inspector.

Its WebDriver hides the console, and an inspector cannot be attached beside it.
"""

import glob
import itertools
import json
import os
import re
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import requests

from harness import Failure, Process, free_port, until
from harness.failure import Missing
from harness.ports import status
from harness.process import program
from tab import Tab
from wire import Message, Wire


class Screen(Process):
    """A virtual one; `name` is what DISPLAY has to be."""

    def __init__(self, directory: Path):
        super().__init__("xvfb", directory)

    def launch(self) -> "Screen":
        xvfb = program("Xvfb", "xvfb")
        # It takes the first number that is free, and tells it when it is ready.
        self._reading, writing = os.pipe()
        os.set_blocking(self._reading, False)
        self._told = b""
        words = ["-displayfd", writing, "-screen", "0", "1280x800x24", "-nolisten", "tcp"]
        self.spawn(xvfb, *words, pass_fds=[writing])
        os.close(writing)
        return self

    def _is_ready(self) -> bool:
        try:
            self._told += os.read(self._reading, 16)
        except BlockingIOError:
            return False
        return self._told.endswith(b"\n")

    @property
    def display(self) -> str:
        return f":{self._told.decode().strip()}"

    def end(self) -> None:
        super().end()
        os.close(self._reading)


def _browser() -> str:
    """WebKit's own browser, which Debian keeps beside the library."""
    found = sorted(glob.glob("/usr/lib/*/webkit2gtk-4.1/MiniBrowser"))
    if not found:
        raise Missing("MiniBrowser is missing. Install it with: apt-get install libwebkit2gtk-4.1-0")
    return found[0]


class WebKit:
    """Each tab is a process of its own."""

    def __init__(self, directory: Path):
        self._directory = directory
        self._screen = Screen(directory)
        self._numbers = itertools.count(1)

    def __enter__(self) -> "WebKit":
        self._screen.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._screen.end()

    def open(self, url: str) -> Tab:
        return WebKitTab(f"webkit-{next(self._numbers)}", self._directory, self._screen.display, url).open()


class _Inspector(Wire):
    """Packs commands to the page into those to the browser."""

    target = ""

    def _send(self, message: Message) -> None:
        inner = {"targetId": self.target, "message": json.dumps(message)}
        super()._send({"id": message["id"], "method": "Target.sendMessageToTarget", "params": inner})

    def _receive(self) -> Message:
        while True:
            message = super()._receive()
            if "error" in message:
                return message
            if message.get("method") == "Target.dispatchMessageFromTarget":
                return json.loads(message["params"]["message"])

    def attach(self) -> None:
        """Waits for the page."""
        while (message := Wire._receive(self)).get("method") != "Target.targetCreated":
            pass
        self.target = message["params"]["targetInfo"]["targetId"]


class _MiniBrowser(Process):
    def __init__(self, name: str, directory: Path, display: str, url: str):
        super().__init__(name, directory)
        self._port = free_port()
        self._url = url
        self._home = directory / name
        self._environment = {
            "DISPLAY": display,
            "HOME": str(self._home),
            "WEBKIT_INSPECTOR_HTTP_SERVER": f"127.0.0.1:{self._port}",
            "no_proxy": "127.0.0.1",
        }

    def launch(self) -> "_MiniBrowser":
        self._home.mkdir()
        self.spawn(_browser(), "--private", self._url, environment=self._environment)
        return self

    def _is_ready(self) -> bool:
        return status(self._port, "/") == 200 and self.socket() is not None

    def socket(self) -> str | None:
        """Where the page can be inspected."""
        page = requests.get(f"http://127.0.0.1:{self._port}/", timeout=10).text
        path = re.search(r"/socket/\d+/\d+/WebPage", page)
        return path and f"ws://127.0.0.1:{self._port}{path[0]}"


class WebKitTab(Tab):
    def __init__(self, name: str, directory: Path, display: str, url: str):
        super().__init__()
        self._browser = _MiniBrowser(name, directory, display, url)
        self._stack = ExitStack()

    def open(self) -> "WebKitTab":
        self._stack.enter_context(self._browser)
        self._inspector = self._stack.enter_context(_Inspector(self._browser.socket(), self._heard))
        self._inspector.attach()
        # It brings what was written before, too.
        self._inspector.call("Console.enable")
        self._inspector.call("Runtime.enable")
        until(self._is_loaded, what=f"{self._browser.name} has not loaded its page")
        return self

    def _is_loaded(self) -> bool:
        # At once: a promise may go away with the empty page that is there first.
        loaded = "location.href !== 'about:blank' && document.readyState === 'complete'"
        return self._inspector.call("Runtime.evaluate", expression=loaded, returnByValue=True)["result"]["value"]

    def close(self) -> None:
        self._stack.close()

    def _heard(self, name: str, told: Message) -> None:
        if name != "Console.messageAdded":
            return
        message = told["message"]
        # It asks for an icon where a page, or a file, names none.
        if message["level"] == "error" and not message.get("url", "").endswith("/favicon.ico"):
            self._errors.append(message["text"])

    def _settle(self, expression: str) -> str:
        promise = self._inspector.call("Runtime.evaluate", expression=expression)["result"]
        if "objectId" not in promise:
            raise Failure(promise.get("description", str(promise)))
        outcome = self._inspector.call("Runtime.awaitPromise", promiseObjectId=promise["objectId"], returnByValue=True)
        return outcome["result"]["value"]
