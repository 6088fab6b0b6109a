"""What a server's settings say about who may call, put together once at start.

Invariant: a server with callers or certificates has no port that goes around them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import grpc

from server.security.access import Access
from server.security.callers_file import CallersFile
from server.security.quota import Quotas
from server.security.tls import Certificates, TlsFiles


class Door:
    """Certificates and callers of one server; both None leaves it open. Raises ConfigError for files that are wrong."""

    def __init__(self, *, tls: TlsFiles | None, callers: Path | None, state_dir: Path) -> None:
        self._state_dir = state_dir
        self._certificates = Certificates(tls) if tls else None
        self._file = CallersFile(callers) if callers else None

    def interceptors(self) -> Sequence[grpc.aio.ServerInterceptor]:  # type: ignore[type-arg]
        """To put behind the guard. The state folder is there by now."""
        file = self._file
        return [Access(lambda: file.callers, quotas=Quotas(self._state_dir / "quotas"))] if file else []

    def listen(self, server: grpc.aio.Server, address: str) -> int:
        """Bind HOST:PORT; the port. Raises RuntimeError where it cannot be bound."""
        if self._certificates is None:
            return server.add_insecure_port(address)
        return server.add_secure_port(address, self._certificates.credentials())

    async def watch(self, *, poll_s: float) -> None:
        """Follow the callers' file until cancelled."""
        if self._file is not None:
            await self._file.watch(poll_s=poll_s)
