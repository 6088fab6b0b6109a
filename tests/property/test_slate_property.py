"""The contract of a slate, for any request under any business rules and any slate configuration."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recsys import bundle as bundles
from recsys.recommender import Recommender
from recsys.rerank.diversify import DiversityConfig
from recsys.rerank.explore import ExploreConfig
from recsys.rerank.page import SlateConfig
from recsys.rules import Rule, Rules
from recsys.slate import ItemFilter, SlateRequest

N_ITEMS, N_USERS = 600, 400

_item_ids = st.integers(0, N_ITEMS + 20).map(lambda n: f"i{n:07d}")  # some are unknown
_lists = st.lists(_item_ids, max_size=40, unique=True).map(tuple)
_few = st.lists(st.integers(0, 30), max_size=2, unique=True).map(tuple)  # places among categories and brands
_placements = st.sampled_from([(), ("home",), ("cart",)])
_matching = {"items": _lists, "categories": _few, "brands": _few, "placements": _placements}
_rule = st.one_of(
    st.builds(
        Rule,
        name=st.just("move"),
        action=st.sampled_from(["boost", "bury"]),
        places=st.sampled_from([None, 1, 3, 50]),
        **_matching,
    ),
    st.builds(
        Rule,
        name=st.just("never"),
        action=st.just("never_show"),
        until_ms=st.sampled_from([None, 0]),
        **_matching,
    ),
    st.builds(
        Rule,
        name=st.just("pin"),
        action=st.just("pin"),
        items=_lists,
        placements=_placements,
        position=st.integers(1, 100),
    ),
)
_configs = st.builds(
    SlateConfig,
    st.builds(DiversityConfig, trade_off=st.sampled_from([0.0, 0.3])),
    st.builds(ExploreConfig, slots=st.integers(0, 5), epsilon=st.floats(0, 1), pool=st.integers(1, 40)),
)
_requests = st.builds(
    SlateRequest,
    user_id=st.sampled_from(["", "nobody", *(f"u{n:07d}" for n in range(0, N_USERS, 7))]),
    page_size=st.sampled_from([1, 2, 3, 10, 100]),
    placement=st.sampled_from(["home", "cart"]),
    seed_text=st.text(max_size=5),
    exclude_item_ids=_lists,
    filter=st.builds(
        ItemFilter,
        max_price=st.sampled_from([None, 20.0]),
        purchased=st.sampled_from(["bundle", "exclude", "include"]),
    ),
    explain=st.booleans(),
)


@pytest.fixture(scope="module")
def opened(shop_bundles: Path) -> Callable[[], bundles.Bundle]:
    """The generated shop; behind a function, as Hypothesis prints what a test is given."""
    bundle = bundles.load(bundles.current(shop_bundles), verify=False)
    return lambda: bundle


@given(st.lists(_rule, max_size=6), _configs, _requests, st.booleans())
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_rules_and_exploration_never_break_the_contract(
    opened: Callable[[], bundles.Bundle], drawn: list[Rule], config: SlateConfig, request: SlateRequest, narrow: bool
) -> None:
    """No item or title twice; nothing ruled out; full or with a stated shortfall; ranks 1..n; the same again.

    What is ruled out: never-show rules in force, the caller's exclusions and filter, what cannot be bought.
    """
    bundle = opened()
    shop = Recommender(bundle, config=config)
    rules = Rules(tuple(_named(rule, bundle) for rule in drawn if rule.items or rule.categories or rule.brands), "v")
    shop.use_rules(rules)
    only = (bundle.category_names[0],) if narrow else ()
    request = replace(request, time_ms=bundle.model.as_of_ms, filter=replace(request.filter, categories=only))
    slate = shop.recommend(request)
    ids = [item.item_id for item in slate.items]
    items = [shop.item(item_id) for item_id in ids]
    assert len(set(ids)) == len(ids)
    assert len({item["title"] for item in items}) == len(ids)
    assert not set(ids) & set(request.exclude_item_ids)
    assert [item.rank for item in slate.items] == list(range(1, len(ids) + 1))
    assert len(ids) == request.page_size or (len(ids) < request.page_size and slate.shortfall)
    for item in items:
        assert item["available"]
        assert not request.filter.categories or " > ".join(item["category"]).startswith(request.filter.categories[0])
        assert request.filter.max_price is None or item["price"] <= request.filter.max_price
        for rule in rules.rules:
            if rule.action == "never_show" and rule.active(time_ms=request.time_ms, placement=request.placement):
                assert not _matches(rule, item)
    n_drawn = sum(item.propensity < 1 for item in slate.items)
    assert n_drawn <= min(config.explore.slots, request.page_size // 2)
    assert all(0 < item.propensity <= 1 + 1e-12 for item in slate.items)
    assert repr(shop.recommend(request)) == repr(slate)  # not ==: an absent feature is NaN


def _named(rule: Rule, bundle: bundles.Bundle) -> Rule:
    """A drawn rule with names of the bundle for its numbers."""
    categories = tuple(bundle.category_names[int(i) % len(bundle.category_names)] for i in rule.categories)
    brands = tuple(bundle.brands[int(i) % len(bundle.brands)] for i in rule.brands)
    return replace(rule, categories=categories, brands=brands)


def _matches(rule: Rule, item: dict[str, object]) -> bool:
    """The obvious form of what `RuleIndex` compiles."""
    path = " > ".join(item["category"])  # type: ignore[arg-type]
    below = any(path == name or path.startswith(f"{name} > ") for name in rule.categories)
    return (
        (not rule.items or item["item_id"] in rule.items)
        and (not rule.categories or below)
        and (not rule.brands or item["brand"] in rule.brands)
    )
