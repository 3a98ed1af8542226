"""The table of permissions: who may do what in which channel. docs/security.md shows it."""

from dataclasses import dataclass, field
from typing import Literal

# The rules of the node that asks everybody who they are. `last` keeps a history. No rule matches `elsewhere:1`.
RULES = """\
channels:
  - { match: "plain:*", last: true }
  - { match: "open:*", subscribe: anyone, publish: anyone, last: true }
  - { match: "known:*", subscribe: authenticated, publish: authenticated, last: true }
  - { match: "members:*", publish: members, last: true }
  - { match: "news:*", publish: server, last: true }
  - { match: "token:*", subscribe: token, last: true }
  - { match: "quiet:*", presence: false, last: true }
  - { match: "first:secret", publish: server, last: true }
  - { match: "first:*", publish: anyone, last: true }
"""

# The rules of the node that lets anonymous clients in.
OPEN_RULES = """\
channels:
  - { match: "plain:*", last: true }
  - { match: "open:*", subscribe: anyone, publish: anyone, last: true }
  - { match: "readable:*", subscribe: anyone, publish: authenticated, last: true }
  - { match: "known:*", subscribe: authenticated, publish: authenticated, last: true }
  - { match: "members:*", subscribe: anyone, publish: members, last: true }
  - { match: "news:*", subscribe: anyone, publish: server, last: true }
  - { match: "token:*", subscribe: token, publish: anyone, last: true }
  - { match: "quiet:*", subscribe: anyone, publish: anyone, presence: false, last: true }
"""

# What is tried, in this order, on one connection.
COLUMNS = [
    *("subscribe", "with presence", "watch", "presence", "history"),
    *("publish", "publish as a member", "signal", "signal as a member"),
]

# How a row names what is allowed: a letter for each column.
_LETTERS = dict(zip("SPWIHUMGN", COLUMNS, strict=True))

Claim = dict[str, list[str]]
Cell = Literal["ok", "forbidden", "-"]


@dataclass(frozen=True)
class PermissionCase:
    """One row: somebody in one channel, and what they may do there, as letters of the columns."""

    name: str
    channel: str
    allowed: str
    why: str
    # The claim `channels`; None where the token has none.
    claim: Claim | None = None
    anonymous: bool = False
    node: Literal["closed", "open"] = "closed"
    cells: dict[str, Cell] = field(init=False)

    def __post_init__(self) -> None:
        assert set(self.allowed) <= set(_LETTERS), self.allowed
        cells: dict[str, Cell] = {name: "ok" if key in self.allowed else "forbidden" for key, name in _LETTERS.items()}
        if cells["subscribe"] != "ok":
            # Who may not subscribe is no member.
            cells["publish as a member"] = cells["signal as a member"] = "-"
        object.__setattr__(self, "cells", cells)


ALL, ALL_BUT_PRESENCE, LISTEN, NOTHING = "SPWIHUMGN", "SHUMGN", "SPWIH", ""

_EVERYTHING = ["subscribe", "publish", "presence", "history", "signal"]


def _known(name: str, channel: str, allowed: str, why: str, claim: Claim | None = None) -> PermissionCase:
    return PermissionCase(name, channel, allowed, why, claim)


def _claim(name: str, channel: str, allowed: str, why: str, *capabilities: str) -> PermissionCase:
    """Somebody whose claim is for just this channel."""
    return PermissionCase(name, channel, allowed, why, {channel: list(capabilities)})


def _open(name: str, channel: str, allowed: str, why: str, claim: Claim | None = None) -> PermissionCase:
    """Somebody known on the node that lets anonymous clients in."""
    return PermissionCase(f"known, {name}", channel, allowed, why, claim, node="open")


def _anonymous(name: str, channel: str, allowed: str, why: str) -> PermissionCase:
    return PermissionCase(f"anonymous, {name}", channel, allowed, why, anonymous=True, node="open")


BY_LEVEL = [
    _known("rule without levels", "plain:1", ALL, "Whoever is known may do everything."),
    _known("anyone", "open:1", ALL, "Everybody may."),
    _known("authenticated", "known:1", ALL, "They are."),
    _known("publish: members", "members:1", "SPWIHMN", "Only who is subscribed may publish."),
    _known("publish: server", "news:1", LISTEN, "No client may publish."),
    _known("subscribe: token", "token:1", "UG", "Without a claim nobody may subscribe; `publish` has its default."),
    _known("presence: false", "quiet:1", ALL_BUT_PRESENCE, "The channel has no presence."),
    _known("first rule that matches", "first:secret", LISTEN, "A later rule would allow more and is not asked."),
    _known("another channel of the later rule", "first:1", ALL, "Only the later rule matches."),
    _known("no rule", "elsewhere:1", NOTHING, "What no rule matches is forbidden."),
    _known("a channel of the server", "$apus", NOTHING, "Names with `$` are the server's."),
]

BY_CLAIM = [
    _claim("all of it", "plain:2", ALL, "All five capabilities.", *_EVERYTHING),
    _claim("subscribe alone", "plain:3", "S", "Presence is a capability of its own.", "subscribe"),
    _claim("publish alone", "plain:4", "U", "To publish nobody needs to subscribe.", "publish"),
    _claim("presence alone", "plain:5", "I", "It may be asked for, not entered.", "presence"),
    _claim("subscribe and presence", "plain:6", "SPWI", "Neither the past nor publishing is in it.", "subscribe", "presence"),
    _claim("subscribe and publish", "plain:7", "SUM", "Presence is not in it.", "subscribe", "publish"),
    _claim("publish and presence", "plain:8", "IU", "Subscribing is not in it.", "publish", "presence"),
    _claim("an empty list", "plain:9", NOTHING, "It is a claim, and says nothing."),
    _claim("history and signal", "plain:10", "HG", "For neither one needs to subscribe.", "history", "signal"),
    _known("an empty claim", "open:2", NOTHING, "It takes the place of the levels, of `anyone`, too.", {}),
    _known("a claim for others", "plain:11", NOTHING, "The same.", {"room:*": _EVERYTHING}),
    _claim("less than anyone", "open:3", "S", "A claim takes rights away, too.", "subscribe"),
    _known("by a pattern", "plain:12", ALL, "`*` stands for any text, colons included.", {"pl*": _EVERYTHING}),
    _known("by the pattern of all", "known:2", ALL, "The shortest of them.", {"*": _EVERYTHING}),
    _known("a pattern that ends too soon", "plain:13", NOTHING, "It must match all of it.", {"plain:": _EVERYTHING}),
    _known("in capitals", "plain:14", NOTHING, "Compared byte by byte.", {"PLAIN:*": _EVERYTHING}),
    _known(
        "several patterns",
        "plain:15",
        "SPWIUM",
        "All that match count together.",
        {"plain:*": ["subscribe"], "*:15": ["publish"], "*": ["presence"], "other": []},
    ),
    _known(
        "several patterns, one of them empty",
        "plain:16",
        "S",
        "A pattern adds rights and takes none away.",
        {"plain:*": ["subscribe"], "plain:16": []},
    ),
]

CLAIM_AND_RULE = [
    _claim("publish, with members", "members:2", "U", "The claim takes the place of the level.", "publish"),
    _claim("subscribe, with members", "members:3", "S", "A member without the capability.", "subscribe"),
    _claim("all of it, with members", "members:4", ALL, "The claim takes the place of the level.", *_EVERYTHING),
    _claim("all of it, with server", "news:2", LISTEN, "No token is stronger than `server`.", *_EVERYTHING),
    _claim("publish, with server", "news:3", NOTHING, "The same.", "publish"),
    _claim("subscribe, with token", "token:2", "S", "The claim that the rule asks for.", "subscribe"),
    _claim("publish, with token", "token:3", "U", "It does not grant `subscribe`.", "publish"),
    _claim("all of it, with token", "token:4", ALL, "The claim that the rule asks for.", *_EVERYTHING),
    _claim("all of it, without presence", "quiet:2", ALL_BUT_PRESENCE, "The channel has none.", *_EVERYTHING),
    _claim("presence, without presence", "quiet:3", NOTHING, "The channel has none.", "presence"),
    _claim("all of it, no rule", "elsewhere:2", NOTHING, "A claim makes no channels.", *_EVERYTHING),
    _known("the pattern of all, no rule", "elsewhere:3", NOTHING, "The same.", {"*": _EVERYTHING}),
    _known("the pattern of all, $", "$apus:1", NOTHING, "Names with `$` are the server's.", {"*": _EVERYTHING}),
    _claim("all of it, first rule", "first:secret", LISTEN, "The first rule says `server`.", *_EVERYTHING),
]

ANONYMOUS = [
    _anonymous("rule without levels", "plain:17", NOTHING, "Where there are keys a level left out is `authenticated`."),
    _anonymous("anyone", "open:4", ALL, "Everybody may."),
    _anonymous("subscribe: anyone", "readable:1", LISTEN, "To publish one must be known."),
    _anonymous("authenticated", "known:3", NOTHING, "They are not."),
    _anonymous("publish: members", "members:5", "SPWIHMN", "Who is subscribed is a member."),
    _anonymous("publish: server", "news:4", LISTEN, "No client may publish."),
    _anonymous("subscribe: token", "token:5", "UG", "They have none."),
    _anonymous("presence: false", "quiet:4", ALL_BUT_PRESENCE, "The channel has no presence."),
    _anonymous("no rule", "elsewhere:4", NOTHING, "What no rule matches is forbidden."),
    _open("rule without levels", "plain:18", ALL, "Everybody may."),
    _open("authenticated", "known:4", ALL, "They are."),
    _open("to publish", "readable:2", ALL, "They are known."),
    _open("subscribe: token", "token:6", "UG", "Their token has no claim."),
    _open("with a claim", "token:7", "S", "It takes the place of `anyone`, too.", {"token:*": ["subscribe"]}),
]

PERMISSIONS: dict[str, list[PermissionCase]] = {
    "Somebody known, whose token has no `channels`": BY_LEVEL,
    "Somebody whose token has `channels`": BY_CLAIM,
    "`channels` against the levels of a rule": CLAIM_AND_RULE,
    "On a node with `--allow-anonymous`": ANONYMOUS,
}
