"""The items of a slate with what is said about each: sources, reasons, and on wish what its score is made of."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recsys.candidates.merge import SOURCES
from recsys.ids import IdMap
from recsys.reasons import MAX_REASONS, PINNED, evidence_of, reasons_for
from recsys.rerank.contributions import booster_of, feature_contributions, source_contributions, strongest_features
from recsys.rerank.features import FEATURES
from recsys.rerank.page import Place
from recsys.rerank.prepare import Model, Prepared
from recsys.slate import SlateItem

N_CONTRIBUTIONS: Final = 8
"""Features named per item of an explained slate."""


def slate_items(
    model: Model,
    ready: Prepared,
    scores: NDArray[np.float64],
    places: Sequence[Place],
    *,
    ids: IdMap,
    explain: bool,
    ranker_text: str,
) -> tuple[SlateItem, ...]:
    """One item a place; `scores` (n_candidates,).

    Explained items have feature values and reasons, and with a learned ranker's text what each feature added to the
    score, and the reasons in that order; this costs several times the ranking itself.
    """
    items = []
    for i, place in enumerate(places):
        known = place.at >= 0
        ranks = ready.candidates.ranks[place.at].tolist() if known else []
        items.append(
            SlateItem(
                item_id=ids.id(place.row),
                rank=i + 1,
                score=float(scores[place.at]) if known else 0.0,
                sources=tuple(name for name, rank in zip(SOURCES, ranks, strict=known) if not math.isnan(rank)),
                reasons=(PINNED,) if place.pinned and explain else (),
                propensity=place.propensity,
            )
        )
    ranked = [i for i, place in enumerate(places) if place.at >= 0]
    if not (explain and ranked):
        return tuple(items)
    evidence = evidence_of(model, ready, np.array([place.row for place in places], np.int32))
    rows = ready.matrix[[places[i].at for i in ranked]]
    shares = feature_contributions(booster_of(ranker_text), rows)[:, :-1] if ranker_text else None
    for at, (i, values) in enumerate(zip(ranked, rows, strict=True)):
        added = None if shares is None else source_contributions(shares[at], FEATURES, SOURCES)
        why = reasons_for(model, ready, places[i].at, ids, evidence=evidence, added=added)
        items[i] = replace(
            items[i],
            reasons=(items[i].reasons + why)[:MAX_REASONS],
            features=dict(zip(FEATURES, values.tolist(), strict=True)),
            contributions={} if shares is None else strongest_features(shares[at], FEATURES, n=N_CONTRIBUTIONS),
        )
    return tuple(items)
