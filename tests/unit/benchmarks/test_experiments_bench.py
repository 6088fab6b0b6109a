"""The bench of experiments: its theory against brute force, its simulations against their planted truth, its output."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.experiments import ab, bandit_world, known_truth, overhead, propensities, run, slate_world
from benchmarks.experiments.simulated_users import click_rate, mean_spend, simulate
from recsys.rerank.explore import ExploreConfig, explore, propensity
from recsys.slate import Slate, SlateItem


def test_simulated_users_have_the_planted_rates() -> None:
    """Clicks per impression and spend per user are those of the closed forms, lifted as asked."""
    arm = simulate(np.random.default_rng(1), (1, 300_000), click_lift=0.1, buy_lift=0.2)
    assert arm.clicks.sum() / arm.impressions.sum() == pytest.approx(1.1 * click_rate(), rel=0.01)
    assert arm.spend.mean() == pytest.approx(1.2 * mean_spend(), rel=0.03)


def test_slate_policies_are_distributions() -> None:
    """Slates and marginals of both policies sum to 1, and conditionals multiply to slates."""
    world = slate_world.make(1, fatigue=0.5)
    for policy in (world.logging, world.target):
        assert policy.slate.sum(axis=1) == pytest.approx(1)
        assert policy.following.sum(axis=3) == pytest.approx(1)
        at_top = [policy.marginal[:, slate_world.SLATES[:, 0] == a, 0].mean(axis=1) for a in range(slate_world.N_ITEMS)]
        assert sum(at_top) == pytest.approx(1)


def test_theory_knows_which_estimators_are_unbiased() -> None:
    """Independent IPS is biased under the cascade only; the others are right in both worlds; of rounds, IPS and DR."""
    cascade, independent = (slate_world.theory(slate_world.make(2, fatigue=f), 100) for f in (0.5, 0.0))
    for name in ("standard_ips", "reward_interaction_ips", "cascade_dr"):
        assert cascade[name].bias == pytest.approx(0, abs=1e-12)
        assert independent[name].bias == pytest.approx(0, abs=1e-12)
    assert independent["independent_ips"].bias == pytest.approx(0, abs=1e-12)
    assert abs(cascade["independent_ips"].bias) > 0.01
    rounds = bandit_world.theory(bandit_world.make(2), 100)
    assert (rounds["ips"].bias, rounds["doubly_robust"].bias) == pytest.approx((0, 0), abs=1e-12)
    assert rounds["clipped_ips"].bias < 0


@pytest.mark.slow
def test_every_estimator_agrees_with_its_theory() -> None:
    """Over 600 logs, bias and variance lie within 4 standard errors of theory, in all worlds."""
    for row in known_truth.measure(3, 600):
        assert row.theory is None or (abs(row.bias_z) < 4 and abs(row.variance_z) < 4), row


@pytest.mark.slow
def test_levels_and_coverage_hold() -> None:
    """Of 1,000 A/A and planted experiments, shares with a band are within 4 standard errors of what is nominal."""
    shares = ab.same_arms(np.random.default_rng(3), 1_000) + ab.planted(np.random.default_rng(4), 1_000)
    for share in shares:
        if share.band in {(0.036, 0.064), (0.93, 0.97)}:
            assert share.value == pytest.approx(sum(share.band) / 2, abs=4 * np.sqrt(0.05 * 0.95 / 1_000)), share
        elif share.band:
            assert share.band[0] <= share.value <= share.band[1], share


def drawn(n: int, *, told: ExploreConfig) -> list[tuple[str, Slate]]:
    """Slates that explore as `told`, with the propensities of an epsilon of 0.3."""
    slates = []
    for at in range(n):
        chosen, _ = explore(list(range(40)), n=6, config=told, seed_text=f"r-{at}")
        pools = [list(range(4, 24))[slot::2] for slot in range(2)]
        said = [1.0] * 4 + [propensity(pools[slot].index(chosen[4 + slot]), 10, 0.3) for slot in range(2)]
        items = [
            SlateItem(f"i{row}", rank, 0.0, (), (), propensity=share)
            for rank, (row, share) in enumerate(zip(chosen, said, strict=True), start=1)
        ]
        slates.append(("u", Slate(tuple(items), "known", "b")))
    return slates


def test_propensities_that_lie_are_found_out() -> None:
    """Draws of the epsilon that was told fit, of places and of pairs; those of another do not."""
    honest = propensities.fits(drawn(4_000, told=ExploreConfig(slots=2, epsilon=0.3, pool=20)))
    lying = propensities.fits(drawn(4_000, told=ExploreConfig(slots=2, epsilon=0.4, pool=20)))
    assert {name: fit.freedom for name, fit in honest.items()} == {"places": 18, "pairs": 99}
    assert all(fit.p > 1e-3 and fit.off < 1e-12 for fit in honest.values())
    assert all(fit.p < 1e-6 for fit in lying.values())


def test_the_cost_of_variants_and_exposures_is_measured() -> None:
    """Every figure is there; nothing is free but a server without features, which is nearly."""
    figures = overhead.measure()
    assert set(figures) == {"resolve_ms", "resolve_off_ms", "expose_ms", "expose_write_ms"}
    assert 0 < figures["resolve_off_ms"] < figures["resolve_ms"] < 5


def test_open_bandit_is_read_and_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """From files of the data set's form comes a table a campaign, its warnings, and the figures."""
    rng = np.random.default_rng(5)
    for campaign in ("all", "men", "women"):
        pq.write_table(pa.table({"item_id": np.arange(4)}), tmp_path / f"items_{campaign}.parquet")
        for policy, shares in {"bts": np.array([0.7, 0.2, 0.05, 0.05]), "random": np.full(4, 0.25)}.items():
            items = rng.choice(4, 3_000, p=shares)
            clicks = (rng.random(3_000) < 0.05 + 0.1 * items).astype(int)
            rows = {"item_id": items, "click": clicks, "propensity_score": shares[items]}
            pq.write_table(pa.table(rows), tmp_path / f"{policy}_{campaign}.parquet")
    figures = run.real(tmp_path)
    assert figures["open_bandit.men.snips"] == pytest.approx(0.2, abs=0.05)
    assert figures["open_bandit.men.own_rate"] == pytest.approx(0.2, abs=0.03)
    assert figures["open_bandit.men.naive"] < 0.13
    assert capsys.readouterr().out.count("Effective sample size") == 3
