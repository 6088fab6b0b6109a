"""How clients reach a server: retries, several channels, credentials.

Invariant: what is tried again does no harm twice. Reads are tried again; so are events, which a server accepts once by
their ids; item updates never are: one that comes late would undo a newer one. Only on UNAVAILABLE, only inside the
deadline, with growing pauses of random length, and less the more calls fail (gRPC's retry policy, gRFC A6).
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Callable
from pathlib import Path
from typing import Final

import grpc

Token = str | Callable[[], str]
"""A bearer token, or what gives one: it is asked before each call, so it should remember its token until that ends."""
Metadata = tuple[tuple[str, str], ...]
Secret = bytes | str | Path
"""PEM bytes, or the path of a PEM file."""

N_CHANNELS: Final = 4
"""A channel is one connection to one worker process; several spread over them."""
_RETRIED: Final = (
    {"service": "slatewright.v1.RecommendationService"},
    {"service": "slatewright.v1.FeedbackService", "method": "RecordEvents"},
)
_SERVICE_CONFIG: Final = {
    "loadBalancingConfig": [{"round_robin": {}}],
    "methodConfig": [
        {
            "name": list(_RETRIED),
            "retryPolicy": {
                "maxAttempts": 3,
                "initialBackoff": "0.02s",
                "maxBackoff": "0.2s",
                "backoffMultiplier": 2,
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        }
    ],
    "retryThrottling": {"maxTokens": 100, "tokenRatio": 0.1},
}
OPTIONS: Final = (
    ("grpc.service_config", json.dumps(_SERVICE_CONFIG)),
    ("grpc.use_local_subchannel_pool", 1),  # else all channels of a process share one connection
)


def tls(ca: Secret | None = None, *, cert: Secret | None = None, key: Secret | None = None) -> grpc.ChannelCredentials:
    """Encrypt, and trust servers whose certificate `ca` signed (None: what this system trusts).

    `cert` and `key` are this caller's own certificate, for servers that ask for one. Raises ValueError for one without
    the other, OSError for a file that cannot be read.
    """
    if (cert is None) != (key is None):
        raise ValueError("cert and key go together; expected both or none; give the other one too")
    return grpc.ssl_channel_credentials(_pem(ca), _pem(key), _pem(cert))


def metadata(api_key: str, token: Token) -> Metadata:
    """What a call sends to say who calls."""
    if api_key:
        return (("x-api-key", api_key),)
    said = token() if callable(token) else token
    return (("authorization", f"Bearer {said}"),) if said else ()


def check(target: str, *, api_key: str, token: Token, encrypted: bool, n_channels: int) -> None:
    """Raises ValueError for two credentials, one that would travel in the clear beyond this machine, or no channel."""
    if n_channels < 1:
        raise ValueError(f"n_channels is {n_channels}; expected 1 or more; leave it out for {N_CHANNELS}")
    if api_key and token:
        raise ValueError("api_key and token were both given; a server takes one; leave out the other")
    if (api_key or token) and not encrypted and not _loopback(target):
        raise ValueError(
            f"the key or token would go to {target} in the clear; expected TLS; give credentials=slatewright.tls(...), "
            "or plaintext=True where the network encrypts"
        )


def _loopback(target: str) -> bool:
    if target.startswith("unix:"):
        return True
    host = target.rpartition("/")[2].rpartition(":")[0].strip("[]")
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _pem(given: Secret | None) -> bytes | None:
    if given is None or isinstance(given, bytes):
        return given
    return Path(given).read_bytes()
