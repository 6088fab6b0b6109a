"""Compiled loops equal their slow, obvious forms, and leave their scratch arrays blank."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import sparse

from recsys.candidates.accumulate import largest, look_up, push, strongest_ties, sums_by_key, ties_to
from recsys.candidates.foldin import ItemFactors
from recsys.candidates.neighbours import Neighbours, score_reference, strongest
from recsys.kernel import ABSENT, blank_slots

N = 30
seeds = st.integers(0, 2**31)


def _csr(rng: np.random.Generator) -> Neighbours:
    """Up to six neighbours an item, some items without any, some of equal values."""
    dense = np.where(rng.random((N, N)) < 0.15, rng.integers(1, 6, (N, N)) / 4, 0).astype(np.float32)
    dense[rng.integers(0, N, 3)] = 0
    found = sparse.csr_matrix(dense)
    return Neighbours(found.indptr.astype(np.int64), found.indices.astype(np.int32), found.data)


def _rows(rng: np.random.Generator, most: int) -> NDArray[np.int32]:
    return rng.permutation(N)[: rng.integers(0, most + 1)].astype(np.int32)


def _blank() -> None:
    assert (blank_slots(N) == ABSENT).all()


@settings(deadline=None)
@given(seeds)
def test_push_is_a_sparse_vector_times_a_matrix(seed: int) -> None:
    """Every column that is reached, once, with its sum."""
    rng = np.random.default_rng(seed)
    matrix, rows = _csr(rng), _rows(rng, N)
    weight = rng.random(len(rows)).astype(np.float32)
    columns, sums = push(matrix.indptr, matrix.indices, matrix.values, rows, weight, blank_slots(N))
    dense = np.zeros(N)
    for row, own in zip(rows.tolist(), weight, strict=True):
        for column, value in zip(*matrix.row(row), strict=True):
            dense[column] += value * own
    assert len(set(columns.tolist())) == len(columns)
    assert set(columns.tolist()) == set(np.flatnonzero(dense))
    np.testing.assert_array_equal(sums, dense[columns].astype(np.float32))
    _blank()


@settings(deadline=None)
@given(seeds)
def test_ties_to_recent_items(seed: int) -> None:
    """Total, last, best and number of ties of every item, as one look at a time finds them."""
    rng = np.random.default_rng(seed)
    matrix, recent = _csr(rng), _rows(rng, 8)
    weight = rng.random(len(recent)).astype(np.float32)
    session = np.sort(rng.integers(0, 3, len(recent))).astype(np.int32)
    rows, found = ties_to(matrix.indptr, matrix.indices, matrix.values, recent, weight, session, blank_slots(N))
    dense = np.zeros((4, N), np.float32)
    dense[:, rows] = found
    np.testing.assert_array_equal(dense, score_reference(matrix, recent, weight, session))
    _blank()


@settings(deadline=None)
@given(seeds, st.integers(0, 40))
def test_the_largest_come_first_and_ties_go_to_the_lower_row(seed: int, k: int) -> None:
    """Of positive values of allowed rows only; zeros, negatives, NaN and infinities have their places."""
    rng = np.random.default_rng(seed)
    rows = _rows(rng, N)
    values = (rng.integers(-2, 5, len(rows)) / 3).astype(np.float32)
    values[rng.random(len(rows)) < 0.1] = rng.choice([np.nan, np.inf, -0.0])
    allowed = rng.random(N) < 0.8
    found, best = largest(values, rows, allowed, k)
    pairs = zip(rows.tolist(), values.tolist(), strict=True)
    slow = sorted(((-value, row) for row, value in pairs if value > 0 and allowed[row]))[:k]
    assert list(zip((-best).tolist(), found.tolist(), strict=True)) == slow


@settings(deadline=None)
@given(seeds)
def test_scores_are_looked_up_by_row(seed: int) -> None:
    """What is not among the found stays as it was."""
    rng = np.random.default_rng(seed)
    found, rows = _rows(rng, N), _rows(rng, N)
    scores = rng.random((3, len(found))).astype(np.float32)
    out = np.full((3, len(rows)), -7, np.float32)
    look_up(found, scores, rows, blank_slots(N), out)
    for i, row in enumerate(rows.tolist()):
        at = np.flatnonzero(found == row)
        np.testing.assert_array_equal(out[:, i], scores[:, at[0]] if len(at) else [-7, -7, -7])
    _blank()


@settings(deadline=None)
@given(seeds)
def test_the_strongest_tie_names_its_owner(seed: int) -> None:
    """For every row what the slow look at one item finds; the newer of equals; -1 where there is none."""
    rng = np.random.default_rng(seed)
    matrix, recent, rows = _csr(rng), _rows(rng, 8), _rows(rng, N)
    owners = strongest_ties(matrix.indptr, matrix.indices, matrix.values, recent, rows, blank_slots(N))
    assert owners.tolist() == [strongest(matrix, recent, row)[0] for row in rows.tolist()]
    _blank()


@settings(deadline=None)
@given(seeds)
def test_weights_are_summed_by_key(seed: int) -> None:
    """Each row gets what the user's items of its key weigh together."""
    rng = np.random.default_rng(seed)
    key = rng.integers(0, 6, N).astype(np.int32)
    mine, rows = _rows(rng, 10), _rows(rng, N)
    weight = rng.integers(1, 9, len(mine)).astype(np.float32)
    found = sums_by_key(key, mine, weight, rows, blank_slots(N))
    assert found.tolist() == [float(weight[key[mine] == key[row]].sum()) for row in rows.tolist()]
    _blank()


@settings(deadline=None)
@given(seeds, st.integers(1, 12), st.integers(1, 7))
def test_the_search_by_norm_misses_nothing(seed: int, k: int, width: int) -> None:
    """The same items in the same order as a scan of all scores, whatever the norms, also where few are allowed."""
    rng = np.random.default_rng(seed)
    factors = (rng.standard_normal((200, width)) * rng.exponential(1, (200, 1))).astype(np.float32)
    factors[rng.random(200) < 0.1] = 0
    factors[100:110] = factors[90:100]  # equal scores
    x = rng.standard_normal(width).astype(np.float32)
    allowed = rng.random(200) < rng.choice([0.05, 0.9])
    als = ItemFactors.build(factors, regularization=1.0, alpha=1.0)
    scores = als.scores(x, np.arange(200, dtype=np.int32))
    np.testing.assert_allclose(scores, factors @ x, rtol=1e-4, atol=1e-4)
    slow = [row for row in np.lexsort((np.arange(200), -scores)).tolist() if scores[row] > 0 and allowed[row]][:k]
    assert als.best(x, allowed, k).tolist() == slow
