"""The online facade: a request in, a slate out. One call reads top to bottom:

history → `prepare` (profile, mask, candidates, features) → ranker → `lay_out` (rules, diversity, exploration) →
reasons → slate.

Invariant: nothing here changes a bundle; the only state is the overlay of item updates and the business rules.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from recsys import bundle as bundles
from recsys.bundle import Bundle
from recsys.candidates.eligible import eligible
from recsys.candidates.merge import MAX_CANDIDATES, SOURCES
from recsys.explain import slate_items
from recsys.filters import FilterIndex
from recsys.profiles.recent import from_events, with_recent
from recsys.profiles.store import History
from recsys.profiles.summary import summarise
from recsys.profiles.user import UserProfile, user_profile
from recsys.rerank.intent import lift_searched
from recsys.rerank.page import Place, SlateConfig, lay_out
from recsys.rerank.prepare import Model, Prepared, prepare
from recsys.rerank.rules import place_pins
from recsys.rerank.similar import similar_scores
from recsys.rerank.trees import read_trees
from recsys.rule_index import RuleIndex
from recsys.rules import Rules
from recsys.slate import ItemUpdate, RecentEvent, Slate, SlateItem, SlateRequest, UserStatus
from recsys.treatment import UNTREATED, Treatment

TRAINED_PAGE: Final = 10
"""Places of the slates that a bundle was tuned and measured with; a longer page gets more popular items."""
WARM_UP_USERS: Final = 1_000
"""First users of a bundle among whom one with a history is looked for."""
KEPT_ITEMS: Final = 10_000
"""Items whose catalogue columns stay in memory, about 1 KB each: reading one costs a tenth of a slate."""
_POPULAR: Final = SOURCES.index("popular")


class Recommender:
    """Answers requests from one bundle. Calls may come from one thread at a time."""

    def __init__(self, bundle: Bundle, *, config: SlateConfig | None = None) -> None:
        self.manifest: Mapping[str, Any] = bundle.manifest
        self._bundle = bundle
        self._trees = read_trees(bundle.ranker_text)
        self._config = config or SlateConfig.of_manifest(bundle.manifest)
        self._filters = FilterIndex(bundle)
        self._rules = RuleIndex(Rules(), bundle=bundle, filters=self._filters)
        self._model: Model = bundle.model
        self._updated_price: dict[int, float] = {}
        self._latest: tuple[str, int, Sequence[RecentEvent], History, UserProfile] | None = None
        self._columns = lru_cache(KEPT_ITEMS)(partial(_columns_of, bundle.catalogue))
        self.lap: Callable[[str], None] = lambda _stage: None
        """Told when a stage of `recommend` has ended: history, then prepare, rank and page, again while it looks
        further, then reasons."""

    @classmethod
    def open(cls, bundle_dir: Path, *, verify: bool = True) -> Recommender:
        """Open a bundle folder; `BundleNotFoundError` or `BundleMismatchError` where it cannot be served."""
        return cls(bundles.load(bundle_dir, verify=verify))

    @property
    def version(self) -> str:
        """Version of the bundle served."""
        return self._bundle.version

    def warm_up(self) -> None:
        """Answer a stranger and a user with a history, so that no caller waits for what is compiled on first use."""
        self.recommend(SlateRequest(time_ms=self._model.as_of_ms, seed_text="warm-up"))
        active = np.flatnonzero(np.diff(self._bundle.histories.indptr[:WARM_UP_USERS]))
        if len(active):
            known = self._bundle.users.id(int(active[0]))
            self.recommend(SlateRequest(known, self._model.as_of_ms, seed_text="warm-up"))

    def row(self, item_id: str) -> int:
        """Row of an item in the bundle's arrays, -1 where it is unknown."""
        return self._bundle.item_ids.row(item_id)

    def recommend(
        self, request: SlateRequest, recent: Sequence[RecentEvent] = (), *, treatment: Treatment = UNTREATED
    ) -> Slate:
        """The slate of one user at `request.time_ms`, given the events since the bundle and an experiment's treatment.

        Raises `ConfigError` where the filter's currency is not the bundle's.
        """
        history = self._history(request.user_id, request.time_ms, recent)
        self.lap("history")
        ready, scores, places = self._rank(request, history, treatment)
        self._latest = (request.user_id, request.time_ms, recent, history, ready.profile)
        items = slate_items(
            self._model,
            ready,
            scores,
            places,
            ids=self._bundle.item_ids,
            explain=request.explain,
            ranker_text=self._bundle.ranker_text if treatment.ranker == "learned" else "",
        )
        self.lap("reasons")
        return self._slate(request, history, items)

    def similar(self, item_id: str, request: SlateRequest, recent: Sequence[RecentEvent] = ()) -> Slate:
        """Items like one item, under the same filters; `KeyError` where the item is unknown."""
        row = self._bundle.item_ids.row(item_id)
        if row < 0:
            raise KeyError(item_id)
        history = self._history(request.user_id, request.time_ms, recent)
        profile = user_profile(history, self._model.items, time_ms=request.time_ms)
        excluded = np.append(self._bundle.item_ids.rows_of(request.exclude_item_ids), row)
        allowed = eligible(
            self._model.items,
            profile,
            purchased=request.filter.purchased,
            only=self._only(request),
            excluded=excluded.astype(np.int32),
        )
        allowed &= self._model.items.title_row != self._model.items.title_row[row]
        rows, scores, sources = similar_scores(self._model, row, allowed, n=request.page_size)
        items = tuple(
            SlateItem(self._bundle.item_ids.id(found), place + 1, scores[place], sources[place], ())
            for place, found in enumerate(rows)
        )
        return self._slate(request, history, items)

    def item(self, item_id: str) -> Mapping[str, Any]:
        """Catalogue columns of an item as plain values, updates applied; `KeyError` where it is unknown."""
        row = self._bundle.item_ids.row(item_id)
        if row < 0:
            raise KeyError(item_id)
        columns = dict(self._columns(row))
        columns["price"] = self._updated_price.get(row, columns["price"])
        columns["available"] = bool(self._model.items.available[row])
        return columns

    def profile(self, user_id: str, time_ms: int, recent: Sequence[RecentEvent] = ()) -> Mapping[str, Any]:
        """Coarse aggregates of a user, the most a copywriter may know; keys as in ARCHITECTURE.md."""
        history, profile = self._known(user_id, time_ms, recent)
        status = self._status(user_id, history)
        return summarise(
            profile,
            history,
            category_names=self._bundle.category_names,
            brands=self._bundle.brands,
            item_id=self._bundle.item_ids.id,
            status=status,
            queries=[e.query for e in recent if e.query and e.time_ms < time_ms],
            wall_clock=self.manifest.get("clock") == "wall",
        )

    def _known(self, user_id: str, time_ms: int, recent: Sequence[RecentEvent]) -> tuple[History, UserProfile]:
        """A user's history and profile; those of the latest slate are at hand, for its words are asked for next."""
        if self._latest is not None:
            *asked, history, profile = self._latest
            if asked[:2] == [user_id, time_ms] and asked[2] is recent:
                return history, profile
        history = self._history(user_id, time_ms, recent)
        return history, user_profile(history, self._model.items, time_ms=time_ms)

    def update_items(self, updates: Sequence[ItemUpdate]) -> list[str]:
        """Overlay price and availability; a stock of 0 makes an item unavailable. Returns unknown ids."""
        items = self._model.items
        price, available = items.price.copy(), items.available.copy()
        unknown = []
        for update in updates:
            row = self._bundle.item_ids.row(update.item_id)
            if row < 0:
                unknown.append(update.item_id)
                continue
            if update.price is not None:
                price[row] = self._updated_price[row] = update.price
            if update.available is not None:
                available[row] = update.available
            if update.stock is not None:
                available[row] = update.stock > 0 and (update.available is not False)
        self._model = replace(self._model, items=replace(items, price=price, available=available))
        return unknown

    def use_rules(self, rules: Rules) -> tuple[str, ...]:
        """Keep to these rules from the next request on; returns the names of those that match no item."""
        self._rules = RuleIndex(rules, bundle=self._bundle, filters=self._filters)
        return self._rules.unmatched

    @property
    def rules_version(self) -> str:
        """Version of the business rules in force; empty where there are none."""
        return self._rules.version

    def _only(self, request: SlateRequest) -> NDArray[np.bool_] | None:
        """Items that the caller's filter and the never-show rules leave; None where nothing is restricted."""
        only = self._filters.mask(request.filter, self._model.items)
        never = self._rules.active(time_ms=request.time_ms, placement=request.placement).never
        if never is None:
            return only
        return ~never if only is None else only & ~never

    def _history(self, user_id: str, time_ms: int, recent: Sequence[RecentEvent]) -> History:
        stored = self._bundle.histories.of(self._bundle.users.row(user_id) if user_id else -1)
        added = from_events(recent, self._bundle.item_ids, self._model.items)
        return with_recent(stored, added, time_ms=time_ms)

    def _rank(
        self, request: SlateRequest, history: History, treatment: Treatment
    ) -> tuple[Prepared, NDArray[np.float64], list[Place]]:
        """Rank, looking further down the popular items until the slate is full or every allowed item was looked at."""
        only = self._only(request)
        excluded = self._bundle.item_ids.rows_of(request.exclude_item_ids)
        rules = self._rules.active(time_ms=request.time_ms, placement=request.placement)
        pinned: dict[int, int] | None = None
        quotas, limit = treatment.longest(self._model.sources.quotas), MAX_CANDIDATES
        config = treatment.page(self._config)
        quotas[_POPULAR] = quotas[_POPULAR] * max(request.page_size, TRAINED_PAGE) // TRAINED_PAGE
        while True:
            ready = prepare(
                self._model,
                history,
                time_ms=request.time_ms,
                purchased=request.filter.purchased,
                only=only,
                excluded=excluded,
                quotas=quotas,
                limit=limit,
            )
            self.lap("prepare")
            rows, items = ready.candidates.rows, self._model.items
            if pinned is None and rules.pins:
                policy = request.filter.purchased
                allowed = eligible(items, ready.profile, purchased=policy, only=only, excluded=excluded)
                pinned = place_pins(rules.pins, allowed, items, n=request.page_size)
            learned = treatment.ranker == "learned"
            scores = self._trees.predict(ready.matrix) if learned else ready.candidates.fused.astype(np.float64)
            self.lap("rank")
            scores = lift_searched(scores, rows, items, ready.profile, n=request.page_size)
            places = lay_out(
                scores,
                rows,
                items,
                n=request.page_size,
                config=config,
                alike=self._model.sources.content,
                shift=rules.shift,
                pinned=pinned,
                seed_text=request.seed_text,
            )
            self.lap("page")
            if len(places) == request.page_size or len(rows) >= ready.n_allowed:
                return ready, scores, places
            quotas[_POPULAR] = min(max(8 * quotas[_POPULAR], 3 * request.page_size), ready.n_allowed)
            limit = int(quotas.sum())

    def _status(self, user_id: str, history: History) -> UserStatus:
        if len(history):
            return "known"
        return "cold" if user_id else "anonymous"

    def _slate(self, request: SlateRequest, history: History, items: tuple[SlateItem, ...]) -> Slate:
        shortfall = ""
        if len(items) < request.page_size:
            shortfall = (
                f"{len(items)} of {request.page_size}: no further item is available, passes the filter and has a title "
                "of its own"
            )
        return Slate(items, self._status(request.user_id, history), self.version, shortfall)


def _columns_of(catalogue: pa.Table, row: int) -> Mapping[str, Any]:
    """The catalogue's own columns of an item as plain values."""
    columns: dict[str, Any] = catalogue.slice(row, 1).to_pylist()[0]
    return columns | {"attributes": dict(columns.get("attributes") or ())}
