"""P-values of many metrics or segments, corrected for their number.

NaN means that nothing was tested: it stays NaN and does not count.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy import stats

from recsys.experiments.moments import Floats
from recsys.metrics import holm

Method = Literal["holm", "benjamini_hochberg"]


def corrected(p: Floats, *, method: Method = "holm") -> Floats:
    """Adjusted p-values (m,), to be compared with alpha as they are.

    "holm" keeps the chance of any false finding (Holm 1979): for metrics that decide. "benjamini_hochberg" keeps the
    expected share of false ones among the findings (Benjamini and Hochberg 1995): for screening many segments.
    """
    p = np.asarray(p, np.float64)
    out = np.full(p.shape, np.nan)
    tested = np.isfinite(p)
    if tested.any():
        out[tested] = holm(p[tested]) if method == "holm" else stats.false_discovery_control(p[tested], method="bh")
    return out
