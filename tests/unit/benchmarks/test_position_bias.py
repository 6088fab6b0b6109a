"""The simulation behind the figures on position bias."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.position_bias import SYSTEMS, clicked_rows, looked_at, planted_shop, trial
from offline_jobs.progress import Steps


def test_places_are_looked_at_as_often_as_planted() -> None:
    """Place k with probability 1 / k**eta; without bias all ten always."""
    rng = np.random.default_rng(0)
    share = np.mean([looked_at(1.0, rng) for _ in range(4_000)], axis=0)
    assert share == pytest.approx(1 / np.arange(1, 11), abs=0.03)
    assert looked_at(0.0, rng).all()


def test_correction_pays_on_a_generated_shop(shop_log: Path) -> None:
    """On one seed of a small shop the corrected ranker is nearer the planted relevance than the uncorrected one;
    clicks are fewer the lower the place, wants are not.
    """
    shop = planted_shop(shop_log, limit=250, steps=Steps(quiet=True))
    clicks, wants = clicked_rows(shop, np.arange(len(shop.ready)), n_slates=800, eta=1.0, rng=np.random.default_rng(1))
    assert clicks.position is not None
    assert wants.position is not None
    rate = [clicks.label[clicks.position == place].mean() for place in (1, 10)]
    assert rate[0] > 3 * rate[1]
    n_telling, found = trial(shop, eta=1.0, n_slates=1_500, seed=0)
    assert found["corrected"].mean() > found["uncorrected"].mean()
    assert found["oracle"].mean() > found["uncorrected"].mean()
    assert 300 < n_telling < 1_500
    assert set(found) == set(SYSTEMS)
