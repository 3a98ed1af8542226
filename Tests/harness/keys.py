"""The keys that tests sign with: one pair or more of each kind, made anew in each run, and the JWKS that names them."""

import json
import os
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import get_default_algorithms

from harness import secrets

# How PyJWT signs and describes keys, by the name of the algorithm.
ALGORITHMS = get_default_algorithms()


@dataclass(frozen=True)
class Key:
    """One key: `private` is what signs, for HS256 and its kin the shared secret in bytes."""

    kid: str
    algorithm: str
    private: Any

    @property
    def public(self) -> Any:
        """What checks a signature: for a shared secret the same."""
        return self.private if isinstance(self.private, bytes) else self.private.public_key()

    def pem(self) -> bytes:
        """The public key for `--jwt-key`."""
        return self.public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def der(self, format: PublicFormat = PublicFormat.SubjectPublicKeyInfo) -> bytes:
        return self.public.public_bytes(Encoding.DER, format)

    def jwk(self, *, without: str | None = None, **changes: Any) -> dict[str, Any]:
        """The key for a JWKS, with its name and algorithm, but for these changes."""
        described = ALGORITHMS[self.algorithm].to_jwk(self.public, as_dict=True)
        members = {**described, "kid": self.kid, "alg": self.algorithm, **changes}
        return {name: value for name, value in members.items() if name not in (without, "key_ops")}


def _secret(kid: str, algorithm: str) -> Key:
    # HS512 asks for 64 bytes at least: RFC 7518 section 3.2.
    return Key(kid, algorithm, secrets.register(os.urandom(32).hex()).encode())


def _rsa(kid: str) -> Key:
    return Key(kid, "RS256", rsa.generate_private_key(65537, 2048))


def _ec(kid: str) -> Key:
    return Key(kid, "ES256", ec.generate_private_key(ec.SECP256R1()))


HS256, HS384, HS512 = [_secret(name.lower(), name) for name in ("HS256", "HS384", "HS512")]
# Two of a kind, so that the algorithm alone does not say which.
RS256, RS256_OTHER = _rsa("rs256"), _rsa("rs256-other")
ES256 = _ec("es256")
EDDSA = Key("eddsa", "EdDSA", ed25519.Ed25519PrivateKey.generate())

# In the JWKS, but not to be used.
WITHOUT_ALGORITHM = _ec("without-alg")
FOR_ENCRYPTION = _ec("for-encryption")
OF_ANOTHER_KIND = _rsa("of-another-kind")

# Of somebody else: no node knows them.
FOREIGN_SECRET = _secret("hs256", "HS256")
FOREIGN_RSA = _rsa("rs256")
FOREIGN_EC = _ec("es256")
FOREIGN_ED = Key("eddsa", "EdDSA", ed25519.Ed25519PrivateKey.generate())

# The one of `--jwt-secret`.
SECRET = _secret("unnamed", "HS256")


def jwks(*keys: Key) -> str:
    """A JWKS of these keys; without any, of all that a node is given in the table of tokens."""
    if keys:
        return json.dumps({"keys": [key.jwk() for key in keys]})
    used = [key.jwk() for key in (HS256, HS384, HS512, RS256_OTHER, ES256, EDDSA)]
    unused = [
        WITHOUT_ALGORITHM.jwk(without="alg"),
        FOR_ENCRYPTION.jwk(use="enc"),
        OF_ANOTHER_KIND.jwk(alg="RSA-OAEP"),
    ]
    return json.dumps({"keys": [*unused, *used, RS256.jwk(use="sig")]})
