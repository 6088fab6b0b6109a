"""The timeline: item places and users' moments recovered from the order of events alone."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.profiles import timeline
from recsys.profiles.store import Histories, History
from recsys.profiles.timeline import N_BINS, TimelineConfig
from recsys.schema import EVENT_TYPES, MS_PER_DAY

PURCHASE = EVENT_TYPES.index("purchase")


def _histories(sequences: list[list[int]], days: list[list[int]] | None = None) -> Histories:
    """One purchase an entry; entry k of a user on day k unless `days` says otherwise."""
    item = np.array([i for s in sequences for i in s], np.int32)
    day = np.array([d for s in days or [list(range(len(s))) for s in sequences] for d in s], np.int64)
    n, nan = len(item), np.full(len(item), np.nan, np.float32)
    events = History(item, np.full(n, -1, np.int32), day * MS_PER_DAY, np.full(n, PURCHASE, np.int8), nan, nan, nan)
    return Histories(np.concatenate(([0], np.cumsum([len(s) for s in sequences]))).astype(np.int64), events)


def test_hidden_time_is_recovered_from_order_alone() -> None:
    """Users who shop near a hidden moment, in its order, give item places that follow the hidden time (rank
    correlation above 0.95), and an item's crowd is largest about its own moment.
    """
    rng = np.random.default_rng(5)
    n_items, n_users = 60, 3_000
    sequences = []
    for moment in rng.random(n_users):
        near = np.argsort(np.abs(np.arange(n_items) / n_items - moment) + rng.exponential(0.03, n_items))[:5]
        sequences.append(np.sort(near).tolist())
    found = timeline.fit(_histories(sequences), n_items, TimelineConfig())
    ranks = np.argsort(np.argsort(found.place))
    assert np.corrcoef(ranks, np.arange(n_items))[0, 1] > 0.95
    early, late = found.crowd[5] / found.crowd[5].sum(), found.crowd[55] / found.crowd[55].sum()
    bins = np.arange(N_BINS)
    assert early @ bins + 5 < late @ bins


@st.composite
def _shops(draw: st.DrawFn) -> tuple[list[list[int]], list[list[int]], int]:
    n_items = draw(st.integers(2, 6))
    sequences = draw(st.lists(st.lists(st.integers(0, n_items - 1), max_size=7), min_size=1, max_size=5))
    days = [sorted(draw(st.lists(st.integers(0, 4), min_size=len(s), max_size=len(s)))) for s in sequences]
    return sequences, days, n_items


@settings(max_examples=60, deadline=None)
@given(_shops())
def test_places_solve_the_normal_equations(shop: tuple[list[list[int]], list[list[int]], int]) -> None:
    """Places equal the dense ridge solution over all pairs, written down pair by pair; items without a pair are NaN,
    and two events of one session are no pair.
    """
    sequences, days, n_items = shop
    matrix, flow, paired = 0.5 * np.eye(n_items), np.zeros(n_items), np.zeros(n_items, bool)
    for items, when in zip(sequences, days, strict=True):
        for i in range(len(items)):
            for lag in (1, 2, 3):
                j = i + lag
                if j < len(items) and when[i] != when[j] and items[i] != items[j]:
                    edge = np.zeros(n_items)
                    edge[items[i]], edge[items[j]] = -1, 1
                    matrix += np.outer(edge, edge) / lag
                    flow += edge / lag
                    paired |= edge != 0
    expected = np.where(paired, np.linalg.solve(matrix, flow), np.nan)
    found = timeline.fit(_histories(sequences, days), n_items, TimelineConfig()).place
    np.testing.assert_allclose(found, expected, atol=1e-4)


@settings(max_examples=60, deadline=None)
@given(_shops())
def test_crowds_count_every_event_by_the_moment_before_it(shop: tuple[list[list[int]], list[list[int]], int]) -> None:
    """Each event whose user has a moment before it counts once, in the bin of `Timeline.moment` as served: the crowds
    equal a replay event by event, smoothed.
    """
    sequences, days, n_items = shop
    found = timeline.fit(_histories(sequences, days), n_items, TimelineConfig())
    expected = np.zeros((n_items, N_BINS), np.float32)
    for items, when in zip(sequences, days, strict=True):
        for item, day in zip(items, when, strict=True):
            past = [(i, d) for i, d in zip(items, when, strict=True) if d < day]
            if past:
                sessions = np.array([len({e for _, e in past if e > d}) for _, d in past], np.int32)
                moment = found.moment(np.array([i for i, _ in past], np.int32), sessions)
                if np.isfinite(moment):
                    expected[item, np.searchsorted(found.bounds, np.float32(moment))] += 1
    apart = np.arange(N_BINS)[:, None] - np.arange(N_BINS)
    kernel = np.exp(-0.5 * (apart / timeline.SMOOTHING_BINS) ** 2)
    smoothed = expected @ (kernel / kernel.sum(axis=0))
    np.testing.assert_allclose(found.crowd, smoothed, atol=1e-4)


def test_a_bound_on_events_draws_whole_users() -> None:
    """With `max_events` below the log's size fewer users are looked at, the same ones each time; the shape stays."""
    rng = np.random.default_rng(1)
    histories = _histories([rng.permutation(20)[:6].tolist() for _ in range(500)])
    some = timeline.fit(histories, 20, TimelineConfig(max_events=600))
    again = timeline.fit(histories, 20, TimelineConfig(max_events=600))
    whole = timeline.fit(histories, 20, TimelineConfig())
    assert 0 < some.crowd.sum() < 0.5 * whole.crowd.sum()
    np.testing.assert_array_equal(some.crowd, again.crowd)
    np.testing.assert_array_equal(some.place, again.place)


def test_a_wall_clock_needs_no_timeline() -> None:
    """Where nothing is told no user has a moment, whatever they had."""
    found = timeline.untold(4)
    assert np.isnan(found.moment(np.array([0, 3], np.int32), np.array([0, 1], np.int32)))
    assert np.isnan(found.place).all()


def test_no_events_no_timeline() -> None:
    """An empty history set gives NaN places, empty crowds and no moment; so does a user without recent items."""
    found = timeline.fit(_histories([[], []]), 3, TimelineConfig())
    assert np.isnan(found.place).all() and not found.crowd.any()
    assert np.isnan(found.moment(np.empty(0, np.int32), np.empty(0, np.int32)))
    assert np.isnan(found.moment(np.array([1], np.int32), np.zeros(1, np.int32)))
