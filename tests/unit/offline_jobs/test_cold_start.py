"""Cold start: what is hidden is hidden from every fit, and only what is shown changes from row to row."""

from __future__ import annotations

import shutil
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from offline_jobs.cold_sessions import after_three, at_start
from offline_jobs.cold_start import measure_cold_start
from offline_jobs.hidden import drawn, hidden, kept_events
from offline_jobs.progress import Steps
from offline_jobs.train_candidates import fit
from recsys.events import ITEMS_FILE, Events, load_events
from recsys.profiles.build import WEIGHTS
from recsys.profiles.store import History
from recsys.schema import EVENT_TYPES, MS_PER_DAY

if TYPE_CHECKING:
    from offline_jobs.train_candidates import FitInput
    from tests.conftest import Trial


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(share=st.floats(0.05, 0.9), seed=st.integers(0, 99))
def test_kept_events_keep_their_queries(shop_trial: Trial, share: float, seed: int) -> None:
    """Whatever is left out, every search left still has its own query, and order stays."""
    events = shop_trial.source.events
    keep = np.random.default_rng(seed).random(len(events)) < share
    left = kept_events(events, keep)
    query_of = dict(zip(events.search_at.tolist(), events.search_query, strict=True))
    was_at = np.flatnonzero(keep)
    assert [query_of[at] for at in was_at[left.search_at].tolist()] == list(left.search_query)
    assert np.array_equal(left.time_ms, events.time_ms[keep])
    assert len(left) == keep.sum()


def test_hidden_users_leave_no_trace(shop_trial: Trial) -> None:
    """Neither arrays nor file hold an event of theirs, nor do the item profiles fitted on what is left; others stay."""
    source, as_of_ms = shop_trial.source, shop_trial.split.test.as_of_ms
    users = drawn(len(source.events.users), 0.2, seed=3)
    kept = ~users[source.events.user_row]
    with hidden(source, users=users) as left:
        assert np.array_equal(left.events.time_ms, source.events.time_ms[kept])
        on_disk = load_events_beside(left, source)
        assert len(on_disk) == kept.sum()
        model, histories = fit(left, as_of_ms=as_of_ms, config=shop_trial.config.candidates, steps=Steps(quiet=True))
    assert not np.diff(histories.indptr)[users].any()
    events = left.events
    strong = events.visible(as_of_ms) & (events.item_row >= 0) & (WEIGHTS[events.type_code] > 0)
    assert model.items.n_events.sum() == strong.sum()


def load_events_beside(left: FitInput, source: FitInput) -> Events:
    """The filtered file read like any log: items come from the whole log beside it."""
    shutil.copy(source.log.directory / ITEMS_FILE, left.log.directory / ITEMS_FILE)
    return load_events(left.log.directory)


def test_hidden_items_are_met_only_afterwards(shop_trial: Trial) -> None:
    """No event of theirs before the moment, all of them after it, and nothing else is missing."""
    source, moment = shop_trial.source, shop_trial.split.test.as_of_ms
    items = drawn(len(source.catalogue), 0.3, seed=4)
    events = source.events
    gone = (events.item_row >= 0) & items[events.item_row] & (events.time_ms < moment)
    assert gone.any()
    with hidden(source, items=items, items_before_ms=moment) as left:
        assert len(load_events_beside(left, source)) == len(left.events) == (~gone).sum()
        of_hidden = (left.events.item_row >= 0) & items[left.events.item_row]
        assert of_hidden.any()
        assert (left.events.time_ms[of_hidden] >= moment).all()


@pytest.mark.parametrize(("ordinal", "shown", "wanted"), [(False, [4, 5, 6], [7]), (True, [1, 2, 3], [4, 5, 6, 7])])
def test_what_is_wanted_follows_what_is_shown(ordinal: bool, shown: list[int], wanted: list[int]) -> None:
    """Items 1 to 7 bought one a day, the request's window begins with the fourth: no event is both shown and wanted.

    On a wall clock the window's first three are shown and the request is made after them; on an ordinal one the three
    before the window. A user with too few events makes no request.
    """
    n, purchase = 7, EVENT_TYPES.index("purchase")
    of = {"time_ms": np.arange(1, n + 1) * MS_PER_DAY, "type_code": np.full(n, purchase, np.int8)}
    rows = np.arange(1, n + 1, dtype=np.int32)
    prices = np.ones(n, np.float32)
    history = History(rows, np.full(n, -1, np.int32), of["time_ms"], of["type_code"], prices, prices, prices)
    taken = np.array([name == "purchase" for name in EVENT_TYPES])
    model: Any = SimpleNamespace(items=SimpleNamespace(taken_types=taken))
    [session] = after_three(history, model, [4 * MS_PER_DAY], ordinal=ordinal)
    assert session.shown.item_row.tolist() == shown
    assert session.wanted.tolist() == wanted
    assert (session.shown.time_ms < session.time_ms).all()
    assert np.isnan(session.shown.discount).all()
    assert after_three(history.slice(2, 6), model, [4 * MS_PER_DAY], ordinal=ordinal) == []
    [start] = at_start(history.slice(3, n), model, [4 * MS_PER_DAY])
    assert len(start.shown) == 0
    assert start.wanted.tolist() == [4, 5, 6, 7]


@pytest.mark.slow
def test_cold_start_of_the_generated_shop(shop_trial: Trial) -> None:
    """One row a number of events shown, on the same requests, and what is shown changes the slates."""
    found = measure_cold_start(shop_trial.source, shop_trial.split, shop_trial.config, Steps(quiet=True))
    assert found.n_hidden_users == round(0.15 * found.n_users)
    start, *by_shown = found.users
    assert start.shown.startswith("none")
    assert [row.shown[0] for row in by_shown] == ["0", "1", "2", "3"]
    assert len({row.n_requests for row in by_shown}) == 1
    assert by_shown[3].slate != by_shown[0].slate
    for row in found.users:
        assert row.lead.mean == pytest.approx(row.slate.mean - row.popular.mean)
        assert row.lead.p <= row.lead.p_holm
    assert found.items.n_hidden == round(0.08 * len(shop_trial.source.catalogue))
    assert 0 <= found.items.reached.mean <= 1
    assert found.items.n_wanting > 0
    assert found.items.hr.mean <= 1
    assert found.items.fresh_reached.mean > found.items.reached.mean
