"""A session of the protocol as it stands in a page, played against a node."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

_LIMIT = 20.0

# Members whose values differ from run to run. One value of a page stands for one real value, wherever it comes again.
_BOUND = {"clientId", "client", "node", "epoch"}
# Members and numbers (moments, in seconds or milliseconds) of which only the type counts.
_VARYING = {"after", "in", "retryAfter"}
_MOMENT = 1_700_000_000
# A page may leave out the end of an object, of a list or of a text.
_MORE = "…"


@dataclass
class Cue:
    """Something that happens before the line that contains `line` is waited for, and that the page does not show."""

    line: str
    act: Callable[[], Awaitable[Any]]


@dataclass
class Session:
    """The client of one session. `values` maps values of the page to real ones; `ignored` is never told by the page."""

    socket: ClientConnection
    values: dict[Any, Any] = field(default_factory=dict)
    ignored: Callable[[dict[str, Any]], bool] = lambda event: False

    async def play(self, text: str, cues: Sequence[Cue] = ()) -> None:
        """Sends the `>` lines, and wants the `<` lines in answer, with all their members and no others."""
        cues = list(cues)
        heard: list[str] = []
        for line in text.splitlines():
            if line.startswith("< "):
                heard.append(line[2:])
                continue
            await self._hear(heard, cues)
            heard = []
            await self.say(line[2:])
        await self._hear(heard, cues)
        assert not cues, f"the session has no line for {[cue.line for cue in cues]}"

    async def say(self, line: str) -> None:
        await self.socket.send(json.dumps(self._real(json.loads(line)), ensure_ascii=False))

    async def next(self) -> Any:
        """What comes next and is not ignored."""
        while True:
            heard = json.loads(await asyncio.wait_for(self.socket.recv(), _LIMIT))
            if not isinstance(heard, dict) or not self.ignored(heard):
                return heard

    async def _hear(self, lines: list[str], cues: list[Cue]) -> None:
        """Waits for these lines: what follows one another in a page may come in another order."""
        waiting, unmatched = list(lines), []
        for line in lines:
            for cue in [cue for cue in cues if cue.line in line]:
                cues.remove(cue)
                await cue.act()
            while line in waiting:
                try:
                    heard = await self.next()
                except (TimeoutError, ConnectionClosed) as end:
                    raise AssertionError(f"{line}\ndid not come ({end!r}); this did: {unmatched}") from None
                match = next((each for each in waiting if self._matches(each, heard)), None)
                if match is None:
                    unmatched.append(heard)
                else:
                    waiting.remove(match)
        assert not unmatched, f"{lines}\nis not all; this came, too: {unmatched}"

    def _matches(self, line: str, heard: Any) -> bool:
        values = dict(self.values)
        if not _equal(_parse(line), heard, values):
            return False
        self.values.update(values)
        return True

    def _real(self, value: Any) -> Any:
        match value:
            case dict():
                return {name: self._real(each) for name, each in value.items()}
            case list():
                return [self._real(each) for each in value]
            case str():
                return self.values.get(value, value)
        return value


def _parse(line: str) -> Any:
    """A line as JSON; what is left out becomes a member or an element of that name."""
    return json.loads(re.sub(rf"{_MORE}\]", f'"{_MORE}"]', re.sub(rf"{_MORE}}}", f'"{_MORE}":0}}', line)))


def _equal(said: Any, heard: Any, values: dict[Any, Any], name: str = "") -> bool:
    """Whether what was heard is what the page says. `values` gets what is bound on the way."""
    if name in _BOUND and isinstance(said, str):
        return isinstance(heard, str) and values.setdefault(said, heard) == heard
    if name in _VARYING or (isinstance(said, int) and said >= _MOMENT):
        return type(said) is type(heard)
    match said, heard:
        case dict(), dict():
            rest = said.keys() - {_MORE}
            complete = rest <= heard.keys() if _MORE in said else rest == heard.keys()
            return complete and all(_equal(said[each], heard[each], values, each) for each in rest)
        case [*some, "…"], list():
            return len(heard) > len(some) and _equal(some, heard[: len(some)], values, name)
        case list(), list():
            return len(said) == len(heard) and all(_equal(s, h, values, name) for s, h in zip(said, heard, strict=True))
        case str(), str() if said.endswith(_MORE):
            return heard.startswith(said[:-1])
    return type(said) is type(heard) and said == heard
