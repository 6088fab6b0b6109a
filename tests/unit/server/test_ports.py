"""One port for several workers, and for nobody else."""

from __future__ import annotations

import socket

import pytest

from recsys.errors import ConfigError
from server import ports


def listener(port: int) -> socket.socket:
    """A socket that listens as a worker's does."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    sock.bind(("127.0.0.1", port))
    sock.listen()
    return sock


def test_a_free_port_is_found_and_shared() -> None:
    """Port 0 becomes a real one that several workers can listen on; every connection reaches one of them."""
    with ports.reserved("127.0.0.1", 0) as port, listener(port) as one, listener(port) as other:
        one.settimeout(0.2)
        other.settimeout(0.2)
        for _ in range(20):
            with socket.create_connection(("127.0.0.1", port), timeout=5):
                for sock in (one, other):
                    try:
                        sock.accept()[0].close()
                        break
                    except TimeoutError:
                        continue
                else:
                    pytest.fail("the reserving socket took a connection")


def test_a_port_in_use_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another server's port, reserved or listened on, is not shared by accident, though SO_REUSEPORT would allow it."""
    monkeypatch.setattr("server.ports._PATIENCE_S", 0.1)
    with ports.reserved("127.0.0.1", 0) as port:
        with (
            pytest.raises(ConfigError, match=f"127.0.0.1:{port} cannot be listened on"),
            ports.reserved("127.0.0.1", port),
        ):
            pass
        with listener(port), pytest.raises(ConfigError, match="--port"), ports.reserved("127.0.0.1", port):
            pass
    with ports.reserved("127.0.0.1", port) as again:
        assert again == port


def test_an_address_of_another_machine_is_refused() -> None:
    """ConfigError, not a traceback."""
    for host in ("192.0.2.1", "no such host"):
        with pytest.raises(ConfigError, match="cannot be listened on"), ports.reserved(host, 0):
            pass
