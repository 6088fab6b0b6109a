"""Open Bandit (ZOZOTOWN fashion): the random policy's click rate from the log of another policy, beside its own log.

Both logs are small (38 to 69 clicks each), so no estimator is judged here: only whether the diagnostics say what the
intervals are worth. The random policy shows every item of the campaign with the same probability at every place. Rows
are taken as independent; the small logs do not say which of them were of one visit.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow.parquet as pq
from scipy import stats

from recsys.experiments.effects import Effect, difference
from recsys.experiments.moments import of_values
from recsys.experiments.ope import bandit, models
from recsys.experiments.ope.diagnostics import Diagnostics, diagnose
from recsys.experiments.ope.intervals import Estimate, bootstrap, normal
from recsys.experiments.ope.logged import of_actions

CAMPAIGNS: Final = ("all", "men", "women")
CLIP: Final = 10.0
"""Largest weight of clipped IPS and switch-DR, fixed before looking at clicks."""
ENOUGH_CLICKS: Final = 10.0
"""Clicks' worth of the target policy below which the log is said to hold too little of it."""


@dataclass(frozen=True, slots=True)
class Line:
    """An estimate with both intervals, and its difference from the random log's own rate (two independent samples)."""

    name: str
    normal: Estimate
    bootstrap: Estimate
    gap: Effect


@dataclass(frozen=True, slots=True)
class Campaign:
    """The random log's own rate with its Wilson interval, what the BTS log says of it, and whether to believe that."""

    name: str
    n_items: int
    clicks: tuple[int, int]
    own: float
    own_interval: tuple[float, float]
    lines: list[Line]
    diagnostics: Diagnostics


def measure(folder: Path) -> list[Campaign]:
    """All campaigns of the data set's small version, as `bts_<campaign>.parquet` and `random_<campaign>.parquet`."""
    return [_campaign(folder, name) for name in CAMPAIGNS]


def _campaign(folder: Path, name: str) -> Campaign:
    n_items = pq.read_metadata(folder / f"items_{name}.parquet").num_rows
    columns = ["item_id", "click", "propensity_score"]
    log = pq.read_table(folder / f"bts_{name}.parquet", columns=columns)
    own = pq.read_table(folder / f"random_{name}.parquet", columns=["click"])["click"].to_numpy().astype(np.float64)
    actions, clicks = log["item_id"].to_numpy(), log["click"].to_numpy().astype(np.float64)
    q = models.table_means(actions, clicks, n_actions=n_items, fold=models.folds(len(clicks)))
    logged = of_actions(
        clicks,
        actions,
        propensities=np.broadcast_to(log["propensity_score"].to_numpy()[:, None], q.shape),
        target=np.full(q.shape, 1 / n_items),
        q=q,
    )
    estimates = {
        "naive: the BTS log's own rate": bandit.naive(logged),
        "IPS": bandit.ips(logged),
        f"IPS clipped at {CLIP:.0f}": bandit.clipped_ips(logged, largest=CLIP),
        "SNIPS": bandit.snips(logged),
        "DM, item means": bandit.direct_method(logged),
        "DR, item means": bandit.doubly_robust(logged),
        f"switch-DR at {CLIP:.0f}": bandit.switch_dr(logged, largest=CLIP),
    }
    lines = [
        Line(label, normal(terms), bootstrap(terms), difference(of_values(own), terms.moments()))
        for label, terms in estimates.items()
    ]
    wilson = stats.binomtest(int(own.sum()), len(own)).proportion_ci(method="wilson")
    return Campaign(
        name=name,
        n_items=n_items,
        clicks=(int(clicks.sum()), int(own.sum())),
        own=float(own.mean()),
        own_interval=(float(wilson.low), float(wilson.high)),
        lines=lines,
        diagnostics=diagnose(logged, min_effective=ENOUGH_CLICKS / clicks.mean()),
    )
