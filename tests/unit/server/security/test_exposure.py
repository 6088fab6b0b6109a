"""What strangers can reach asks who they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from recsys.errors import ConfigError
from server.config import ServerConfig, load
from server.security.tls import TlsFiles

TLS = TlsFiles(Path("c"), Path("k"))
MTLS = TlsFiles(Path("c"), Path("k"), Path("ca"))
OPEN = ("0.0.0.0", "::", "10.0.0.7", "2001:db8::1", "shop.example.org", "localhost.example.org", "*", "0")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.3.2.1", "::1", "localhost", "LOCALHOST"])
def test_loopback_needs_nothing(host: str) -> None:
    """A server for this machine alone starts without any setting."""
    assert ServerConfig(host=host).host == host


@pytest.mark.parametrize("host", OPEN)
@pytest.mark.parametrize(
    ("tls", "callers", "lacks"),
    [
        (None, None, "no TLS and no authentication"),
        (TLS, None, "no authentication"),
        (None, Path("callers.toml"), "no TLS;"),
    ],
)
def test_elsewhere_both_are_needed(host: str, tls: TlsFiles | None, callers: Path | None, lacks: str) -> None:
    """The error says what is missing and how to go on; --insecure is an explicit word."""
    with pytest.raises(ConfigError, match=lacks) as caught:
        ServerConfig(host=host, tls=tls, callers=callers)
    assert "--insecure" in str(caught.value)
    assert ServerConfig(host=host, tls=tls, callers=callers, insecure=True).insecure


@pytest.mark.parametrize(("tls", "callers"), [(TLS, Path("callers.toml")), (MTLS, None), (MTLS, Path("callers.toml"))])
def test_with_both_any_address_will_do(tls: TlsFiles, callers: Path | None) -> None:
    """TLS and callers, or certificates of callers alone."""
    assert ServerConfig(host="0.0.0.0", tls=tls, callers=callers)


def test_insecure_is_a_boolean(tmp_path: Path) -> None:
    """A text or number is no word for it."""
    for value in ('"yes"', "1"):
        (tmp_path / "c.toml").write_text(f"[server]\ninsecure = {value}\n")
        with pytest.raises(ConfigError, match="type bool"):
            load(tmp_path / "c.toml")
    (tmp_path / "c.toml").write_text('[server]\ninsecure = true\nhost = "0.0.0.0"\n')
    assert load(tmp_path / "c.toml", {"insecure": None}).insecure
