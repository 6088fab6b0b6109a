"""Query groups from impressions: what is a document, what is its label, and what a position may not do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from recsys.rerank import ranker
from recsys.rerank.features import FEATURES
from recsys.rerank.impressions import LAST_POSITION, PastSlate, past_slates
from recsys.rerank.position_bias import order_within_positions
from recsys.rerank.ranker import RankerConfig
from recsys.rerank.training_set import TrainingSet, joined
from recsys.schema import EVENT_TYPES
from recsys.shown import Acts, Shown

CODE = {name: code for code, name in enumerate(EVENT_TYPES)}
DAY = 100
"""Length of the attribution window in these tests, in milliseconds."""


def acts(rows: list[tuple[int, int, int, str, int]]) -> Acts:
    """Of (user, item, ms, type, request)."""
    user, item, ms, kind, request = zip(*rows, strict=True) if rows else ((),) * 5
    codes = [CODE[name] for name in kind]
    return Acts(
        np.array(user, np.int32),
        np.array(item, np.int32),
        np.array(ms, np.int64),
        np.array(codes, np.int8),
        np.array(request, np.uint64),
    )


def slates_of(
    shown: list[tuple[int, int, int, int, int]], answers: list[tuple[int, int, int, str, int]]
) -> list[PastSlate]:
    """Slates of impressions (user, item, ms, position, request) and responses (user, item, ms, type, request or 0)."""
    seen = acts([(user, item, ms, "impression", request) for user, item, ms, _, request in shown])
    places = np.array([position for *_, position, _ in shown], np.int32)
    found = past_slates(Shown(seen, places, acts(answers)), window_ms=DAY)
    return [found.of(at) for at in range(len(found))]


def labels(slates: list[PastSlate]) -> list[dict[int, int]]:
    return [dict(zip(s.shown.tolist(), s.label.tolist(), strict=True)) for s in slates]


def test_a_slate_is_a_request() -> None:
    """Items of one request are one slate, at the time of its first impression, each with its position."""
    first, second = slates_of([(1, 5, 12, 2, 9), (1, 3, 10, 1, 9), (1, 3, 40, 1, 11)], [])
    assert (first.user_row, first.time_ms, first.shown.tolist(), first.position.tolist()) == (1, 10, [3, 5], [1, 2])
    assert (second.time_ms, second.shown.tolist()) == (40, [3])


def test_an_item_seen_twice_counts_once() -> None:
    """An item's repeated impression in a slate keeps the first one's position; very deep places share one."""
    [slate] = slates_of([(1, 3, 10, 4, 9), (1, 3, 30, 1, 9), (1, 5, 30, 999, 9)], [])
    assert (slate.shown.tolist(), slate.position.tolist()) == ([3, 5], [4, LAST_POSITION])


def test_shown_and_never_taken_is_a_negative_and_unshown_is_nothing() -> None:
    """Of three shown, the one clicked is positive, the others negative; a clicked item not shown has no label."""
    shown = [(1, item, 10, item, 9) for item in (1, 2, 3)]
    assert labels(slates_of(shown, [(1, 2, 20, "click", 9), (1, 7, 20, "click", 9), (1, 8, 20, "purchase", 0)])) == [
        {1: 0, 2: 1, 3: 0}
    ]


def test_the_strongest_response_is_the_label() -> None:
    """Views and clicks are 1, a cart 2, a purchase 3, whatever their order."""
    shown = [(1, item, 10, item, 9) for item in (1, 2, 3, 4)]
    answers = [(1, 1, 20, "view", 9), (1, 2, 20, "click", 9), (1, 3, 20, "add_to_cart", 0), (1, 4, 30, "purchase", 0)]
    assert labels(slates_of(shown, [*answers, (1, 4, 40, "click", 9)])) == [{1: 1, 2: 1, 3: 2, 4: 3}]


def test_a_token_names_the_slate() -> None:
    """A response with a token counts for that request even after a newer one, and for its items only."""
    shown = [(1, 1, 10, 1, 9), (1, 2, 10, 2, 9), (1, 1, 50, 1, 11), (1, 2, 50, 2, 11)]
    late = 50 + 10 * DAY
    assert labels(slates_of(shown, [(1, 1, late, "click", 9)])) == [{1: 1, 2: 0}, {1: 0, 2: 0}]
    assert labels(slates_of(shown, [(1, 1, late, "click", 99)])) == [{1: 0, 2: 0}, {1: 0, 2: 0}]


def test_without_a_token_the_newest_impression_within_the_window_counts() -> None:
    """Not an older one, not another user's, not one after the response, and none older than the window."""
    shown = [(1, 1, 10, 1, 9), (1, 1, 50, 1, 11), (2, 1, 60, 1, 12)]
    for ms, expected in ((9, [0, 0, 0]), (10, [1, 0, 0]), (49, [1, 0, 0]), (50, [0, 1, 0]), (50 + DAY, [0, 1, 0])):
        assert [found[1] for found in labels(slates_of(shown, [(1, 1, ms, "click", 0)]))] == expected
    assert [found[1] for found in labels(slates_of(shown, [(1, 1, 51 + DAY, "click", 0)]))] == [0, 0, 0]


def test_a_response_before_its_impression_is_none() -> None:
    """Even with the token: what came before the item was shown did not follow from it."""
    assert labels(slates_of([(1, 1, 10, 1, 9)], [(1, 1, 9, "click", 9)])) == [{1: 0}]


_events = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 3), st.integers(0, 300), st.integers(1, 5), st.integers(1, 4)),
    max_size=25,
)
_answers = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.integers(0, 3),
        st.integers(0, 400),
        st.sampled_from(["view", "click", "add_to_cart", "purchase"]),
        st.integers(0, 5),
    ),
    max_size=15,
)


@given(_events, _answers)
def test_slates_equal_a_plain_reference(
    shown: list[tuple[int, int, int, int, int]], answers: list[tuple[int, int, int, str, int]]
) -> None:
    """The same slates and labels as a loop over impressions and responses that follows the rules word by word."""
    shown = [(user, item, ms, place, 10 * request + user) for user, item, ms, place, request in shown]
    answers = [(u, i, ms, kind, 10 * request + u if request else 0) for u, i, ms, kind, request in answers]
    first: dict[tuple[int, int], tuple[int, int]] = {}
    for _, item, ms, place, request in shown:
        first[request, item] = min(first.get((request, item), (ms, place)), (ms, place))
    grades = dict.fromkeys(first, 0)
    for user, item, ms, kind, request in answers:
        grade = {"view": 1, "click": 1, "add_to_cart": 2, "purchase": 3}[kind]
        if request:
            hits = [(request, item)] if (request, item) in first and first[request, item][0] <= ms else []
        else:
            before = [(t, r) for u, i, t, _, r in shown if (u, i) == (user, item) and ms - DAY <= t <= ms]
            newest = {r for t, r in before if t == max(before)[0]}
            if len(newest) > 1:
                return  # two slates at one moment: either will do
            hits = [(r, item) for r in newest]
        for hit in hits:
            grades[hit] = max(grades[hit], grade)
    found = {(10 * 0 + r, int(i)): (int(p), int(g)) for r, i, p, g in _flat(shown, answers)}
    assert found == {key: (first[key][1], grade) for key, grade in grades.items()}


def _flat(shown: Any, answers: Any) -> list[tuple[int, int, int, int]]:
    """(request, item, position, label) of every document; slates come by ascending request."""
    requests = sorted({request for *_, request in shown})
    rows = zip(requests, slates_of(shown, answers), strict=True)
    return [(r, i, p, g) for r, s in rows for i, p, g in zip(s.shown, s.position, s.label, strict=True)]


def test_only_telling_slates_teach() -> None:
    """A slate nobody answered, or of which all was taken, says nothing about what is preferred."""
    seen = acts([(1, item, 10, "impression", request) for request in (1, 2, 3) for item in (1, 2)])
    answers = acts([(1, 1, 20, "click", 1), (1, 1, 20, "click", 2), (1, 2, 20, "view", 2)])
    found = past_slates(Shown(seen, np.ones(6, np.int32), answers), window_ms=DAY)
    assert found.telling().tolist() == [0]
    assert len(past_slates(Shown(acts([]), np.empty(0, np.int32), acts([])), window_ms=DAY).telling()) == 0


def _rows(n_slates: int, *, seed: int, eta: float, useful: bool = True) -> TrainingSet:
    """Slates of ten whose first feature is relevance, shown in an order that leans on the second one."""
    rng = np.random.default_rng(seed)
    parts = []
    while len(parts) < n_slates:
        matrix = np.zeros((10, len(FEATURES)), np.float32)
        if useful:
            matrix[:, :2] = rng.random((10, 2))
        policy = matrix[:, 1] + 0.3 * rng.normal(size=10)
        position = np.argsort(np.argsort(-policy, kind="stable")).astype(np.int32) + 1
        label = (rng.random(10) < (0.1 + 0.6 * matrix[:, 0])) & (rng.random(10) < position**-eta)
        if label.any() and not label.all():
            parts.append(TrainingSet(matrix, label.astype(np.int8), np.array([10], np.int32), position))
    return joined(parts)


def test_what_positions_explain_is_not_in_the_scores() -> None:
    """With features that say nothing, clicks that hang on the position leave every score the same: the bias is no part
    of what is saved or served.
    """
    booster = ranker.fit(*(_rows(200, seed=s, eta=1.0, useful=False) for s in (1, 2)), RankerConfig(n_trees=80))
    scores = booster.predict(np.random.default_rng(0).random((50, len(FEATURES))).astype(np.float32))
    assert len(set(scores.tolist())) == 1


def test_positions_undo_the_order_that_was_shown() -> None:
    """Clicks favour what was shown first, so the feature that placed the items looks useful. Corrected, the ranker
    orders by the planted relevance far better than uncorrected.
    """
    train = _rows(1_500, seed=1, eta=1.0)
    fresh = np.zeros((500, len(FEATURES)), np.float32)
    fresh[:, :2] = np.random.default_rng(3).random((500, 2))
    agreement = {}
    for name, rows in (("uncorrected", replace(train, position=None)), ("corrected", train)):
        booster = ranker.fit(rows, joined([]), RankerConfig(feature_fraction=1.0, n_trees=100))
        agreement[name] = float(spearmanr(booster.predict(fresh), fresh[:, 0]).statistic)
    assert agreement["corrected"] > agreement["uncorrected"] + 0.1
    assert agreement["corrected"] > 0.8


def test_a_fit_with_positions_repeats_bit_for_bit() -> None:
    """The positions' gradients are summed in one order, so the same rows give the same model text."""
    fits = [ranker.fit(_rows(400, seed=1, eta=1.0), _rows(100, seed=2, eta=1.0), RankerConfig()) for _ in range(2)]
    assert fits[0].model_to_string() == fits[1].model_to_string()


def test_no_fit_stops_before_the_biases_have_settled() -> None:
    """The earliest stop is three over the learning rate; a fit too short for that keeps all its trees."""
    train, valid = _rows(300, seed=1, eta=1.0), _rows(60, seed=2, eta=1.0)
    slow = RankerConfig(n_fits=1, learning_rate=0.05, n_trees=150, patience=5)
    assert ranker.fit(train, valid, slow).num_trees() >= 60
    assert ranker.fit(train, valid, replace(slow, n_trees=40)).num_trees() == 40


def test_order_within_positions_counts_pairs_of_one_place() -> None:
    """Two slates of two: at place 1 the taken item leads or not, at place 2 nobody took anything; ties are half."""
    label, position = np.array([1, 0, 0, 0], np.int8), np.array([1, 2, 1, 2], np.int32)
    rows = TrainingSet(np.empty((4, 1), np.float32), label, np.array([2, 2], np.int32), position)
    assert order_within_positions(np.array([5.0, 1.0, 7.0, 9.0]), rows) == 1.0
    assert order_within_positions(np.array([1.0, 5.0, 9.0, 7.0]), rows) == 0.0
    assert order_within_positions(np.zeros(4), rows) == 0.5
    nobody = TrainingSet(rows.matrix, np.zeros(4, np.int8), rows.group, position)
    assert np.isnan(order_within_positions(np.zeros(4), nobody))
    with pytest.raises(ValueError, match="have no positions"):
        order_within_positions(np.zeros(4), TrainingSet(rows.matrix, label, rows.group))


def test_a_shown_order_cannot_flatter() -> None:
    """Scores that repeat the order shown are worth a coin toss here, however biased the clicks."""
    rows = _rows(2_000, seed=3, eta=1.5)
    assert rows.position is not None
    shown_order = order_within_positions(-rows.position.astype(float), rows)
    assert abs(shown_order - 0.5) < 0.02
    assert order_within_positions(rows.matrix[:, 0].astype(float), rows) > 0.6
