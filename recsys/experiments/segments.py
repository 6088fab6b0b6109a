"""Effects by segment, with p-values corrected for looking at many.

A segment is something known before the experiment. One that the treatment can move (such as "users who clicked")
compares different people.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from recsys.errors import DataError
from recsys.experiments.correction import Method, corrected
from recsys.experiments.effects import Effect, difference
from recsys.experiments.moments import Floats, Moments, of_sums


@dataclass(frozen=True, slots=True, eq=False)
class Segments:
    """Fields (n_segments,): effect with uncorrected interval, corrected p, users; and one p that all effects agree.

    Effects are NaN in a segment with fewer than two users in an arm, or where nobody varies; such segments do not count
    in the correction.
    """

    effect: Effect
    p_corrected: Floats
    n_control: Floats
    n_treatment: Floats
    p_heterogeneity: float


def by_segment(
    numerators: Floats,
    denominators: Floats | None = None,
    *,
    treated: NDArray[np.bool_],
    segment_rows: NDArray[np.int64],
    n_segments: int,
    method: Method = "holm",
    alpha: float = 0.05,
) -> Segments:
    """Difference of the arms in each segment; a mean, or a ratio where `denominators` are given. All are (n_users,).

    `p_heterogeneity` is Cochran's Q against one common effect (chi-square, segments - 1): look at it before telling a
    story about one segment. It is 1 with fewer than two usable segments.
    """
    y = np.asarray(numerators, np.float64)
    x = np.ones_like(y) if denominators is None else np.asarray(denominators, np.float64)
    if not len(y) == len(x) == len(treated) == len(segment_rows):
        raise DataError(
            f"lengths are {len(y)}, {len(x)}, {len(treated)}, {len(segment_rows)}; give one entry a user each"
        )
    cells = np.asarray(segment_rows, np.int64) + n_segments * np.asarray(treated, np.int64)
    weights = (None, y, x, y * y, x * y, x * x)
    totals = [np.bincount(cells, weights=w, minlength=2 * n_segments).astype(np.float64) for w in weights]
    arms: list[Moments] = []
    for part in (slice(0, n_segments), slice(n_segments, None)):
        n, y_sum, x_sum, yy, xy, xx = (total[part] for total in totals)
        arms.append(of_sums(n, y=y_sum, x=x_sum, yy=yy, xy=xy, xx=xx))
    effect = difference(arms[0], arms[1], alpha=alpha)
    return Segments(effect, corrected(effect.p, method=method), arms[0].n, arms[1].n, _heterogeneity(effect))


def _heterogeneity(effect: Effect) -> float:
    usable = np.isfinite(effect.p)
    if usable.sum() < 2:
        return 1.0
    value, precision = effect.value[usable], effect.std_error[usable] ** -2.0
    common = (precision * value).sum() / precision.sum()
    return float(stats.chi2.sf((precision * (value - common) ** 2).sum(), usable.sum() - 1))
