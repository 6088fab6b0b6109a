"""Temporal windows: on what a model may be fitted, when its requests are made, and what they should have found.

Fits see [.., as_of); a request at time t sees [.., t); its answer lies in [t, t + horizon), before `until`. The train
window mirrors the test window one step earlier, so the ranker learns under the conditions it is measured in.
"""

from __future__ import annotations

from dataclasses import dataclass

from recsys.errors import EmptyWindowError
from recsys.schema import MS_PER_DAY

HOLDOUT_DAYS = 28


@dataclass(frozen=True, slots=True)
class Window:
    """One fit and the requests replayed against it; all times epoch milliseconds."""

    as_of_ms: int
    times_ms: tuple[int, ...]
    horizon_ms: int
    until_ms: int


@dataclass(frozen=True, slots=True)
class Windows:
    """`train` for the ranker, `test` for the figures, `as_of_ms` for what is published."""

    train: Window
    test: Window
    as_of_ms: int


def earlier(window: Window) -> Window:
    """The window of the same length that ends where this one begins."""
    step = window.until_ms - window.as_of_ms
    times = tuple(time_ms - step for time_ms in window.times_ms)
    return Window(window.as_of_ms - step, times, window.horizon_ms, window.as_of_ms)


def tuning_windows(split: Windows, *, start_ms: int) -> Windows:
    """The same windows one step earlier, for choosing settings: `split.train` takes the place of the test window.

    Nothing of `split.test` lies in them.
    """
    late, train = split.train, earlier(split.train)
    step = late.as_of_ms - train.as_of_ms
    if train.as_of_ms <= start_ms:
        raise EmptyWindowError(
            f"the log spans {(late.until_ms - start_ms) / MS_PER_DAY:.1f} days before its test window; choosing "
            f"settings needs more than two windows of {step / MS_PER_DAY:.1f} days there; give a longer log or a "
            "smaller --holdout-days, or keep the settings as they are"
        )
    return Windows(train, late, late.until_ms)


def windows(*, start_ms: int, end_ms: int, clock: str, holdout_days: float | None = None) -> Windows:
    """Windows of a log [start_ms, end_ms).

    On a wall clock the last `holdout_days` (28, or a fifth of a log shorter than 140 days) are the test; requests are
    made at its start. On an ordinal clock the last event of each user is the target, the one before it is replayed as
    recent, and nothing is fitted on either: the strict leave-one-out protocol.
    """
    if clock == "ordinal":
        day = MS_PER_DAY
        test = Window(end_ms - 2 * day, (end_ms - day,), day, end_ms)
        train = Window(end_ms - 4 * day, (end_ms - 3 * day,), day, end_ms - 2 * day)
    else:
        whole_days = (end_ms - start_ms) / MS_PER_DAY
        days = holdout_days or min(HOLDOUT_DAYS, whole_days / 5)
        span = int(days * MS_PER_DAY)
        test = Window(end_ms - span, (end_ms - span,), span, end_ms)
        train = Window(end_ms - 2 * span, (end_ms - 2 * span,), span, end_ms - span)
    if train.as_of_ms <= start_ms:
        raise EmptyWindowError(
            f"the log spans {(end_ms - start_ms) / MS_PER_DAY:.1f} days; expected more than two holdouts of "
            f"{(end_ms - test.as_of_ms) / MS_PER_DAY:.1f} days; give a longer log or a smaller --holdout-days"
        )
    return Windows(train, test, end_ms)
