"""Training on impressions, on a log that went through the real ingest: which labels, what they may know, what errs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from offline_jobs.config import read_config
from offline_jobs.progress import Steps
from offline_jobs.train_candidates import FitInput
from offline_jobs.train_ranker import HeldOut, RankingConfig, held_out_window, labelled_rows, train
from recsys.catalogue import read_catalogue
from recsys.errors import ConfigError, DataError, EmptyWindowError
from recsys.events import load_events, read_log
from recsys.profiles.build import build_histories
from recsys.rerank.impressions import build_slates, past_slates
from recsys.rerank.prepare import prepare
from recsys.rerank.ranker import RankerConfig
from recsys.rerank.training_set import TrainingSet, history_at
from recsys.schema import MS_PER_DAY
from recsys.shown import read_shown
from recsys.split import Window
from tests.clicked_log import clicked_log, event, planted_events

if TYPE_CHECKING:
    from tests.conftest import Trial

QUIET = Steps(quiet=True)
SMALL = RankingConfig(ranker=RankerConfig(n_trees=20), min_slates=50, max_requests=150)


@dataclass(frozen=True)
class Planted:
    """A log with planted slates, and the raw rows it was made from."""

    shop_log: Path
    rows: list[dict[str, Any]]
    source: FitInput
    window: Window
    held: HeldOut


def _source(log: Path) -> FitInput:
    return FitInput(read_log(log), load_events(log), read_catalogue(log))


@pytest.fixture(scope="module")
def planted(shop_trial: Trial, shop_log: Path, tmp_path_factory: pytest.TempPathFactory) -> Planted:
    window = shop_trial.split.train
    rows = planted_events(shop_trial.source, window, seed=4)
    source = _source(clicked_log(shop_log, tmp_path_factory.mktemp("clicked"), rows))
    return Planted(shop_log, rows, source, window, held_out_window(source, window, shop_trial.config.candidates, QUIET))


def _rows(planted: Planted, source: FitInput, **changes: Any) -> tuple[tuple[TrainingSet, TrainingSet], str]:
    steps, held = Steps(quiet=True), planted.held
    config = replace(SMALL, **changes)
    later = build_histories(
        source.events, held.model.items, as_of_ms=planted.window.until_ms, from_ms=planted.window.as_of_ms
    )
    return labelled_rows(source, planted.window, replace(held, later=later), config=config, steps=steps), steps.notes[
        "labels"
    ]


def _same(one: TrainingSet, other: TrainingSet) -> bool:
    assert one.position is not None
    assert other.position is not None
    pairs = (
        (one.matrix, other.matrix),
        (one.label, other.label),
        (one.group, other.group),
        (one.position, other.position),
    )
    return all(a.tobytes() == b.tobytes() for a, b in pairs)


def test_auto_takes_impressions_where_there_are_enough(planted: Planted) -> None:
    """The rows are of slates: positions, few items each, and the note says so; one slate too few and it says that."""
    (rows, valid), why = _rows(planted, planted.source)
    assert why.startswith("impressions: ")
    assert rows.position is not None
    assert set(np.unique(rows.position)) == set(range(1, 9))
    assert rows.group.max() <= 8
    assert len(rows.group) + len(valid.group) >= 50
    (rows, _), why = _rows(planted, planted.source, min_slates=100_000)
    assert rows.position is None
    assert why.startswith("interactions: ")
    assert "expected 100000" in why


def test_no_impression_or_click_from_the_windows_end_on_counts(planted: Planted, tmp_path: Path) -> None:
    """More slates and clicks at or after the window's end, with known tokens or not, change no bit of any row; the same
    clicks a minute before it do.
    """
    seen = [row for row in planted.rows if row["event_type"] == "impression"][:400]
    changed = []
    for first_ms in (planted.window.until_ms, planted.window.until_ms - 60_000):
        forged = list(planted.rows)
        for n, row in enumerate(seen):
            token = {"attribution_token": row["attribution_token"]} if n % 2 else {}
            forged.append(event(first_ms + n, row["user_id"], row["item_id"], "purchase", price=1.0, **token))
            forged.append(event(first_ms + n, row["user_id"], row["item_id"], "impression", position=1 + n % 8))
        source = _source(clicked_log(planted.shop_log, tmp_path / str(first_ms), forged))
        honest, known = (_rows(planted, s)[0] for s in (planted.source, source))
        changed.append(not all(_same(a, b) for a, b in zip(honest, known, strict=True)))
    assert changed == [False, True]


def test_rows_are_the_served_rows_of_the_slates_moment(planted: Planted) -> None:
    """Each row is bit for bit what `prepare` gives for that item at the first impression's time, from a history that
    ends before it: the slate's own clicks are not in it.
    """
    held, window = planted.held, planted.window
    shown = read_shown(
        planted.source.log.directory, planted.source.events, from_ms=window.as_of_ms, before_ms=window.until_ms
    )
    slates = past_slates(shown, window_ms=MS_PER_DAY)
    compared = 0
    for slate in (slates.of(at) for at in slates.telling()[:40].tolist()):
        history = history_at(held.earlier, held.later, slate.user_row, slate.time_ms)
        assert (history.time_ms < slate.time_ms).all()
        served = prepare(held.model, history, time_ms=slate.time_ms)
        rows = build_slates(held.model, held.earlier, held.later, [slate])
        known = np.flatnonzero(np.isin(slate.shown, served.candidates.rows))
        if not len(rows.group):
            continue
        assert rows.position is not None
        for i, at in enumerate(known.tolist()):
            place = served.candidates.rows.tolist().index(int(slate.shown[at]))
            assert rows.matrix[i].tobytes() == served.matrix[place].tobytes()
            assert (rows.label[i], rows.position[i]) == (slate.label[at], slate.position[at])
            compared += 1
    assert compared > 100


def test_a_log_without_usable_slates_trains_as_ever(shop_trial: Trial) -> None:
    """The generated shop shows items one by one, so "auto" finds no slate: the model text is that of "interactions"."""
    texts, notes = set(), []
    for labels in ("auto", "interactions"):
        steps = Steps(quiet=True)
        config = replace(SMALL, labels=labels)
        booster = train(
            shop_trial.source,
            shop_trial.split.train,
            candidates=shop_trial.config.candidates,
            config=config,
            steps=steps,
        )
        texts.add(booster.model_to_string())
        notes.append(steps.notes["train: labels"])
    assert len(texts) == 1
    assert "have an item taken and one not; expected 50" in notes[0]
    assert notes[1] == "interactions: as configured"


def test_impressions_that_must_be_used_and_cannot(shop_trial: Trial, planted: Planted, tmp_path: Path) -> None:
    """Absent positions and absent slates are errors with a remedy; under "auto" they are a reason that is told. A
    negative position is wrong in any case.
    """
    window, held = shop_trial.split.train, replace(shop_trial.held)
    with pytest.raises(EmptyWindowError, match=r'expected 1; .* set \[ranking\] labels = "interactions"'):
        labelled_rows(
            shop_trial.source, window, held, config=replace(SMALL, labels="impressions"), steps=Steps(quiet=True)
        )
    for name, position, error in (
        ("none", None, "1 of .* impressions .* no position"),
        ("bad", -1, "negative position"),
    ):
        user, item = planted.rows[0]["user_id"], planted.rows[0]["item_id"]
        extra = event(window.as_of_ms + 5, user, item, "impression", position=position)
        source = _source(clicked_log(planted.shop_log, tmp_path / name, [*planted.rows, extra]))
        with pytest.raises(DataError, match=error):
            _rows(planted, source, labels="impressions")
        if position is None:
            assert "1 of" in _rows(planted, source)[1]
        else:
            with pytest.raises(DataError, match=error):
                _rows(planted, source)


@pytest.mark.parametrize("line", ['labels = "clicks"', "labels = 1", "attribution_days = 0", "min_slates = 0.5"])
def test_a_setting_of_labels_out_of_range_is_refused(tmp_path: Path, line: str) -> None:
    """The error names the key, its value and what is expected."""
    path = tmp_path / "build.toml"
    path.write_text(f"[ranking]\n{line}\n")
    with pytest.raises(ConfigError, match=f"{line.partition(' ')[0]} is .*; expected"):
        read_config(path)


def test_a_build_can_say_which_labels(tmp_path: Path) -> None:
    """A text among the known ones, and the shrinking of the bias may be zero."""
    path = tmp_path / "build.toml"
    path.write_text('[ranking]\nlabels = "impressions"\n[ranking.ranker]\nposition_regularization = 0.0\n')
    assert read_config(path).ranking.labels == "impressions"
