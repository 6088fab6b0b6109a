"""What a user just searched for comes first: a search is a wish in words, and no past behaviour outweighs it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from recsys.profiles.items import ItemTable
from recsys.profiles.user import UserProfile

LIFTED_SHARE = 0.2
"""Share of a slate lifted for a fresh search."""


def lift_searched(
    scores: NDArray[np.float64], rows: NDArray[np.int32], items: ItemTable, profile: UserProfile, *, n: int
) -> NDArray[np.float64]:
    """Scores with the best candidates of the categories just searched for raised above all others.

    At most a fifth of the `n` places (at least one), one item a title, in their own order; without a fresh search the
    scores are returned as they are.
    """
    if len(profile.searched) == 0 or len(scores) == 0:
        return scores
    wanted = np.flatnonzero(np.isin(items.leaf_row[rows], profile.searched))
    best_first = wanted[np.argsort(-scores[wanted], kind="stable")]
    _, first_of_title = np.unique(items.title_row[rows[best_first]], return_index=True)
    lifted = best_first[np.sort(first_of_title)][: max(1, round(LIFTED_SHARE * n))]
    raised = scores.copy()
    top = float(scores.max())
    raised[lifted] = top + 1 + np.arange(len(lifted), 0, -1)
    return raised
