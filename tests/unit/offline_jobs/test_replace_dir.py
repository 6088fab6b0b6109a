"""A folder appears complete, or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from offline_jobs.replace_dir import replace_dir
from recsys.errors import ConfigError


def fill(target: Path, text: str) -> None:
    with replace_dir(target, marker="done") as folder:
        (folder / "done").write_text(text)


def test_written_and_replaced(tmp_path: Path) -> None:
    """The folder holds the last complete write, and nothing lies beside it."""
    fill(tmp_path / "out", "one")
    fill(tmp_path / "out", "two")
    assert (tmp_path / "out" / "done").read_text() == "two"
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_a_failure_leaves_the_old(tmp_path: Path) -> None:
    """An error inside the block removes the attempt and keeps what was there."""
    fill(tmp_path / "out", "one")
    with pytest.raises(ZeroDivisionError), replace_dir(tmp_path / "out", marker="done") as folder:
        (folder / "done").write_text("half")
        raise ZeroDivisionError
    assert (tmp_path / "out" / "done").read_text() == "one"
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_foreign_folders_and_files_are_not_replaced(tmp_path: Path) -> None:
    """A file, or a folder that is not ours, is left alone; an empty folder may be filled."""
    (tmp_path / "file").write_text("mine")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").write_text("mine")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match="is a file"):
        fill(tmp_path / "file", "x")
    with pytest.raises(ConfigError, match="not ours to replace"):
        fill(tmp_path / "photos", "x")
    fill(tmp_path / "empty", "x")


def test_a_parent_that_cannot_be_written(tmp_path: Path) -> None:
    """Where no folder can be made, the error says so."""
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="choose a writable folder"):
        fill(tmp_path / "file" / "out", "x")


def test_remains_of_a_killed_run_are_cleared(tmp_path: Path) -> None:
    """A kill between the two renames loses nothing: the next run brings the old folder back first."""
    fill(tmp_path / "out", "one")
    (tmp_path / "out").rename(tmp_path / ".out.retired")
    (tmp_path / ".out.partial-99999999").mkdir()
    with pytest.raises(ZeroDivisionError), replace_dir(tmp_path / "out", marker="done"):
        raise ZeroDivisionError
    assert (tmp_path / "out" / "done").read_text() == "one"
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_every_file_and_the_folders_are_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each file, the folder and its parent are fsynced: SIGKILL cannot show a missing one."""
    synced: list[str] = []
    monkeypatch.setattr(os, "fsync", lambda handle: synced.append(Path(f"/proc/self/fd/{handle}").readlink().name))
    fill(tmp_path / "out", "one")
    assert synced[0] == "done"
    assert synced[1].startswith(".out.partial")
    assert synced[2] == tmp_path.name
