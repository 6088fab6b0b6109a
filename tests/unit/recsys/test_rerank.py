"""Masks, diversity, metrics and windows: rules that hold for any input."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import ndcg_score

from recsys import metrics
from recsys.candidates.eligible import eligible
from recsys.errors import EmptyWindowError
from recsys.profiles.recent import with_recent
from recsys.profiles.store import MAX_HISTORY, History, empty_history
from recsys.profiles.user import user_profile
from recsys.rerank.diversify import DiversityConfig, diversify
from recsys.rerank.intent import lift_searched
from recsys.schema import EVENT_TYPES, MS_PER_DAY
from recsys.split import windows


def _items(n: int, *, leaf: Any, brand: Any, title: Any, **more: Any) -> Any:
    arrays = {"leaf_row": leaf, "brand_row": brand, "title_row": title}
    typed = {name: np.asarray(rows, np.int32) for name, rows in arrays.items()}
    share = np.bincount(typed["brand_row"][typed["brand_row"] >= 0], minlength=1) / n
    return SimpleNamespace(**typed, brand_share=share.astype(np.float32), **more)


@given(st.integers(1, 40), st.integers(1, 12), st.data())
def test_a_slate_is_full_whenever_titles_allow(n: int, size: int, data: st.DataObject) -> None:
    """No title twice, the best first, caps kept unless only capped items are left, and as full as titles allow."""
    draw = lambda high: data.draw(st.lists(st.integers(-1, high), min_size=n, max_size=n))  # noqa: E731
    title = [max(t, 0) for t in draw(n // 2)]
    items = _items(n, leaf=draw(3), brand=draw(5), title=title)
    order = np.array(data.draw(st.permutations(range(n))))
    chosen = diversify(order, np.arange(n, dtype=np.int32), items, n=size, config=DiversityConfig())
    assert len(chosen) == min(size, len(set(title)))
    assert len({title[at] for at in chosen}) == len(chosen)
    assert chosen[0] == order[0]


def test_a_category_holds_at_most_its_share() -> None:
    """Nine good items of one category and five of others: half the slate at most is of the first."""
    items = _items(14, leaf=[0] * 9 + [1, 2, 3, 4, 5], brand=[-1] * 14, title=range(14))
    chosen = diversify(
        np.arange(14), np.arange(14, dtype=np.int32), items, n=10, config=DiversityConfig(category_share=0.5)
    )
    assert chosen == [0, 1, 2, 3, 4, 9, 10, 11, 12, 13]


def test_a_brand_that_is_a_label_is_not_capped() -> None:
    """A label such as store brand, on much of the catalogue, says nothing about sameness."""
    items = _items(10, leaf=range(10), brand=[0] * 10, title=range(10))
    chosen = diversify(np.arange(10), np.arange(10, dtype=np.int32), items, n=8, config=DiversityConfig())
    assert chosen == list(range(8))


@pytest.mark.parametrize(
    ("purchased", "allowed"),
    [("include", [1, 1, 1, 0, 1, 0]), ("exclude", [0, 0, 1, 0, 0, 0]), ("bundle", [1, 0, 1, 0, 0, 0])],
)
def test_the_purchase_policy_decides_about_items_taken(purchased: Any, allowed: list[int]) -> None:
    """0 and 1 were taken, only 0's category is rebought; 3 is disliked, which bars it under every policy.

    4 has the title of 1 and 5 that of 3: to a shopper they are the same thing.
    """
    items = _items(
        6,
        leaf=[0, 1, 0, 0, 1, 0],
        brand=[-1] * 6,
        title=[0, 1, 2, 3, 1, 3],
        available=np.ones(6, bool),
        rebuy=np.array([True, False]),
        rebuy_default=np.array([False]),
    )
    profile: Any = SimpleNamespace(taken=np.array([0, 1]), disliked=np.array([3]))
    assert eligible(items, profile, purchased=purchased).astype(int).tolist() == allowed
    by_row = eligible(items, profile, purchased=purchased, by_title=False)
    assert by_row[[4, 5]].all()
    assert not by_row[3]


@given(st.integers(1, 30), st.integers(1, 15), st.data())
def test_ndcg_equals_an_independent_library(n: int, k: int, data: st.DataObject) -> None:
    """Binary NDCG@k equals scikit-learn's on the same order."""
    if n < 2:
        return
    wanted = np.array(sorted(data.draw(st.sets(st.integers(0, n - 1), min_size=1))), np.int32)
    ranked = np.array(data.draw(st.permutations(range(n))), np.int32)
    gains = np.isin(ranked, wanted).astype(float)
    expected = ndcg_score([gains], [np.arange(n, 0, -1)], k=k)
    assert metrics.ndcg(ranked, wanted, k) == pytest.approx(expected)


def test_recall_and_hit_rate_of_a_known_list() -> None:
    """Two of four wanted items in the first three; an empty list hits nothing."""
    ranked, wanted = np.array([5, 1, 2, 9]), np.array([1, 2, 3, 4])
    assert metrics.recall(ranked, wanted, 3) == 0.5
    assert metrics.hit_rate(ranked, wanted, 1) == 0.0
    assert metrics.ndcg(np.empty(0, np.int32), wanted, 10) == 0.0


def test_the_bootstrap_interval_covers_the_mean() -> None:
    """Of 200 samples with mean zero, about 95 % of the intervals hold it."""
    rng = np.random.default_rng(0)
    inside = 0
    for _ in range(200):
        found = metrics.bootstrap(rng.normal(size=80), n_resamples=300)
        inside += found.low <= 0 <= found.high
    assert 180 <= inside <= 198


def _history(times: list[int]) -> History:
    n = len(times)
    blank = empty_history()
    return History(
        np.arange(n, dtype=np.int32),
        np.full(n, -1, np.int32),
        np.array(times, np.int64),
        np.zeros(n, np.int8),
        *(np.ones(n, np.float32) for _ in (blank.quantity, blank.price, blank.discount)),
    )


@given(st.lists(st.integers(0, 50)), st.lists(st.integers(0, 50)), st.integers(0, 60))
def test_what_is_seen_lies_before_the_request(old: list[int], new: list[int], time_ms: int) -> None:
    """Old and recent events merge in time order, and none at or after the request's time is among them."""
    seen = with_recent(_history(sorted(old)), _history(new), time_ms=time_ms)
    assert seen.time_ms.tolist() == sorted(t for t in old + new if t < time_ms)


def test_what_bars_an_item_is_never_forgotten() -> None:
    """A purchase and a dislike older than the bound of taste still bar; taste itself looks at the newest events."""
    n = MAX_HISTORY + 50
    history = _history(list(range(n)))
    history.type_code[:] = EVENT_TYPES.index("view")
    history.type_code[0], history.type_code[1] = EVENT_TYPES.index("purchase"), EVENT_TYPES.index("dislike")
    items = _items(
        n,
        leaf=[-1] * n,
        brand=[-1] * n,
        title=range(n),
        parent_row=np.full(n, -1, np.int32),
        rebuy=np.empty(0, bool),
        price_z=np.full(n, np.nan, np.float32),
        taken_types=np.array([name == "purchase" for name in EVENT_TYPES]),
    )
    profile = user_profile(history, items, time_ms=10**9)
    assert profile.taken.tolist() == [0]
    assert profile.disliked.tolist() == [1]
    assert profile.n_total == MAX_HISTORY


def test_a_fresh_search_comes_first() -> None:
    """The best candidates of the category searched for take a fifth of the slate, in order, one a title."""
    items = _items(12, leaf=[0] * 6 + [1] * 6, brand=[-1] * 12, title=[*range(6), 6, 6, 7, 8, 9, 10])
    profile: Any = SimpleNamespace(searched=np.array([1], np.int32))
    scores = np.linspace(1, 0, 12)
    lifted = lift_searched(scores, np.arange(12, dtype=np.int32), items, profile, n=10)
    assert np.argsort(-lifted, kind="stable")[:4].tolist() == [6, 8, 0, 1]
    nothing: Any = SimpleNamespace(searched=np.empty(0, np.int32))
    assert lift_searched(scores, np.arange(12, dtype=np.int32), items, nothing, n=10) is scores


def test_strict_leave_one_out_hides_two_events() -> None:
    """On an ordinal log nothing is fitted on the last two steps; the train window mirrors this two steps earlier."""
    end = 100 * MS_PER_DAY
    split = windows(start_ms=0, end_ms=end, clock="ordinal")
    assert split.test.as_of_ms == end - 2 * MS_PER_DAY
    assert split.test.times_ms == (end - MS_PER_DAY,)
    assert split.train.until_ms == split.test.as_of_ms
    assert split.train.as_of_ms == end - 4 * MS_PER_DAY


def test_windows_do_not_overlap() -> None:
    """What the ranker learns from ends where the test begins; what it is fitted on ends before."""
    split = windows(start_ms=0, end_ms=365 * MS_PER_DAY, clock="wall")
    assert split.train.as_of_ms < split.train.until_ms == split.test.as_of_ms < split.test.until_ms == split.as_of_ms


def test_a_log_too_short_to_split_is_refused() -> None:
    """The error names the span and both remedies."""
    with pytest.raises(EmptyWindowError, match="holdout-days"):
        windows(start_ms=0, end_ms=50 * MS_PER_DAY, clock="wall", holdout_days=28)
