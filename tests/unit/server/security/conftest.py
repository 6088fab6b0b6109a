"""Certificates of a throw-away authority, and files as an operator would write them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import trustme

from server.security.tls import TlsFiles


def issued(ca: trustme.CA, folder: Path, *names: str) -> TlsFiles:
    """A certificate for `names` as PEM files, whole or not at all, as tools that renew certificates write them."""
    leaf = ca.issue_cert(*names)
    folder.mkdir(exist_ok=True)
    chain = b"".join(part.bytes() for part in leaf.cert_chain_pems)
    for name, content in (
        ("cert.pem", chain),
        ("key.pem", leaf.private_key_pem.bytes()),
        ("ca.pem", ca.cert_pem.bytes()),
    ):
        draft = folder / f"{name}.new"
        draft.write_bytes(content)
        draft.replace(folder / name)
    return TlsFiles(folder / "cert.pem", folder / "key.pem")


@pytest.fixture(scope="session")
def ca() -> trustme.CA:
    """An authority."""
    return trustme.CA()


Issue = Callable[..., TlsFiles]


@pytest.fixture
def issue() -> Issue:
    """A function that writes a certificate: `issue(ca, folder, *names)`."""
    return issued


@pytest.fixture
def tls(ca: trustme.CA, tmp_path: Path) -> TlsFiles:
    """A server's certificate for loopback."""
    return issued(ca, tmp_path / "tls", "127.0.0.1")
