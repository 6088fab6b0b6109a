"""Callers and how each is known.

Invariant: a credential belongs to one caller, and of a key only its SHA-256 is known here, of which there is no way
back, as keys are 256 random bits.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from server.errors import UnauthenticatedError
from server.security.quota import Quota
from server.security.tokens import Tokens


@dataclass(frozen=True, slots=True)
class Caller:
    """One caller; `placements` None is any, `quota` None no limit."""

    name: str
    rpcs: frozenset[str]
    placements: frozenset[str] | None = None
    quota: Quota | None = None
    max_request_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Callers:
    """All callers by their credentials: SHA-256 of a key, subject of a token, name in a certificate."""

    keys: Mapping[bytes, Caller]
    subjects: Mapping[str, Caller]
    certificates: Mapping[str, Caller]
    tokens: Tokens | None = None

    def of_key(self, key: str) -> Caller:
        """Who has this API key. The time taken does not depend on which key it is like."""
        presented = hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
        found: Caller | None = None
        for digest, caller in self.keys.items():
            if hmac.compare_digest(digest, presented):
                found = caller
        if found is None:
            raise UnauthenticatedError("the API key is not known here; expected a key of this server; ask its operator")
        return found

    def of_token(self, token: str) -> Caller:
        """Whose bearer token this is."""
        if self.tokens is None:
            raise UnauthenticatedError(
                "no bearer tokens are taken here; expected an API key or a certificate; send one"
            )
        return _found(self.subjects, [self.tokens.subject(token)], "the token's subject")

    def of_certificate(self, names: Iterable[str]) -> Caller:
        """Whose certificate names one of these (subject alternative names)."""
        return _found(self.certificates, names, "the certificate")


def _found(known: Mapping[str, Caller], names: Iterable[str], what: str) -> Caller:
    caller = next((known[name] for name in names if name in known), None)
    if caller is None:
        raise UnauthenticatedError(f"{what} is no caller known here; expected one of this server's; ask its operator")
    return caller
