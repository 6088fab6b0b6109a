"""When to stop fitting on what users took: NDCG@10 of scored rows, request by request."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from recsys.metrics import at_k
from recsys.rerank.training_set import TrainingSet

K: Final = 10


def ndcg_of_rows(scores: NDArray[np.float64], rows: TrainingSet) -> float:
    """Mean NDCG@10 over the requests of `rows` that want something; ties keep the order of the rows.

    What a request wants beyond its rows is not counted: no order of the rows can find it. NaN without such requests.
    """
    start = np.cumsum(rows.group) - rows.group
    request = np.repeat(np.arange(len(rows.group)), rows.group)
    order = np.lexsort((-scores, request))
    place = np.arange(len(request)) - np.repeat(start, rows.group)
    high = place < K
    found = np.zeros((len(rows.group), K), np.bool_)
    found[request[high], place[high]] = rows.label[order[high]] > 0
    n_wanted = np.bincount(request, rows.label > 0, minlength=len(rows.group)).astype(np.int64)
    asked = n_wanted > 0
    if not asked.any():
        return float("nan")
    return float(at_k(found[asked], n_wanted[asked], K)[f"ndcg@{K}"].mean())
