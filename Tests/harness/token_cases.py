"""A row of the table of tokens: what one is, what a node answers, and why. docs/security.md shows the table.

The rows stand in `form_cases`, `signature_cases` and `claim_cases`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from harness import secrets
from harness.keys import ES256, Key
from harness.tokens import by_hand, claims_text, header, token
from harness.ways_in import EXPIRED, INVALID, Answer

ALICE = Answer(user="alice")

# The nodes of the table, by what they are told.
JWKS, ONE_SECRET, RSA, EC, ED25519, MIXED = "JWKS", "secret", "RSA", "EC", "Ed25519", "mixed"


@dataclass(frozen=True)
class TokenCase:
    """One token: its name, what a node answers, why, and how it is made."""

    name: str
    answer: Answer
    why: str
    make: Callable[[], str]
    node: str = JWKS
    # Most go by the query; some do not fit there.
    way: str = "query"

    def token(self) -> str:
        return secrets.register_token(self.make())


def good(name: str, why: str, make: Callable[[], str], **more: Any) -> TokenCase:
    return TokenCase(name, ALICE, why, make, **more)


def bad(name: str, why: str, make: Callable[[], str], **more: Any) -> TokenCase:
    return TokenCase(name, INVALID, why, make, **more)


# What follows makes cases whose signature is good.


def valid(name: str, why: str, user: str = "alice", **changes: Any) -> TokenCase:
    """A good token with other claims."""
    return TokenCase(name, Answer(user=user), why, lambda: token(**changes))


def invalid(name: str, why: str, **changes: Any) -> TokenCase:
    return TokenCase(name, INVALID, why, lambda: token(**changes))


def expired(name: str, why: str, **changes: Any) -> TokenCase:
    return TokenCase(name, EXPIRED, why, lambda: token(**changes))


def written(
    name: str, answer: Answer, why: str, more: str = "", change: Callable[[str], Any] = str, **changes: Any
) -> TokenCase:
    """Claims as text, by hand: `more` stands behind the last claim, then all of it is changed."""
    return TokenCase(name, answer, why, lambda: by_hand(header(), change(claims_text(more, **changes))))


def headed(name: str, why: str, answer: Answer = INVALID, key: Key = ES256, **changes: Any) -> TokenCase:
    """A good token with another header, which the signature is made for."""
    return TokenCase(name, answer, why, lambda: by_hand(header(key, **changes), claims_text(), key))
