"""Tuning: the test window is never read, a search goes on where it stopped, and its file builds."""

from __future__ import annotations

import argparse
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import optuna
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from optuna.trial import FrozenTrial, Trial, TrialState

from offline_jobs import build, tune, tune_task
from offline_jobs.config import BuildConfig, as_toml, flat, nested, override, read_config
from offline_jobs.evaluate import windows_of
from offline_jobs.held_out import held_out
from offline_jobs.progress import Steps
from offline_jobs.remerge import ask, merged_again
from offline_jobs.replay import replay
from offline_jobs.search_space import search_space, settings_of, suggested
from offline_jobs.study import DEFAULT, best_trial, default_trial, finished, open_study, search
from offline_jobs.train_candidates import CandidatesConfig, FitInput
from offline_jobs.train_ranker import RankingConfig, rows_of_windows, train
from recsys import bundle as bundles
from recsys import metrics
from recsys.candidates.merge import SOURCES, Fusion, Quotas, settings
from recsys.catalogue import read_catalogue
from recsys.errors import ConfigError, EmptyWindowError
from recsys.events import EVENTS_FILE, load_events, read_log
from recsys.rerank.prepare import prepare
from recsys.rerank.ranker import RankerConfig
from recsys.rerank.training_set import history_at
from recsys.schema import MS_PER_DAY
from recsys.split import tuning_windows, windows

if TYPE_CHECKING:
    from tests.conftest import Trial as ShopTrial

QUIET = Steps(quiet=True)
QUICK = BuildConfig(
    candidates=CandidatesConfig(quotas=Quotas(previous=0)),
    ranking=RankingConfig(ranker=RankerConfig(n_trees=12, learning_rate=0.2, min_data_in_leaf=20)),
)
N_REQUESTS, N_TRIALS = 60, 3


def _tune(log: Path, folder: Path, *options: str) -> int:
    """Run the job on a log; study and file lie in `folder`."""
    folder.mkdir(exist_ok=True)
    (folder / "base.toml").write_text(as_toml({k: v for k, v in flat(QUICK).items() if v is not None}))
    parser = argparse.ArgumentParser()
    tune.add_arguments(parser)
    files = [
        "--out",
        str(folder / "best.toml"),
        "--study",
        str(folder / "tune.db"),
        "--config",
        str(folder / "base.toml"),
    ]
    given = ["--log", str(log), *files, "--requests", str(N_REQUESTS), "--trials", str(N_TRIALS), "--quiet", *options]
    return tune.run(parser.parse_args(given))


def _trials(folder: Path) -> list[FrozenTrial]:
    return finished(optuna.load_study(study_name="slatewright", storage=f"sqlite:///{folder / 'tune.db'}"))


def _input(log: Path) -> FitInput:
    return FitInput(read_log(log), load_events(log), read_catalogue(log))


@pytest.fixture(scope="module")
def folder(shop_log: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished search of three trials on the generated shop."""
    found = tmp_path_factory.mktemp("tuned")
    assert _tune(shop_log, found) == 0
    return found


def test_the_test_window_is_never_read(shop_log: Path, folder: Path, tmp_path: Path) -> None:
    """With every event from the test window's start on turned into one that reveals another answer, nothing differs."""
    source = _input(shop_log)
    until_ms = windows_of(source, QUICK).train.until_ms
    forged = tmp_path / "log"
    shutil.copytree(shop_log, forged)
    table = pq.read_table(shop_log / EVENTS_FILE)
    late = pc.greater_equal(table["event_time"], pa.scalar(until_ms * 1000, pa.timestamp("us", "UTC")))
    assert pc.sum(late).as_py() > 1_000
    items = table["item_id"]
    other = pc.if_else(pc.and_(late, items.is_valid()), pa.scalar(source.catalogue.ids.id(0)), items)
    at = table.column_names.index("item_id")
    pq.write_table(table.set_column(at, "item_id", other), forged / EVENTS_FILE)
    assert _tune(forged, tmp_path / "again") == 0
    for mine, theirs in zip(_trials(folder), _trials(tmp_path / "again"), strict=True):
        assert (mine.params, mine.user_attrs) == (theirs.params, theirs.user_attrs)
    mine, theirs = ((where / "best.toml").read_text().splitlines() for where in (folder, tmp_path / "again"))
    assert [line for line in mine if "minutes" not in line] == [line for line in theirs if "minutes" not in line]


def test_the_first_trial_is_the_settings_as_they_are(shop_log: Path, folder: Path) -> None:
    """Its figure is that of a slate trained and replayed by the code of `evaluate`, and the best is never below it."""
    trials = _trials(folder)
    assert len(trials) == N_TRIALS
    default = default_trial(trials)
    assert default is trials[0]
    assert settings_of(default.params, QUICK) == QUICK
    assert best_trial(trials).values[0] >= default.values[0]
    source = _input(shop_log)
    split = tuning_windows(windows_of(source, QUICK), start_ms=source.log.info.start_ms)
    limited = replace(QUICK.ranking, max_requests=N_REQUESTS)
    held = held_out(source, split.train, QUICK, QUIET)
    task = tune_task.asked_once(source, split, QUICK, search_space(QUICK), QUIET, n_requests=N_REQUESTS)
    expected = rows_of_windows(source, split.train, held, candidates=QUICK.candidates, config=limited, steps=QUIET)
    for mine, theirs in zip(tune_task.training_rows(task, QUICK), expected, strict=True):
        np.testing.assert_array_equal(mine.matrix.view(np.uint32), theirs.matrix.view(np.uint32))
        np.testing.assert_array_equal(mine.label, theirs.label)
        np.testing.assert_array_equal(mine.group, theirs.group)
    booster = train(source, split.train, candidates=QUICK.candidates, config=limited, steps=QUIET)
    test = held_out(source, split.test, QUICK, QUIET, limit=N_REQUESTS)
    replayed = replay(test.model, booster, test.earlier, test.later, test.requests, diversity=QUICK.slate.diversity)
    wanted = np.array([len(rows) for rows in replayed.wanted])
    figures = metrics.at_k(metrics.hits(replayed.slate, replayed.wanted), wanted, 10)["ndcg@10"]
    np.testing.assert_array_equal(default.user_attrs["ndcg"], figures)


def test_a_request_merged_again_is_the_prepared_one(shop_trial: ShopTrial) -> None:
    """Whatever the quotas and weights: rows, ranks, fusion scores and features are those of `prepare`, bit for bit."""
    held, rng = shop_trial.held, np.random.default_rng(5)
    requests = held.requests[:25]
    asked = ask(held.model, held.earlier, held.later, requests, longest=np.full(len(SOURCES), 300))
    for request, one in zip(requests, asked, strict=True):
        drawn = Quotas(*rng.integers(0, 301, len(SOURCES)).tolist())
        quotas, weights = settings(drawn, Fusion(*rng.choice([0.0, 0.3, 4.0], len(SOURCES)).tolist()))
        model = replace(held.model, sources=replace(held.model.sources, quotas=quotas, fusion=weights))
        history = history_at(held.earlier, held.later, request.user_row, request.time_ms)
        expected = prepare(model, history, time_ms=request.time_ms)
        found = merged_again(held.model, one, quotas=quotas, weights=weights)
        np.testing.assert_array_equal(found.matrix.view(np.uint32), expected.matrix.view(np.uint32))
        for part in ("rows", "ranks", "fused", "scores"):
            mine, theirs = getattr(found.candidates, part), getattr(expected.candidates, part)
            np.testing.assert_array_equal(mine, theirs)
        assert found.n_allowed == expected.n_allowed


def test_its_file_builds(shop_log: Path, folder: Path, tmp_path: Path) -> None:
    """`slatewright build --config best.toml` publishes a bundle whose merge is the chosen one."""
    chosen = settings_of(best_trial(_trials(folder)).params, QUICK)
    assert read_config(folder / "best.toml") == chosen
    parser = argparse.ArgumentParser()
    build.add_arguments(parser)
    given = ["--log", str(shop_log), "--out", str(tmp_path), "--config", str(folder / "best.toml"), "--quiet", "--json"]
    assert build.run(parser.parse_args(given)) == 0
    bundle = bundles.load(bundles.current(tmp_path))
    quotas, weights = settings(chosen.candidates.quotas, chosen.candidates.fusion)
    np.testing.assert_array_equal(bundle.model.sources.quotas, quotas)
    np.testing.assert_array_equal(bundle.model.sources.fusion, weights)
    assert bundle.manifest["config"]["candidates"]["quotas"]["previous"] == 0


def test_a_study_of_another_search_is_refused(shop_log: Path, folder: Path, tmp_path: Path) -> None:
    """Another number of requests, another holdout, or no study at all: the error names what differs."""
    shutil.copytree(folder, tmp_path / "copy")
    for options, told in (
        (("--requests", "61"), "--requests was 60, is 61"),
        (("--holdout-days", "9"), "validation window was"),
    ):
        with pytest.raises(ConfigError, match=told):
            _tune(shop_log, tmp_path / "copy", *options)
    (tmp_path / "copy" / "tune.db").write_text("not a database, " * 100)
    with pytest.raises(ConfigError, match="cannot be opened as a study"):
        _tune(shop_log, tmp_path / "copy")
    assert len(_trials(folder)) == N_TRIALS


@pytest.mark.parametrize(
    ("option", "value"), [("--minutes", "0"), ("--minutes", "nan"), ("--trials", "0"), ("--requests", "-1")]
)
def test_a_limit_must_be_above_zero(shop_log: Path, tmp_path: Path, option: str, value: str) -> None:
    """The error names the option, before anything is fitted."""
    with pytest.raises(ConfigError, match=option):
        _tune(shop_log, tmp_path, option, value)


def test_labels_that_trials_cannot_learn_from_are_refused(shop_log: Path, tmp_path: Path) -> None:
    """Trials learn from interactions: settings that ask for impressions are refused before anything is fitted."""
    config = tmp_path / "clicks.toml"
    config.write_text('[ranking]\nlabels = "impressions"\n')
    with pytest.raises(ConfigError, match="labels"):
        _tune(shop_log, tmp_path, "--config", str(config))


def test_a_folder_that_cannot_be_written_is_refused(shop_log: Path, tmp_path: Path) -> None:
    """`--out` and `--study` are checked before the hours of a search."""
    for option in ("--out", "--study"):
        with pytest.raises(ConfigError, match=option):
            _tune(shop_log, tmp_path, option, str(tmp_path / "nowhere" / "file"))


PLANTED = {"candidates.quotas.als": 180, "candidates.fusion.content": 2.0}
SPACE = {name: search_space(BuildConfig())[name] for name in PLANTED}
START = {name: flat(BuildConfig())[name] for name in SPACE}


def _closeness(trial: Trial) -> np.ndarray:
    """A planted optimum: 1 at `PLANTED`, falling with the distance to it."""
    values = flat(suggested(trial, BuildConfig(), SPACE))
    return np.array([1 - abs(np.log1p(values[name]) - np.log1p(target)) for name, target in PLANTED.items()])


def _search(path: Path, n_trials: int, objective: object = _closeness) -> list[FrozenTrial]:
    study = open_study(path, {"data set": "planted"})
    search(study, objective, START, seed=7, minutes=5, n_trials=n_trials, after=lambda *_: None)  # type: ignore[arg-type]
    return finished(study)


def test_a_search_finds_a_planted_optimum_and_goes_on(tmp_path: Path) -> None:
    """Twenty trials come nearer than the start; stopped and interrupted in between, they are the same twenty."""
    whole = _search(tmp_path / "whole.db", 20)
    assert best_trial(whole).values[0] > whole[0].values[0] + 0.1
    assert whole[0].user_attrs[DEFAULT]
    calls = iter(range(1_000))

    def interrupted(trial: Trial) -> np.ndarray:
        if next(calls) == 6:
            suggested(trial, BuildConfig(), SPACE)
            raise KeyboardInterrupt
        return _closeness(trial)

    assert len(_search(tmp_path / "parts.db", 8)) == 8
    with pytest.raises(KeyboardInterrupt):
        _search(tmp_path / "parts.db", 19, interrupted)
    study = optuna.load_study(study_name="slatewright", storage=f"sqlite:///{tmp_path / 'parts.db'}")
    assert [trial.state for trial in study.trials].count(TrialState.FAIL) == 1
    parts = _search(tmp_path / "parts.db", 20)
    assert [(t.params, t.values) for t in parts] == [(t.params, t.values) for t in whole]
    assert len(_search(tmp_path / "parts.db", 20)) == 20


def test_an_interrupted_first_trial_is_made_again(tmp_path: Path) -> None:
    """However a search ends, the next one has the settings as they are among its trials."""

    def interrupted(_trial: Trial) -> np.ndarray:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _search(tmp_path / "tune.db", 2, interrupted)
    found = _search(tmp_path / "tune.db", 2)
    assert default_trial(found) is found[0]
    assert len(found) == 2


def test_ctrl_c_keeps_what_was_found(
    shop_log: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Exit 130, the best so far is written, and the same command goes on to the same trials."""
    where, calls, honest = tmp_path / "stopped", iter(range(1_000)), tune.ndcg

    def interrupted(*given: object) -> np.ndarray:
        if next(calls) == 2:
            raise KeyboardInterrupt
        return honest(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(tune, "ndcg", interrupted)
    assert _tune(shop_log, where) == 130
    assert read_config(where / "best.toml") == settings_of(best_trial(_trials(where)).params, QUICK)
    assert len(_trials(where)) == 2
    assert _tune(shop_log, where) == 0
    assert [t.values for t in _trials(where)] == [t.values for t in _trials(folder)]


def test_the_search_space_holds_the_settings_it_starts_from() -> None:
    """Ranges reach whatever the start is; a source that is off stays off; the start reads back as itself."""
    odd = BuildConfig(
        candidates=CandidatesConfig(quotas=Quotas(als=901, users=0), fusion=Fusion(next=0.0, content=0.123456)),
        ranking=RankingConfig(n_negatives=7, ranker=RankerConfig(lambda_l2=99.0, learning_rate=1 / 3)),
    )
    space, values = search_space(odd), flat(odd)
    assert all(bounds.low <= values[name] <= bounds.high for name, bounds in space.items())
    off = {f"candidates.{part}.{source}" for part in ("quotas", "fusion") for source in ("users", "next")}
    assert off.isdisjoint(space)
    assert settings_of({name: values[name] for name in space}, odd) == odd


def test_settings_written_as_toml_read_back(tmp_path: Path) -> None:
    """Names, tables and digits survive, for values of every table."""
    values = {name: value * 0.5 if isinstance(value, float) else value for name, value in flat(BuildConfig()).items()}
    config = override(BuildConfig(), nested({k: v for k, v in values.items() if v is not None}), where="test")
    config = replace(config, holdout_days=12.5)
    (tmp_path / "all.toml").write_text(as_toml(flat(config)))
    assert read_config(tmp_path / "all.toml") == config
    json.dumps(flat(config))


@pytest.mark.parametrize("clock", ["wall", "ordinal"])
def test_tuning_windows_are_one_step_earlier(clock: str) -> None:
    """The train window is measured, the ranker learns one step before it, and neither touches the test window."""
    end = 400 * MS_PER_DAY
    split = windows(start_ms=0, end_ms=end, clock=clock)
    found = tuning_windows(split, start_ms=0)
    assert found.test == split.train
    assert found.train.until_ms == found.test.as_of_ms
    assert found.as_of_ms == found.test.until_ms == split.test.as_of_ms
    if clock == "ordinal":
        assert (found.train.as_of_ms, *found.train.times_ms) == (end - 6 * MS_PER_DAY, end - 5 * MS_PER_DAY)
    else:
        assert found.train.as_of_ms == end - 3 * 28 * MS_PER_DAY


def test_a_log_too_short_to_tune_on_is_refused() -> None:
    """Long enough to measure, too short to choose settings before that: the error says so and what to do."""
    split = windows(start_ms=0, end_ms=60 * MS_PER_DAY, clock="wall", holdout_days=25)
    with pytest.raises(EmptyWindowError, match="choosing settings needs more than two windows"):
        tuning_windows(split, start_ms=0)
