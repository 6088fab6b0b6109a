"""Where a server may listen.

Invariant: what strangers can reach asks who they are and cannot be listened to, unless somebody said `--insecure`.
"""

from __future__ import annotations

import ipaddress

from recsys.errors import ConfigError


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address; False for names other than localhost: they may move."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def check_exposure(host: str, *, encrypted: bool, authenticated: bool, insecure: bool) -> None:
    """Raises ConfigError for an open address without TLS and a way to know callers."""
    if insecure or is_loopback(host) or (encrypted and authenticated):
        return
    missing = [what for what, there in (("TLS", encrypted), ("authentication", authenticated)) if not there]
    raise ConfigError(
        f"host {host} can be reached from other machines, and there is no {' and no '.join(missing)}; expected "
        "[server.tls] cert and key, and callers (or [server.tls] client_ca); set them (docs/security.md), listen on "
        "127.0.0.1, or say --insecure where the network itself keeps strangers out"
    )
