"""Figures of every system over replayed requests: slate, each source alone, the user's own most-bought items.

Two readings side by side: `all` as served (bought items by the bundle's policy) and `new`, where items the user
already had are left out of lists and targets alike.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer

from offline_jobs.lists import K
from offline_jobs.recall_curves import Curves, curves_of
from offline_jobs.replay import LONG, MOST_BOUGHT, TARGET_KINDS, Replayed, replay
from recsys import exposure, metrics
from recsys.metrics import Comparison, Interval
from recsys.profiles.items import ItemTable
from recsys.profiles.store import Histories
from recsys.rerank.diversify import DiversityConfig
from recsys.rerank.prepare import Model
from recsys.rerank.training_set import PastRequest
from recsys.slate import PurchasedPolicy

__all__ = ["MOST_BOUGHT", "Group", "Report", "ScoreBin", "measure", "text_vectors"]

ACTIVITY_FROM = (0, 1, 5, 20, 100)
"""Least number of strong events in the history of each activity group."""
N_SCORE_BINS = 10


@dataclass(frozen=True, slots=True)
class Group:
    """Users of one activity: number of requests, and each system's NDCG@10."""

    n_requests: int
    systems: dict[str, Interval]


@dataclass(frozen=True, slots=True)
class ScoreBin:
    """Candidates between two quantiles of the score: mean score, and share of them that was wanted."""

    n: int
    mean_score: float
    wanted: Interval


@dataclass(frozen=True, slots=True)
class Report:
    """Figures of one reading.

    Attributes
    ----------
    systems : system -> metric -> interval
    vs_slate : slate minus system in NDCG@10, paired by request, with Holm's correction over the systems
    groups : by strong events in the history
    targets : share of the wanted items of each of `TARGET_KINDS`, and of those never seen before the fit
    lorenz : share of exposure held by the least shown 0 … 100 % of the catalogue, per system; `wanted` for the targets
    """

    n_requests: int
    systems: dict[str, dict[str, Interval]]
    vs_slate: dict[str, Comparison]
    candidate_recall: Interval
    repeat_share: float
    groups: dict[str, Group]
    curves: Curves
    targets: dict[str, float]
    score_bins: list[ScoreBin]
    lorenz: dict[str, NDArray[np.float64]]


def text_vectors(texts: Sequence[str]) -> Any:
    """TF-IDF rows of length one, CSR float32 (n_items, n_terms), for intra-list diversity; None without any term."""
    try:
        return TfidfVectorizer(sublinear_tf=True, token_pattern=r"(?u)\b\w+\b", dtype=np.float32).fit_transform(texts)  # noqa: S106
    except ValueError:
        return None


def measure(
    model: Model,
    booster: lgb.Booster,
    earlier: Histories,
    later: Histories,
    requests: Sequence[PastRequest],
    *,
    purchased: PurchasedPolicy = "bundle",
    diversity: DiversityConfig | None = None,
    vectors: Any = None,
    n_deep: int = 0,
    progress: Callable[[float], None] | None = None,
) -> Report:
    """Figures of every system over `requests`; arguments as of `replay`, `vectors` as of `exposure.diversity`."""
    replayed = replay(
        model, booster, earlier, later, requests,
        purchased=purchased, diversity=diversity, n_deep=n_deep, progress=progress,
    )  # fmt: skip
    population = int((np.diff(earlier.indptr) > 0).sum())
    return report_of(replayed, model.items, population=population, new_only=purchased == "exclude", vectors=vectors)


def _compared(replayed: Replayed, *, new_only: bool) -> list[str]:
    """Systems worth a row: the slate first, and none that this log or this reading cannot feed.

    Where nobody wants an item again, or only new items count, a list of the user's own items would flatter the slate.
    """
    again = replayed.kinds[TARGET_KINDS[0]] > 0 and not new_only
    return [
        name
        for name, lists in replayed.lists.items()
        if (lists >= 0).any() and (again or name == "slate" or name not in replayed.only_own)
    ]


def values_of(
    found: NDArray[np.bool_], found_long: NDArray[np.bool_], n_wanted: NDArray[np.int64]
) -> dict[str, NDArray[np.float64]]:
    """Accuracy per request: at 5 and 10 from the list as served, at 20 from the one made for 20 places."""
    return (
        metrics.at_k(found, n_wanted, 5) | metrics.at_k(found, n_wanted, K) | metrics.at_k(found_long, n_wanted, LONG)
    )


def report_of(replayed: Replayed, items: ItemTable, *, population: int, new_only: bool, vectors: Any) -> Report:
    """All figures of a replay; one set of bootstrap resamples serves every column."""
    n_wanted = np.array([len(rows) for rows in replayed.wanted], np.int64)
    tail, names = exposure.long_tail(items.n_users), _compared(replayed, new_only=new_only)
    values: dict[str, dict[str, NDArray[np.float64]]] = {}
    exact: dict[str, dict[str, Interval]] = {}
    lorenz = {}
    for name in names:
        longer = replayed.lists[name]
        lists = replayed.slate if name == "slate" else longer[:, :K]
        of = values_of(metrics.hits(lists, replayed.wanted), metrics.hits(longer, replayed.wanted), n_wanted)
        of["novelty"] = exposure.novelty(lists, items.n_users, population)
        of["popularity"] = exposure.popularity(lists, items.n_users)
        of["long_tail"] = exposure.tail_share(lists, tail)
        if vectors is not None:
            of["diversity"] = exposure.diversity(lists, vectors)
        values[name] = of
        shown = exposure.exposures(lists, len(items))
        lorenz[name] = exposure.lorenz(shown)
        exact[name] = {"coverage": _exact(exposure.coverage(shown)), "gini": _exact(exposure.gini(shown))}
    wanted = np.concatenate(replayed.wanted) if replayed.wanted else np.empty(0, np.int32)
    lorenz["wanted"] = exposure.lorenz(np.bincount(wanted, minlength=len(items)))
    others = [name for name in names if name != "slate"]
    ndcg = {name: values[name][f"ndcg@{K}"] for name in names}
    lead = np.column_stack([ndcg["slate"] - ndcg[name] for name in others]) if others else np.empty((0, 0))
    curves = curves_of(replayed, n_wanted)
    n_targets = max(sum(replayed.kinds[kind] for kind in TARGET_KINDS), 1)
    return Report(
        n_requests=len(n_wanted),
        systems={name: figures | exact[name] for name, figures in _intervals(values).items()},
        vs_slate=dict(zip(others, metrics.compare(lead), strict=True)) if len(lead) else {},
        candidate_recall=curves.merged[200],
        repeat_share=replayed.kinds[TARGET_KINDS[0]] / n_targets,
        groups=_groups(replayed.n_events, ndcg),
        curves=curves,
        targets={kind: replayed.kinds[kind] / n_targets for kind in (*TARGET_KINDS, "never seen")},
        score_bins=score_bins(replayed.scores, replayed.labels, replayed.scored_request, len(n_wanted)),
        lorenz=lorenz,
    )


def _intervals(values: Mapping[str, Mapping[str, NDArray[np.float64]]]) -> dict[str, dict[str, Interval]]:
    """Intervals of every column of every system, from one set of resamples."""
    keys = [(name, metric) for name, of in values.items() for metric in of]
    found = metrics.intervals(np.column_stack([values[name][metric] for name, metric in keys]))
    out: dict[str, dict[str, Interval]] = {name: {} for name in values}
    for (name, metric), interval in zip(keys, found, strict=True):
        out[name][metric] = interval
    return out


def _groups(n_events: NDArray[np.int64], ndcg: Mapping[str, NDArray[np.float64]]) -> dict[str, Group]:
    """NDCG@10 by activity; groups without requests are left out."""
    out = {}
    for low, after in zip(ACTIVITY_FROM, (*ACTIVITY_FROM[1:], None), strict=True):
        inside = (n_events >= low) & (n_events < after if after is not None else True)
        if inside.any():
            label = "0" if low == 0 else f"{low}+" if after is None else f"{low}-{after - 1}"
            found = metrics.intervals(np.column_stack([of[inside] for of in ndcg.values()]))
            out[label] = Group(int(inside.sum()), dict(zip(ndcg, found, strict=True)))
    return out


def score_bins(
    scores: NDArray[np.float32], labels: NDArray[np.bool_], request: NDArray[np.int32], n_requests: int
) -> list[ScoreBin]:
    """Share of wanted candidates by decile of the score, over all requests' candidates; intervals over requests.

    LambdaRank scores order, they are no probabilities: a reliable ranker shows a share that rises with the score.
    """
    if len(scores) == 0:
        return []
    edges = np.unique(np.quantile(scores, np.linspace(0, 1, N_SCORE_BINS + 1)[1:-1]))
    of = np.searchsorted(edges, scores, side="right")
    n_bins = len(edges) + 1
    cell = request.astype(np.int64) * n_bins + of
    pairs = np.bincount(cell, minlength=n_requests * n_bins).reshape(n_requests, n_bins).astype(np.float64)
    hits = np.bincount(cell, labels, n_requests * n_bins).reshape(n_requests, n_bins)
    means = metrics.resampled_means(np.hstack([hits, pairs]))
    with np.errstate(divide="ignore", invalid="ignore"):
        low, high = np.nanpercentile(means[:, :n_bins] / means[:, n_bins:], [2.5, 97.5], axis=0)
    n, total = np.bincount(of, minlength=n_bins), np.bincount(of, scores, n_bins)
    return [
        ScoreBin(
            int(n[i]), float(total[i] / n[i]), Interval(float(hits[:, i].sum() / n[i]), float(low[i]), float(high[i]))
        )
        for i in range(n_bins)
        if n[i]
    ]


def _exact(value: float) -> Interval:
    return Interval(value, value, value)
