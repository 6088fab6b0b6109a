"""Moments, differences and lifts: planted answers, agreement with scipy, and the slow way."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from recsys.errors import DataError
from recsys.experiments.effects import difference, lift
from recsys.experiments.moments import linearised, of_ratio, of_sums, of_values, running


def users(seed: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    impressions = 1.0 + rng.poisson(5, n)
    return rng.binomial(impressions.astype(int), rng.beta(2, 18, n)).astype(float), impressions


@given(st.integers(0, 10_000), st.integers(2, 60))
def test_linearised_values_average_to_the_ratio(seed: int, n: int) -> None:
    """The mean of the linearised values is the ratio of sums, whatever the users."""
    clicks, impressions = users(seed, n)
    assert linearised(clicks, impressions).mean() == pytest.approx(clicks.sum() / impressions.sum(), abs=1e-12)


def test_ratio_variance_is_the_formula_of_deng_2018() -> None:
    """The variance is (var y - 2 R cov + R² var x) / mean(x)², written out as in the paper."""
    y, x = users(1, 500)
    ratio, cov = y.mean() / x.mean(), np.cov(y, x)
    by_hand = (cov[0, 0] - 2 * ratio * cov[0, 1] + ratio**2 * cov[1, 1]) / x.mean() ** 2
    assert of_ratio(y, x).variance == pytest.approx(by_hand)


def test_ratio_of_constant_denominators_is_a_mean() -> None:
    """With one impression a user, the ratio metric is the mean of the clicks."""
    y, _ = users(2, 300)
    ratio, mean = of_ratio(y, np.ones(300)), of_values(y)
    assert (ratio.mean, ratio.variance) == (pytest.approx(mean.mean), pytest.approx(mean.variance))


def test_users_without_impressions_change_the_ratio_not() -> None:
    """Users who were assigned and never came leave the ratio, and its standard error but for n / (n - 1)."""
    y, x = users(3, 2_000)
    with_idle = of_ratio(np.append(y, np.zeros(500)), np.append(x, np.zeros(500)))
    without = of_ratio(y, x)
    assert with_idle.mean == pytest.approx(without.mean)
    assert with_idle.mean_variance == pytest.approx(without.mean_variance, rel=1e-3)


def test_running_moments_are_those_of_every_prefix() -> None:
    """What is seen after k users is what `of_ratio` says of the first k."""
    y, x = users(4, 80)
    seen = running(y, x)
    for k in (2, 3, 17, 80):
        prefix = of_ratio(y[:k], x[:k])
        assert (seen.mean[k - 1], seen.variance[k - 1]) == (pytest.approx(prefix.mean), pytest.approx(prefix.variance))
    assert np.isnan(seen.mean[0])


def test_sums_of_days_add_up() -> None:
    """Sums of two days added give the moments of both days together."""
    y, x = users(5, 100)
    parts = [[len(p), *map(np.sum, (p, q, p * p, p * q, q * q))] for p, q in ((y[:40], x[:40]), (y[40:], x[40:]))]
    n, *sums = np.sum(parts, axis=0)
    added = of_sums(n, **dict(zip(("y", "x", "yy", "xy", "xx"), sums, strict=True)))
    assert added.variance == pytest.approx(of_ratio(y, x).variance)


def test_difference_of_means_is_welch() -> None:
    """Difference, interval and p equal scipy's Welch test."""
    rng = np.random.default_rng(6)
    a, b = rng.exponential(2.0, 90), rng.exponential(3.0, 40)
    ours, theirs = difference(of_values(a), of_values(b)), stats.ttest_ind(b, a, equal_var=False)
    interval = theirs.confidence_interval(0.95)
    assert ours.p == pytest.approx(theirs.pvalue)
    assert (ours.low, ours.high) == (pytest.approx(interval.low), pytest.approx(interval.high))


def test_lift_of_a_known_pair() -> None:
    """Means 2 and 3 with squared errors 0.04 and 0.09: the lift is 0.5, its error 0.2121 (by hand)."""
    control, treatment = of_values(np.array([1.6, 2.0, 2.4])), of_values(np.array([2.4, 3.0, 3.6]))
    found = lift(control, treatment)
    by_hand = np.sqrt(0.36 / 3 + 1.5**2 * 0.16 / 3) / 2
    assert (found.value, found.std_error) == (pytest.approx(0.5), pytest.approx(by_hand))


@given(st.integers(0, 10_000), st.floats(0.01, 0.3), st.floats(0.2, 3))
def test_lift_interval_agrees_with_the_difference(seed: int, alpha: float, factor: float) -> None:
    """The lift's interval leaves out 0 exactly where the difference's does, and is finite for a clear control."""
    a, b = users(seed, 300), users(seed + 1, 300)
    arms = of_ratio(*a), of_ratio(b[0] * factor, b[1])
    plain, relative = difference(*arms, alpha=alpha), lift(*arms, alpha=alpha)
    assert (plain.low > 0, plain.high < 0) == (relative.low > 0, relative.high < 0)
    assert relative.low <= relative.value <= relative.high


def test_lift_interval_is_the_delta_methods_for_many_users() -> None:
    """With 200,000 users Fieller's ends are value ± 1.96 errors to three digits."""
    found = lift(of_ratio(*users(11, 200_000)), of_ratio(*users(12, 200_000)))
    reach = 1.96 * float(found.std_error)
    assert (found.low, found.high) == (
        pytest.approx(found.value - reach, abs=reach / 100),
        pytest.approx(found.value + reach, abs=reach / 100),
    )


def test_lift_over_a_control_of_nothing_is_unknown() -> None:
    """A control mean within its noise of 0 gives an infinite interval, not a confident figure."""
    found = lift(of_values(np.array([-1.0, 1.1, -0.9, 0.9])), of_values(np.array([1.0, 2.0, 3.0, 2.5])))
    assert (found.low, found.high) == (-np.inf, np.inf)


@given(st.floats(0.1, 1_000))
def test_lift_has_no_unit(scale: float) -> None:
    """Counting in cents instead of euros leaves lift and interval alone."""
    (a, b), (c, d) = users(7, 200), users(8, 200)
    plain, scaled = lift(of_ratio(a, b), of_ratio(c, d)), lift(of_ratio(a * scale, b), of_ratio(c * scale, d))
    assert (scaled.value, scaled.high) == (pytest.approx(plain.value), pytest.approx(plain.high))


def test_two_constants_say_nothing() -> None:
    """Where neither arm varies, p and interval are NaN, not 0."""
    found = difference(of_values(np.zeros(10)), of_values(np.ones(10)))
    assert np.isnan(found.p)
    assert np.isnan(found.low)


@pytest.mark.parametrize("bad", [np.array([1.0]), np.array([1.0, np.nan])])
def test_values_that_cannot_be_an_arm_are_refused(bad: np.ndarray) -> None:
    """One user, or a NaN, is an error and not a figure."""
    with pytest.raises(DataError):
        of_values(bad)


def test_ratio_without_denominators_is_refused() -> None:
    """An arm without a single impression has no click rate."""
    with pytest.raises(DataError, match="not all 0"):
        linearised(np.zeros(3), np.zeros(3))
    with pytest.raises(DataError, match="shape"):
        linearised(np.zeros(3), np.ones(2))
