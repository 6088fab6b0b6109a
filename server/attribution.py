"""Attribution tokens: what joins an answer to its feedback.

Invariant: a token that opens was sealed by a holder of the key and not altered since (HMAC-SHA256).
It names the user by a pseudonym only. Callers treat it as opaque.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from recsys.secret_key import load_key, pseudonym

__all__ = ["Attribution", "load_key", "pseudonym", "seal", "unseal"]

_VERSION: Final = b"\x01"
_MAC_BYTES: Final = 32
MAX_TOKEN_CHARS: Final = 4_096


@dataclass(frozen=True, slots=True)
class Attribution:
    """What a token carries; `time_ms` is the request's clock, UTC epoch milliseconds.

    `explored` holds (rank, propensity) of the places drawn at random: with an event's `position` it gives the
    propensity of an exposure. Every other place has 1.
    """

    request_id: str
    bundle_version: str
    variants: Mapping[str, str]
    time_ms: int
    user: str
    explored: tuple[tuple[int, float], ...] = ()


def seal(key: bytes, attribution: Attribution) -> str:
    """The token of an answer."""
    fields: list[object] = [
        attribution.request_id,
        attribution.bundle_version,
        dict(sorted(attribution.variants.items())),
        attribution.time_ms,
        attribution.user,
    ]
    if attribution.explored:
        fields.append(attribution.explored)
    payload = _VERSION + json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(_mac(key, payload) + payload).decode().rstrip("=")


def unseal(key: bytes, token: str) -> Attribution | None:
    """What a token carries, or None when it is not one of ours or was altered."""
    if len(token) > MAX_TOKEN_CHARS:
        return None
    try:
        padded = token.encode("ascii") + b"=" * (-len(token) % 4)
        sealed = base64.b64decode(padded, altchars=b"-_", validate=True)
    except (UnicodeEncodeError, binascii.Error):
        return None
    mac, payload = sealed[:_MAC_BYTES], sealed[_MAC_BYTES:]
    if not hmac.compare_digest(mac, _mac(key, payload)) or payload[:1] != _VERSION:
        return None
    known, explored = (fields := json.loads(payload[1:]))[:5], fields[5:]
    return Attribution(*known, *(tuple((rank, share) for rank, share in drawn) for drawn in explored))


def _mac(key: bytes, payload: bytes) -> bytes:
    return hmac.new(key, b"attribution\0" + payload, hashlib.sha256).digest()
