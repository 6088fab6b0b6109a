"""When to stop fitting on clicks: a measure of the scores that the place an item was shown at cannot flatter.

NDCG on clicks rewards whatever agrees with the order that was shown. Items shown at the same place were looked at
equally often, so among these a click does mean a better item.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from recsys.rerank.training_set import TrainingSet


def order_within_positions(scores: NDArray[np.float64], rows: TrainingSet) -> float:
    """Share of (taken, not taken) pairs of rows shown at one position that the scores put in the right order.

    Per position the area under the ROC curve (Mann and Whitney 1947), ties half, averaged over the taken rows. Scores
    are standardised within their slate first, since only differences within a slate are learned. NaN where no position
    has both kinds.
    """
    if rows.position is None:
        raise ValueError("rows have no positions; expected rows of impressions; measure others by NDCG")
    slate = np.repeat(np.arange(len(rows.group)), rows.group)
    centred = scores - (np.bincount(slate, scores) / rows.group)[slate]
    spread = np.sqrt(np.bincount(slate, centred**2) / rows.group)[slate]
    standard = np.where(spread > 0, centred / np.where(spread > 0, spread, 1), 0.0)
    taken = rows.label > 0
    total = n_taken = 0.0
    for position in np.unique(rows.position):
        here = rows.position == position
        yes, no = int((taken & here).sum()), int((~taken & here).sum())
        if yes and no:
            ranks = rankdata(standard[here])[taken[here]].sum()
            total += (ranks - yes * (yes + 1) / 2) / no
            n_taken += yes
    return total / n_taken if n_taken else float("nan")
