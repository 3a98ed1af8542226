"""Makes tokens: good ones by PyJWT, and by hand what PyJWT refuses to make."""

import base64
import json
import math
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import jwt

from harness import secrets
from harness.keys import ALGORITHMS, ES256, Key

# What a node is told by --jwt-audience and --jwt-issuer.
AUDIENCE, ISSUER = "apus", "https://issuer.test"

# The longest token a node looks at, in bytes.
MAX_TOKEN = 8192

# The value of a claim or header that is not there.
LEFT_OUT = object()

# The content of one part: an object or a list to be written as JSON, or text or bytes as they are.
Content = dict[str, Any] | list[Any] | str | bytes


def since(seconds: float) -> Callable[[], int]:
    """A moment so long ago, and up to a second longer; it is taken when the token is made."""
    return lambda: math.floor(time.time()) - seconds


def ahead(seconds: float) -> Callable[[], int]:
    """A moment so far ahead, and up to a second further."""
    return lambda: math.ceil(time.time()) + seconds


def claims(**changes: Any) -> dict[str, Any]:
    """Good claims but for these changes; a function is called for its value."""
    good = {"sub": "alice", "exp": ahead(3600), "aud": AUDIENCE, "iss": ISSUER}
    return {name: _value(value) for name, value in {**good, **changes}.items() if value is not LEFT_OUT}


def claims_text(more: str = "", **changes: Any) -> str:
    """The same as JSON text, with `more` behind the last claim, such as one that stands there a second time."""
    return json.dumps(claims(**changes), separators=(",", ":"), ensure_ascii=False)[:-1] + more + "}"


def token(key: Key = ES256, headers: dict[str, Any] | None = None, **changes: Any) -> str:
    """A good token of that key but for changes of its claims and headers, by PyJWT."""
    header = {"kid": key.kid, **(headers or {})}
    header = {name: value for name, value in header.items() if value is not LEFT_OUT}
    return secrets.register_token(jwt.encode(claims(**changes), key.private, algorithm=key.algorithm, headers=header))


def url_with(url: str, token: str) -> str:
    """The address with the token in its query."""
    return f"{url}?token={quote(token, safe='')}"


# By hand


def encoded(data: bytes) -> str:
    """Base64url without padding: RFC 7515 section 2."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def part(content: Content) -> str:
    """The first or second part of a token."""
    if isinstance(content, dict | list):
        content = json.dumps(content, separators=(",", ":"))
    return encoded(content.encode() if isinstance(content, str) else content)


def header(key: Key = ES256, **changes: Any) -> dict[str, Any]:
    """A good header but for these changes."""
    good = {"alg": key.algorithm, "kid": key.kid, "typ": "JWT"}
    return {name: value for name, value in {**good, **changes}.items() if value is not LEFT_OUT}


def signature(signed: str, key: Key, algorithm: str | None = None) -> str:
    """The third part, over the text of the first two; by default the key's own algorithm makes it."""
    return encoded(ALGORITHMS[algorithm or key.algorithm].sign(signed.encode(), key.private))


def by_hand(head: Content, body: Content, key: Key = ES256, algorithm: str | None = None) -> str:
    """A token with any content, signed well."""
    return with_signature(f"{part(head)}.{part(body)}", key, algorithm)


def with_signature(signed: str, key: Key = ES256, algorithm: str | None = None) -> str:
    """A token whose first two parts are this text, signed well."""
    return secrets.register_token(f"{signed}.{signature(signed, key, algorithm)}")


def changed(whole: str, change: Callable[[str], str], index: int = 2) -> str:
    """A token with another third part, or another one of its parts."""
    parts = whole.split(".")
    parts[index] = change(parts[index])
    return secrets.register_token(".".join(parts))


def of_length(size: int, key: Key = ES256) -> str:
    """A good token of that many bytes."""
    for length in range(size):
        # Lengths of base64 leave out every fourth, hence both the header and the claims give way.
        for typ in ("J", "JW", "JWT"):
            text = f"{part(header(key, typ=typ))}.{part(claims(pad='x' * max(0, size * 3 // 4 - 500 + length)))}"
            if len(text) + 1 + len(signature(text, key)) == size:
                return with_signature(text, key)
        if len(text) > size:
            break
    raise AssertionError(f"no token has {size} bytes")


def _value(value: Any) -> Any:
    return value() if callable(value) else value
