"""Reasons and contributions: true of the score they explain."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import pytest
from implicit.cpu.als import AlternatingLeastSquares
from scipy import sparse
from threadpoolctl import threadpool_limits

from offline_jobs.demo import WHY
from recsys import bundle as bundles
from recsys import reasons
from recsys.candidates.foldin import ItemFactors, confidence
from recsys.candidates.merge import SOURCES
from recsys.candidates.neighbours import strongest
from recsys.profiles.store import empty_history
from recsys.reasons import evidence_of, reasons_for
from recsys.recommender import Recommender
from recsys.rerank import contributions
from recsys.rerank.contributions import (
    als_contributions,
    feature_contributions,
    source_contributions,
    strongest_features,
)
from recsys.rerank.features import FEATURES
from recsys.rerank.prepare import prepare
from recsys.slate import SlateRequest


@pytest.fixture(scope="module")
def bundle(shop_bundles: Path) -> bundles.Bundle:
    """The generated shop."""
    return bundles.load(bundles.current(shop_bundles), verify=False)


def test_als_contributions_sum_to_the_score() -> None:
    """What each of a user's items adds makes up the score of the fold-in; nobody's items add nothing."""
    rng = np.random.default_rng(3)
    factors = ItemFactors.build(rng.normal(size=(50, 8)).astype(np.float32), regularization=2.0, alpha=4.0)
    items = np.array([3, 9, 20, 41], np.int32)
    weight = np.array([0.5, 3.0, 1.0, 9.0], np.float32)
    scores = factors.scores(factors.user_factor(items, weight), np.arange(50, dtype=np.int32))
    for row in range(50):
        assert als_contributions(factors, items, weight, row).sum() == pytest.approx(scores[row], abs=1e-5)
    assert len(als_contributions(factors, items[:0], weight[:0], 7)) == 0


def test_als_contributions_equal_implicits_explain() -> None:
    """Item by item what `implicit` explains on its own fit, with the same confidences and regularisation."""
    rng = np.random.default_rng(5)
    weights = sparse.random(30, 20, density=0.3, random_state=5, dtype=np.float32).tocsr()
    weights.data = (1 + 5 * rng.random(weights.nnz)).astype(np.float32)
    confident = weights.copy()
    confident.data = confidence(weights.data, 4.0)
    with threadpool_limits(limits=1, user_api="blas"):
        model = AlternatingLeastSquares(factors=6, regularization=0.3, iterations=5, random_state=1, num_threads=1)
        model.fit(confident, show_progress=False)
    factors = ItemFactors.build(model.item_factors, regularization=0.3, alpha=4.0)
    for user in range(5):
        items = weights[user].indices
        for row in range(20):
            total, top, _ = model.explain(user, confident, row, N=20)
            ours = als_contributions(factors, items, weights[user].data, row)
            theirs = dict(top)
            assert ours.sum() == pytest.approx(total, abs=1e-4)
            assert ours == pytest.approx([theirs[item] for item in items.tolist()], abs=1e-4)


def _ready(bundle: bundles.Bundle, user: int) -> Any:
    return prepare(bundle.model, bundle.histories.of(user), time_ms=bundle.model.as_of_ms)


def test_feature_contributions_sum_to_the_score(bundle: bundles.Bundle) -> None:
    """Each candidate's contributions and the common part make up the ranker's score."""
    booster = lgb.Booster(model_str=bundle.ranker_text)
    for user in range(0, 60, 10):
        ready = _ready(bundle, user)
        shares = feature_contributions(booster, ready.matrix)
        assert shares.shape == (len(ready.matrix), len(FEATURES) + 1)
        assert shares.sum(axis=1) == pytest.approx(booster.predict(ready.matrix), abs=1e-6)


def test_a_sources_contribution_is_that_of_its_features() -> None:
    """Rank and own scores of a source, and nothing of a source whose name begins alike."""
    names = (
        "rank_als",
        "als_score",
        "rank_popular",
        "popularity",
        "rank_category",
        "category_repeat",
        "nextish",
        "price",
    )
    shares = np.array([1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0])
    found = source_contributions(shares, names, ("als", "popular", "category", "next"))
    assert found == {"als": 3.0, "popular": 12.0, "category": 16.0, "next": 0.0}


def test_every_feature_that_counts_for_a_source_exists() -> None:
    """No feature counted for a source by name is unknown to the ranker: a renamed one would silently count nothing."""
    for counted in contributions._COUNTED.values():
        assert set(counted) <= set(FEATURES)


def test_only_features_that_raised_the_score_are_named() -> None:
    """Largest first, at most n, none that lowered it."""
    assert strongest_features(np.array([-3.0, 1.0, 2.0, 0.0]), ("a", "b", "c", "d"), n=3) == {"c": 2.0, "b": 1.0}
    assert list(strongest_features(np.array([1.0, 3.0, 2.0]), ("a", "b", "c"), n=2)) == ["b", "c"]


def _codes(bundle: bundles.Bundle, ready: Any, at: int, added: dict[str, float]) -> list[str]:
    evidence = evidence_of(bundle.model, ready, ready.candidates.rows[at : at + 1])
    return [r.code for r in reasons_for(bundle.model, ready, at, bundle.item_ids, evidence=evidence, added=added)]


def test_reasons_follow_what_their_source_added(bundle: bundles.Bundle) -> None:
    """The reason of the strongest source comes first, and none of a source that lowered the score is given."""
    checked = 0
    code_of = {"als": "people_like_you", "popular": "popular_now"}
    for user in range(0, 100, 5):
        ready = _ready(bundle, user)
        searched_for = ready.profile.searched
        for at in range(len(ready.candidates.rows)):
            ranks = dict(zip(SOURCES, ready.candidates.ranks[at], strict=True))
            if not all(np.isfinite(ranks[name]) for name in code_of):
                continue
            checked += 1
            searched = ["you_searched_for_it"] * (
                bundle.model.items.leaf_row[ready.candidates.rows[at]] in searched_for
            )
            for strong, weak in (("als", "popular"), ("popular", "als")):
                added = dict.fromkeys(SOURCES, -1.0) | {strong: 2.0, weak: 1.0}
                codes = _codes(bundle, ready, at, added)
                assert codes == [*searched, code_of[strong], code_of[weak]]
                added[weak] = -0.1
                codes = _codes(bundle, ready, at, added)
                assert codes == [*searched, code_of[strong]]
    assert checked


def test_people_like_you_names_the_item_that_drives_the_score(bundle: bundles.Bundle) -> None:
    """The evidence of the ALS reason is the user's other item with the largest contribution."""
    found = 0
    for user in range(40):
        ready = _ready(bundle, user)
        profile, factors = ready.profile, bundle.model.sources.als
        evidence = evidence_of(bundle.model, ready, ready.candidates.rows)
        for at in range(10):
            row = int(ready.candidates.rows[at])
            only_als = dict.fromkeys(SOURCES, -1.0) | {"als": 1.0}
            found_reasons = reasons_for(bundle.model, ready, at, bundle.item_ids, evidence=evidence, added=only_als)
            for reason in found_reasons:
                if reason.code == "you_searched_for_it":
                    continue
                assert reason.code == "people_like_you"
                shares = als_contributions(factors, profile.items, profile.weight, row)
                shares[profile.items == row] = -np.inf
                if reason.evidence_item_id:
                    found += 1
                    assert reason.evidence_item_id == bundle.item_ids.id(int(profile.items[np.argmax(shares)]))
                else:
                    assert max(shares, default=0) <= 0
    assert found


def test_an_explained_slate_is_the_same_slate(bundle: bundles.Bundle) -> None:
    """Explaining changes no item, place or score; every evidence item is one the user knows."""
    shop = Recommender(bundle)
    for n in range(0, 100, 10):
        request = SlateRequest(f"u{n:07d}", bundle.model.as_of_ms)
        plain = shop.recommend(request)
        explained = shop.recommend(SlateRequest(f"u{n:07d}", bundle.model.as_of_ms, explain=True))
        assert [(i.item_id, i.score, i.sources) for i in plain.items] == [
            (i.item_id, i.score, i.sources) for i in explained.items
        ]
        known = {bundle.item_ids.id(int(row)) for row in bundle.histories.of(bundle.users.row(f"u{n:07d}")).item_row}
        for item in explained.items:
            assert len(item.features) == len(FEATURES)
            assert all(value > 0 for value in item.contributions.values())
            assert {reason.evidence_item_id for reason in item.reasons} <= known | {""}
        assert not any(item.contributions or item.features for item in plain.items)


def test_the_demo_has_words_for_every_reason() -> None:
    """A reason without words would end the demo."""
    codes = {"you_searched_for_it", "looked_at_before", reasons._OWN, reasons.PINNED.code, reasons._FROM_ANY_NEIGHBOUR}
    assert codes | set(reasons._FROM_SOURCE.values()) | set(reasons._PLAIN.values()) == set(WHY)


def test_the_evidence_of_a_page_is_the_strongest_tie(bundle: bundles.Bundle) -> None:
    """For every source and candidate what the slow look at one item finds; nothing for a user without a history."""
    found = 0
    for user in range(0, 100, 9):
        ready = _ready(bundle, user)
        rows = ready.candidates.rows[:40]
        evidence = evidence_of(bundle.model, ready, rows)
        assert {"next", "previous", "content"} <= set(evidence.ties)
        for name, of_row in evidence.ties.items():
            for row in rows.tolist():
                slow, _ = strongest(getattr(bundle.model.sources, name), ready.profile.recent_items, row)
                assert of_row.get(row, -1) == slow
                found += slow >= 0
    assert found
    nobody = prepare(bundle.model, empty_history(), time_ms=bundle.model.as_of_ms)
    assert not any(evidence_of(bundle.model, nobody, rows).ties.values())
