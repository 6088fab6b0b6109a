"""Real handshakes: who may connect, and a certificate that is exchanged while the server runs."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path
from typing import Any

import grpc
import pytest
import trustme
from grpc_health.v1 import health_pb2, health_pb2_grpc

import slatewright
from recsys.errors import ConfigError
from server.config import load
from server.security.tls import Certificates, TlsFiles
from slatewright import AsyncClient, Client, cli
from slatewright.v1 import recommendation_pb2, recommendation_pb2_grpc

CALLERS = """
[[caller]]
name = "feed"
certificates = ["feed.internal"]
rpcs = ["Recommend"]
"""


async def reached(address: str, ca: trustme.CA, client: trustme.LeafCert | None = None) -> bool:
    """Whether a new connection of a caller who trusts `ca` comes about."""
    async with channel(address, ca, client) as open_channel:
        try:
            request = health_pb2.HealthCheckRequest()
            return bool((await health_pb2_grpc.HealthStub(open_channel).Check(request, timeout=5)).status)
        except grpc.aio.AioRpcError as error:
            assert error.code() is grpc.StatusCode.UNAVAILABLE
            return False


def channel(address: str, ca: trustme.CA, client: trustme.LeafCert | None = None) -> Any:
    pair: Any = (None, None)
    if client:
        pair = (client.private_key_pem.bytes(), client.cert_chain_pems[0].bytes())
    credentials = grpc.ssl_channel_credentials(ca.cert_pem.bytes(), *pair)
    return grpc.aio.secure_channel(address, credentials, options=[("grpc.use_local_subchannel_pool", 1)])


async def test_only_encrypted_calls_are_answered(open_shop: Any, ca: trustme.CA, tls: TlsFiles) -> None:
    """With a certificate set, callers who trust its authority are served, and plain text is not."""
    async with open_shop(tls=tls) as shop:
        assert await reached(shop.up.address, ca)
        assert not await reached(shop.up.address, trustme.CA())
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await shop.recommend()
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_a_certificate_is_exchanged_without_a_restart(
    open_shop: Any, ca: trustme.CA, tls: TlsFiles, issue: Any, capfd: Any
) -> None:
    """The next handshake gets the new pair; an open connection lives on; half a pair is never served."""
    other = trustme.CA()
    async with open_shop(tls=tls) as shop, channel(shop.up.address, ca) as early:
        health = health_pb2_grpc.HealthStub(early)
        assert (await health.Check(health_pb2.HealthCheckRequest(), timeout=5)).status
        before = tls.cert.read_bytes()
        tls.cert.write_bytes(issue(other, tls.cert.parent / "other", "127.0.0.1").cert.read_bytes())
        for _ in range(2):
            assert await reached(shop.up.address, ca)
        tls.cert.write_bytes(before)
        issue(other, tls.cert.parent, "127.0.0.1")
        assert await reached(shop.up.address, other)
        assert not await reached(shop.up.address, ca)
        assert (await health.Check(health_pb2.HealthCheckRequest(), timeout=5)).status
        tls.key.unlink()
        assert await reached(shop.up.address, other)
    logged = capfd.readouterr().err
    assert logged.count('"certificate_refused"') == 2
    assert '"certificate_loaded"' in logged
    assert "PRIVATE KEY" not in logged


async def test_mtls_lets_in_whom_the_authority_signed(open_shop: Any, ca: trustme.CA, tls: TlsFiles) -> None:
    """Without a certificate, or with another authority's, there is no connection at all."""
    strict = TlsFiles(tls.cert, tls.key, tls.cert.parent / "ca.pem")
    async with open_shop(tls=strict) as shop:
        assert await reached(shop.up.address, ca, ca.issue_cert("feed.internal"))
        assert not await reached(shop.up.address, ca)
        assert not await reached(shop.up.address, ca, trustme.CA().issue_cert("feed.internal"))


async def test_a_certificate_names_its_caller(
    open_shop: Any, refused: Any, ca: trustme.CA, tls: TlsFiles, tmp_path: Path
) -> None:
    """The subject alternative name is the identity; another name, or a common name alone, is nobody."""
    (tmp_path / "callers.toml").write_text(CALLERS)
    strict = TlsFiles(tls.cert, tls.key, tls.cert.parent / "ca.pem")
    request = recommendation_pb2.RecommendRequest()

    def slates(open_channel: Any) -> Any:
        return recommendation_pb2_grpc.RecommendationServiceStub(open_channel).Recommend(request, timeout=5)

    async with open_shop(tls=strict, callers=tmp_path / "callers.toml") as shop:
        async with channel(shop.up.address, ca, ca.issue_cert("feed.internal")) as known:
            assert (await slates(known)).items
            spoofed = (("x509_subject_alternative_name", "feed.internal"), ("x-api-key", "feed.internal"))
            stub = recommendation_pb2_grpc.RecommendationServiceStub(known)
            code, _, _, _ = await refused(stub.Recommend(request, timeout=5, metadata=spoofed))
            assert code is grpc.StatusCode.UNAUTHENTICATED
        for stranger in (ca.issue_cert("feed.external"), ca.issue_cert("x.internal", common_name="feed.internal")):
            async with channel(shop.up.address, ca, stranger) as unknown:
                code, _, reason, _ = await refused(slates(unknown))
                assert (code, reason) == (grpc.StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED")


def test_files_that_cannot_serve_are_an_error_at_start(
    ca: trustme.CA, tls: TlsFiles, issue: Any, tmp_path: Path
) -> None:
    """Missing, empty, swapped, foreign or encrypted: one ConfigError naming the files."""
    foreign = issue(trustme.CA(), tmp_path / "foreign", "127.0.0.1")
    empty = tmp_path / "empty.pem"
    empty.write_text("")
    from cryptography.hazmat.primitives import serialization

    encrypted = tmp_path / "encrypted.pem"
    plain = serialization.load_pem_private_key(tls.key.read_bytes(), None)
    encrypted.write_bytes(
        plain.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"word"),
        )
    )
    for files in (
        TlsFiles(tls.cert, tmp_path / "nope.pem"),
        TlsFiles(empty, tls.key),
        TlsFiles(tls.key, tls.cert),
        TlsFiles(tls.cert, foreign.key),
        TlsFiles(tls.cert, encrypted),
        TlsFiles(tls.cert, tls.key, empty),
        TlsFiles(tls.cert, tls.key, tmp_path / "nope.pem"),
    ):
        with pytest.raises(ConfigError, match="cannot be used for TLS"):
            Certificates(files)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[server]\ntls = true", "server.tls"),
        ('[server.tls]\ncert = "a"', "expected cert, key"),
        ('[server.tls]\ncert = "a"\nkey = "b"\nca = "c"', "expected cert, key"),
        ('[server.tls]\ncert = "a"\nkey = 1', "key is 1"),
    ],
)
def test_a_wrong_table_is_named(tmp_path: Path, text: str, says: str) -> None:
    """ConfigError with what is expected."""
    (tmp_path / "c.toml").write_text(text)
    with pytest.raises(ConfigError, match=says):
        load(tmp_path / "c.toml")


def test_the_table_of_the_settings_file(tmp_path: Path) -> None:
    """`[server.tls]` becomes the files."""
    (tmp_path / "c.toml").write_text('[server]\nport = 1\n[server.tls]\ncert = "a"\nkey = "b"\nclient_ca = "c"\n')
    assert load(tmp_path / "c.toml").tls == TlsFiles(Path("a"), Path("b"), Path("c"))


async def test_our_own_clients_get_in(open_shop: Any, ca: trustme.CA, tls: TlsFiles, tmp_path: Path) -> None:
    """Both clients and the command line over mTLS: the certificate says who calls, or a key does."""
    key = "sw_client"
    digest = hashlib.sha256(key.encode()).hexdigest()
    entry = f'[[caller]]\nname = "cli"\nkey_sha256 = ["{digest}"]\nrpcs = ["*"]\n'
    (tmp_path / "callers.toml").write_text(CALLERS + entry)
    leaf = ca.issue_cert("feed.internal")
    leaf.private_key_pem.write_to_path(str(tmp_path / "k.pem"))
    leaf.cert_chain_pems[0].write_to_path(str(tmp_path / "c.pem"))
    authority = tls.cert.parent / "ca.pem"
    secure = slatewright.tls(authority, cert=tmp_path / "c.pem", key=tmp_path / "k.pem")
    request = recommendation_pb2.RecommendRequest()
    strict = TlsFiles(tls.cert, tls.key, authority)
    async with open_shop(tls=strict, callers=tmp_path / "callers.toml") as shop:
        address = shop.up.address
        async with AsyncClient(address, timeout_s=10, credentials=secure) as client:
            assert (await client.recommend(request)).items
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await client.update_items([])
            assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED

        def blocking() -> int:
            with Client(address, timeout_s=10, credentials=secure, api_key=key) as client:
                return client.update_items([]).accepted

        assert await asyncio.to_thread(blocking) == 0
        flags = ["--ca", str(authority), "--cert", str(tmp_path / "c.pem"), "--key", str(tmp_path / "k.pem")]
        command = ["recommend", "--target", address, *flags]
        assert await asyncio.to_thread(cli.main, command) == 0
        assert await asyncio.to_thread(cli.main, ["recommend", "--target", address, "--ca", str(authority)]) == 2
