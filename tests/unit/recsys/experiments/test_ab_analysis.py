"""The rest of an A/B analysis: split, CUPED, corrections, guardrails, segments and power."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.errors import ConfigError, DataError
from recsys.experiments.assignment import sample_ratio
from recsys.experiments.correction import corrected
from recsys.experiments.cuped import adjusted
from recsys.experiments.effects import difference
from recsys.experiments.guardrails import non_inferiority
from recsys.experiments.moments import Moments, linearised, of_ratio, of_values
from recsys.experiments.power import Design, duration_days, minimum_detectable, sample_size
from recsys.experiments.segments import by_segment


def moments(n: int, mean: float, variance: float) -> Moments:
    return Moments(np.asarray(float(n)), np.asarray(mean), np.asarray(variance))


def test_51_to_49_of_100000_is_flagged() -> None:
    """A split of 51,000 to 49,000 planned as halves is a mismatch at alpha 0.001; 50,300 to 49,700 is none."""
    assert sample_ratio([51_000, 49_000], [1, 1]).mismatch
    assert sample_ratio([51_000, 49_000], [1, 1]).chi_square == pytest.approx(40.0)
    assert not sample_ratio([50_300, 49_700], [1, 1]).mismatch


def test_split_is_judged_by_the_planned_weights() -> None:
    """80 to 10 to 10 as planned has p = 1, however the weights are scaled."""
    assert sample_ratio([8_000, 1_000, 1_000], [0.8, 0.1, 0.1]).p == pytest.approx(1)
    assert sample_ratio([8_000, 1_000, 1_000], [8, 1, 1]).expected == pytest.approx((8_000, 1_000, 1_000))


def test_split_refuses_what_it_cannot_judge() -> None:
    """One variant, a weight of 0 and no users are errors."""
    with pytest.raises(ConfigError):
        sample_ratio([10], [1])
    with pytest.raises(ConfigError):
        sample_ratio([10, 0], [1, 0])
    with pytest.raises(DataError):
        sample_ratio([0, 0], [1, 1])


def correlated(seed: int, n: int = 4_000) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(seed)
    before = rng.normal(10, 2, (2, n))
    after = before + rng.normal(0, 1, (2, n))
    return after[0], after[1] + 0.5, before[0], before[1]


def test_cuped_removes_the_planted_share_of_variance() -> None:
    """With correlation rho, rho² of the variance goes: here 4 / 5, and theta is 1; the effect stays."""
    control, treatment, c_before, t_before = correlated(1)
    found = adjusted(control, treatment, control_before=c_before, treatment_before=t_before)
    assert found.variance_removed == pytest.approx(0.8, abs=0.02)
    assert found.theta == pytest.approx(1, abs=0.02)
    effect = difference(found.control, found.treatment)
    plain = difference(of_values(control), of_values(treatment))
    assert effect.low < 0.5 < effect.high
    assert effect.std_error == pytest.approx(plain.std_error * np.sqrt(0.2), rel=0.05)


def test_cuped_with_a_useless_covariate_changes_nothing() -> None:
    """A constant covariate has slope 0 and leaves both arms as they are."""
    control, treatment, *_ = correlated(2)
    ones = np.ones(len(control))
    found = adjusted(control, treatment, control_before=ones, treatment_before=ones)
    assert (found.theta, found.variance_removed) == (0, 0)
    assert found.control.mean == pytest.approx(control.mean())


def test_cuped_leaves_new_users_alone() -> None:
    """If nobody has a past, nothing changes; if half have, the variance still falls and the overall mean stays."""
    control, treatment, c_before, t_before = correlated(3)
    nothing = np.full(len(control), np.nan)
    same = adjusted(control, treatment, control_before=nothing, treatment_before=nothing)
    assert same.treatment.mean == pytest.approx(treatment.mean())
    c_before[::2] = np.nan
    half = adjusted(control, treatment, control_before=c_before, treatment_before=t_before)
    assert 0.2 < half.variance_removed < 0.8
    both = (half.control.mean + half.treatment.mean) / 2
    assert both == pytest.approx((control.mean() + treatment.mean()) / 2)


def test_cuped_of_a_ratio_keeps_the_ratio_and_lowers_its_variance() -> None:
    """Click rates adjusted by click rates before: same lift within errors, less variance."""
    rng = np.random.default_rng(4)
    taste = rng.beta(2, 18, (2, 5_000))
    seen = 5 + rng.poisson(10, (2, 2, 5_000))
    clicks = rng.binomial(seen, taste)
    now, past = linearised(clicks[0], seen[0]), linearised(clicks[1], seen[1])
    found = adjusted(now[0], now[1], control_before=past[0], treatment_before=past[1])
    plain = of_ratio(clicks[0, 0], seen[0, 0])
    assert found.variance_removed > 0.1
    assert found.control.variance == pytest.approx(plain.variance * (1 - found.variance_removed), rel=0.1)
    assert found.control.mean == pytest.approx(plain.mean, abs=3 * float(np.sqrt(plain.mean_variance)))


def test_cuped_refuses_a_covariate_of_other_users() -> None:
    """Values and covariates must be of the same users."""
    with pytest.raises(DataError, match="own before"):
        adjusted(np.zeros(3), np.zeros(3), control_before=np.zeros(2), treatment_before=np.zeros(3))


def test_corrections_of_a_known_family() -> None:
    """Holm and Benjamini-Hochberg of four p-values, by hand; NaN stays out of the count."""
    p = np.array([0.01, 0.04, np.nan, 0.03, 0.5])
    assert corrected(p)[[0, 1, 3, 4]] == pytest.approx([0.04, 0.09, 0.09, 0.5])
    assert corrected(p, method="benjamini_hochberg")[[0, 1, 3, 4]] == pytest.approx([0.04, 0.16 / 3, 0.16 / 3, 0.5])
    assert np.isnan(corrected(p)[2])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_corrections_never_lower_a_p_value(p: list[float]) -> None:
    """In order: p, Benjamini-Hochberg, Holm, 1."""
    values = np.array(p)
    loose, strict = corrected(values, method="benjamini_hochberg"), corrected(values)
    assert (values <= loose + 1e-12).all()
    assert (loose <= strict + 1e-12).all()
    assert (strict <= 1).all()


def test_guardrail_tells_kept_broken_and_undecided() -> None:
    """Margin 2 %: no change with many users is kept, with few is undecided; a loss of 5 % is broken."""
    many, few = 1_000_000, 100
    kept = non_inferiority(moments(many, 1, 1), moments(many, 1, 1), margin=0.02)
    unknown = non_inferiority(moments(few, 1, 1), moments(few, 1, 1), margin=0.02)
    broken = non_inferiority(moments(many, 1, 1), moments(many, 0.95, 1), margin=0.02)
    assert [g.verdict for g in (kept, unknown, broken)] == ["kept", "undecided", "broken"]
    assert broken.lift == pytest.approx(-0.05)


def test_guardrail_of_a_cost_looks_the_other_way() -> None:
    """For latency a rise of 5 % breaks a margin of 2 %, a fall keeps it."""
    up, down = moments(100_000, 1.05, 1), moments(100_000, 0.95, 1)
    control = moments(100_000, 1, 1)
    assert non_inferiority(control, up, margin=0.02, higher_is_better=False).verdict == "broken"
    assert non_inferiority(control, down, margin=0.02, higher_is_better=False).verdict == "kept"


def test_guardrail_refuses_a_margin_that_is_no_share() -> None:
    """A margin of 2 (meant as per cent) is an error."""
    with pytest.raises(ConfigError, match="share"):
        non_inferiority(moments(10, 1, 1), moments(10, 1, 1), margin=2)


def segmented(effects: list[float], seed: int = 5) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    segment_rows = np.repeat(np.arange(len(effects)), 4_000)
    treated = rng.random(len(segment_rows)) < 0.5
    return rng.normal(1, 1, len(segment_rows)) + treated * np.take(effects, segment_rows), treated, segment_rows


def test_only_the_planted_segment_is_found() -> None:
    """An effect in one of four segments: that one has a small corrected p, and the effects do not agree."""
    values, treated, segment_rows = segmented([0, 0, 0.3, 0])
    found = by_segment(values, treated=treated, segment_rows=segment_rows, n_segments=4)
    assert (found.p_corrected < 0.05).tolist() == [False, False, True, False]
    assert found.p_heterogeneity < 0.001
    alone = segment_rows == 2
    direct = difference(of_values(values[alone & ~treated]), of_values(values[alone & treated]))
    assert (found.effect.value[2], found.effect.p[2]) == (pytest.approx(direct.value), pytest.approx(direct.p))


def test_one_effect_for_all_is_no_heterogeneity() -> None:
    """The same effect everywhere: all found, none said to differ."""
    values, treated, segment_rows = segmented([0.3, 0.3, 0.3])
    found = by_segment(values, treated=treated, segment_rows=segment_rows, n_segments=3)
    assert (found.p_corrected < 0.05).all()
    assert found.p_heterogeneity > 0.05


def test_segment_without_users_in_an_arm_is_left_out() -> None:
    """Such a segment has NaN and does not make the others' correction harder."""
    values, treated, segment_rows = segmented([0.1, 0.1])
    treated[segment_rows == 1] = True
    found = by_segment(values, treated=treated, segment_rows=segment_rows, n_segments=3)
    assert np.isnan(found.p_corrected[1:]).all()
    assert found.p_corrected[0] == found.effect.p[0]
    assert found.p_heterogeneity == 1


def test_sample_size_of_the_textbook() -> None:
    """A standardised difference of 0.1 at 5 % and 80 % needs 2 × 1,570 users (normal formula)."""
    assert sample_size(moments(1_000, 1, 1), lift=0.1) == pytest.approx(2 * 1_570, abs=2)


@given(st.floats(0.001, 0.5), st.booleans(), st.floats(0.1, 0.9))
def test_minimum_detectable_effect_inverts_the_sample_size(lift: float, always_valid: bool, share: float) -> None:
    """The users needed for a lift detect that lift; uneven arms and peeking need more of them."""
    design = Design(always_valid=always_valid, treated_share=share)
    baseline = moments(1_000, 0.1, 0.09)
    n = sample_size(baseline, lift=lift, design=design)
    assert minimum_detectable(baseline, n_users=n, design=design) == pytest.approx(lift, rel=2 / n)
    assert n >= sample_size(baseline, lift=lift)


def test_planned_power_is_had() -> None:
    """Of 1,000 simulated experiments of the planned size, 800 find the planned lift of a ratio (within 4 errors)."""
    rng = np.random.default_rng(9)
    taste, seen = rng.beta(2, 18, 200_000), 1 + rng.poisson(4, 200_000)
    baseline = of_ratio(rng.binomial(seen, taste), seen)
    half = sample_size(baseline, lift=0.2) // 2
    taste, seen = rng.beta(2, 18, (2, 1_000, half)), 1 + rng.poisson(4, (2, 1_000, half))
    clicks = rng.binomial(seen, taste * np.array([1, 1.2])[:, None, None])
    effect = difference(of_ratio(clicks[0], seen[0]), of_ratio(clicks[1], seen[1]))
    assert (effect.p < 0.05).mean() == pytest.approx(0.8, abs=4 * np.sqrt(0.16 / 1_000))


def test_duration_is_whole_weeks_of_falling_arrivals() -> None:
    """1,000, 500, then 100 new users a day: 2,500 are there on day 12, so two weeks."""
    assert duration_days(2_500, new_users=[1_000, 500, 100]) == 14
    assert duration_days(1_000, new_users=[1_000]) == 7
    with pytest.raises(ConfigError, match="more traffic"):
        duration_days(1_000_000, new_users=[10])


def test_plans_without_a_meaning_are_refused() -> None:
    """No lift, a mean of 0, a power of 1 and no users are errors."""
    with pytest.raises(ConfigError):
        sample_size(moments(10, 1, 1), lift=0)
    with pytest.raises(ConfigError):
        sample_size(moments(10, 0, 1), lift=0.1)
    with pytest.raises(ConfigError):
        Design(power=1)
    with pytest.raises(ConfigError):
        minimum_detectable(moments(10, 1, 1), n_users=0)
