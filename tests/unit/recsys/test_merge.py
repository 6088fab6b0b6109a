"""The merge: quotas and weights are what the configuration says, and a shorter list is the start of a longer one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from offline_jobs.config import read_config
from recsys.candidates.eligible import eligible
from recsys.candidates.merge import SOURCES, Fusion, Quotas, merge, settings
from recsys.candidates.retrieve import propose, retrieve, score_sources
from recsys.errors import ConfigError
from recsys.profiles.user import user_profile
from recsys.rerank.training_set import history_at

if TYPE_CHECKING:
    from tests.conftest import Trial


def _lists(**found: list[int]) -> dict[str, np.ndarray]:
    return {name: np.array(found.get(name, []), np.int32) for name in SOURCES}


def test_the_merge_sums_weights_over_ranks() -> None:
    """An item that two sources list beats one that a stronger source lists alone; ties go to the lower row."""
    _, weights = settings(Quotas(), replace(Fusion(), als=1.0, users=1.0, next=1.5))
    rows, ranks, fused = merge(_lists(als=[5, 9], users=[5, 4], next=[2]), weights, limit=3, n_items=10)
    assert rows.tolist() == [5, 2, 4]
    np.testing.assert_allclose(fused, [2 / 61, 1.5 / 61, 1 / 62], rtol=1e-6)
    assert ranks[0, :3].tolist()[:2] == [1, 1]
    assert np.isnan(ranks[1, :2]).all()
    assert ranks[1, SOURCES.index("next")] == 1


def test_either_zero_turns_a_source_off() -> None:
    """Quota 0 and weight 0 mean the same, so that nothing half off is served."""
    quotas, weights = settings(replace(Quotas(), als=0), replace(Fusion(), users=0.0))
    assert (quotas[:3] > 0).tolist() == (weights[:3] > 0).tolist() == [False, False, True]


def test_quotas_and_weights_are_respected(shop_trial: Trial) -> None:
    """No source lists more than its quota, one that is off lists nothing, and each list starts the longer one."""
    held, rng = shop_trial.held, np.random.default_rng(3)
    model = held.model
    longest = np.full(len(SOURCES), 300)
    for request in held.requests[:40]:
        history = history_at(held.earlier, held.later, request.user_row, request.time_ms)
        profile = user_profile(history, model.items, time_ms=request.time_ms)
        allowed = eligible(model.items, profile)
        scored = score_sources(model.sources, profile)
        every = propose(model.sources, scored, profile, allowed, quotas=longest)
        drawn = Quotas(*rng.integers(0, 60, len(SOURCES)).tolist())
        weights = Fusion(*rng.choice([0.0, 0.5, 2.0], len(SOURCES)).tolist())
        quotas, fusion = settings(drawn, weights)
        sources = replace(model.sources, quotas=quotas, fusion=fusion)
        found = retrieve(sources, profile, allowed)
        cut = {name: every[name][:k] for name, k in zip(SOURCES, quotas, strict=True)}
        expected = merge(cut, fusion, limit=300, n_items=len(allowed))
        np.testing.assert_array_equal(found.rows, expected[0])
        np.testing.assert_array_equal(found.ranks, expected[1])
        listed = np.isfinite(found.ranks).sum(axis=0)
        assert (listed <= quotas).all()
        assert not listed[fusion == 0].any()
        np.testing.assert_array_equal(found.scores, scored.at(found.rows, sources))


@pytest.mark.parametrize(
    ("table", "wrong"),
    [
        ("[candidates.quotas]\nnearest = 10", "'nearest'; known are als"),
        ("[candidates.quotas]\nals = 10.5", "expected a number like 100"),
        ("[candidates.quotas]\nals = -1", "expected a finite number from 0"),
        ("[candidates.fusion]\nals = inf", "expected a finite number from 0"),
        ("[candidates]\nquotas = 10", r"expected a table \[quotas\]"),
    ],
)
def test_a_wrong_quota_is_refused(tmp_path: Path, table: str, wrong: str) -> None:
    """An unknown source names the known ones; other mistakes say what was expected."""
    path = tmp_path / "build.toml"
    path.write_text(table)
    with pytest.raises(ConfigError, match=wrong):
        read_config(path)


def test_what_a_file_leaves_out_keeps_its_default(tmp_path: Path) -> None:
    """One source named, zero allowed, the rest as in code."""
    path = tmp_path / "build.toml"
    path.write_text("[candidates.quotas]\nnext = 0\n[candidates.fusion]\nals = 2\n")
    candidates = read_config(path).candidates
    assert candidates.quotas == replace(Quotas(), next=0)
    assert candidates.fusion == replace(Fusion(), als=2)
