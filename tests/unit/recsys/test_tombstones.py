"""Tombstones name nobody, are never silently empty, and count up."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.errors import ConfigError
from recsys.tombstones import Tombstone, Tombstones, add_tombstone, digest, read_tombstones

KEY = b"k" * 32


def test_a_list_finds_its_users_and_nobody_else(tmp_path: Path) -> None:
    """Added users are found with number and time; forgotten again, the newer tombstone counts; no id is in the file."""
    path = tmp_path / "t.json"
    for n, user in enumerate(("anna-1", "bert-2", "anna-1"), start=1):
        assert add_tombstone(path, KEY, user, time_ms=100 * n) == Tombstone(n, 100 * n)
    stones = read_tombstones(path, KEY)
    assert (stones.of("anna-1"), stones.of("bert-2")) == (Tombstone(3, 300), Tombstone(2, 200))
    assert stones.of("anna-") is None
    assert stones.honoured == {stones.name: 3}
    assert not any(name in path.read_text() for name in ("anna", "bert"))


def test_what_says_it_honoured_them_is_believed_for_this_list_only(tmp_path: Path) -> None:
    """A number of the same list closes the tombstones up to it; another list's closes none."""
    path = tmp_path / "t.json"
    for user in ("a", "b"):
        add_tombstone(path, KEY, user, time_ms=1)
    stones = read_tombstones(path, KEY)
    assert stones.open_for("a", {}) and stones.open_for("b", {stones.name: 1})
    assert stones.open_for("a", {stones.name: 1}) is None
    assert stones.open_for("a", {"another": 9})


def test_a_list_that_cannot_be_used_is_an_error(tmp_path: Path) -> None:
    """Another key, no key, damage, another format: ConfigError; only a file that is not there is empty."""
    path = tmp_path / "t.json"
    assert read_tombstones(path, None) == Tombstones()
    add_tombstone(path, KEY, "a", time_ms=1)
    good = json.loads(path.read_text())
    for key, says in ((b"x" * 32, "another key"), (None, "SLATEWRIGHT_KEY")):
        with pytest.raises(ConfigError, match=says):
            read_tombstones(path, key)
    with pytest.raises(ConfigError, match="another key"):
        add_tombstone(path, b"x" * 32, "b", time_ms=1)
    for damage in ("", "[]", "{}", json.dumps({**good, "format": 2}), json.dumps({**good, "tombstones": [1]}), "\x00"):
        path.write_text(damage)
        with pytest.raises(ConfigError):
            read_tombstones(path, KEY)


def test_several_at_once_lose_none(tmp_path: Path) -> None:
    """Two commands at the same moment wait for each other."""
    path = tmp_path / "t.json"
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: add_tombstone(path, KEY, f"u{n}", time_ms=1), range(40)))
    stones = read_tombstones(path, KEY)
    assert sorted(stone.seq for stone in stones.by_user.values()) == list(range(1, 41))


@given(st.text(max_size=20), st.text(max_size=20))
def test_two_users_are_two_hashes(one: str, other: str) -> None:
    """Any two ids, odd ones included, are told apart; another key gives other hashes."""
    assert (digest(KEY, one) == digest(KEY, other)) == (one == other)
    assert digest(KEY, one) != digest(b"x" * 32, one)
