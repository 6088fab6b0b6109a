"""JSON Web Tokens of callers, checked offline against keys given beforehand.

Invariant: a subject leaves here only for a token that one of the keys signed under a listed algorithm, from this
issuer, for this audience, and not past its time. Shared secrets and public keys are never mixed, so a public key
cannot pass for a secret.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from recsys.errors import ConfigError
from server.errors import UnauthenticatedError

SHARED: Final = frozenset({"HS256"})
SIGNED: Final = frozenset({"RS256", "EdDSA"})
SECRET: Final = "SLATEWRIGHT_JWT_SECRET"  # noqa: S105  the name of the variable
MIN_SECRET_BYTES: Final = 32
MIN_RSA_BITS: Final = 2_048


@dataclass(frozen=True, slots=True)
class TokenSettings:
    """`[jwt]` of the callers' file."""

    issuer: str
    audience: str
    algorithms: tuple[str, ...]
    public_keys: tuple[Path, ...] = ()
    """PEM files for RS256 and EdDSA; several while keys are exchanged."""
    leeway_s: float = 30.0
    """How far clocks may differ."""

    def __post_init__(self) -> None:
        asked = set(self.algorithms)
        if not asked or not (asked <= SHARED or asked <= SIGNED):
            raise ConfigError(
                f"[jwt] algorithms is {list(self.algorithms)}; expected HS256 alone, or RS256 and EdDSA; choose"
            )
        if bool(self.public_keys) != (asked <= SIGNED):
            raise ConfigError(
                f"[jwt] has {len(self.public_keys)} public_keys for {', '.join(sorted(asked))}; expected some for "
                f"RS256 and EdDSA, none for HS256, whose secret is in {SECRET}; correct it"
            )
        if not self.issuer or not self.audience:
            raise ConfigError("[jwt] issuer or audience is empty; expected both; set them")
        if not 0 <= self.leeway_s <= 300:
            raise ConfigError(f"[jwt] leeway_s is {self.leeway_s:g}; expected 0 to 300; choose one of these")


class Tokens:
    """Checks tokens under one set of settings. Raises ConfigError where keys are missing or weak."""

    def __init__(self, settings: TokenSettings, environment: Mapping[str, str] = os.environ) -> None:
        self._settings = settings
        self._jwt = _library()
        self._keys: Sequence[Any] = (
            [_public_key(path) for path in settings.public_keys] if settings.public_keys else [_secret(environment)]
        )

    def subject(self, token: str) -> str:
        """The `sub` of a good token. Raises UnauthenticatedError, which never quotes the token."""
        known, why = self._jwt.exceptions, "is not valid here"
        for key in self._keys:
            try:
                return str(self._claims(token, key)["sub"])
            except known.ExpiredSignatureError:
                why = "has expired"
            except known.ImmatureSignatureError:
                why = "is not valid yet"
            except (known.InvalidAudienceError, known.InvalidIssuerError, known.MissingRequiredClaimError):
                why = "is not for this server: it needs iss, aud, sub and exp as agreed"
            except (known.PyJWTError, ValueError, TypeError):  # another key may fit
                continue
            break
        raise UnauthenticatedError(f"the bearer token {why}; expected one of the agreed issuer; get a new one")

    def _claims(self, token: str, key: Any) -> Mapping[str, Any]:
        claims: Mapping[str, Any] = self._jwt.decode(
            token,
            key,
            algorithms=[name for name in self._settings.algorithms if _fits(name, key)],
            audience=self._settings.audience,
            issuer=self._settings.issuer,
            leeway=self._settings.leeway_s,
            options={"require": ["exp", "iss", "aud", "sub"]},
        )
        return claims


def _fits(algorithm: str, key: Any) -> bool:
    return algorithm in SHARED or (algorithm == "RS256") == hasattr(key, "key_size")


def _library() -> Any:
    try:
        import cryptography  # noqa: F401, PLC0415
        import jwt  # noqa: PLC0415  only where tokens are used
    except ImportError as error:
        raise ConfigError(
            f"[jwt] needs {error.name}, which is not installed; run pip install 'slatewright[jwt]'"
        ) from error
    return jwt


def _secret(environment: Mapping[str, str]) -> bytes:
    secret = environment.get(SECRET, "").encode()
    if len(secret) < MIN_SECRET_BYTES:
        raise ConfigError(
            f"{SECRET} holds {len(secret)} bytes; expected at least {MIN_SECRET_BYTES}; "
            "make one with `openssl rand -hex 32`"
        )
    return secret


def _public_key(path: Path) -> Any:
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ed25519, rsa  # noqa: PLC0415

    try:
        key = serialization.load_pem_public_key(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} is not a public key in PEM ({type(error).__name__}); correct [jwt]") from error
    if isinstance(key, ed25519.Ed25519PublicKey) or (
        isinstance(key, rsa.RSAPublicKey) and key.key_size >= MIN_RSA_BITS
    ):
        return key
    raise ConfigError(f"{path} is no Ed25519 key and no RSA key of {MIN_RSA_BITS} bits or more; make such a one")
