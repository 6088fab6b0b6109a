"""Query groups out of what was shown: one group a slate, its items the documents, the label what followed.

Invariant: a slate's features see only what was known before its first impression, through the path that serves; labels
come from responses after it. An item that was not shown has no label, and one shown but never taken is a negative.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recsys.profiles.store import Histories
from recsys.rerank.prepare import Model, prepare
from recsys.rerank.training_set import PastSlate, TrainingSet, history_at, joined
from recsys.schema import EVENT_TYPES
from recsys.shown import Acts, Shown

GRADES: Final[dict[str, int]] = {"view": 1, "click": 1, "add_to_cart": 2, "purchase": 3}
"""The label an item gets from the strongest response; LightGBM gains 2**label - 1: 1, 3, 7. A dislike is none."""
LAST_POSITION: Final = 50
"""Places from here on share one position: few impressions lie so deep, too few to tell their attention apart."""
_GRADE = np.array([GRADES.get(name, 0) for name in EVENT_TYPES], np.int8)


@dataclass(frozen=True, slots=True)
class Slates:
    """All n slates of a window; `indptr` int64 (n + 1,) bounds each one's items, the rest is as in `PastSlate`."""

    indptr: NDArray[np.int64]
    user_row: NDArray[np.int32]
    time_ms: NDArray[np.int64]
    shown: NDArray[np.int32]
    position: NDArray[np.int32]
    label: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.user_row)

    def of(self, at: int) -> PastSlate:
        """One slate."""
        part = slice(int(self.indptr[at]), int(self.indptr[at + 1]))
        return PastSlate(
            int(self.user_row[at]), int(self.time_ms[at]), self.shown[part], self.position[part], self.label[part]
        )

    def telling(self) -> NDArray[np.int64]:
        """The slates with items of different labels: only these say what is preferred to what."""
        if not len(self):
            return np.empty(0, np.int64)
        best = np.maximum.reduceat(self.label, self.indptr[:-1])
        return np.flatnonzero(best > np.minimum.reduceat(self.label, self.indptr[:-1]))


def past_slates(shown: Shown, *, window_ms: int) -> Slates:
    """Impressions grouped by request, an item once per slate at its first impression, with labels.

    A response with a token counts for that request's item, at whatever time after its impression. One without counts
    for the user's newest impression of the item, if that is at most `window_ms` old.
    """
    seen = shown.impressions
    order = np.lexsort((shown.position, seen.time_ms, seen.item_row, seen.request))
    request, item = seen.request[order], seen.item_row[order]
    first = _begins(request) | _begins(item)
    document = np.cumsum(first) - 1  # of each impression, in `order`
    kept = order[first]
    label = np.zeros(len(kept), np.int8)
    answered, grade = _answered(seen, shown.responses, order, document, window_ms=window_ms)
    np.maximum.at(label, answered, grade)

    request = seen.request[kept]
    starts = np.flatnonzero(_begins(request))
    opened = np.minimum.reduceat(seen.time_ms[kept], starts) if len(starts) else np.empty(0, np.int64)
    return Slates(
        np.append(starts, len(kept)).astype(np.int64),
        seen.user_row[kept[starts]],
        opened,
        seen.item_row[kept],
        np.minimum(shown.position[kept], LAST_POSITION).astype(np.int32),
        label,
    )


def _begins(values: NDArray[np.generic]) -> NDArray[np.bool_]:
    """Where a run of equal values begins."""
    begins = np.ones(len(values), bool)
    begins[1:] = values[1:] != values[:-1]
    return begins


def _answered(
    seen: Acts, answers: Acts, order: NDArray[np.int64], document: NDArray[np.int64], *, window_ms: int
) -> tuple[NDArray[np.int64], NDArray[np.int8]]:
    """(document, grade) of every response that follows an impression; `order` and `document` as in `past_slates`."""
    n = len(seen)
    document_of = np.empty(n, np.int64)
    document_of[order] = document
    token = answers.request != 0
    found = []
    for by_token, chosen in ((True, np.flatnonzero(token)), (False, np.flatnonzero(~token))):
        group = (seen.request, answers.request) if by_token else (seen.user_row, answers.user_row)
        # Impressions and responses of one item in one group, in time; an impression goes before a response of its time.
        key = np.concatenate([group[0], group[1][chosen]])
        item = np.concatenate([seen.item_row, answers.item_row[chosen]])
        time_ms = np.concatenate([seen.time_ms, answers.time_ms[chosen]])
        is_answer = np.arange(len(key)) >= n
        merged = np.lexsort((is_answer, time_ms, item, key))
        newest = np.maximum.accumulate(np.where(is_answer[merged], -1, np.arange(len(merged))))
        at = np.flatnonzero(is_answer[merged] & (newest >= 0))
        impression, answer = merged[newest[at]], merged[at]
        same = (key[impression] == key[answer]) & (item[impression] == item[answer])
        if not by_token:
            same &= time_ms[answer] - time_ms[impression] <= window_ms
        found.append((document_of[impression[same]], _GRADE[answers.type_code[chosen[answer[same] - n]]]))
    documents, grades = zip(*found, strict=True)
    return np.concatenate(documents), np.concatenate(grades)


def build_slates(model: Model, earlier: Histories, later: Histories, slates: Sequence[PastSlate]) -> TrainingSet:
    """Rows of every slate: the features its shown items had as candidates of the replayed request.

    A shown item that the request does not propose (a pin, another system's pick) has no features that would ever be
    served, and is left out; so is a slate whose remaining items all have one label.
    """
    parts = []
    for slate in slates:
        history = history_at(earlier, later, slate.user_row, slate.time_ms)
        ready = prepare(model, history, time_ms=slate.time_ms)
        _, at, known = np.intersect1d(ready.candidates.rows, slate.shown, assume_unique=True, return_indices=True)
        label = slate.label[known]
        if len(label) and label.min() < label.max():
            group = np.array([len(label)], np.int32)
            parts.append(TrainingSet(ready.matrix[at], label, group, slate.position[known]))
    return joined(parts)
