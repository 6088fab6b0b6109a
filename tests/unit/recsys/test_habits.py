"""How regularly a user takes an item, by session."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from recsys.profiles.user import PULSE_SESSIONS, _by_item


def _pulse(item: NDArray[np.int64], ago: NDArray[np.int64]) -> NDArray[np.float32]:
    """Of events oldest first, `ago` sessions before the newest."""
    n = len(item)
    return _by_item(item.astype(np.int32), -ago, np.ones(n, np.float32), np.ones(n, bool), ago - ago.min()).pulse


def test_an_item_of_every_session_has_a_pulse_of_one_and_later_sessions_count_more() -> None:
    """Of three sessions: always 1; only the newest above only the oldest; both shares as the half-life says."""
    item = np.array([0, 0, 0, 1, 2])
    ago = np.array([2, 1, 0, 0, 2])
    pulse = _pulse(item, ago)
    np.testing.assert_allclose(pulse[:, 0], 1, rtol=1e-6)
    for half_life, (_, newest, oldest) in zip(PULSE_SESSIONS, pulse, strict=True):
        fade = 0.5 ** (1 / half_life)
        np.testing.assert_allclose(newest, 1 / (1 + fade + fade**2), rtol=1e-6)
        np.testing.assert_allclose(oldest, newest * fade**2, rtol=1e-6)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 40)), min_size=1, max_size=60))
def test_a_session_counts_an_item_once(events: list[tuple[int, int]]) -> None:
    """Doing the same twice in a session changes nothing, and no average leaves [0, 1]."""
    item, ago = np.array(sorted(events, key=lambda event: -event[1])).T
    once = _pulse(item, ago)
    np.testing.assert_array_equal(once, _pulse(np.repeat(item, 2), np.repeat(ago, 2)))
    assert once.min() >= 0
    assert once.max() <= 1 + 1e-6
