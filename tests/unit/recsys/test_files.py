"""Files that people name as output: the old one or the new one, never half."""

from __future__ import annotations

from pathlib import Path

import pytest

from recsys import files


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where writing fails midway the old text stays whole and no draft is left behind; a later write replaces it."""
    target = tmp_path / "best.toml"
    files.replace_text(target, "old")

    def half(path: Path, content: bytes) -> None:
        path.write_bytes(content[:2])
        raise OSError("disk full")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="disk full"):
        patch.setattr(files, "write_bytes", half)
        files.replace_text(target, "newer")
    assert target.read_text() == "old"
    files.replace_text(target, "newer")
    assert target.read_text() == "newer"
    assert [path.name for path in tmp_path.iterdir()] == ["best.toml"]
