"""Bundles somewhere else: here whole and verified or not at all; against files and a real S3 server on loopback."""

from __future__ import annotations

import json
import os
import shutil
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from recsys import bundle as bundles
from recsys import lease, versions
from recsys.errors import BundleMismatchError, BundleNotFoundError, ConfigError
from recsys.recommender import Recommender
from server import lifecycle
from server.config import ServerConfig, load, local_folder
from server.mirror import FETCHING, Mirror
from slatewright import AsyncClient, RecommendRequest


@pytest.fixture
def there(shop_bundles: Path, tmp_path: Path) -> Path:
    """A published folder."""
    return Path(shutil.copytree(shop_bundles, tmp_path / "there"))


def published(there: Path, n: int) -> Path:
    """Another version of the same bundle."""
    bundle = bundles.load(bundles.current(there))
    return bundles.publish(replace(bundle, ranker_text=bundle.ranker_text + "\n" * n), there)


def test_a_copy_is_what_is_there(there: Path, tmp_path: Path) -> None:
    """Every file, CURRENT last; looking again fetches nothing; a new version is followed, the old ones go in time."""
    here = tmp_path / "here"
    mirror = Mirror(f"file://{there}", here)
    assert mirror.pull()
    first = bundles.current(here)
    Recommender.open(first)
    assert not mirror.pull()
    names = [first.name]
    for n in range(1, 5):
        names.append(published(there, n).name)
        assert mirror.pull()
        assert bundles.current(here).name == names[-1]
    kept = {version.name for version in versions.versions(here)}
    assert set(names[-2:]) <= kept
    assert len(kept) < len(names)
    bundles.point_current(there, names[-2])
    assert mirror.pull()
    assert bundles.current(here).name == names[-2]


def test_what_is_served_here_is_not_removed(there: Path, tmp_path: Path) -> None:
    """However many versions come after it."""
    mirror = Mirror(f"file://{there}", tmp_path / "here")
    mirror.pull()
    held = bundles.current(tmp_path / "here")
    descriptor = lease.hold(held)
    try:
        for n in range(1, 5):
            published(there, n)
            mirror.pull()
        assert held.is_dir()
    finally:
        os.close(descriptor)


@pytest.mark.parametrize("damage", ["flipped", "short", "long", "missing", "manifest", "renamed", "escape", "pointer"])
def test_what_is_wrong_there_never_arrives(there: Path, tmp_path: Path, damage: str) -> None:
    """The version before goes on being current, and no part of the wrong one stays."""
    here = tmp_path / "here"
    mirror = Mirror(f"file://{there}", here)
    mirror.pull()
    good = bundles.current(here).name
    wrong = published(there, 1)
    manifest = wrong / bundles.MANIFEST
    document = json.loads(manifest.read_text())
    victim = next((wrong / "items").glob("*.npy"))
    content = victim.read_bytes()
    if damage == "flipped":
        victim.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    elif damage == "short":
        victim.write_bytes(content[:-1])
    elif damage == "long":
        victim.write_bytes(content + b"x")
    elif damage == "missing":
        victim.unlink()
    elif damage == "manifest":
        manifest.write_text("{")
    elif damage == "renamed":
        manifest.write_text(json.dumps({**document, "version": "another"}))
    elif damage == "escape":
        entry = document["files"].popitem()[1]
        manifest.write_text(json.dumps({**document, "files": {"../../escaped": entry}}))
    else:
        (there / bundles.CURRENT).write_text("../here")
    with pytest.raises((BundleMismatchError, BundleNotFoundError, FileNotFoundError)):
        mirror.pull()
    assert bundles.current(here).name == good
    assert not list(here.glob(f"{FETCHING}*"))
    assert not (tmp_path / "escaped").exists()
    assert [version.name for version in versions.versions(here)] == [good]


def test_leftovers_of_a_killed_fetch_are_no_version(there: Path, tmp_path: Path) -> None:
    """A half-fetched folder is never current and is cleared by the next fetch."""
    here = tmp_path / "here"
    (here / f"{FETCHING}x").mkdir(parents=True)
    Mirror(f"file://{there}", here).pull()
    assert [p.name for p in here.iterdir() if p.is_dir()] == [bundles.current(there).name]


async def test_failures_are_told_once_and_quote_nothing(there: Path, tmp_path: Path, capfd: Any) -> None:
    """The other place away: False, one line in the log, without what a driver says."""
    mirror = Mirror(f"file://{there}", tmp_path / "here")
    (there / bundles.CURRENT).unlink()
    for _ in range(3):
        assert not await mirror.follow()
    assert capfd.readouterr().err.count("bundle_not_fetched") == 1
    (there / bundles.CURRENT).write_text(next(p.name for p in there.iterdir() if (p / bundles.MANIFEST).is_file()))
    assert await mirror.follow()


def test_a_location_is_a_setting(tmp_path: Path) -> None:
    """A URL for `bundles`, by flag or file: its copy has a place of its own, where no state is kept."""
    config = load(None, {"bundles": "s3://shop/bundles", "cache": tmp_path})
    assert (config.remote, config.bundles.parent, config.state_dir) == (
        "s3://shop/bundles",
        tmp_path,
        Path("var/state"),
    )
    (tmp_path / "c.toml").write_text('[server]\nbundles = "s3://shop/other"\n')
    assert load(tmp_path / "c.toml").bundles.parent == Path("var/bundle-cache")
    assert local_folder("s3://a/b", tmp_path) != local_folder("s3://a-b", tmp_path)
    assert load(None, {"bundles": "var/x"}).remote == ""


@pytest.mark.parametrize("url", ["nope://x/y", "s4://u:secret@x/y?token=secret"])
def test_an_unknown_kind_of_place_is_an_error(url: str, tmp_path: Path) -> None:
    """One line, and nothing that may be a password."""
    with pytest.raises(ConfigError) as caught:
        Mirror(url, tmp_path)
    assert "secret" not in str(caught.value)


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A real S3 server on loopback, and a file system of it."""
    pytest.importorskip("s3fs", reason="needs slatewright[remote] and moto, which make setup brings")
    pytest.importorskip("moto", reason="needs moto, which make setup brings")
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from s3fs import S3FileSystem
    from werkzeug.serving import make_server

    server = make_server("127.0.0.1", 0, DomainDispatcherApplication(create_backend_app), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    for name, value in (
        ("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}"),
        ("AWS_ACCESS_KEY_ID", "testing"),
        ("AWS_SECRET_ACCESS_KEY", "testing"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
    ):
        monkeypatch.setenv(name, value)
    files = S3FileSystem(skip_instance_cache=True)
    files.mkdir("s3://shop")
    yield files
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.filterwarnings("default")  # of other people's libraries
async def test_a_server_serves_from_s3(s3: Any, there: Path, tmp_path: Path) -> None:
    """It starts from an empty cache, follows a new version, and goes on when the store is empty."""
    s3.put(str(there), "s3://shop/bundles", recursive=True)
    config = ServerConfig(
        remote="s3://shop/bundles",
        bundles=tmp_path / "copy",
        state=tmp_path / "state",
        port=0,
        remote_poll_s=0.05,
        poll_s=0.05,
    )
    async with lifecycle.running(config) as up, AsyncClient(up.address, timeout_s=20) as client:
        first = (await client.recommend(RecommendRequest())).bundle_version
        assert first == bundles.current(there).name
        second = published(there, 1)
        s3.put(str(second), f"s3://shop/bundles/{second.name}", recursive=True)
        s3.pipe_file("s3://shop/bundles/CURRENT", second.name.encode())
        end = time.monotonic() + 60
        while (await client.recommend(RecommendRequest())).bundle_version != second.name:
            assert time.monotonic() < end, "it never came"
        s3.rm("s3://shop/bundles", recursive=True)
        assert (await client.recommend(RecommendRequest())).bundle_version == second.name
