"""Why an item is in a slate: only what was true of its candidates, with the user's item it rests on."""

from __future__ import annotations

import numpy as np

from recsys.candidates.neighbours import strongest
from recsys.candidates.retrieve import SOURCES
from recsys.ids import IdMap
from recsys.rerank.prepare import Model, Prepared
from recsys.slate import Reason

_OWN = "bought_before"
_FROM_SOURCE = {"next": "often_bought_next", "previous": "often_bought_with", "content": "similar_to"}
_PLAIN = {"category": "popular_in_your_category", "als": "people_like_you", "popular": "popular_now"}


def reasons_for(model: Model, ready: Prepared, at: int, ids: IdMap) -> tuple[Reason, ...]:
    """Reasons of the candidate at position `at`, strongest first: own purchase, evidence items, then the rest."""
    row = int(ready.candidates.rows[at])
    profile, ranks = ready.profile, ready.candidates.ranks[at]
    found: list[Reason] = []
    if int(model.items.leaf_row[row]) in profile.searched:
        found.append(Reason("you_searched_for_it"))
    place = int(np.searchsorted(profile.items, row))
    if place < len(profile.items) and profile.items[place] == row:
        bought = profile.n_bought[place] > 0
        found.append(Reason(_OWN if bought else "looked_at_before", ids.id(row)))
    by_rank = sorted((float(r), name) for name, r in zip(SOURCES, ranks, strict=True) if np.isfinite(r))
    for _, name in by_rank:
        if name in _FROM_SOURCE:
            evidence, _ = strongest(getattr(model.sources, name), profile.recent_items, row)
            if evidence >= 0 and evidence != row:
                found.append(Reason(_FROM_SOURCE[name], ids.id(evidence)))
        elif name in _PLAIN:
            found.append(Reason(_PLAIN[name]))
    return tuple(found[:3])
