"""One page from scores: order, rules, diversity, exploration, pins, in this order.

Invariant: no row and no title twice; only candidates and pinned rows; the same arguments give the same page.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys.candidates.neighbours import Neighbours
from recsys.errors import ConfigError
from recsys.profiles.items import ItemTable
from recsys.rerank.diversify import DiversityConfig, diversify
from recsys.rerank.explore import ExploreConfig, depth, explore
from recsys.rerank.rules import moved


@dataclass(frozen=True, slots=True)
class SlateConfig:
    """What happens between the ranker and the page; part of a bundle's configuration (`[slate]`)."""

    diversity: DiversityConfig = field(default_factory=DiversityConfig)
    explore: ExploreConfig = field(default_factory=ExploreConfig)

    @classmethod
    def of_manifest(cls, manifest: Mapping[str, Any]) -> SlateConfig:
        """The configuration a bundle was built with; defaults where it names none."""
        stored = (manifest.get("config") or {}).get("slate") or {}
        return cls(
            _known(DiversityConfig, stored.get("diversity") or {}), _known(ExploreConfig, stored.get("explore") or {})
        )


@dataclass(frozen=True, slots=True)
class Place:
    """One place of a page: an item's row, and its position among the candidates, -1 where it is only pinned."""

    row: int
    at: int
    propensity: float = 1.0
    pinned: bool = False


def lay_out(
    scores: NDArray[np.float64],
    rows: NDArray[np.int32],
    items: ItemTable,
    *,
    n: int,
    config: SlateConfig,
    alike: Neighbours | None = None,
    shift: NDArray[np.float32] | None = None,
    pinned: Mapping[int, int] | None = None,
    seed_text: str = "",
) -> list[Place]:
    """At most `n` places from candidates `rows` (n_candidates,) with their `scores`.

    `shift` (n_items,) moves candidates, `pinned` is position -> row (`rerank/rules.py`). A pinned item's title is taken
    from the others; caps and exploration slots are of the places left. Where items run out, what is pinned moves up.

    Hot path: `benchmarks/serve`.
    """
    pinned = pinned or {}
    order = np.argsort(-scores, kind="stable")
    if shift is not None:
        order = moved(order, shift[rows])
    if pinned:
        taken = items.title_row[np.fromiter(pinned.values(), np.int64)]
        order = order[~np.isin(items.title_row[rows[order]], taken)]
    free = n - len(pinned)
    chosen: list[int] = []
    propensities: list[float] = []
    if free > 0:
        ranked = diversify(
            order,
            rows,
            items,
            n=free,
            config=config.diversity,
            depth=depth(config.explore, free),
            alike=alike,
        )
        fresh = _fresh(order, ranked, rows, items, config.explore)
        chosen, propensities = explore(ranked, n=free, config=config.explore, seed_text=seed_text, fresh=fresh)
    others = iter(zip(chosen, propensities, strict=True))
    page: list[Place] = []
    for position in range(1, n + 1):
        if position in pinned:
            row = pinned[position]
            at = np.flatnonzero(rows == row)
            page.append(Place(row, int(at[0]) if len(at) else -1, pinned=True))
        elif (other := next(others, None)) is not None:
            page.append(Place(int(rows[other[0]]), *other))
    return page


def _fresh(
    order: NDArray[np.int64], ranked: list[int], rows: NDArray[np.int32], items: ItemTable, config: ExploreConfig
) -> list[int]:
    """Candidates that hardly anybody has met, best first, of titles that neither `ranked` nor each other has."""
    if not config.fresh:
        return []
    new = order[items.n_users[rows[order]] < config.fresh_users]
    titles = items.title_row[rows[new]]
    _, first = np.unique(titles, return_index=True)
    first = np.sort(first[~np.isin(titles[first], items.title_row[rows[ranked]])])
    return [int(at) for at in new[first]]


def _known(kind: Any, stored: Mapping[str, Any]) -> Any:
    """A configuration from stored values; `ConfigError` where this code does not know a key."""
    unknown = sorted(set(stored) - {f.name for f in fields(kind)})
    if unknown:
        raise ConfigError(f"the bundle's slate configuration has {unknown[0]!r}, unknown to this code; build it again")
    return kind(**stored)
