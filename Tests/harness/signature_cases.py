"""Tokens in good form with good claims: which keys, algorithms and signatures are taken."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import PublicFormat

from harness import keys
from harness.keys import EDDSA, ES256, HS256, HS384, HS512, RS256, RS256_OTHER, SECRET, Key
from harness.token_cases import EC, ED25519, MIXED, ONE_SECRET, RSA, TokenCase, bad, expired, good
from harness.tokens import LEFT_OUT, by_hand, changed, claims_text, decoded, encoded, header, part, since, token


def as_if(key: Key, algorithm: str) -> str:
    """A token that says another algorithm than the key's, and is signed by it where the key can."""
    able = key.algorithm[:2] == algorithm[:2] or (key.algorithm, algorithm) == ("RS256", "PS256")
    return by_hand(header(key, alg=algorithm), claims_text(), key, algorithm if able else None)


def unsigned(algorithm: str, end: str = ".", **changes) -> str:
    """Header and claims, and `end` behind them."""
    return part(header(alg=algorithm, **changes)) + "." + part(claims_text()) + end


def by_public_key(key: Key, public: bytes, **changes) -> str:
    """A token signed by HS256 with what everybody knows of a key."""
    text = f"{part(header(key, alg='HS256', **changes))}.{part(claims_text())}"
    return f"{text}.{encoded(hmac.digest(public, text.encode(), hashlib.sha256))}"


def bringing(**changes) -> str:
    """A token with the name of a key of the node, signed by a foreign key that the header brings along."""
    return by_hand(header(RS256, **changes), claims_text(), keys.FOREIGN_RSA)


def resigned(change: Callable[[bytes], bytes], key: Key = ES256) -> Callable[[], str]:
    """A token with other bytes for its signature."""
    return lambda: changed(token(key), lambda text: encoded(change(decoded(text))))


def flipped(data: bytes, index: int = 3) -> bytes:
    """The same with one bit changed."""
    return data[:index] + bytes([data[index] ^ 1]) + data[index + 1 :]


def of_another(key: Key) -> Callable[[], str]:
    """A token with the signature of another token by the same key."""
    return lambda: changed(token(key), lambda _: token(key, sub="bob").rsplit(".", 1)[1])


def in_der(raw: bytes) -> bytes:
    """An ES256 signature in the form that most libraries make."""
    return encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))


_FOREIGN = "Anybody can make a key and give it that name."
_JWK = keys.FOREIGN_RSA.jwk()
_X5C = [base64.b64encode(keys.FOREIGN_RSA.der()).decode()]
_BROUGHT = "Keys come from the node's options and from nowhere else."

KEYS = [
    *(
        good(f"by a key for {key.algorithm}", "The usual case.", lambda key=key: token(key))
        for key in (HS256, HS384, HS512, RS256, ES256, EDDSA)
    ),
    good("by the second key for RS256", "`kid` says which.", lambda: token(RS256_OTHER)),
    good("no kid, one key for its algorithm", "There is no doubt which.", lambda: token(ES256, {"kid": LEFT_OUT})),
    bad("no kid, two keys for its algorithm", "Which of them?", lambda: token(RS256, {"kid": LEFT_OUT})),
    bad("the kid of nobody", "The node has named keys, and none of that name.", lambda: token(headers={"kid": "x"})),
    bad("an empty kid", "No key has that name.", lambda: token(headers={"kid": ""})),
    bad("the kid of the other key", "That one has not signed it.", lambda: token(RS256, {"kid": "rs256-other"})),
    bad("the kid of a key of another kind", "A key has one algorithm.", lambda: token(RS256, {"kid": "es256"})),
    bad("a kid in capitals", "Compared byte by byte.", lambda: token(headers={"kid": "ES256"})),
    bad("a kid that is a path", "It is a name and opens nothing.", lambda: token(headers={"kid": "../es256"})),
    bad("by a key without alg", "It does not say what it is good for.", lambda: token(keys.WITHOUT_ALGORITHM)),
    bad("by a key for encryption", "It is not for signatures.", lambda: token(keys.FOR_ENCRYPTION)),
    bad("by a key for RSA-OAEP", "It is not for signatures.", lambda: token(keys.OF_ANOTHER_KIND)),
    bad("by a foreign secret", _FOREIGN, lambda: token(keys.FOREIGN_SECRET)),
    bad("by a foreign RSA key", _FOREIGN, lambda: token(keys.FOREIGN_RSA)),
    bad("by a foreign EC key", _FOREIGN, lambda: token(keys.FOREIGN_EC)),
    bad("by a foreign Ed25519 key", _FOREIGN, lambda: token(keys.FOREIGN_ED)),
    bad("by another node's secret", "This node has other keys.", lambda: token(SECRET, {"kid": "hs256"})),
    bad("with its own key in jwk", _BROUGHT, lambda: bringing(jwk=_JWK)),
    bad("with its own key in jwk, without kid", _BROUGHT, lambda: bringing(jwk=_JWK, kid=LEFT_OUT)),
    bad("with its own key in x5c", _BROUGHT, lambda: bringing(x5c=_X5C)),
    bad("with an address of its key in jku", _BROUGHT, lambda: bringing(jku="https://evil.test/jwks.json")),
    bad("with an address of its key in x5u", _BROUGHT, lambda: bringing(x5u="https://evil.test/cert.pem")),
]

_UNSIGNED = "What nobody has signed says nothing of its maker."
_BELONGS = "The algorithm belongs to the key, never to the token."
_PUBLIC = "Everybody knows a public key; it is no secret."

ALGORITHMS = [
    *(bad(f"alg {name}", _UNSIGNED, lambda name=name: unsigned(name)) for name in ("none", "None", "NONE", "nOnE")),
    bad("alg none, without kid", _UNSIGNED, lambda: unsigned("none", kid=LEFT_OUT)),
    bad("alg none, two parts", _UNSIGNED, lambda: unsigned("none", end="")),
    bad("alg none, signed", _BELONGS, lambda: by_hand(header(alg="none"), claims_text())),
    bad("alg empty", _BELONGS, lambda: by_hand(header(alg=""), claims_text())),
    bad("alg left out", "It must be there.", lambda: by_hand(header(alg=LEFT_OUT), claims_text())),
    bad("alg as a number", "It is text.", lambda: by_hand(header(alg=256), claims_text())),
    bad("alg null", "It is text.", lambda: by_hand(header(alg=None), claims_text())),
    bad("alg in lower case", "Compared byte by byte.", lambda: by_hand(header(alg="es256"), claims_text())),
    bad("alg unknown", _BELONGS, lambda: by_hand(header(alg="XX999"), claims_text())),
    bad("HS512 by a key for HS256", _BELONGS, lambda: as_if(HS256, "HS512")),
    bad("HS256 by a key for HS512", _BELONGS, lambda: as_if(HS512, "HS256")),
    bad("RS384 by a key for RS256", _BELONGS, lambda: as_if(RS256, "RS384")),
    bad("RS512 by a key for RS256", _BELONGS, lambda: as_if(RS256, "RS512")),
    bad("PS256 by a key for RS256", _BELONGS, lambda: as_if(RS256, "PS256")),
    bad("ES384 by a key for ES256", _BELONGS, lambda: by_hand(header(alg="ES384"), claims_text())),
    bad("EdDSA by a key for ES256", _BELONGS, lambda: as_if(ES256, "EdDSA")),
    bad("ES256 by a key for EdDSA", _BELONGS, lambda: as_if(EDDSA, "ES256")),
    bad("RS256 by a key for ES256", _BELONGS, lambda: as_if(ES256, "RS256")),
    bad("HS256 with the RSA key's PEM", _PUBLIC, lambda: by_public_key(RS256, RS256.pem())),
    bad("HS256 with the RSA key's PEM, trimmed", _PUBLIC, lambda: by_public_key(RS256, RS256.pem().strip())),
    bad("HS256 with the RSA key's DER", _PUBLIC, lambda: by_public_key(RS256, RS256.der())),
    bad("HS256 with the RSA key's modulus", _PUBLIC, lambda: by_public_key(RS256, decoded(RS256.jwk()["n"]))),
    bad("HS256 with the RSA key's JWK", _PUBLIC, lambda: by_public_key(RS256, json.dumps(RS256.jwk()).encode())),
    bad("HS256 with the EC key's PEM", _PUBLIC, lambda: by_public_key(ES256, ES256.pem())),
    bad("HS256 with the RSA key's PEM, kid hs256", _PUBLIC, lambda: by_public_key(RS256, RS256.pem(), kid="hs256")),
    bad("HS256 with no secret", "A key is not empty.", lambda: by_public_key(HS256, b"")),
]

_ONE_TEXT = "A signature is good for one text."
_WHOLE = "All of it is compared."

SIGNATURES = [
    bad("no signature", _UNSIGNED, resigned(lambda _: b"")),
    *(bad(f"of another token, {key.algorithm}", _ONE_TEXT, of_another(key)) for key in (HS256, RS256, ES256, EDDSA)),
    *(bad(f"a bit flipped, {key.algorithm}", _WHOLE, resigned(flipped, key)) for key in (HS256, RS256, ES256, EDDSA)),
    *(
        bad(f"the last bit flipped, {key.algorithm}", _WHOLE, resigned(lambda raw: flipped(raw, len(raw) - 1), key))
        for key in (HS256, RS256, ES256)
    ),
    bad("another user's name", _ONE_TEXT, lambda: changed(token(), lambda _: part(claims_text(sub="admin")), 1)),
    bad("another header", _ONE_TEXT, lambda: changed(token(), lambda _: part(header(typ="x")), 0)),
    *(
        bad(f"half of it, {key.algorithm}", _WHOLE, resigned(lambda raw: raw[: len(raw) // 2], key))
        for key in (HS256, RS256, ES256, EDDSA)
    ),
    *(
        bad(f"a byte more, {key.algorithm}", _WHOLE, resigned(lambda raw: raw + b"\0", key))
        for key in (HS256, RS256, ES256, EDDSA)
    ),
    bad("of zeros, HS256", _ONE_TEXT, resigned(lambda raw: bytes(len(raw)), HS256)),
    bad("of zeros, RS256", _ONE_TEXT, resigned(lambda raw: bytes(len(raw)), RS256)),
    bad("of zeros, ES256", "It once passed for any text: CVE-2022-21449.", resigned(lambda raw: bytes(len(raw)))),
    bad("of zeros, EdDSA", _ONE_TEXT, resigned(lambda raw: bytes(len(raw)), EDDSA)),
    bad("of ones, ES256", "It is beyond the order of the curve.", resigned(lambda raw: b"\xff" * len(raw))),
    bad("in DER, ES256", "JWS has the two numbers as they are: RFC 7518 section 3.4.", resigned(in_der)),
    bad("encoded twice", "It is decoded once.", lambda: changed(token(), lambda text: encoded(text.encode()))),
    expired("expired", "As its claims say, which are signed.", exp=since(3600)),
    bad(
        "expired and badly signed",
        "Nothing is told of claims that nobody has signed.",
        lambda: changed(token(exp=since(3600)), lambda text: encoded(flipped(decoded(text)))),
    ),
]

_UNNAMED = "Where no key has a name, the kid is not looked at."


def _one_key(node: str, key: Key) -> list[TokenCase]:
    """What a node with one public key in a file takes, and what not."""
    return [
        good(f"{node} file, by its key", "The PEM's kind decides the algorithm.", lambda: token(key), node=node),
        good(f"{node} file, any kid", _UNNAMED, lambda: token(key, {"kid": "x"}), node=node),
        good(f"{node} file, no kid", _UNNAMED, lambda: token(key, {"kid": LEFT_OUT}), node=node),
        bad(f"{node} file, HS256 with the PEM", _PUBLIC, lambda: by_public_key(key, key.pem()), node=node),
        bad(f"{node} file, HS256 with the DER", _PUBLIC, lambda: by_public_key(key, key.der()), node=node),
        bad(f"{node} file, alg none", _UNSIGNED, lambda: unsigned("none"), node=node),
        bad(f"{node} file, a bit flipped", _WHOLE, resigned(flipped, key), node=node),
    ]


OTHER_NODES = [
    *(
        good(f"secret, {name}", "A secret serves all three.", lambda name=name: as_if(SECRET, name), node=ONE_SECRET)
        for name in ("HS256", "HS384", "HS512")
    ),
    good("secret, any kid", _UNNAMED, lambda: token(SECRET, {"kid": "x"}), node=ONE_SECRET),
    good("secret, no kid", _UNNAMED, lambda: token(SECRET, {"kid": LEFT_OUT}), node=ONE_SECRET),
    good("secret, aud of another", "Without `--jwt-audience`.", lambda: token(SECRET, aud="other"), node=ONE_SECRET),
    good("secret, aud missing", "Without `--jwt-audience`.", lambda: token(SECRET, aud=LEFT_OUT), node=ONE_SECRET),
    good("secret, iss missing", "Without `--jwt-issuer`.", lambda: token(SECRET, iss=LEFT_OUT), node=ONE_SECRET),
    bad("secret, another secret", _FOREIGN, lambda: token(keys.FOREIGN_SECRET), node=ONE_SECRET),
    bad("secret, none", _UNSIGNED, lambda: by_public_key(HS256, b""), node=ONE_SECRET),
    bad("secret, RS256", "It has no such key.", lambda: token(RS256), node=ONE_SECRET),
    bad("secret, alg none", _UNSIGNED, lambda: unsigned("none"), node=ONE_SECRET),
    *_one_key(RSA, RS256),
    bad("RSA file, RS512", _BELONGS, lambda: as_if(RS256, "RS512"), node=RSA),
    bad(
        "RSA file, HS256 with the DER of PKCS #1",
        _PUBLIC,
        lambda: by_public_key(RS256, RS256.der(PublicFormat.PKCS1)),
        node=RSA,
    ),
    *_one_key(EC, ES256),
    bad("EC file, in DER", "JWS has the two numbers as they are.", resigned(in_der), node=EC),
    *_one_key(ED25519, EDDSA),
    good("mixed, by a named key", "By its name.", lambda: token(RS256), node=MIXED),
    good("mixed, no kid, HS256", "By the secret.", lambda: token(SECRET, {"kid": LEFT_OUT}), node=MIXED),
    good("mixed, no kid, EdDSA", "By the key of the file.", lambda: token(EDDSA, {"kid": LEFT_OUT}), node=MIXED),
    good("mixed, no kid, RS256", "By the only key for it.", lambda: token(RS256, {"kid": LEFT_OUT}), node=MIXED),
    bad("mixed, the kid of nobody", "There are named keys.", lambda: token(SECRET, {"kid": "x"}), node=MIXED),
    bad("mixed, a key's name", "The secret is another key.", lambda: token(SECRET, {"kid": "rs256"}), node=MIXED),
    bad("mixed, ES256", "It has no such key.", lambda: token(ES256, {"kid": LEFT_OUT}), node=MIXED),
]

SIGNED: dict[str, list[TokenCase]] = {
    "Keys": KEYS,
    "Algorithms": ALGORITHMS,
    "Signatures": SIGNATURES,
    "Nodes with other keys": OTHER_NODES,
}
