"""Rules a review once found broken."""

from __future__ import annotations

import argparse
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from offline_jobs import build
from offline_jobs.config import read_config
from recsys import bundle as bundles
from recsys.errors import BundleMismatchError, BundleNotFoundError, ConfigError, DataError
from recsys.events import LOG_FILE, read_log
from recsys.profiles.recent import from_events
from recsys.recommender import Recommender
from recsys.slate import ItemFilter, ItemUpdate, RecentEvent, SlateRequest

NOW = 1_751_328_000_000


@pytest.fixture
def bundle(shop_bundles: Path) -> bundles.Bundle:
    """The generated shop, opened."""
    return bundles.load(bundles.current(shop_bundles))


def _with_column(bundle: bundles.Bundle, name: str, values: list[Any]) -> bundles.Bundle:
    at = bundle.catalogue.column_names.index(name)
    kind = bundle.catalogue.schema.field(name).type
    return replace(bundle, catalogue=bundle.catalogue.set_column(at, name, pa.array(values, kind)))


def test_similar_items_fill_the_page_though_titles_repeat(bundle: bundles.Bundle) -> None:
    """When nearly all items share a title, the few other titles are still all found."""
    items = bundle.model.items
    titles = np.zeros_like(items.title_row)
    titles[-12:] = np.arange(1, 13)
    model = replace(bundle.model, items=replace(items, title_row=titles))
    slate = Recommender(replace(bundle, model=model)).similar(bundle.item_ids.id(0), SlateRequest("", NOW))
    assert len(slate.items) == 10
    assert not slate.shortfall


def test_a_price_bound_holds_in_its_own_currency(bundle: bundles.Bundle) -> None:
    """Items priced in another currency fail the bound; a currency no price is in is refused."""
    n = len(bundle.item_ids)
    mixed = Recommender(_with_column(bundle, "currency", ["JPY" if i % 2 else "EUR" for i in range(n)]))
    request = SlateRequest("", NOW, filter=ItemFilter(min_price=1.0, currency="EUR"))
    assert {mixed.row(item.item_id) % 2 for item in mixed.recommend(request).items} == {0}
    with pytest.raises(ConfigError, match="EUR, JPY"):
        mixed.recommend(replace(request, filter=ItemFilter(min_price=1.0, currency="USD")))


def test_brands_that_differ_in_case_are_one_brand_to_a_filter(bundle: bundles.Bundle) -> None:
    """Both spellings' items pass."""
    brands = [bundle.brands[0], bundle.brands[0].upper(), *bundle.brands[2:]]
    recommender = Recommender(replace(bundle, brands=brands))
    request = SlateRequest("", NOW, page_size=100, filter=ItemFilter(brands=(bundle.brands[0].lower(),)))
    rows = [recommender.row(item.item_id) for item in recommender.recommend(request).items]
    assert set(bundle.model.items.brand_row[rows].tolist()) == {0, 1}


def test_copy_reads_the_price_as_the_catalogue_has_it(bundle: bundles.Bundle) -> None:
    """No rounding to the arrays' precision, before and after an update."""
    n = len(bundle.item_ids)
    recommender = Recommender(_with_column(bundle, "price", [150000.01] * n))
    item_id = bundle.item_ids.id(0)
    assert recommender.item(item_id)["price"] == 150000.01
    assert recommender.update_items([ItemUpdate(item_id, price=20000001.0)]) == []
    assert recommender.item(item_id)["price"] == 20000001.0


def test_a_search_without_a_known_word_is_kept_like_in_training(bundle: bundles.Bundle) -> None:
    """Training keeps such a search in the history, so serving does."""
    history = from_events([RecentEvent("", "search", 5, query="zzz qqq")], bundle.item_ids, bundle.model.items)
    assert history.category_row.tolist() == [-1]


def test_a_corrected_currency_is_another_version(bundle: bundles.Bundle, tmp_path: Path) -> None:
    """What is served includes the manifest's name, clock, currency, locale and configuration."""
    first = bundles.publish(bundle, tmp_path)
    other = bundles.publish(replace(bundle, manifest={**bundle.manifest, "currency": "USD"}), tmp_path)
    assert first != other
    assert bundles.load(bundles.current(tmp_path)).manifest["currency"] == "USD"


@pytest.mark.parametrize("key", list(bundles.MANIFEST_TYPES))
@pytest.mark.parametrize("value", [None, [1], "x"])
def test_a_misstated_manifest_is_refused(shop_bundles: Path, tmp_path: Path, key: str, value: Any) -> None:
    """A key of the wrong kind is one clear error, never a traceback later."""
    directory = Path(shutil.copytree(bundles.current(shop_bundles), tmp_path / "b"))
    if isinstance(value, bundles.MANIFEST_TYPES[key]):
        value = 3.5
    path = directory / bundles.MANIFEST
    path.write_text(json.dumps({**json.loads(path.read_text()), key: value}))
    with pytest.raises(BundleMismatchError, match=key):
        bundles.load(directory)


def test_an_undecodable_pointer_is_no_bundle(tmp_path: Path) -> None:
    """Bytes that are no text are said like a missing pointer, so that the next publish mends them."""
    (tmp_path / bundles.CURRENT).write_bytes(b"\xff\xfe\x00bad")
    with pytest.raises(BundleNotFoundError, match="slatewright build"):
        bundles.current(tmp_path)


@pytest.mark.parametrize("change", [{"end_ms": "abc"}, {"end_ms": None}, {"end_ms": 10**30}, {"start_ms": 10**15}])
def test_a_damaged_log_description_is_one_error(shop_log: Path, tmp_path: Path, change: dict[str, Any]) -> None:
    """Times of the wrong kind, or no span of time, are refused when the log is opened."""
    fields = json.loads((shop_log / LOG_FILE).read_text())
    (tmp_path / LOG_FILE).write_text(json.dumps({**fields, **change}))
    with pytest.raises(DataError, match="ingest again"):
        read_log(tmp_path)


@pytest.mark.parametrize(
    "line",
    [
        "holdout_days = nan",
        "holdout_days = inf",
        "[ranking]\nvalid_share = 1.5",
        "[ranking.ranker]\nfeature_fraction = 2.0",
        "[ranking.ranker]\nlambda_l2 = -1.0",
        "[candidates.als]\nregularization = -5.0",
        "[ranking]\nseed = -1",
        "[candidates.als]\nfactors = 1.5",
        "[candidates]\nals = 3",
        "[candidates.als]\nunknown = 1",
    ],
)
def test_a_setting_out_of_range_is_refused_before_any_work(tmp_path: Path, line: str) -> None:
    """The error names the key and what was expected."""
    path = tmp_path / "build.toml"
    path.write_text(line)
    with pytest.raises(ConfigError, match=r"expected|known are"):
        read_config(path)


def test_an_output_that_cannot_be_written_is_refused_at_once(tmp_path: Path) -> None:
    """A file where the folder of bundles should be fails before the log is even opened."""
    (tmp_path / "file").write_text("")
    parser = argparse.ArgumentParser()
    build.add_arguments(parser)
    with pytest.raises(ConfigError, match="cannot hold bundles"):
        build.run(parser.parse_args(["--log", str(tmp_path / "none"), "--out", str(tmp_path / "file")]))
