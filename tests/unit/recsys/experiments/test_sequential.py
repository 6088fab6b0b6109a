"""Always-valid intervals: their formula, their duality with p, and that peeking does not break them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize

from recsys.errors import ConfigError
from recsys.experiments.effects import difference
from recsys.experiments.moments import Moments, running
from recsys.experiments.sequential import always_valid, critical, mixture, so_far


def arm(n: float, mean: float, variance: float = 1.0) -> Moments:
    return Moments(np.asarray(n), np.asarray(mean), np.asarray(variance))


@pytest.mark.parametrize("alpha", [0.001, 0.05, 0.2])
def test_mixture_is_the_one_of_the_narrowest_interval(alpha: float) -> None:
    """Lambert's W gives what a numeric search over rho² gives."""

    def width(log_u: float) -> float:
        u = np.exp(log_u)
        return float((u + 1) / u * np.log((u + 1) / alpha**2))

    best = optimize.minimize_scalar(width, bounds=(-3, 6), method="bounded", options={"xatol": 1e-9})
    assert mixture(500, alpha=alpha) * 500 == pytest.approx(np.exp(best.x), rel=1e-4)
    assert critical(alpha=alpha) == pytest.approx(np.sqrt(best.fun), rel=1e-6)


def test_interval_is_theorem_2_2() -> None:
    """Half-width for one stream: sigma sqrt(2 (t rho² + 1) / (t² rho²) log(sqrt(t rho² + 1) / alpha)), by hand."""
    found = always_valid(arm(1_000, 0), arm(1_000, 0), n_planned=4_000)
    t, rho2, sigma = 2_000, mixture(4_000), 2.0
    half = sigma * np.sqrt(2 * (t * rho2 + 1) / (t**2 * rho2) * np.log(np.sqrt(t * rho2 + 1) / 0.05))
    assert found.high == pytest.approx(half)


@given(st.floats(-0.5, 0.5), st.floats(0.01, 0.3), st.integers(300, 50_000))
def test_interval_and_p_agree(effect: float, alpha: float, n: int) -> None:
    """The interval at alpha leaves out 0 exactly where p, for that mixture, is below alpha."""
    found = always_valid(arm(n, 0), arm(n, effect), n_planned=5_000, alpha=alpha)
    if abs(float(found.p) - alpha) > 1e-9:
        assert (found.low > 0 or found.high < 0) == (found.p < alpha)


def test_interval_is_wider_than_the_fixed_one() -> None:
    """Freedom to peek costs width: about 1.5 times at the planned size."""
    fixed, free = difference(arm(5_000, 0), arm(5_000, 0)), always_valid(arm(5_000, 0), arm(5_000, 0), n_planned=10_000)
    assert free.high / fixed.high == pytest.approx(critical() / 1.96, rel=1e-3)


def test_nothing_is_concluded_before_the_first_look() -> None:
    """With fewer users than the first look, or no variance, p is 1 and the interval everything."""
    early = always_valid(arm(100, 0), arm(100, 9), n_planned=1_000)
    flat = always_valid(arm(1_000, 0, 0), arm(1_000, 1, 0), n_planned=1_000)
    for found in (early, flat):
        assert (found.p, found.low, found.high) == (1, -np.inf, np.inf)


def looks(rng: np.random.Generator, n: int, *, effect: float) -> tuple[Moments, Moments]:
    seen = 1.0 + rng.poisson(3, (2, n))
    clicks = rng.binomial(seen.astype(int), rng.beta(2, 18, (2, n)) * np.array([[1.0], [1 + effect]])).astype(float)
    return running(clicks[0], seen[0]), running(clicks[1], seen[1])


def test_peeking_after_every_user_keeps_the_level() -> None:
    """Of 300 A/A tests of a click rate looked at after each user, at most 5 % ever find something; z-tests do often."""
    rng = np.random.default_rng(3)
    ever, naive = 0, 0
    for _ in range(300):
        control, treatment = looks(rng, 2_000, effect=0)
        ever += bool((always_valid(control, treatment, n_planned=4_000).p < 0.05).any())
        naive += bool((difference(control, treatment).p[250:] < 0.05).any())
    assert ever <= 300 * 0.05
    assert naive > 300 * 0.15


def test_a_real_effect_is_found_and_kept() -> None:
    """A planted lift of 50 % is found; the running minimum of p never rises and intervals only narrow."""
    control, treatment = looks(np.random.default_rng(4), 6_000, effect=0.5)
    found = so_far(always_valid(control, treatment, n_planned=12_000))
    assert found.p[-1] < 0.001
    assert (np.diff(found.p) <= 0).all()
    assert (np.diff(found.high[250:]) <= 0).all()
    assert found.low[-1] < 0.05 < found.high[-1]


def test_impossible_settings_are_refused() -> None:
    """Alpha of 5 (meant as per cent) and an experiment of no users are errors."""
    with pytest.raises(ConfigError):
        mixture(100, alpha=5)
    with pytest.raises(ConfigError):
        mixture(0)
