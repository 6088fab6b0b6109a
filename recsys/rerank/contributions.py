"""What a score is made of: the ranker's features, and for ALS the user's own items.

Invariant: contributions add up to the score they explain.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from recsys.candidates.foldin import ItemFactors, confidence

if TYPE_CHECKING:
    import lightgbm as lgb

_COUNTED: Final[dict[str, tuple[str, ...]]] = {
    "repurchase": (
        *("n_events", "n_bought", "bought_share", "own_weight", "days_since_item"),
        *("own_due", "item_due", "in_last_session", "title_bought"),
    ),
    "category": ("leaf_affinity", "parent_affinity", "days_since_leaf", "leaf_due"),
    "popular": ("popularity", "n_7d", "n_28d", "trend", "n_users"),
}
"""What is counted of the same as these sources say; every other source's own scores begin with its name."""


@lru_cache(maxsize=2)
def booster_of(ranker_text: str) -> lgb.Booster:
    """LightGBM's own form of a ranker; imported here, for a server that is never asked to explain does without it."""
    import lightgbm  # noqa: PLC0415

    return lightgbm.Booster(model_str=ranker_text)


def feature_contributions(booster: lgb.Booster, matrix: NDArray[np.float32]) -> NDArray[np.float64]:
    """Each feature's share of each row's score, float64 (n, n_features + 1); the last column is what all rows share.

    Tree SHAP (Lundberg et al. 2020): a row sums to the ranker's score.
    """
    found = booster.predict(matrix, pred_contrib=True, num_threads=1, validate_features=False)
    return np.asarray(found, np.float64)


def source_contributions(
    contributions: NDArray[np.float64], names: tuple[str, ...], sources: tuple[str, ...]
) -> dict[str, float]:
    """What each source adds to one item's score: the contributions (n_features,) of the features it feeds, summed.

    These are its rank and its own scores, or for own purchases, categories and popularity what is counted of the same.
    """
    added = dict.fromkeys(sources, 0.0)
    for name, value in zip(names, contributions.tolist(), strict=True):
        for source in sources:
            own = name in _COUNTED[source] if source in _COUNTED else name.startswith(f"{source}_")
            if own or name == f"rank_{source}":
                added[source] += value
    return added


def strongest_features(contributions: NDArray[np.float64], names: tuple[str, ...], *, n: int) -> dict[str, float]:
    """The `n` features that raised one item's score the most, largest first; those that lowered it are left out."""
    largest = np.argsort(-contributions, kind="stable")[:n]
    return {names[i]: float(contributions[i]) for i in largest.tolist() if contributions[i] > 0}


def als_contributions(
    factors: ItemFactors, items: NDArray[np.int32], weight: NDArray[np.float32], row: int
) -> NDArray[np.float64]:
    """What each of a user's `items` (m,) adds to the ALS score of item `row`; float64 (m,), summing to that score.

    The score is y_i' x with x = A^-1 Y'c and A = Y'Y + Y'(C - I)Y + rI, so item j adds (y_i' A^-1 y_j) c_j:
    Hu, Koren, Volinsky 2008, section 5. One solve of d³/3 operations, as `ItemFactors.user_factor`.
    """
    if len(items) == 0:
        return np.empty(0)
    y = factors.of(items).astype(np.float64)
    c = confidence(weight, float(factors.alpha[0])).astype(np.float64)
    system = factors.gram + (y.T * (c - 1)) @ y
    found: NDArray[np.float64] = (y @ np.linalg.solve(system, factors.of(np.array([row]))[0].astype(np.float64))) * c
    return found
