"""Figures of an evaluation: what is vectorised equals the definitions, request by request, on a real replay."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from offline_jobs import measure as measuring
from offline_jobs.figures_json import as_json
from offline_jobs.lists import K, predict_many, slate_of
from offline_jobs.measure import report_of, score_bins, text_vectors
from offline_jobs.recall_curves import DEPTHS
from offline_jobs.replay import LONG, TARGET_KINDS, Replayed, replay
from offline_jobs.tables import print_details, print_report
from recsys import metrics
from recsys.candidates.merge import SOURCES
from recsys.rerank.diversify import DiversityConfig
from recsys.rerank.prepare import prepare
from recsys.rerank.training_set import history_at

if TYPE_CHECKING:
    from tests.conftest import Trial


@pytest.fixture(scope="module")
def replayed(shop_trial: Trial) -> Replayed:
    """The generated shop's test window as served, half of it asked for long lists too."""
    held = shop_trial.held
    return replay(
        held.model, shop_trial.booster, held.earlier, held.later, held.requests, n_deep=len(held.requests) // 2
    )


@pytest.fixture(scope="module")
def report(shop_trial: Trial, replayed: Replayed) -> measuring.Report:
    """Its figures."""
    vectors = text_vectors(shop_trial.source.catalogue.texts)
    return report_of(replayed, shop_trial.held.model.items, population=400, new_only=False, vectors=vectors)


def test_every_mean_equals_its_definition(replayed: Replayed, report: measuring.Report) -> None:
    """Each system's HR, recall, precision, MAP, MRR and NDCG at 5, 10 and 20, one request at a time."""
    references = {
        "hr": metrics.hit_rate,
        "recall": metrics.recall,
        "precision": metrics.precision,
        "map": metrics.average_precision,
        "mrr": metrics.reciprocal_rank,
        "ndcg": metrics.ndcg,
    }
    for name, figures in report.systems.items():
        for k in (5, K, LONG):
            lists = replayed.slate if name == "slate" and k <= K else replayed.lists[name]
            for metric, reference in references.items():
                values = [
                    reference(ranked[ranked >= 0], rows, k) for ranked, rows in zip(lists, replayed.wanted, strict=True)
                ]
                assert figures[f"{metric}@{k}"].mean == pytest.approx(np.mean(values)), (name, metric, k)


def test_the_slate_measured_is_the_slate_served(shop_trial: Trial, replayed: Replayed) -> None:
    """Entry i of the replay is what `prepare`, the ranker and `diversify` give for request i at ten places."""
    held = shop_trial.held
    for at in (0, len(held.requests) - 1):
        request = held.requests[at]
        history = history_at(held.earlier, held.later, request.user_row, request.time_ms)
        ready = prepare(held.model, history, time_ms=request.time_ms)
        [scores] = predict_many(shop_trial.booster, [ready])
        expected = slate_of(ready, scores, held.model.items, n=K, config=DiversityConfig())
        assert replayed.slate[at].tolist() == expected.tolist()
        assert replayed.wanted[at].tolist() == request.wanted.tolist()


def test_recall_curves_hold_together(replayed: Replayed, report: measuring.Report) -> None:
    """They rise with depth, equal the definition at 200, and what a source alone finds is part of what it finds."""
    merged = [report.curves.merged[k].mean for k in DEPTHS]
    assert merged == sorted(merged)
    found = np.bincount(replayed.found_request[replayed.found_at < 200], minlength=report.n_requests)
    assert report.candidate_recall.mean == pytest.approx(np.mean(found / [len(rows) for rows in replayed.wanted]))
    assert report.curves.n_sampled == report.n_requests // 2
    for name in SOURCES:
        curve = [report.curves.sources[name][k].mean for k in DEPTHS]
        assert curve == sorted(curve)
        assert report.curves.only_found_by[name] <= report.curves.found_by[name]
    missed = 1 - replayed.found_at.size / sum(len(rows) for rows in replayed.wanted)
    assert sum(report.curves.only_found_by.values()) <= 1 - missed


def test_groups_and_targets_are_partitions(report: measuring.Report) -> None:
    """Every request is in one activity group, every wanted item of one kind, and the groups' means make the whole's."""
    assert sum(group.n_requests for group in report.groups.values()) == report.n_requests
    assert sum(report.targets[kind] for kind in TARGET_KINDS) == pytest.approx(1)
    assert report.targets["had before"] == report.repeat_share
    for name, figures in report.systems.items():
        parts = [group.n_requests * group.systems[name].mean for group in report.groups.values()]
        assert sum(parts) / report.n_requests == pytest.approx(figures["ndcg@10"].mean)


def test_new_items_only_means_no_item_had_before(shop_trial: Trial) -> None:
    """Neither in lists nor in targets; a system of own items has no row."""
    held = shop_trial.held
    new = replay(held.model, shop_trial.booster, held.earlier, held.later, held.requests, purchased="exclude")
    users = [r.user_row for r in held.requests]
    taken = held.model.items.taken_types
    at = 0
    for request, user in zip(held.requests, users, strict=True):
        history = held.earlier.of(user)
        had = set(history.item_row[taken[history.type_code]].tolist())
        left = [row for row in request.wanted.tolist() if row not in had]
        if left:
            assert new.wanted[at].tolist() == left
            assert not had & set(new.slate[at].tolist())
            at += 1
    assert at == len(new.wanted)
    report = report_of(new, held.model.items, population=400, new_only=True, vectors=None)
    assert measuring.MOST_BOUGHT not in report.systems


def test_score_bins_find_a_planted_order() -> None:
    """Scores that order perfectly: no wanted candidate below the top tenth, every one in it; all are counted."""
    scores = np.tile(np.linspace(0, 1, 100, dtype=np.float32), 30)
    labels = scores > 0.9
    request = np.repeat(np.arange(30, dtype=np.int32), 100)
    bins = score_bins(scores, labels, request, 30)
    assert len(bins) == 10
    assert [part.wanted.mean for part in bins[:-1]] == [0.0] * 9
    assert bins[-1].wanted.mean == pytest.approx(1.0)
    assert sum(part.n * part.wanted.mean for part in bins) == pytest.approx(labels.sum())


def test_the_json_keeps_its_contract(report: measuring.Report) -> None:
    """`slate`, `sources.<name>` and `candidate_recall@200` hold plain finite numbers; all of it is strict JSON."""
    figures = json.loads(json.dumps(as_json({"all": report, "new": report}), allow_nan=False))
    for part in (figures, figures["new"]):
        for name, system in {"slate": part["slate"], **part["sources"]}.items():
            for k in (5, 10, 20):
                for metric in ("hr", "ndcg", "recall", "precision", "map", "mrr"):
                    assert math.isfinite(system[f"{metric}@{k}"]), name
            low, high = system["intervals"]["ndcg@10"]
            assert low <= system["ndcg@10"] <= high
        assert 0 < part["candidate_recall@200"] <= 1
        for lead in part["slate_minus"].values():
            assert 0 < lead["p"] <= lead["p_holm"] <= 1


def test_the_tables_name_every_system(report: measuring.Report, capsys: pytest.CaptureFixture[str]) -> None:
    """Each system has a row in each table."""
    print_report("shop", {"all": report})
    print_details("shop", {"all": report})
    printed = capsys.readouterr().out
    for name in report.systems:
        assert printed.count(f"│ {name} ") >= 3
