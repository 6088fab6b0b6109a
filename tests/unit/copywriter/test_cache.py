"""The cache of approved copy."""

from __future__ import annotations

import logging
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from copywriter.cache import MARK_EVERY_S, CachedCopy, CopyCache, CopyKey

KEY = CopyKey("i1", "hash", "pitch", "en", ("habit:repeat",), "pitch-1", "model", "us-1")
COPY = CachedCopy("Worth a look: Tea.", ("title",))


def test_copy_survives_a_restart(tmp_path: Path) -> None:
    """What was put is there after the file is opened again."""
    path = tmp_path / "deep" / "copy.sqlite"
    with CopyCache(path) as cache:
        cache.put(KEY, COPY)
    with CopyCache(path) as cache:
        assert cache.get(KEY) == COPY


@pytest.mark.parametrize(
    "change",
    [
        {"item_id": "i2"}, {"fact_hash": "other"}, {"kind": "email"}, {"locale": "de"},
        {"audience": ()}, {"prompt_version": "pitch-9"}, {"model": "m2"}, {"policy_version": "eu"},
    ],
)  # fmt: skip
def test_every_part_of_the_key_counts(change: dict[str, object]) -> None:
    """A changed fact, policy, prompt, model or audience never finds the old copy."""
    with CopyCache() as cache:
        cache.put(KEY, COPY)
        assert cache.get(replace(KEY, **change)) is None  # type: ignore[arg-type]


def test_the_least_recently_used_copy_leaves_first() -> None:
    """The cache is bounded; a use counts by the hour."""
    now = [0.0]
    with CopyCache(max_rows=10, clock=lambda: now[0]) as cache:
        for at in range(10):
            now[0] += 1
            cache.put(replace(KEY, item_id=str(at)), COPY)
        now[0] += MARK_EVERY_S
        assert cache.get(replace(KEY, item_id="0")) == COPY
        for at in range(10, 14):
            now[0] += 1
            cache.put(replace(KEY, item_id=str(at)), COPY)
        assert len(cache) <= 10
        assert cache.get(replace(KEY, item_id="0")) == COPY
        assert cache.get(replace(KEY, item_id="1")) is None


def test_a_look_up_writes_once_an_hour_at_most(tmp_path: Path) -> None:
    """A slate that shows the same copy again costs a read and no write."""
    now = [1000.0]
    with CopyCache(tmp_path / "copy.sqlite", clock=lambda: now[0]) as cache:
        cache.put(KEY, COPY)
        written = cache._db.total_changes
        for _ in range(50):
            now[0] += 1
            assert cache.get(KEY) == COPY
        assert cache._db.total_changes == written
        now[0] += MARK_EVERY_S
        assert cache.get(KEY) == COPY
        assert cache.get(KEY) == COPY
        assert cache._db.total_changes == written + 1


def test_a_damaged_file_is_put_aside(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Copy can be written again; a broken cache never stops a server."""
    path = tmp_path / "copy.sqlite"
    path.write_bytes(b"this is no database" * 400)
    with caplog.at_level(logging.WARNING), CopyCache(path) as cache:
        assert cache.get(KEY) is None
        cache.put(KEY, COPY)
        assert cache.get(KEY) == COPY
    assert "unreadable" in caplog.text
    assert len(list(tmp_path.glob("copy.sqlite.damaged-*"))) == 1


def test_a_file_of_another_shape_is_put_aside(tmp_path: Path) -> None:
    """An older table under the same name counts as damaged."""
    import sqlite3

    path = tmp_path / "copy.sqlite"
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE copy (other TEXT)")
    db.commit()
    db.close()
    with CopyCache(path) as cache:
        cache.put(KEY, COPY)
        assert cache.get(KEY) == COPY


def test_threads_share_a_cache() -> None:
    """Every put of every thread is found."""
    with CopyCache() as cache:

        def put(worker: int) -> None:
            for at in range(20):
                cache.put(replace(KEY, item_id=f"{worker}.{at}"), COPY)

        threads = [threading.Thread(target=put, args=(worker,)) for worker in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(cache) == 80


def test_an_item_can_be_forgotten() -> None:
    """All copy of one item goes, the rest stays."""
    with CopyCache() as cache:
        cache.put(KEY, COPY)
        cache.put(replace(KEY, item_id="i2"), COPY)
        assert cache.forget("i1") == 1
        assert len(cache) == 1
