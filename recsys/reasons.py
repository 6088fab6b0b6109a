"""Why an item is in a slate: only what was true of its candidates, with the user's item it rests on.

Where the score is explained, a reason counts as much as its source added to the score, and one whose source lowered
it is no reason.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recsys.candidates.accumulate import strongest_ties
from recsys.candidates.merge import SOURCES
from recsys.candidates.neighbours import Neighbours
from recsys.ids import IdMap
from recsys.kernel import blank_slots
from recsys.rerank.contributions import als_contributions
from recsys.rerank.prepare import Model, Prepared
from recsys.slate import Reason

PINNED: Final = Reason("pinned")
MAX_REASONS: Final = 3
_OWN: Final = "bought_before"
_FROM_SOURCE: Final = {
    "next": "often_bought_next",
    "previous": "often_bought_with",
    "together": "often_bought_with",
    "content": "similar_to",
}
_FROM_ANY_NEIGHBOUR: Final = "goes_with"
"""Of an item-to-item source without words of its own."""
_PLAIN: Final = {
    "category": "popular_in_your_category",
    "als": "people_like_you",
    "users": "people_like_you",
    "popular": "popular_now",
}


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the user did that items of a page rest on.

    `ties`: source -> row of an item -> row of the user's item with the strongest tie to it. `own`: row of an item the
    user acted on -> whether it was bought. `searched`: rows of the categories searched for.
    """

    ties: Mapping[str, Mapping[int, int]]
    own: Mapping[int, bool]
    searched: frozenset[int]


def evidence_of(model: Model, ready: Prepared, rows: NDArray[np.int32]) -> Evidence:
    """The evidence behind each of `rows`, where there is one.

    Hot path: `benchmarks/serve`; one look per source for a whole page.
    """
    profile = ready.profile
    sources = ((name, getattr(model.sources, name, None)) for name in SOURCES)
    ties = {
        name: _strongest(part, profile.recent_items, rows) for name, part in sources if isinstance(part, Neighbours)
    }
    own = np.flatnonzero(np.isin(profile.items, rows))
    bought = zip(profile.items[own].tolist(), (profile.n_bought[own] > 0).tolist(), strict=True)
    return Evidence(ties, dict(bought), frozenset(profile.searched.tolist()))


def _strongest(neighbours: Neighbours, recent: NDArray[np.int32], rows: NDArray[np.int32]) -> dict[int, int]:
    """`neighbours.strongest` for many rows at once; a tie goes to the newer item."""
    owners = strongest_ties(*neighbours.csr, recent, rows, blank_slots(neighbours.n_items))
    return {row: owner for row, owner in zip(rows.tolist(), owners.tolist(), strict=True) if owner >= 0}


def reasons_for(
    model: Model,
    ready: Prepared,
    at: int,
    ids: IdMap,
    *,
    evidence: Evidence,
    added: Mapping[str, float] | None = None,
) -> tuple[Reason, ...]:
    """Reasons of the candidate at position `at`, strongest first: own purchase, evidence items, then the rest.

    `added` is what each source added to the score (`source_contributions`): the strongest then comes first, those
    below 0 are dropped, and ALS names the user's item that drives its score. A search comes first always: it is not
    the ranker that lifts its items. One reason a code.
    """
    row = int(ready.candidates.rows[at])
    ranks = ready.candidates.ranks[at].tolist()
    found: list[tuple[str, Reason]] = []
    if row in evidence.own:
        found.append(("repurchase", Reason(_OWN if evidence.own[row] else "looked_at_before", ids.id(row))))
    by_rank = sorted((rank, name) for name, rank in zip(SOURCES, ranks, strict=True) if not math.isnan(rank))
    for _, name in by_rank:
        if name in evidence.ties:
            other = evidence.ties[name].get(row, row)
            if other != row:
                found.append((name, Reason(_FROM_SOURCE.get(name, _FROM_ANY_NEIGHBOUR), ids.id(other))))
        elif name == "als" and added is not None:
            found.append((name, Reason(_PLAIN[name], _als_evidence(model, ready, row, ids))))
        elif name in _PLAIN:
            found.append((name, Reason(_PLAIN[name])))
    if added is not None:
        found = [pair for pair in found if added.get(pair[0], 0.0) >= 0]
        found.sort(key=lambda pair: -added.get(pair[0], 0.0))
    reasons = [reason for _, reason in found]
    if evidence.searched and int(model.items.leaf_row[row]) in evidence.searched:
        reasons.insert(0, Reason("you_searched_for_it"))
    of_code = {reason.code: reason for reason in reversed(reasons)}  # the strongest of each code
    return tuple(reason for reason in reasons if of_code[reason.code] is reason)[:MAX_REASONS]


def _als_evidence(model: Model, ready: Prepared, row: int, ids: IdMap) -> str:
    """The other item of the user that adds most to the item's ALS score; empty where none adds anything."""
    profile = ready.profile
    added = als_contributions(model.sources.als, profile.items, profile.weight, row)
    added[profile.items == row] = 0
    best = int(np.argmax(added)) if len(added) else -1
    return ids.id(int(profile.items[best])) if best >= 0 and added[best] > 0 else ""
