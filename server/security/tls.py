"""The server's certificate, read again when its files change.

Invariant: a handshake gets a certificate and key that belong together: the newest pair that does. What cannot be read
or does not fit changes nothing but the log. grpc asks for the pair before every handshake, so a new one needs no
restart, and connections that are open keep the one they began with.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import grpc

from recsys.errors import ConfigError
from server import log
from server.security.stamp import Stamp, stamp


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files. With `client_ca` only callers whose certificate one of its authorities signed get a connection."""

    cert: Path
    key: Path
    client_ca: Path | None = None

    @classmethod
    def of_table(cls, table: object) -> TlsFiles:
        """From `[server.tls]`. Raises ConfigError for a missing or unknown key."""
        known = ("cert", "key", "client_ca")
        if not isinstance(table, Mapping) or not {"cert", "key"} <= set(table) <= set(known):
            found = ", ".join(map(str, table)) if isinstance(table, Mapping) else repr(table)
            raise ConfigError(f"[server.tls] has {found or 'nothing'}; expected cert, key perhaps client_ca; set these")
        wrong = next((key for key, value in table.items() if not isinstance(value, str) or not value), None)
        if wrong:
            raise ConfigError(f"[server.tls] {wrong} is {table[wrong]!r}; expected the path of a PEM file; set it")
        return cls(**{key: Path(str(value)) for key, value in table.items()})

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files that are named."""
        return tuple(path for path in (self.cert, self.key, self.client_ca) if path)


class Certificates:
    """What grpc asks before each handshake, from a thread of its own. Raises ConfigError where it cannot start."""

    def __init__(self, files: TlsFiles) -> None:
        self._files = files
        self._seen: tuple[Stamp, ...] = ()
        self._refused: tuple[Stamp, ...] = ()
        self._first = self._read()

    def credentials(self) -> grpc.ServerCredentials:
        """For `add_secure_port`."""
        fetch = cast(Any, self._newer)  # the stubs do not know that None means "no change"
        required = self._files.client_ca is not None
        return grpc.dynamic_ssl_server_credentials(self._first, fetch, require_client_authentication=required)

    def _newer(self) -> grpc.ServerCertificateConfiguration | None:
        """The pair for this handshake where it is another one. Never raises: grpc would drop the connection."""
        now = tuple(map(stamp, self._files.paths))
        if now in (self._seen, self._refused):
            return None
        try:
            fresh = self._read()
        except ConfigError as error:
            self._refused = now
            log.write("certificate_refused", why=str(error))
            return None
        log.write("certificate_loaded", cert=self._files.cert.name)
        return fresh

    def _read(self) -> grpc.ServerCertificateConfiguration:
        before = tuple(map(stamp, self._files.paths))
        files = self._files
        try:
            pair = (files.key.read_bytes(), files.cert.read_bytes())
            roots = files.client_ca.read_bytes() if files.client_ca else None
            checked = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            checked.load_cert_chain(files.cert, files.key, password="")  # an encrypted key fails, it does not ask
            if files.client_ca:
                checked.load_verify_locations(files.client_ca)
        except OSError as error:  # ssl.SSLError is one
            named = ", ".join(map(str, files.paths))
            why = getattr(error, "reason", None) or error.strerror or type(error).__name__
            raise ConfigError(
                f"{named} cannot be used for TLS ({why}); expected PEM files, the unencrypted key belonging to the "
                "certificate; correct them"
            ) from error
        if tuple(map(stamp, files.paths)) != before:
            raise ConfigError(f"{files.cert} or {files.key} changed while they were read; they are read again")
        self._seen = before
        return grpc.ssl_server_certificate_configuration([cast(Any, pair)], roots)
