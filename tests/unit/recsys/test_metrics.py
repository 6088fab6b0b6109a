"""Metrics: the fast path equals its reference and an independent library; comparisons keep their error rates."""

from __future__ import annotations

import time

import ir_measures
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import sparse

from recsys import exposure, metrics

REFERENCES = {
    "hr": metrics.hit_rate,
    "recall": metrics.recall,
    "precision": metrics.precision,
    "map": metrics.average_precision,
    "mrr": metrics.reciprocal_rank,
    "ndcg": metrics.ndcg,
}
INDEPENDENT = {"hr": "Success", "recall": "R", "precision": "P", "map": "AP", "mrr": "RR", "ndcg": "nDCG"}


def _requests(data: st.DataObject, width: int) -> tuple[NDArray[np.int32], list[NDArray[np.int32]]]:
    """Lists of distinct items of any length up to `width`, padded with -1, and what each request wants."""
    n = data.draw(st.integers(1, 5))
    rows = st.integers(0, 24)
    lists = np.full((n, width), -1, np.int32)
    wanted = []
    for i in range(n):
        ranked = data.draw(st.lists(rows, unique=True, max_size=width))
        lists[i, : len(ranked)] = ranked
        wanted.append(np.array(sorted(data.draw(st.sets(rows, min_size=1, max_size=12))), np.int32))
    return lists, wanted


@given(st.sampled_from([1, 5, 10, 20]), st.data())
def test_the_fast_path_equals_the_reference(k: int, data: st.DataObject) -> None:
    """Every metric of every request, for short and empty lists too."""
    lists, wanted = _requests(data, 12)
    n_wanted = np.array([len(rows) for rows in wanted])
    fast = metrics.at_k(metrics.hits(lists, wanted), n_wanted, k)
    for i, rows in enumerate(wanted):
        ranked = lists[i][lists[i] >= 0]
        for name, reference in REFERENCES.items():
            assert fast[f"{name}@{k}"][i] == pytest.approx(reference(ranked, rows, k)), name


@given(st.sampled_from([1, 5, 10, 20]), st.data())
def test_every_metric_equals_ir_measures(k: int, data: st.DataObject) -> None:
    """Success, R, P, AP, RR and nDCG at k of `ir_measures` on the same lists and judgements."""
    lists, wanted = _requests(data, 20)
    qrels = [ir_measures.Qrel(str(i), str(row), 1) for i, rows in enumerate(wanted) for row in rows]
    run = [
        ir_measures.ScoredDoc(str(i), str(row), float(-place))
        for i, ranked in enumerate(lists)
        for place, row in enumerate(ranked)
        if row >= 0
    ]
    measures = {name: ir_measures.parse_measure(f"{other}@{k}") for name, other in INDEPENDENT.items()}
    theirs = ir_measures.calc_aggregate(list(measures.values()), qrels, run)
    n_wanted = np.array([len(rows) for rows in wanted])
    ours = metrics.at_k(metrics.hits(lists, wanted), n_wanted, k)
    for name, measure in measures.items():
        assert ours[f"{name}@{k}"].mean() == pytest.approx(theirs[measure]), name


def test_thirty_thousand_requests_cost_seconds() -> None:
    """Hits, all metrics at 5, 10 and 20 and the intervals of a system over 30,000 requests, well under a minute."""
    rng = np.random.default_rng(3)
    n = 30_000
    lists = np.argsort(rng.random((n, 40)), axis=1)[:, :20].astype(np.int32)
    wanted = [np.unique(rng.integers(0, 40, 3)).astype(np.int32) for _ in range(n)]
    started = time.perf_counter()
    found = metrics.hits(lists, wanted)
    columns = [v for k in (5, 10, 20) for v in metrics.at_k(found, np.array([len(w) for w in wanted]), k).values()]
    assert len(metrics.intervals(np.column_stack(columns), n_resamples=200)) == 18
    assert time.perf_counter() - started < 20


def test_intervals_leave_out_what_has_no_meaning() -> None:
    """A NaN counts neither in the mean nor in the interval, and a column of NaN alone stays NaN."""
    values = np.array([[1.0, np.nan], [3.0, np.nan], [np.nan, np.nan]])
    known, unknown = metrics.intervals(values)
    assert known.mean == 2.0
    assert (known.low, known.high) == (1.0, 3.0)
    assert np.isnan(unknown.mean)


def test_all_columns_share_their_resamples() -> None:
    """A column and itself plus one differ by exactly one in every resample."""
    values = np.random.default_rng(0).normal(size=(50, 1))
    means = metrics.resampled_means(np.hstack([values, values + 1]), n_resamples=100)
    assert np.allclose(means[:, 1] - means[:, 0], 1)


def test_holm_of_a_known_family() -> None:
    """Holm 1979: the smallest p times m, the next times m - 1 …, never falling, never above one."""
    assert metrics.holm(np.array([0.01, 0.04, 0.03, 0.5])) == pytest.approx([0.04, 0.09, 0.09, 0.5])
    assert metrics.holm(np.array([0.9, 0.8])) == pytest.approx([1.0, 1.0])
    assert metrics.holm(np.empty(0)).tolist() == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_lies_between_the_raw_p_and_bonferroni(p: list[float]) -> None:
    """Never below the raw value, never above m times it, and in the same order."""
    raw = np.array(p)
    adjusted = metrics.holm(raw)
    assert (adjusted >= raw - 1e-12).all()
    assert (adjusted <= np.minimum(raw * len(p), 1) + 1e-12).all()
    assert (np.diff(adjusted[np.argsort(raw, kind="stable")]) >= -1e-12).all()


def test_comparisons_keep_the_family_wise_error() -> None:
    """Of 150 families of five comparisons without any difference, about 5 % or fewer show one after Holm."""
    rng = np.random.default_rng(1)
    wrong = raw = 0
    for seed in range(150):
        found = metrics.compare(rng.normal(size=(120, 5)), seed=seed, n_resamples=400)
        wrong += any(c.p_holm < 0.05 for c in found)
        raw += any(c.p < 0.05 for c in found)
    assert wrong <= 15
    assert raw > wrong  # without the correction a family shows far more


def test_a_planted_difference_is_found_and_none_is_not() -> None:
    """A shift of half a deviation has a tiny p and an interval above zero; a system against itself has p = 1."""
    noise = np.random.default_rng(2).normal(size=400)
    lead, same = metrics.compare(np.column_stack([noise + 0.5, np.zeros(400)]))
    assert lead.low > 0
    assert lead.p_holm < 0.01
    assert (same.mean, same.p, same.p_holm) == (0.0, 1.0, 1.0)


@given(st.lists(st.integers(0, 30), min_size=1, max_size=30).filter(lambda shown: sum(shown) > 0))
def test_gini_is_the_mean_difference_and_fits_the_lorenz_curve(shown: list[int]) -> None:
    """Gini = mean |x - y| over all pairs / (2 mean), and 1 - twice the area below the Lorenz curve."""
    counts = np.array(shown)
    differences = np.abs(counts[:, None] - counts[None, :]).mean() / (2 * counts.mean())
    assert exposure.gini(counts) == pytest.approx(differences)
    curve = exposure.lorenz(counts, len(counts) + 1)
    assert exposure.gini(counts) == pytest.approx(1 - 2 * np.trapezoid(curve, dx=1 / len(counts)))


@given(st.data())
def test_diversity_equals_the_mean_over_pairs(data: st.DataObject) -> None:
    """The sum-of-vectors form equals one minus the cosine, pair by pair; NaN below two items."""
    dense = np.array(data.draw(st.lists(st.lists(st.integers(0, 3), min_size=4, max_size=4), min_size=6, max_size=6)))
    norms = np.linalg.norm(dense, axis=1, keepdims=True)
    vectors = sparse.csr_matrix(dense / np.where(norms > 0, norms, 1))
    ranked = data.draw(st.lists(st.integers(0, 5), unique=True, max_size=5))
    lists = np.full((1, 5), -1, np.int32)
    lists[0, : len(ranked)] = ranked
    expected = exposure.diversity_reference(lists[0], vectors)
    assert exposure.diversity(lists, vectors)[0] == pytest.approx(expected, nan_ok=True)


def test_exposure_of_known_lists() -> None:
    """Two lists over ten items, the two most popular of which are the head."""
    lists = np.array([[0, 1, 2], [0, 9, -1], [-1, -1, -1]], np.int32)
    n_users = np.array([7, 3, 1, 0, 0, 0, 0, 0, 0, 1], np.float32)
    shown = exposure.exposures(lists, 10)
    assert shown.tolist() == [2, 1, 1, 0, 0, 0, 0, 0, 0, 1]
    assert exposure.coverage(shown) == 0.4
    tail = exposure.long_tail(n_users)
    assert np.flatnonzero(~tail).tolist() == [0, 1]
    assert exposure.tail_share(lists, tail)[:2] == pytest.approx([1 / 3, 1 / 2])
    assert exposure.popularity(lists, n_users)[:2] == pytest.approx([11 / 3, 4.0])
    assert exposure.novelty(lists, n_users, 7)[1] == pytest.approx((0 + 2) / 2)
    assert np.isnan(exposure.novelty(lists, n_users, 7)[2])
