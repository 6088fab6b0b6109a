"""One scorer for every system: figures per request, and the slate's lead with paired bootstrap and Holm's correction.

Figures are those of `recsys.metrics`, computed for many requests at once (tested equal). Bootstrap over requests
(Efron, Tibshirani 1993), the same resamples for every system; family-wise p-values by Holm 1979.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from benchmarks.ranking.exchange import READINGS, Answer, Lists
from benchmarks.ranking.lists import hits, ndcg, targets

METRICS = ("hr@10", "recall@10", "ndcg@10")
SLATE = "slate"
N_RESAMPLES = 10_000
_CHUNK = 100


@dataclass(frozen=True, slots=True)
class Lead:
    """The slate minus another system in NDCG@10: mean, 95 % interval, Holm-corrected p."""

    mean: float
    low: float
    high: float
    p: float

    def __str__(self) -> str:
        return f"{self.mean:+.4f} [{self.low:+.4f}, {self.high:+.4f}]"


@dataclass(frozen=True, slots=True)
class Row:
    """A system's means; the slate's lead over it, None for the slate itself; seconds by phase."""

    system: str
    means: Mapping[str, float]
    lead: Lead | None
    seconds: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Board:
    """All systems of one data set in one reading, the slate first, then by NDCG@10."""

    dataset: str
    reading: str
    n_requests: int
    rows: Sequence[Row]


def figures(lists: Lists, wanted: sparse.csr_matrix) -> dict[str, NDArray[np.float64]]:
    """`METRICS` of each request that wants something, aligned over systems."""
    asked = np.diff(wanted.indptr) > 0
    found = hits(lists, wanted).sum(axis=1)[asked]
    n_wanted = np.diff(wanted.indptr)[asked]
    return {
        "hr@10": (found > 0).astype(np.float64),
        "recall@10": found / n_wanted,
        "ndcg@10": ndcg(lists, wanted)[asked],
    }


def resampled_means(
    values: NDArray[np.float64], *, seed: int = 7, n_resamples: int = N_RESAMPLES
) -> NDArray[np.float64]:
    """Means of `values` (n, m) over bootstrap resamples of its rows, float64 (n_resamples, m)."""
    rng, n = np.random.default_rng(seed), len(values)
    means = np.empty((n_resamples, values.shape[1]))
    for start in range(0, n_resamples, _CHUNK):
        stop = min(start + _CHUNK, n_resamples)
        drawn = rng.integers(0, n, (stop - start, n)) + np.arange(stop - start)[:, None] * n
        counts = np.bincount(drawn.ravel(), minlength=(stop - start) * n).reshape(stop - start, n)
        means[start:stop] = counts @ values / n
    return means


def holm(p: Sequence[float]) -> list[float]:
    """Holm's step-down corrected p-values (Scandinavian Journal of Statistics 6, 1979), in the given order."""
    order = np.argsort(p, kind="stable")
    corrected = np.empty(len(p))
    largest = 0.0
    for place, at in enumerate(order.tolist()):
        largest = max(largest, min(1.0, (len(p) - place) * p[at]))
        corrected[at] = largest
    return corrected.tolist()


def two_sided_p(means: NDArray[np.float64]) -> float:
    """Share of resampled mean differences on the other side of zero, doubled; never 0, as resamples are finite."""
    below, above = int((means <= 0).sum()), int((means >= 0).sum())
    return min(1.0, 2 * (min(below, above) + 1) / (len(means) + 1))


def boards(
    dataset: str, answers: Mapping[str, Answer], wanted: sparse.csr_matrix, had: sparse.csr_matrix
) -> list[Board]:
    """A board a reading; `wanted` and `had` bool CSR (n_requests, n_items). Without a slate there are no leads."""
    found = []
    for reading in READINGS:
        counted = targets(wanted, had, reading)
        answered = {name: answer for name, answer in answers.items() if reading in answer.lists}
        if counted.nnz == 0 or not answered:
            continue
        values = {name: figures(answer.lists[reading], counted) for name, answer in answered.items()}
        leads = leads_of(values)
        rows = [
            Row(name, {m: float(v.mean()) for m, v in values[name].items()}, leads.get(name), answered[name].seconds)
            for name in values
        ]
        rows.sort(key=lambda row: (row.system != SLATE, -row.means["ndcg@10"]))
        found.append(Board(dataset, reading, int((np.diff(counted.indptr) > 0).sum()), rows))
    return found


def leads_of(values: Mapping[str, Mapping[str, NDArray[np.float64]]]) -> dict[str, Lead]:
    """The slate's lead over each other system."""
    others = [name for name in values if name != SLATE]
    if SLATE not in values or not others:
        return {}
    slate = values[SLATE]["ndcg@10"]
    difference = np.stack([slate - values[name]["ndcg@10"] for name in others], axis=1)
    means = resampled_means(difference)
    low, high = np.percentile(means, [2.5, 97.5], axis=0)
    p = holm([two_sided_p(means[:, i]) for i in range(len(others))])
    return {
        name: Lead(float(difference[:, i].mean()), float(low[i]), float(high[i]), p[i]) for i, name in enumerate(others)
    }


def not_beaten(board: Board) -> list[str]:
    """A sentence for every system that the slate does not clearly beat, those ahead of it first."""
    found = []
    led = [(row.system, row.lead) for row in board.rows if row.lead is not None]
    for system, lead in sorted(led, key=lambda pair: pair[1].mean):
        if lead.high < 0:
            found.append(f"{system} WINS: slate minus it {lead}, Holm p {lead.p:.3f}")
        elif lead.mean < 0:
            found.append(f"{system} is ahead, within the interval: slate minus it {lead}, Holm p {lead.p:.3f}")
        elif lead.low <= 0 or lead.p > 0.05:
            found.append(f"{system} is behind, but not clearly: slate minus it {lead}, Holm p {lead.p:.3f}")
    return found
