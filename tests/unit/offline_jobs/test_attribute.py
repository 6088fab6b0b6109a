"""Attribution: which event counts for which place, against a slow reading of the same rules."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from offline_jobs.attribution import attribute
from recsys import exposure_log
from recsys.errors import ConfigError, DataError
from recsys.secret_key import load_key, pseudonym
from recsys.tombstones import FILE, add_tombstone
from server.stored_event import StoredEvent
from slatewright import cli
from tests.shown_slates import DAY, T0, expose, happened, slate, store

WINDOW = 2 * DAY


@pytest.fixture
def state(tmp_path: Path) -> Path:
    folder = tmp_path / "state"
    folder.mkdir()
    load_key(folder)
    return folder


def verdicts(out: Path) -> dict[str, tuple[str, str | None, int | None]]:
    rows = pq.read_table(out / "verdicts.parquet").to_pylist()
    return {row["event_id"]: (row["verdict"], row["token_id"], row["position"]) for row in rows}


def run(
    tmp_path: Path, state: Path, slates: Sequence[dict[str, Any]], events: Sequence[StoredEvent], **how: Any
) -> Any:
    expose(tmp_path / "exposures", slates)
    store(state, events)
    return attribute(tmp_path / "exposures", tmp_path / "out", state=state, window_days=WINDOW / DAY, **how)


def test_each_rule_by_name(tmp_path: Path, state: Path) -> None:
    """One event for every verdict; what does not count stands for no place."""
    slates = [
        slate(state, "t1", "ann", ["i1", "i2"]),
        slate(state, "t2", "", ["i1", "i3"]),
        slate(state, "t3", "ann", ["i2"], at=T0 + 1_000),
    ]
    events = [
        happened("direct", "ann", "i1", "click", T0, "t1", position=1),
        happened("nobody's slate", "ann", "i3", "click", T0 + 1, "t2"),
        happened("other place", "ann", "i2", "click", T0 + 1, "t1", position=7),
        happened("last touch", "ann", "i2", "purchase", T0 + 5_000, quantity=2, price=3.5),
        happened("first touch", "ann", "i2", "view", T0 + 999),
        happened("last moment", "ann", "i1", "purchase", T0 + WINDOW - 1, "t1", price=1.0),
        happened("too late", "ann", "i1", "purchase", T0 + WINDOW, "t1"),
        happened("too early", "ann", "i1", "click", T0 - 1, "t1"),
        happened("forged", "ann", "i1", "click", T0 + 1, "nonsense"),
        happened("borrowed", "bob", "i1", "click", T0 + 1, "t1"),
        happened("elsewhere", "ann", "i9", "click", T0 + 1, "t1"),
        happened("unseen", "bob", "i1", "click", T0 + 1),
        happened("untouched", "ann", "i2", "click", T0 + 1_000 + WINDOW),
        happened("search", "ann", "", "search", T0 + 1, "t1", query="tea"),
    ]
    found = run(tmp_path, state, slates, events)
    t1, t2, t3 = (exposure_log.token_id(t) for t in ("t1", "t2", "t3"))
    assert verdicts(tmp_path / "out") == {
        "direct": ("counted", t1, 1),
        "nobody's slate": ("counted", t2, 2),
        "other place": ("counted", t1, 2),
        "last touch": ("counted", t3, 1),
        "first touch": ("counted", t1, 2),
        "last moment": ("counted", t1, 1),
        "too late": ("outside_window", None, None),
        "too early": ("before", None, None),
        "forged": ("unknown_token", None, None),
        "borrowed": ("foreign_user", None, None),
        "elsewhere": ("not_shown", None, None),
        "unseen": ("no_exposure", None, None),
        "untouched": ("no_exposure", None, None),
    }
    assert (found.last_touch, found.position_differs, found.n_slates, found.n_places) == (2, 1, 3, 5)
    assert found.counted == {"click": 3, "purchase": 2, "view": 1}
    places = {(r["token_id"], r["position"]): r for r in pq.read_table(tmp_path / "out" / "places.parquet").to_pylist()}
    assert (places[t3, 1]["purchases"], places[t3, 1]["quantity"], places[t3, 1]["revenue"]) == (1, 2.0, 7.0)
    assert (places[t1, 1]["clicks"], places[t1, 1]["purchases"], places[t1, 1]["revenue"]) == (1, 1, 1.0)
    assert (places[t2, 1]["clicks"], places[t2, 1]["first_answer"]) == (0, None)
    assert all(row["complete"] for row in places.values())


def slow(slates: Sequence[dict[str, Any]], events: Sequence[StoredEvent], key: bytes) -> dict[str, Any]:
    """The rules one event at a time."""
    by_token = {}
    for shown in slates:
        by_token.setdefault(shown["token_id"], shown)
    found: dict[str, Any] = {}
    first_ms = min(shown["time"] for shown in slates)
    for event in events:
        if event.event_id in found or not (event.attribution_token or event.time_ms >= first_ms):
            continue
        place, verdict, at = None, "counted", None
        if event.attribution_token:
            at = by_token.get(exposure_log.token_id(event.attribution_token))
            places = {s["item_id"]: s["position"] for s in at["slots"]} if at else {}
            place = places.get(event.item_id)
            if at is None:
                verdict = "unknown_token"
            elif at["user"] and at["user"] != pseudonym(key, event.user_id):
                verdict = "foreign_user"
            elif place is None:
                verdict = "not_shown"
            elif event.time_ms < at["time"]:
                verdict = "before"
            elif event.time_ms >= at["time"] + WINDOW:
                verdict = "outside_window"
        else:
            user = pseudonym(key, event.user_id)
            seen = [
                (s["time"], s["served"], s, slot["position"])
                for s in by_token.values()
                for slot in s["slots"]
                if s["user"] == user
                and slot["item_id"] == event.item_id
                and s["time"] <= event.time_ms < s["time"] + WINDOW
            ]
            if seen:
                _, _, at, place = max(seen, key=lambda one: one[:2])
            else:
                verdict = "no_exposure"
        counted = verdict == "counted"
        found[event.event_id] = (verdict, at["token_id"] if counted and at else None, place if counted else None)
    return found


@pytest.mark.parametrize("seed", range(2))
def test_thousands_of_events_as_one_by_one(tmp_path: Path, state: Path, seed: int) -> None:
    """Late, repeated and unordered events of crowded slates get the verdict of the slow reading."""
    rng = np.random.default_rng(seed)
    users, items, key = [f"u{n}" for n in range(12)], [f"i{n}" for n in range(15)], load_key(state)
    named = {pseudonym(key, user): user for user in users}
    slates = []
    for n in range(150):
        user = str(rng.choice([*users, ""]))
        at = T0 + int(rng.integers(0, 6 * DAY))
        slates.append(slate(state, f"t{n}", user, rng.choice(items, 5, replace=False).tolist(), at, served=T0 + n))
    events = []
    for n in range(3_000):
        token = f"t{rng.integers(0, 170)}" if rng.random() < 0.6 else ""
        at = T0 + int(rng.integers(-DAY, 9 * DAY))
        kind = str(rng.choice(["impression", "view", "click", "add_to_cart", "purchase", "dislike"]))
        user, item = str(rng.choice(users)), str(rng.choice(items))
        if token and int(token[1:]) < 150 and rng.random() < 0.7:
            shown = slates[int(token[1:])]
            item = str(rng.choice([slot["item_id"] for slot in shown["slots"]]))
            user = named.get(shown["user"], user)
            at = shown["time"] + int(rng.integers(-DAY // 4, 3 * DAY))
        events.append(happened(f"e{n}", user, item, kind, at, token))
    again = [*slates, *({**s, "served": s["served"] + 10_000} for s in slates[:30])]
    found = run(tmp_path, state, again, [*events, *events[:50]])
    expected = slow(slates, events, key)
    assert verdicts(tmp_path / "out") == expected
    assert found.n_slates == 150
    assert set(found.verdicts) >= {v for v, *_ in expected.values()}
    assert sum(found.verdicts.values()) == len(expected) > 2_500
    before = (tmp_path / "out" / "places.parquet").read_bytes()
    attribute(tmp_path / "exposures", tmp_path / "out", state=state, window_days=WINDOW / DAY)
    assert (tmp_path / "out" / "places.parquet").read_bytes() == before


def test_no_event_of_a_forgotten_user_counts(tmp_path: Path, state: Path) -> None:
    """Even where it is still in the store: the tombstones of the state folder are honoured unasked."""
    add_tombstone(state / FILE, load_key(state), "ann", time_ms=T0 + 10)
    slates = [slate(state, "t1", "ann", ["i1"]), slate(state, "t2", "bob", ["i1"])]
    events = [
        happened("gone", "ann", "i1", "click", T0 + 1, "t1"),
        happened("back", "ann", "i1", "click", T0 + 11, "t1"),
        happened("other", "bob", "i1", "click", T0 + 1, "t2"),
    ]
    found = run(tmp_path, state, slates, events)
    assert set(verdicts(tmp_path / "out")) == {"back", "other"}
    assert found.n_forgotten == 1


def test_units_hold_what_the_experiment_assigned(tmp_path: Path, state: Path) -> None:
    """Sums per unit and variant; overridden calls and fallbacks are left out, a unit of two variants is marked."""

    def assigned(name: str) -> dict[str, Any]:
        return {"variants": [("ranking", name)], "experiments": [("ranking", "exp")]}

    slates = [
        slate(state, "t1", "ann", ["i1", "i2"], **assigned("b")),
        slate(state, "t2", "ann", ["i3"], at=T0 + 5, **assigned("b")),
        slate(state, "t3", "bob", ["i1"], **assigned("control")),
        slate(state, "t4", "bob", ["i1"], at=T0 + 9, **assigned("b")),
        slate(state, "t5", "cat", ["i1"], **assigned("b"), overridden=["ranking"]),
        slate(state, "t6", "dan", ["i1"], **assigned("control"), fallbacks=[("ranking", "slow")]),
    ]
    events = [happened("a", "ann", "i3", "click", T0 + 6, "t2"), happened("b", "cat", "i1", "click", T0 + 6, "t5")]
    run(tmp_path, state, slates, events)
    rows = pq.read_table(tmp_path / "out" / "units.parquet").to_pylist()
    named = {u: pseudonym(load_key(state), u) for u in ("ann", "bob")}
    found = {(r["unit"], r["ranking_variant"]): (r["n_slates"], r["n_places"], r["clicks"], r["mixed"]) for r in rows}
    assert found == {
        (f"u:{named['ann']}", "b"): (2, 3, 1, False),
        (f"u:{named['bob']}", "control"): (1, 1, 0, True),
        (f"u:{named['bob']}", "b"): (1, 1, 0, True),
    }
    assert {r["ranking_experiment"] for r in rows} == {"exp"}


def test_settings_that_cannot_work_are_named(tmp_path: Path, state: Path) -> None:
    """ConfigError or DataError with the remedy; nothing is written."""
    with pytest.raises(ConfigError, match="expected above 0"):
        attribute(tmp_path, tmp_path / "out", state=state, window_days=0)
    with pytest.raises(ConfigError, match="no feedback is named"):
        attribute(tmp_path, tmp_path / "out", state=state)
    store(state, [])
    with pytest.raises(DataError, match="no folder of exposures"):
        attribute(tmp_path / "none", tmp_path / "out", state=state)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="holds no exposures yet"):
        attribute(tmp_path / "empty", tmp_path / "out", state=state)
    assert not (tmp_path / "out").exists()


def test_the_command_says_what_it_found(tmp_path: Path, state: Path, capsys: Any) -> None:
    """As JSON, and as a table by default."""
    run(tmp_path, state, [slate(state, "t1", "ann", ["i1"])], [happened("a", "ann", "i1", "click", T0, "t1")])
    command = [
        "attribute",
        "--exposures",
        str(tmp_path / "exposures"),
        "--state",
        str(state),
        "--out",
        str(tmp_path / "o"),
    ]
    assert cli.main([*command, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["counted"] == {"click": 1}
    assert cli.main([*command, "--quiet"]) == 0
    assert "counted: click" in capsys.readouterr().out
