"""What active business rules do to one request's ranking: move candidates by places, pin items to positions.

Never-show is not here: it is part of the mask that candidates are chosen under (`recsys/rule_index.py`), so that a
barred item costs no place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recsys.profiles.items import ItemTable

ALL_THE_WAY: Final = 1_000_000
"""More places than any ranking has."""


@dataclass(frozen=True, slots=True)
class Pin:
    """Items for one position (from 1); the first of `rows` that is eligible takes it."""

    position: int
    rows: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ActiveRules:
    """The rules of one moment and placement on one bundle; None where no rule says anything.

    `never` bool (n_items,); `shift` float32 (n_items,): places up, negative places down.
    """

    never: NDArray[np.bool_] | None = None
    shift: NDArray[np.float32] | None = None
    pins: tuple[Pin, ...] = ()


NO_RULES: Final = ActiveRules()


def moved(order: NDArray[np.int64], shift: NDArray[np.float32]) -> NDArray[np.int64]:
    """`order` with each candidate moved up by its `shift` (n_candidates,) places, or down where that is negative.

    One candidate moved by k lands exactly k places away, at most at an end; of two that meet, the moved one is nearer
    to where it was sent. Only places count, so the scale of the scores does not matter.
    """
    by_place = shift[order]
    key = np.arange(len(order)) - by_place - 0.5 * np.sign(by_place)
    return order[np.argsort(key, kind="stable")]


def place_pins(pins: Sequence[Pin], allowed: NDArray[np.bool_], items: ItemTable, *, n: int) -> dict[int, int]:
    """Position -> row on a page of `n` places; only allowed items, one a title.

    Earlier pins go first; one whose position is taken gets the next free one, and none where the page ends.
    """
    placed: dict[int, int] = {}
    titles: set[int] = set()
    for pin in pins:
        position = pin.position
        while position in placed:
            position += 1
        fitting = (row for row in pin.rows if allowed[row] and int(items.title_row[row]) not in titles)
        row = next(fitting, -1)
        if row >= 0 and position <= n:
            placed[position] = row
            titles.add(int(items.title_row[row]))
    return placed
