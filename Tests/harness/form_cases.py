"""Tokens that are no three parts of base64url, or whose header is no JSON: which spellings are taken."""

import json
from collections.abc import Iterator

from harness.keys import HS256
from harness.token_cases import ALICE, TokenCase, bad, good, headed
from harness.tokens import LEFT_OUT, MAX_TOKEN, by_hand, changed, claims_text, header, of_length, part, signature
from harness.tokens import token, with_signature


def _signed(head: str, body: str) -> list[str]:
    return [head, body, signature(f"{head}.{body}", HS256)]


def _variants() -> Iterator[list[str]]:
    """Good parts, each time of other lengths and letters."""
    for number in range(1000):
        yield _signed(part(header(HS256, typ="x" * (number % 3))), part(claims_text(jti="ÿþ>?~" * (number + 1))))


def with_padding(index: int) -> str:
    """A token one part of which is padded, signed for what it is."""
    for head, body, signed in _variants():
        parts = [head, body, signed]
        parts[index] += "=" * (-len(parts[index]) % 4)
        if "=" in parts[index]:
            return ".".join(parts if index == 2 else _signed(*parts[:2]))
    raise AssertionError("no part needs padding")


def with_plus_and_slash(index: int) -> str:
    """A token one part of which is in the other alphabet of base64, signed for what it is."""
    for parts in _variants():
        other = parts[index].replace("-", "+").replace("_", "/")
        if "+" in other and "/" in other:
            parts[index] = other
            return ".".join(parts if index == 2 else _signed(*parts[:2]))
    raise AssertionError("no part has both letters")


def with_spare_bits(text: str) -> str:
    """The same bytes, spelled with other bits behind their end."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return text[:-1] + alphabet[alphabet.index(text[-1]) ^ 1]


def as_json() -> str:
    return json.dumps(dict(zip(("protected", "payload", "signature"), token().split("."), strict=True)))


def headed_by(head: str | bytes) -> str:
    """A token whose header is this text, signed well."""
    return by_hand(head, claims_text())


_DEEP = "[" * 99 + "]" * 99
_HEADER = '{"alg":"ES256","kid":"es256"'

PARTS = [
    bad("nothing", "That is no token.", lambda: "", way="command"),
    bad("a word", "That is no token.", lambda: "alice"),
    bad("two dots", "Every part is empty.", lambda: ".."),
    bad("one part", "A token has three.", lambda: token().split(".")[0]),
    bad("two parts", "A token has three.", lambda: token().rsplit(".", 1)[0]),
    bad("four parts", "A token has three.", lambda: token() + ".AAAA"),
    bad("five parts", "That is the form of an encrypted one.", lambda: token() + ".AAAA.AAAA"),
    bad("a dot in front", "The header is empty.", lambda: "." + token()),
    bad("a dot behind", "That makes a fourth part, if an empty one.", lambda: token() + "."),
    bad("no header", "It says which key.", lambda: changed(token(), lambda _: "", 0)),
    bad("no claims", "They say who.", lambda: changed(token(), lambda _: "", 1)),
    bad("no claims, signed", "They say who.", lambda: with_signature(part(header()) + ".")),
    bad("in the JSON form", "Only the compact form is taken.", as_json),
    bad("the word Bearer in front", "That belongs into a header of HTTP.", lambda: "Bearer " + token()),
]

BASE64 = [
    bad("a space in front", "It is no letter of base64url.", lambda: " " + token()),
    bad("a space inside", "It is no letter of base64url.", lambda: token().replace(".", " .", 1)),
    bad("a line feed behind", "It is no letter of base64url.", lambda: token() + "\n"),
    bad("NUL behind", "It is no letter of base64url.", lambda: token() + "\0", way="command"),
    bad("a letter of UTF-8 behind", "It is no letter of base64url.", lambda: token() + "é"),
    bad("padding behind the header", "Tokens have none: RFC 7515 section 2.", lambda: with_padding(0)),
    bad("padding behind the claims", "Tokens have none.", lambda: with_padding(1)),
    bad("padding behind the signature", "Tokens have none.", lambda: with_padding(2)),
    bad("plus and slash in the claims", "Tokens have the URL's alphabet.", lambda: with_plus_and_slash(1)),
    bad("plus and slash in the signature", "Tokens have the URL's alphabet.", lambda: with_plus_and_slash(2)),
    bad("bits behind the end", "One token has one spelling.", lambda: changed(token(HS256), with_spare_bits)),
    bad("a length base64 cannot have", "Nothing is spelled like that.", lambda: token(HS256) + "AA"),
]

SIZES = [
    good("8,192 bytes", "The longest.", lambda: of_length(MAX_TOKEN), way="command"),
    bad("8,193 bytes", "One too many.", lambda: of_length(MAX_TOKEN + 1), way="command"),
    bad("60,000 bytes", "Nothing of it is looked at.", lambda: of_length(60_000), way="command"),
    good(
        "as long as fits into a query",
        "A request line has 8,192 bytes.",
        lambda: of_length(MAX_TOKEN - len("GET /ws?token= HTTP/1.1")),
    ),
]

HEADERS = [
    headed("typ left out", "It is not looked at.", ALICE, typ=LEFT_OUT),
    headed("typ of another kind", "It is not looked at.", ALICE, typ="at+jwt"),
    headed("a header nobody knows", "It is not looked at.", ALICE, x={"a": [1, None]}),
    headed("crit", "The node knows no such extension.", crit=["exp"]),
    headed("crit empty", "It may not be: RFC 7515 section 4.1.11.", crit=[]),
    headed("crit and b64", "Claims are always encoded.", crit=["b64"], b64=False),
    headed("kid as a number", "It is text.", kid=256),
    headed("kid as a list", "It is text.", kid=["es256"]),
    bad("a header that is no JSON", "An object is asked for.", lambda: headed_by("ES256")),
    bad("a header without a byte", "An object is asked for.", lambda: headed_by("")),
    bad("a header in a list", "An object is asked for.", lambda: headed_by(f"[{_HEADER}}}]")),
    bad("a header in a string", "An object is asked for.", lambda: headed_by('"ES256"')),
    bad("an object behind the header", "All of it must be read.", lambda: headed_by(_HEADER + "}{}")),
    bad("a header cut short", "That is not JSON.", lambda: headed_by(_HEADER)),
    bad("a header that is not UTF-8", "JSON is UTF-8.", lambda: headed_by(f'{_HEADER},"x":"ÿ"}}'.encode("latin-1"))),
    bad("a header nested 100 deep", "64 levels are all a node reads.", lambda: headed_by(f'{_HEADER},"x":{_DEEP}}}')),
    bad("alg twice", "Two readers would see two algorithms.", lambda: headed_by('{"alg":"none",' + _HEADER[1:] + "}")),
    bad("alg twice, the same", "No member may stand twice.", lambda: headed_by(_HEADER + ',"alg":"ES256"}')),
    bad("kid twice", "Two readers would see two keys.", lambda: headed_by(_HEADER + ',"kid":"eddsa"}')),
    bad("kid twice, once escaped", "They are the same when decoded.", lambda: headed_by(_HEADER + r',"k\u0069d":"x"}')),
]

FORMS: dict[str, list[TokenCase]] = {
    "Three parts": PARTS,
    "Base64url": BASE64,
    "Size": SIZES,
    "The header": HEADERS,
}
