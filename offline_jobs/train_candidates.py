"""Fit everything a request needs except the ranker, on events before one `as_of`."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from offline_jobs.progress import Steps
from recsys.candidates import als, content, covisitation, merge, smoothing, user_index
from recsys.candidates.retrieve import Sources, popularity_orders
from recsys.catalogue import Catalogue
from recsys.errors import EmptyWindowError
from recsys.events import EVENTS_FILE, Events, Log
from recsys.profiles import timeline, user
from recsys.profiles.build import HALF_LIFE_DAYS, WEIGHTS, build_histories, build_items
from recsys.profiles.store import Histories
from recsys.rerank.features import static_features
from recsys.rerank.prepare import Model
from recsys.schema import MS_PER_DAY


@dataclass(frozen=True, slots=True)
class CandidatesConfig:
    """Settings of every source and of their merge."""

    als: als.AlsConfig = field(default_factory=als.AlsConfig)
    covisitation: covisitation.CovisitationConfig = field(default_factory=covisitation.CovisitationConfig)
    content: content.ContentConfig = field(default_factory=content.ContentConfig)
    smoothing: smoothing.SmoothingConfig = field(default_factory=smoothing.SmoothingConfig)
    users: user_index.UserKnnConfig = field(default_factory=user_index.UserKnnConfig)
    timeline: timeline.TimelineConfig = field(default_factory=timeline.TimelineConfig)
    quotas: merge.Quotas = field(default_factory=merge.Quotas)
    fusion: merge.Fusion = field(default_factory=merge.Fusion)


@dataclass(frozen=True, slots=True)
class FitInput:
    """A log in memory: what every fit at every `as_of` starts from."""

    log: Log
    events: Events
    catalogue: Catalogue


def fit(source: FitInput, *, as_of_ms: int, config: CandidatesConfig, steps: Steps) -> tuple[Model, Histories]:
    """Item profiles, candidate sources and histories at `as_of_ms`; later events are invisible."""
    events, catalogue = source.events, source.catalogue
    with steps.step("item profiles"):
        items = build_items(
            source.log.directory / EVENTS_FILE,
            catalogue,
            events,
            as_of_ms=as_of_ms,
            catalogue_is_known=as_of_ms >= source.log.info.end_ms,
        )
        histories = build_histories(events, items, as_of_ms=as_of_ms)
    strong = events.visible(as_of_ms) & (events.item_row >= 0) & (WEIGHTS[events.type_code] > 0)
    if not strong.any():
        raise EmptyWindowError(
            f"{source.log.info.name}: no view, click, cart or purchase before as_of = {as_of_ms} ms; "
            "expected some to learn from; choose a later as_of or a longer log"
        )
    user_row, item_row = events.user_row[strong], events.item_row[strong]
    time_ms = events.time_ms[strong]
    age_days = (as_of_ms - time_ms) / MS_PER_DAY
    n_items = len(catalogue.ids)
    # Users nobody has met yet leave no trace, not even in a count: rows here are of users with an event.
    known_row = (np.cumsum(np.diff(user_row, prepend=-1) > 0) - 1).astype(np.int32)
    shape = (int(known_row[-1]) + 1, n_items)
    with steps.step("ALS"):
        decayed = (WEIGHTS[events.type_code[strong]] * 0.5 ** (age_days / HALF_LIFE_DAYS)).astype(np.float32)
        matrix = als.user_item_matrix(known_row, item_row, decayed, shape)
        factors = als.fit(matrix, config.als)
    with steps.step("co-visitation"):
        following, preceding = covisitation.fit_directed(
            user_row, item_row, time_ms, age_days=age_days, n_items=n_items, config=config.covisitation
        )
        together = covisitation.fit_undirected(matrix, config.covisitation)
    with steps.step("content"):
        alike = content.fit(catalogue.titles, catalogue.texts, config.content)
        kin = smoothing.spread(alike, config.smoothing)
    with steps.step("bridged"):
        bridged = smoothing.bridge(following, kin, config.smoothing)
    with steps.step("user kNN"):
        tastes = (WEIGHTS[events.type_code[strong]] * 0.5 ** (age_days / user.HALF_LIFE_DAYS)).astype(np.float32)
        profiles = als.user_item_matrix(known_row, item_row, tastes, shape)
        users = user_index.fit(profiles, kin, config.users)
    with steps.step("timeline"):
        ordinal = source.log.info.clock == "ordinal"
        places = timeline.fit(histories, n_items, config.timeline) if ordinal else timeline.untold(n_items)
    order, bounds, within = popularity_orders(items)
    quotas, fusion = merge.settings(config.quotas, config.fusion)
    sources = Sources(
        als=factors,
        users=users,
        next=following,
        previous=preceding,
        together=together,
        content=alike,
        bridged=bridged,
        popular_order=order,
        category_indptr=bounds,
        category_order=within,
        kin_popularity=np.log1p(alike.matrix() @ items.popularity).astype(np.float32),
        n_into=np.log1p(np.bincount(following.indices, minlength=n_items)).astype(np.float32),
        timeline=places,
        quotas=quotas,
        fusion=fusion,
    )
    return Model(as_of_ms, items, sources, static_features(items, sources)), histories
