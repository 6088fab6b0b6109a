"""SIMULATED shoppers: planted tastes, position bias, a planted effect of a variant. They say nothing of real ones.

A shopper wants an item of a category they like with probability BASE + TASTE, any other with BASE. The item at place k
is looked at with probability 1 / k**eta (Joachims, Swaminathan, Schnabel 2017), and clicked if it is looked at and
wanted; in the treated variant wanting is 1 + lift times as likely. So the treatment's lift of the click rate is exactly
`lift` wherever both variants show the same items at the same places.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recsys.schema import MS_PER_DAY

BASE, TASTE, BUYS = 0.03, 0.35, 0.25
"""Wanting any item, more of one in a liked category, and buying what was clicked."""
N_LIKED: Final = 3
MEAN_VISITS: Final = 3.0
DAYS: Final = 14


@dataclass(frozen=True, slots=True)
class Visit:
    """One slate to be asked for; `number` seeds what is done with it."""

    number: int
    shopper: int
    time_ms: int


@dataclass(frozen=True, slots=True)
class Shoppers:
    """n shoppers; `liked` bool (n, n_categories). Visits in the order of their times."""

    liked: NDArray[np.bool_]
    visits: Sequence[Visit]


def plant(n: int, category_sizes: NDArray[np.int64], *, from_ms: int, seed: int) -> Shoppers:
    """Shoppers who like `N_LIKED` categories each, larger ones more often, and come within `DAYS` of `from_ms`."""
    rng = np.random.default_rng(seed)
    share = category_sizes / category_sizes.sum()
    liked = np.zeros((n, len(share)), bool)
    for row in liked:
        row[rng.choice(len(share), min(N_LIKED, int((share > 0).sum())), replace=False, p=share)] = True
    n_visits = 1 + rng.poisson(MEAN_VISITS - 1, n)
    shopper = np.repeat(np.arange(n), n_visits)
    time_ms = from_ms + rng.integers(0, DAYS * MS_PER_DAY, len(shopper))
    order = np.argsort(time_ms, kind="stable")
    visits = [Visit(number, int(shopper[at]), int(time_ms[at])) for number, at in enumerate(order.tolist())]
    return Shoppers(liked, visits)


def responses(
    visit: Visit, wanted: NDArray[np.bool_], *, treated: bool, lift: float, eta: float, seed: int
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """(clicked, bought) of the places of one slate, bool (n,); `wanted` tells which items are of a liked category.

    The same visit draws the same numbers in both variants.
    """
    rng = np.random.default_rng([seed, visit.number])
    look, want, buy = rng.random((3, len(wanted)))
    chance = np.minimum((BASE + TASTE * wanted) * (1 + lift * treated), 1.0)
    clicked = (look < np.arange(1.0, len(wanted) + 1) ** -eta) & (want < chance)
    return clicked, clicked & (buy < BUYS)
