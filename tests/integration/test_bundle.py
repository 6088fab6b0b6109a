"""Bundles: whole or not there, whatever happens; refused when damaged, foreign or worse."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from offline_jobs import parallel
from offline_jobs.publish import publish
from recsys import bundle as bundles
from recsys.candidates.retrieve import SOURCES
from recsys.errors import BundleMismatchError, BundleNotFoundError
from recsys.recommender import Recommender
from recsys.slate import SlateRequest

PUBLISH_AGAIN = """
import sys, dataclasses
from pathlib import Path
from recsys import bundle as bundles
out = Path(sys.argv[1])
bundle = bundles.load(bundles.current(out))
print("started", flush=True)
for trees in range(1, 1000):
    changed = dataclasses.replace(bundle, ranker_text=bundle.ranker_text + "\\n" * trees)
    bundles.publish(changed, out)
"""


@pytest.fixture
def copied(shop_bundles: Path, tmp_path: Path) -> Path:
    """A private copy of the shop's bundles, to be damaged."""
    return Path(shutil.copytree(shop_bundles, tmp_path / "bundles"))


def test_an_empty_folder_holds_no_bundle(tmp_path: Path) -> None:
    """The error says what is missing and which command brings it."""
    with pytest.raises(BundleNotFoundError, match="slatewright build"):
        bundles.current(tmp_path)


@pytest.mark.parametrize("content", ["", "nowhere\n", "../elsewhere\n", "\x00"])
def test_a_pointer_to_nothing_is_refused(copied: Path, content: str) -> None:
    """CURRENT must name a bundle of this folder."""
    (copied / bundles.CURRENT).write_text(content)
    with pytest.raises((BundleNotFoundError, ValueError)):
        bundles.current(copied)


def test_every_damaged_file_is_noticed(copied: Path) -> None:
    """A flipped bit in any file, a truncated or a missing file: refused, with the file named."""
    directory = bundles.current(copied)
    names = list(json.loads((directory / bundles.MANIFEST).read_text())["files"])
    assert len(names) > 40
    for name in random.Random(3).sample(names, 12):
        path = directory / name
        original = path.read_bytes()
        flipped = bytearray(original)
        flipped[len(flipped) // 2] ^= 1
        for damaged in (bytes(flipped), original[:-1]):
            path.write_bytes(damaged)
            with pytest.raises(BundleMismatchError, match=path.name):
                bundles.load(directory)
        path.unlink()
        with pytest.raises(BundleMismatchError, match=path.name):
            bundles.load(directory)
        path.write_bytes(original)
    bundles.load(directory)


@pytest.mark.parametrize(("key", "value"), [("feature_hash", "0" * 16), ("format", 99), ("format", None)])
def test_a_bundle_of_other_code_is_refused(copied: Path, key: str, value: object) -> None:
    """Features or format of another version cannot be served; the remedy is to rebuild."""
    path = bundles.current(copied) / bundles.MANIFEST
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps(manifest | {key: value, "features": ["other"]}))
    with pytest.raises(BundleMismatchError, match="rebuild"):
        bundles.load(path.parent)


def test_publishing_the_same_content_again_changes_nothing(copied: Path) -> None:
    """The version is a hash of the content, so the same content is the same version."""
    directory = bundles.current(copied)
    before = (directory / bundles.MANIFEST).read_bytes()
    assert bundles.publish(bundles.load(directory), copied) == directory
    assert (directory / bundles.MANIFEST).read_bytes() == before


def test_a_damaged_version_is_mended_by_publishing_it_again(copied: Path) -> None:
    """The remedy the error names works."""
    directory = bundles.current(copied)
    sound = bundles.load(shutil.copytree(directory, copied.parent / "sound"))
    (directory / "ranker.txt").write_text("damaged")
    assert bundles.publish(sound, copied) == directory
    bundles.load(directory)


def test_a_worse_model_is_refused_unless_forced(copied: Path) -> None:
    """A bundle measured below the current one's interval is not published; nothing changes."""
    from dataclasses import replace

    bundle = bundles.load(bundles.current(copied))
    metrics = bundle.manifest["metrics"]
    worse = {**metrics, "slate": {**metrics["slate"], "ndcg@10": metrics["slate"]["intervals"]["ndcg@10"][0] - 0.01}}
    poor = replace(bundle, manifest={**bundle.manifest, "metrics": worse}, ranker_text=bundle.ranker_text + "\n")
    with pytest.raises(BundleMismatchError, match="--force"):
        publish(poor, copied)
    assert bundles.current(copied).name == bundle.version
    assert publish(poor, copied, force=True).name != bundle.version


@pytest.mark.slow
def test_a_kill_at_any_moment_leaves_a_bundle_that_serves(copied: Path) -> None:
    """SIGKILL a publishing process at five random moments: CURRENT always names a sound bundle."""
    rng = random.Random(5)
    seen = set()
    for _ in range(5):
        process = subprocess.Popen(
            [sys.executable, "-c", PUBLISH_AGAIN, str(copied)], stdout=subprocess.PIPE, env={**os.environ}
        )
        assert process.stdout is not None
        assert process.stdout.readline() == b"started\n"
        time.sleep(rng.uniform(0.0, 2.0))
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        directory = bundles.current(copied)
        slate = Recommender.open(directory).recommend(SlateRequest("u0000003", 1_750_000_000_000))
        assert len(slate.items) == 10
        seen.add(directory.name)
    assert len(seen) > 1, "no publish finished between the kills: the test did not exercise anything"
    bundles.publish(bundles.load(bundles.current(copied)), copied)
    assert not list(copied.glob(f"{bundles.UNFINISHED}*")), "leftovers are cleared by the next publish"


def test_the_same_log_gives_the_same_bundle(
    shop_log: Path, shop_bundles: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Same log, configuration and seeds: the same files, byte for byte, hence the same version; also where requests
    are prepared by two processes instead of one. Every source and the ranker are among these files.
    """
    from tests.conftest import build_bundles

    monkeypatch.setattr(parallel, "os", SimpleNamespace(sched_getaffinity=lambda _: {0, 1}))
    monkeypatch.setattr(parallel, "MIN_REQUESTS", 1)
    once, again = (bundles.current(d) for d in (shop_bundles, build_bundles(shop_log, tmp_path / "again")))
    assert again.name == once.name
    names = [str(path.relative_to(once)) for path in sorted(once.rglob("*")) if path.is_file()]
    assert names == [str(path.relative_to(again)) for path in sorted(again.rglob("*")) if path.is_file()]
    for name in names:
        if name != bundles.MANIFEST:
            assert (once / name).read_bytes() == (again / name).read_bytes(), name
    sources = {name.removeprefix("sources/").split("_", 1)[0] for name in names if name.startswith("sources/")}
    of_items = {"repurchase"}  # proposes what the histories hold
    assert set(SOURCES) - of_items <= sources
    assert {"ranker.txt", "histories/item_row.npy"} <= set(names)
    manifests = [json.loads((directory / bundles.MANIFEST).read_text()) for directory in (once, again)]
    assert {k: v for k, v in manifests[0].items() if k != "created"} == {
        k: v for k, v in manifests[1].items() if k != "created"
    }


def test_arrays_are_mapped_not_read(shop_bundles: Path) -> None:
    """Workers share pages of one file: opened arrays own no memory and cannot be written."""
    bundle = bundles.load(bundles.current(shop_bundles))
    factors = bundle.model.sources.als.ordered
    assert isinstance(factors.base, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        factors[0] = 1
