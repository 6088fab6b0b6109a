"""Training rows out of impressions and clicks, where a log holds enough of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from offline_jobs.parallel import in_chunks
from offline_jobs.progress import Steps
from offline_jobs.train_candidates import FitInput
from recsys.errors import DataError, EmptyWindowError
from recsys.profiles.store import Histories
from recsys.rerank.impressions import build_slates, past_slates
from recsys.rerank.prepare import Model
from recsys.rerank.training_set import TrainingSet, joined, split_by_user
from recsys.schema import MS_PER_DAY
from recsys.shown import read_shown
from recsys.split import Window


@dataclass(frozen=True, slots=True)
class Found:
    """What a window's impressions give: rows to fit and rows to stop by, or none, and why in a sentence."""

    rows: tuple[TrainingSet, TrainingSet] | None
    why: str


def impression_rows(
    source: FitInput,
    window: Window,
    model: Model,
    earlier: Histories,
    later: Histories,
    *,
    must: bool,
    min_slates: int,
    max_slates: int,
    attribution_days: float,
    valid_share: float,
    seed: int,
    steps: Steps,
) -> Found:
    """Rows of at most `max_slates` slates shown in the window; no user is in both sets.

    There are none where an impression lacks its position, or where fewer than `min_slates` slates have an item taken
    and one not among the candidates of the replayed request. If they `must` be used one slate is enough, and what is in
    the way raises `DataError` or `EmptyWindowError`.
    """
    name = source.log.info.name
    with steps.step("impressions"):
        shown = read_shown(source.log.directory, source.events, from_ms=window.as_of_ms, before_ms=window.until_ms)
        n, absent = len(shown.position), int((shown.position == 0).sum())
        if not (n or must):
            return Found(None, "the training window has no impression")
        if absent:
            lack = f"{absent} of {n} impressions in the training window have no position"
            if must:
                raise DataError(
                    f"{name}: {lack}; expected 1 for the first place and so on; log positions, map their column, or "
                    'set [ranking] labels = "interactions"'
                )
            return Found(None, lack)
        slates = past_slates(shown, window_ms=int(attribution_days * MS_PER_DAY))
        telling = slates.telling()
    least = 1 if must else min_slates
    if len(telling) < least:
        return _too_few(name, f"{len(telling)} of {len(slates)} slates shown", least=least, must=must)
    drawn = telling
    if len(telling) > max_slates:
        drawn = np.sort(np.random.default_rng(seed).choice(telling, max_slates, replace=False))
    kept, held_out = split_by_user([slates.of(at) for at in drawn.tolist()], share=valid_share, seed=seed)
    rows = []
    for step, chosen in (("training slates", kept), ("validation slates", held_out)):
        with steps.step(step) as advance:
            parts = in_chunks(build_slates, model, earlier, later, chosen, progress=advance)
            rows.append(joined([part for _, part in parts]))
    n_slates = len(rows[0].group) + len(rows[1].group)
    share = (len(rows[0].label) + len(rows[1].label)) / max(sum(len(s.shown) for s in (*kept, *held_out)), 1)
    counted = f"{n_slates} of {len(drawn)} slates replayed ({share:.0%} of their items were candidates)"
    if n_slates * len(telling) < least * len(drawn):  # what was drawn stands for all
        return _too_few(name, counted, least=least, must=must)
    return Found((rows[0], rows[1]), f"{counted} of {len(slates)} shown in the training window")


def _too_few(name: str, counted: str, *, least: int, must: bool) -> Found:
    lack = f"{counted} in the training window have an item taken and one not; expected {least}"
    if must:
        raise EmptyWindowError(
            f"{name}: {lack}; give a log with impressions and responses to them, a larger --holdout-days, or set "
            '[ranking] labels = "interactions"'
        )
    return Found(None, lack)
