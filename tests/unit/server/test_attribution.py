"""Attribution tokens and user pseudonyms."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.errors import ConfigError
from server.attribution import Attribution, load_key, pseudonym, seal, unseal

KEY = b"k" * 32
ANSWER = Attribution("request-ü", "bundle-1", {"ranking": "control"}, 1_500_000_000_000, "abc")


def test_a_token_opens_to_what_was_sealed() -> None:
    """Seal and unseal are inverse under one key, also for non-ASCII ids."""
    assert unseal(KEY, seal(KEY, ANSWER)) == ANSWER


def test_a_token_of_the_longest_ids_still_opens() -> None:
    """The length limit never refuses a token of our own."""
    longest = Attribution("\U0001f600" * 256, "b" * 64, {"ranking": "control"}, 2**42, "f" * 16)
    assert unseal(KEY, seal(KEY, longest)) == longest


@pytest.mark.parametrize("place", range(0, len(seal(KEY, ANSWER)), 7))
def test_no_character_of_a_token_can_be_changed(place: int) -> None:
    """Changing any character makes the token worthless."""
    token = seal(KEY, ANSWER)
    other = "A" if token[place] != "A" else "B"
    assert unseal(KEY, token[:place] + other + token[place + 1 :]) is None


def test_another_key_opens_nothing() -> None:
    """A token is worth something only to holders of its key."""
    assert unseal(b"x" * 32, seal(KEY, ANSWER)) is None


@given(st.text(max_size=300))
def test_noise_is_not_a_token(noise: str) -> None:
    """Whatever text comes, the answer is None, never an exception."""
    assert unseal(KEY, noise) is None


def test_the_key_file_is_made_once_and_private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The random key stays the same over restarts and is readable by its owner only."""
    monkeypatch.delenv("SLATEWRIGHT_KEY", raising=False)
    key = load_key(tmp_path)
    assert load_key(tmp_path) == key
    assert len(key) == 32
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600


def test_the_environment_key_wins_and_must_be_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SLATEWRIGHT_KEY leaves no file behind; a short one is refused with the remedy."""
    monkeypatch.setenv("SLATEWRIGHT_KEY", "s" * 16)
    assert load_key(tmp_path) == b"s" * 16
    assert not (tmp_path / "key").exists()
    monkeypatch.setenv("SLATEWRIGHT_KEY", "short")
    with pytest.raises(ConfigError, match="openssl"):
        load_key(tmp_path)


def test_pseudonyms_are_stable_per_key_and_empty_for_nobody() -> None:
    """One user, one key, one name; another key another name."""
    assert pseudonym(KEY, "u") == pseudonym(KEY, "u") != pseudonym(b"x" * 32, "u")
    assert pseudonym(KEY, "") == ""
