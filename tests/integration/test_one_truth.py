"""Training, evaluation and serving see the same thing, and nothing sees the future."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from offline_jobs.build import assemble
from offline_jobs.config import BuildConfig
from offline_jobs.progress import Steps
from offline_jobs.train_candidates import CandidatesConfig, FitInput, fit
from offline_jobs.train_ranker import train
from recsys import bundle as bundles
from recsys.candidates.merge import SOURCES, Fusion, Quotas
from recsys.catalogue import read_catalogue
from recsys.events import EVENTS_FILE, load_events, read_log
from recsys.profiles.build import build_histories
from recsys.profiles.store import Histories
from recsys.profiles.user import user_profile
from recsys.recommender import Recommender
from recsys.rerank.features import FEATURES
from recsys.rerank.prepare import Model, prepare
from recsys.rerank.training_set import history_at, past_requests
from recsys.schema import EVENT_TYPES
from recsys.slate import RecentEvent, SlateRequest
from recsys.split import windows

QUIET = Steps(quiet=True)


def _input(log_dir: Path) -> FitInput:
    return FitInput(read_log(log_dir), load_events(log_dir), read_catalogue(log_dir))


def _all_arrays(model: Model, histories: Histories) -> dict[str, np.ndarray]:
    parts = {"items": model.items.arrays(), "sources": model.sources.arrays(), "histories": histories.arrays()}
    return {f"{part}.{name}": array for part, arrays in parts.items() for name, array in arrays.items()}


def test_nothing_after_as_of_reaches_any_builder(shop_log: Path, tmp_path: Path) -> None:
    """Rewriting every event from `as_of` on, so that it would reveal any answer, changes no fitted array."""
    source = _input(shop_log)
    split = windows(start_ms=source.log.info.start_ms, end_ms=source.log.info.end_ms, clock="wall")
    as_of_ms = split.test.as_of_ms
    forged = tmp_path / "log"
    shutil.copytree(shop_log, forged)
    table = pq.read_table(shop_log / EVENTS_FILE)
    later = pc.greater_equal(table["event_time"], pa.scalar(as_of_ms * 1000, pa.timestamp("us", "UTC")))
    items = table["item_id"]
    revealing = pc.if_else(pc.and_(later, items.is_valid()), pa.scalar(source.catalogue.ids.id(0)), items)
    at = table.column_names.index("item_id")
    pq.write_table(table.set_column(at, "item_id", revealing), forged / EVENTS_FILE)
    config = BuildConfig().candidates
    honest = _all_arrays(*fit(source, as_of_ms=as_of_ms, config=config, steps=QUIET))
    other = _all_arrays(*fit(_input(forged), as_of_ms=as_of_ms, config=config, steps=QUIET))
    assert honest.keys() == other.keys()
    for name, array in honest.items():
        np.testing.assert_array_equal(array, other[name], err_msg=name)


def test_a_request_is_blind_to_events_at_or_after_its_time(shop_bundles: Path) -> None:
    """Recent events stamped at the request's time or later change neither slate nor scores."""
    recommender = Recommender.open(bundles.current(shop_bundles))
    now = int(recommender.manifest["as_of_ms"])
    user = recommender.recommend(SlateRequest("", now)).items
    later = [RecentEvent(item.item_id, "purchase", now + shift) for shift, item in enumerate(user)]
    request = SlateRequest("u0000003", now)
    assert recommender.recommend(request, later) == recommender.recommend(request)


@pytest.fixture(scope="module")
def past_bundle(shop_log: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[FitInput, Model, Histories, Path]:
    """A bundle published at the training window's `as_of`, as if the rest of the log had not happened.

    Its quotas and weights are not the defaults: what serves must read them where training does.
    """
    source = _input(shop_log)
    info = source.log.info
    split = windows(start_ms=info.start_ms, end_ms=info.end_ms, clock=info.clock)
    merged = CandidatesConfig(quotas=Quotas(popular=7, users=50, next=0), fusion=Fusion(als=2.5, content=0.0))
    config = BuildConfig(candidates=merged)
    small = replace(config.ranking, ranker=replace(config.ranking.ranker, n_trees=20))
    booster = train(source, split.train, candidates=config.candidates, config=small, steps=QUIET)
    model, histories = fit(source, as_of_ms=split.train.as_of_ms, config=config.candidates, steps=QUIET)
    bundle = assemble(source, model, histories, booster, metrics={}, config=config, labels="interactions")
    return source, model, histories, bundles.publish(bundle, tmp_path_factory.mktemp("past"))


def test_a_training_row_is_the_served_row_bit_for_bit(
    past_bundle: tuple[FitInput, Model, Histories, Path],
) -> None:
    """The features of a pair are the same bits in training and in a served slate, recent events included."""
    source, model, earlier, directory = past_bundle
    events, as_of_ms, end_ms = source.events, model.as_of_ms, source.log.info.end_ms
    later = build_histories(events, model.items, as_of_ms=end_ms, from_ms=as_of_ms)
    middle_ms = (as_of_ms + end_ms) // 2
    requests = past_requests(later, model.items.taken_types, times_ms=[middle_ms], horizon_ms=end_ms, until_ms=end_ms)
    queries = dict(zip(events.search_at.tolist(), events.search_query, strict=True))
    recommender = Recommender.open(directory)
    compared = with_recent = 0
    for request in requests[:60]:
        history = history_at(earlier, later, request.user_row, request.time_ms)
        trained = prepare(model, history, time_ms=request.time_ms)
        row_of = {int(row): at for at, row in enumerate(trained.candidates.rows)}
        own = np.flatnonzero((events.user_row == request.user_row) & (events.time_ms >= as_of_ms))
        recent = [
            RecentEvent(
                item_id=source.catalogue.ids.id(int(events.item_row[i])) if events.item_row[i] >= 0 else "",
                event_type=EVENT_TYPES[events.type_code[i]],
                time_ms=int(events.time_ms[i]),
                quantity=float(events.quantity[i]),
                price=float(events.price[i]) if np.isfinite(events.price[i]) else None,
                query=queries.get(int(i), ""),
            )
            for i in own
        ]
        with_recent += any(e.time_ms < request.time_ms for e in recent)
        user_id = source.events.users.id(request.user_row)
        slate = recommender.recommend(SlateRequest(user_id, request.time_ms, explain=True), recent)
        for item in slate.items:
            served = np.array([item.features[name] for name in FEATURES], np.float32)
            expected = trained.matrix[row_of[recommender.row(item.item_id)]]
            np.testing.assert_array_equal(served.view(np.uint32), expected.view(np.uint32))
            compared += 1
    assert compared > 300
    assert with_recent > 10


def test_a_source_that_is_off_proposes_nothing(past_bundle: tuple[FitInput, Model, Histories, Path]) -> None:
    """Quota 0 and weight 0 both travel in the bundle; no served item names such a source, quotas bound the others."""
    source, _, _, directory = past_bundle
    recommender = Recommender.open(directory)
    sources = bundles.load(directory).model.sources
    assert sources.quotas[[SOURCES.index(name) for name in ("next", "content", "popular")]].tolist() == [0, 0, 7]
    assert sources.fusion[[SOURCES.index(name) for name in ("next", "content", "als")]].tolist() == [0, 0, 2.5]
    named = set()
    for user_row in range(40):
        request = SlateRequest(source.events.users.id(user_row), int(recommender.manifest["as_of_ms"]))
        named |= {name for item in recommender.recommend(request).items for name in item.sources}
    assert {"next", "content"}.isdisjoint(named)
    assert {"als", "users"} <= named


def test_a_short_slate_is_filled_although_popular_is_few(
    past_bundle: tuple[FitInput, Model, Histories, Path],
) -> None:
    """Somebody without history gets a full page, however long, although the source may list seven items."""
    recommender = Recommender.open(past_bundle[3])
    for n in (10, 40):
        request = SlateRequest("", int(recommender.manifest["as_of_ms"]), page_size=n)
        assert len(recommender.recommend(request).items) == n


def test_planted_tastes_are_recovered(shop_log: Path) -> None:
    """For at least 95 % of warm users the strongest planted category is in the profile's top three."""
    source = _input(shop_log)
    end_ms = source.log.info.end_ms
    model, histories = fit(source, as_of_ms=end_ms, config=BuildConfig().candidates, steps=QUIET)
    truth = pq.read_table(shop_log / "truth.parquet").to_pylist()
    planted: dict[str, tuple[float, str]] = {}
    for row in truth:
        planted[row["user_id"]] = max(planted.get(row["user_id"], (0.0, "")), (row["strength"], row["category"]))
    found = []
    for user_id, (_, category) in planted.items():
        user_row = source.events.users.row(user_id)
        history = histories.of(user_row)
        profile = user_profile(history, model.items, time_ms=end_ms)
        if profile.n_total < 10:
            continue  # too few events to be warm
        top = np.argsort(-profile.leaf_affinity, kind="stable")[:3]
        names = [" > ".join(source.catalogue.category_paths[row]) for row in top]
        found.append(category in names)
    assert len(found) > 100
    assert np.mean(found) >= 0.95
