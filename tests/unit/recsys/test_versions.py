"""Versions: the right one serves, back means back, and what may be needed is never removed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from recsys import bundle as bundles
from recsys import lease, versions
from recsys.errors import BundleError, BundleNotFoundError, ConfigError
from slatewright import cli

HOLD = "import sys, time; from pathlib import Path; from recsys import lease; lease.hold(Path(sys.argv[1])); "


@pytest.fixture(scope="module")
def four(shop_bundles: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A folder with four versions, published one after another: (folder, names in that order)."""
    folder = tmp_path_factory.mktemp("four") / "bundles"
    bundle = bundles.load(bundles.current(shop_bundles))
    names = []
    for n in range(4):
        path = bundles.publish(replace(bundle, ranker_text=bundle.ranker_text + "\n" * (n + 1)), folder)
        manifest = json.loads((path / bundles.MANIFEST).read_text())
        manifest["created"] = f"2026-01-0{n + 1}T00:00:00+00:00"
        (path / bundles.MANIFEST).write_text(json.dumps(manifest))
        names.append(path.name)
    return folder, names


@pytest.fixture
def folder(four: tuple[Path, list[str]], tmp_path: Path) -> Path:
    """A copy of it to change."""
    return Path(shutil.copytree(four[0], tmp_path / "bundles"))


@pytest.fixture
def names(four: tuple[Path, list[str]]) -> list[str]:
    """Oldest first."""
    return four[1]


def test_the_list_says_which_serves(folder: Path, names: list[str], capsys: Any) -> None:
    """Newest first, one of them current, with figures and size; a damaged manifest is told, not hidden."""
    found = versions.versions(folder)
    assert [version.name for version in found] == names[::-1]
    assert [version.current for version in found] == [True, False, False, False]
    assert all(version.ndcg and version.n_bytes > 1_000 and not version.in_use for version in found)
    (folder / names[1] / bundles.MANIFEST).write_text("{")
    assert cli.main(["bundles", "list", "--bundles", str(folder)]) == 0
    said = capsys.readouterr().out
    assert f"*  {names[3]}" in said
    assert "cannot be read" in said
    assert cli.main(["bundles", "list", "--bundles", str(folder), "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 4


def test_back_goes_to_what_served_before(folder: Path, names: list[str]) -> None:
    """Each rollback goes one further; what is used after one comes before the next; a gap is stepped over."""
    for expected in (names[2], names[1], names[0]):
        assert versions.rollback(folder).name == expected
    with pytest.raises(BundleNotFoundError, match="bundles use"):
        versions.rollback(folder)
    versions.use(folder, names[3])
    versions.use(folder, names[1])
    assert versions.rollback(folder).name == names[3]
    assert versions.rollback(folder).name == names[0]
    versions.use(folder, names[2])
    versions.use(folder, names[3])
    shutil.rmtree(folder / names[2])
    assert versions.rollback(folder).name == names[0]


def test_a_folder_of_before_has_no_history(folder: Path, names: list[str]) -> None:
    """Moved by hand or by an older version: nothing to go back to, until CURRENT is moved by a command."""
    (folder / bundles.HISTORY).unlink()
    assert versions.previous(folder) == ""
    versions.use(folder, names[0])
    (folder / bundles.CURRENT).write_text(names[3])
    with (folder / bundles.HISTORY).open("ab") as history:
        history.write(b'\n{"version": "cut o')
    assert versions.rollback(folder).name == names[0]
    versions.use(folder, names[2])
    assert versions.previous(folder) == names[0]


def test_only_what_can_be_served_is_used(folder: Path, names: list[str]) -> None:
    """Unknown, damaged or foreign: refused, and CURRENT stays."""
    path = next((folder / names[0] / "items").glob("*.npy"))
    path.write_bytes(path.read_bytes()[:-1])
    manifest = folder / names[1] / bundles.MANIFEST
    manifest.write_text(manifest.read_text().replace('"feature_hash": "', '"feature_hash": "x'))
    for name in (names[0], names[1], "nope", "../bundles", "", ".lock"):
        with pytest.raises(BundleError):
            versions.use(folder, name)
    assert versions.current_name(folder) == names[3]


def test_gc_keeps_what_may_be_needed(folder: Path, names: list[str], capsys: Any) -> None:
    """Current, the one to go back to, the newest K, and what another process has open; the rest goes entirely."""
    versions.use(folder, names[1])
    versions.use(folder, names[0])
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD + "print('held', flush=True); sys.stdin.read()", str(folder / names[2])],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdin and holder.stdout and holder.stdout.readline()
    (folder / f"{versions.REMOVING}old").mkdir()
    assert versions.versions(folder)[1].in_use
    assert cli.main(["bundles", "gc", "--keep", "0", "--bundles", str(folder)]) == 0
    said = capsys.readouterr().out
    assert f"removed {names[3]}" in said
    assert f"kept {names[2]}: a running server has it open" in said
    holder.stdin.close()
    holder.wait(10)
    holder.stdout.close()
    removed, spared = versions.gc(folder, keep=0)
    assert ([v.name for v in removed], spared) == ([names[2]], [])
    assert sorted(p.name for p in folder.iterdir() if p.is_dir()) == sorted(names[:2])
    assert versions.rollback(folder).name == names[1]
    with pytest.raises(ConfigError):
        versions.gc(folder, keep=-1)


def test_gc_takes_the_oldest_first(folder: Path, names: list[str]) -> None:
    """The newest K stay whatever was used; here the two newest, one of them current, the other to go back to."""
    removed, _ = versions.gc(folder, keep=3)
    assert [version.name for version in removed] == [names[0]]


def test_a_lease_ends_with_its_holder(folder: Path, names: list[str]) -> None:
    """Several may hold one bundle; killed holders hold nothing."""
    path = folder / names[0]
    first, second = lease.hold(path), lease.hold(path)
    os.close(first)
    assert lease.held(path)
    os.close(second)
    assert not lease.held(path)
    holder = subprocess.Popen([sys.executable, "-c", HOLD + "time.sleep(60)", str(path)])
    while not lease.held(path):
        assert holder.poll() is None
    holder.kill()
    holder.wait(10)
    assert not lease.held(path)
    with pytest.raises(BundleNotFoundError):
        lease.hold(folder / "nope")


def test_commands_explain_themselves(folder: Path, tmp_path: Path, capsys: Any) -> None:
    """Each error is one line and exit 2; an empty folder is no error."""
    (tmp_path / "empty").mkdir()
    assert cli.main(["bundles", "list", "--bundles", str(tmp_path / "empty")]) == 0
    assert "no bundle" in capsys.readouterr().out
    for arguments in (["use", "nope", "--bundles", str(folder)], ["list", "--bundles", str(tmp_path / "nope")]):
        assert cli.main(["bundles", *arguments]) == 2
        assert capsys.readouterr().err.startswith("error: ")
    assert cli.main(["bundles", "rollback", "--bundles", str(folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["current"]
