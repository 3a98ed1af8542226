"""Firefox without a screen, driven by WebDriver BiDi, which it speaks by itself."""

import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from harness import Failure, Process
from harness.process import program
from tab import Tab
from wire import Message, Wire

_SETTINGS = {
    # None, whatever the environment says.
    "network.proxy.type": 0,
}


class Firefox(Process):
    """One process; each tab is a window with storage of its own."""

    def __init__(self, directory: Path):
        super().__init__("firefox", directory)
        self._profile = directory / "profile"
        self._server = self._profile / "WebDriverBiDiServer.json"
        self._stack = ExitStack()
        self._tabs: dict[str, FirefoxTab] = {}

    def launch(self) -> "Firefox":
        firefox = program("firefox-esr", "firefox-esr")
        self._profile.mkdir()
        settings = (f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in _SETTINGS.items())
        (self._profile / "user.js").write_text("".join(settings))
        self.spawn(firefox, "--headless", "--no-remote", "--profile", self._profile, "--remote-debugging-port", 0)
        return self

    def _is_ready(self) -> bool:
        return self._server.exists() and self._server.read_text().rstrip().endswith("}")

    def __enter__(self) -> "Firefox":
        super().__enter__()
        port = json.loads(self._server.read_text())["ws_port"]
        self._wire = self._stack.enter_context(Wire(f"ws://127.0.0.1:{port}/session", self._heard))
        self._wire.call("session.new", capabilities={})
        self._wire.call("session.subscribe", events=["log.entryAdded"])
        return self

    def __exit__(self, *details: Any) -> None:
        self._stack.close()
        super().__exit__(*details)

    def open(self, url: str) -> Tab:
        user = self._wire.call("browser.createUserContext")["userContext"]
        context = self._wire.call("browsingContext.create", type="window", userContext=user)["context"]
        tab = self._tabs[context] = FirefoxTab(self._wire, user, context)
        self._wire.call("browsingContext.navigate", context=context, url=url, wait="complete")
        return tab

    def _heard(self, name: str, told: Message) -> None:
        tab = self._tabs.get(told.get("source", {}).get("context"))
        if tab and name == "log.entryAdded" and told["level"] == "error":
            tab.heard(told["text"])


class FirefoxTab(Tab):
    def __init__(self, wire: Wire, user: str, context: str):
        super().__init__()
        self._wire = wire
        self._user = user
        self._target = {"context": context}

    def heard(self, error: str) -> None:
        self._errors.append(error)

    def close(self) -> None:
        self._wire.call("browser.removeUserContext", userContext=self._user)

    def _settle(self, expression: str) -> str:
        outcome = self._wire.call("script.evaluate", expression=expression, target=self._target, awaitPromise=True)
        if outcome["type"] == "exception":
            raise Failure(outcome["exceptionDetails"]["text"])
        return outcome["result"]["value"]
