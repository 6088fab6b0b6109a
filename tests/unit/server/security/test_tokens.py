"""Only a token the agreed issuer signed, for this server, in time, says who calls."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from recsys.errors import ConfigError
from server.errors import UnauthenticatedError
from server.security.tokens import SECRET, Tokens, TokenSettings

SHARED = "s" * 32
RSA = rsa.generate_private_key(65_537, 2_048)
ED = ed25519.Ed25519PrivateKey.generate()


def public(key: Any, path: Path) -> Path:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    path.write_bytes(key.public_key().public_bytes(serialization.Encoding.PEM, form))
    return path


def claims(**changes: Any) -> dict[str, Any]:
    now = time.time()
    good = {"iss": "https://id", "aud": "slatewright", "sub": "feed", "exp": now + 60, "nbf": now - 60}
    return {name: value for name, value in {**good, **changes}.items() if value is not None}


@pytest.fixture
def hs() -> Tokens:
    return Tokens(TokenSettings("https://id", "slatewright", ("HS256",)), {SECRET: SHARED})


@pytest.fixture
def signed(tmp_path: Path) -> Tokens:
    keys = (public(RSA, tmp_path / "rsa.pem"), public(ED, tmp_path / "ed.pem"))
    return Tokens(TokenSettings("https://id", "slatewright", ("RS256", "EdDSA"), keys), {})


def test_a_good_token_names_its_subject(hs: Tokens, signed: Tokens) -> None:
    """Each algorithm, and each of several keys."""
    assert hs.subject(jwt.encode(claims(), SHARED, "HS256")) == "feed"
    assert signed.subject(jwt.encode(claims(), RSA, "RS256")) == "feed"
    assert signed.subject(jwt.encode(claims(aud=["x", "slatewright"]), ED, "EdDSA")) == "feed"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"exp": time.time() - 3_600}, "expired"),
        ({"nbf": time.time() + 3_600}, "not valid yet"),
        ({"aud": "another"}, "not for this server"),
        ({"iss": "https://evil"}, "not for this server"),
        ({"exp": None}, "not for this server"),
        ({"sub": None}, "not for this server"),
        ({"aud": None}, "not for this server"),
        ({"iss": None}, "not for this server"),
        ({"sub": 7}, "not valid here"),
    ],
)
def test_each_claim_is_checked(hs: Tokens, changes: dict[str, Any], says: str) -> None:
    """Wrong or missing: refused with a word on which, without the token."""
    token = hs256(claims(**changes), SHARED.encode())
    with pytest.raises(UnauthenticatedError, match=says) as caught:
        hs.subject(token)
    assert token not in str(caught.value)


def part(value: Any) -> bytes:
    """One part of a token."""
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=")


def hs256(said: dict[str, Any], key: bytes) -> str:
    """A token made by hand, with claims and keys PyJWT itself would not take."""
    signing = part({"alg": "HS256", "typ": "JWT"}) + b"." + part(said)
    mac = base64.urlsafe_b64encode(hmac.new(key, signing, hashlib.sha256).digest()).rstrip(b"=")
    return (signing + b"." + mac).decode()


def test_clocks_may_differ_by_the_leeway(hs: Tokens) -> None:
    """Ten seconds past its time a token still counts, two minutes past it does not."""
    assert hs.subject(jwt.encode(claims(exp=time.time() - 10), SHARED, "HS256")) == "feed"
    with pytest.raises(UnauthenticatedError):
        hs.subject(jwt.encode(claims(exp=time.time() - 120), SHARED, "HS256"))


def test_no_signature_no_foreign_key_no_swapped_algorithm(hs: Tokens, signed: Tokens, tmp_path: Path) -> None:
    """`none`, another's key, and the public key taken for a shared secret are all refused."""
    confused = [hs256(claims(), (tmp_path / name).read_bytes()) for name in ("rsa.pem", "ed.pem")]
    none = (part({"alg": "none"}) + b"." + part(claims()) + b".").decode()
    foreign = jwt.encode(claims(), ed25519.Ed25519PrivateKey.generate(), "EdDSA")
    good = jwt.encode(claims(), SHARED, "HS256")
    for token in (*confused, none, foreign, good[:-2], good + "x", "", ".", "..", "a.b.c", "é", "\x00", "x" * 5_000):
        for tokens in (hs, signed):
            if tokens is hs and token is good:
                continue
            with pytest.raises(UnauthenticatedError):
                tokens.subject(token)


def test_weak_or_mixed_settings_are_refused(tmp_path: Path) -> None:
    """Short secrets, small RSA keys, other curves, mixed kinds, no keys: ConfigError with the remedy."""
    small = public(rsa.generate_private_key(65_537, 1_024), tmp_path / "small.pem")
    from cryptography.hazmat.primitives.asymmetric import ec

    curve = public(ec.generate_private_key(ec.SECP256R1()), tmp_path / "ec.pem")
    good = public(RSA, tmp_path / "good.pem")
    for algorithms, keys in (
        ((), ()),
        (("none",), ()),
        (("HS256", "RS256"), (good,)),
        (("RS256",), ()),
        (("HS256",), (good,)),
        (("RS256",), (small,)),
        (("RS256",), (curve,)),
        (("RS256",), (tmp_path / "nope.pem",)),
    ):
        with pytest.raises(ConfigError):
            Tokens(TokenSettings("i", "a", algorithms, keys), {SECRET: SHARED})
    for secret in ("", "short"):
        with pytest.raises(ConfigError, match=SECRET):
            Tokens(TokenSettings("i", "a", ("HS256",)), {SECRET: secret})
    for wrong in ({"issuer": ""}, {"audience": ""}, {"leeway_s": 1e9}):
        with pytest.raises(ConfigError):
            TokenSettings(**{"issuer": "i", "audience": "a", "algorithms": ("HS256",), **wrong})
