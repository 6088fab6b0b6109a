"""From a ranking to a page: likeness, moves, pins, exploration and its propensities."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from offline_jobs.config import read_config
from recsys.candidates.neighbours import Neighbours
from recsys.errors import ConfigError
from recsys.rerank.diversify import (
    DiversityConfig,
    diversify,
    marginal_relevance,
    marginal_relevance_reference,
)
from recsys.rerank.explore import ExploreConfig, depth, explore, propensity
from recsys.rerank.page import SlateConfig, lay_out
from recsys.rerank.rules import ALL_THE_WAY, Pin, moved, place_pins


def _items(title: Any, *, leaf: Any = None, brand: Any = None) -> Any:
    n = len(title)
    absent = [-1] * n
    typed = {
        "title_row": np.array(title, np.int32),
        "leaf_row": np.array(absent if leaf is None else leaf, np.int32),
        "brand_row": np.array(absent if brand is None else brand, np.int32),
    }
    return SimpleNamespace(**typed, brand_share=np.zeros(n, np.float32))


def _neighbours(similarity: Any) -> Neighbours:
    """Every positive off-diagonal entry, strongest first."""
    square = np.array(similarity, np.float32)
    np.fill_diagonal(square, 0)
    rows = [np.argsort(-row, kind="stable")[: int((row > 0).sum())] for row in square]
    indptr = np.concatenate(([0], np.cumsum([len(row) for row in rows]))).astype(np.int64)
    values = [square[i, row] for i, row in enumerate(rows)]
    return Neighbours(indptr, np.concatenate(rows).astype(np.int32), np.concatenate(values))


@given(st.integers(1, 25), st.integers(1, 12), st.floats(0, 1), st.integers(0, 10**6))
def test_the_fast_reorder_equals_the_obvious_one(n: int, size: int, trade_off: float, seed: int) -> None:
    """On any candidates, titles and likeness, with ties and asymmetric neighbours, both give the same order."""
    rng = np.random.default_rng(seed)
    n_items = n + 10
    items = _items(rng.integers(0, n_items // 2 + 1, n_items))
    alike = _neighbours(rng.choice([0, 0, 0.25, 0.5, 1.0], (n_items, n_items)))
    rows = rng.permutation(n_items)[:n].astype(np.int32)
    order = rng.permutation(n)
    arguments: Any = {"n": size, "trade_off": trade_off, "alike": alike}
    fast = marginal_relevance(order, rows, items, **arguments)
    assert fast.tolist() == marginal_relevance_reference(order, rows, items, **arguments).tolist()
    assert sorted(fast.tolist()) == list(range(n))
    assert fast[0] == order[0] or trade_off == 1


def test_likeness_is_traded_for_rank() -> None:
    """Items 0 to 3 are alike and the best; at 0 they stay together, with a trade-off unlike ones come between."""
    square = np.zeros((8, 8))
    square[:4, :4] = 1
    order, rows, items, alike = np.arange(8), np.arange(8, dtype=np.int32), _items(range(8)), _neighbours(square)
    ranked = {
        t: diversify(order, rows, items, n=5, config=DiversityConfig(trade_off=t), alike=alike) for t in (0.0, 0.9)
    }
    assert ranked == {0.0: [0, 1, 2, 3, 4], 0.9: [0, 4, 5, 6, 7]}


def test_caps_and_titles_hold_under_a_trade_off() -> None:
    """Nine items of one category, two of one title: half the page at most, each title once."""
    items = _items([0, 0, *range(1, 13)], leaf=[0] * 9 + [1, 2, 3, 4, 5])
    config = DiversityConfig(category_share=0.5, trade_off=0.3)
    alike = _neighbours(np.ones((14, 14)))
    chosen = diversify(np.arange(14), np.arange(14, dtype=np.int32), items, n=10, config=config, alike=alike)
    assert len(chosen) == 10
    assert sum(items.leaf_row[at] == 0 for at in chosen) == 5
    assert len({int(items.title_row[at]) for at in chosen}) == 10


def test_what_follows_the_slate_keeps_its_rules() -> None:
    """A deeper look returns the same slate first, then further titles, each once."""
    items = _items([0, 1, 1, 2, 3, 4, 4, 5])
    order, rows = np.arange(8), np.arange(8, dtype=np.int32)
    assert diversify(order, rows, items, n=2, config=DiversityConfig(), depth=5) == [0, 1, 3, 4, 5]


@pytest.mark.parametrize(
    ("shift", "expected"),
    [
        ([0, 0, 0, 2, 0], [0, 3, 1, 2, 4]),
        ([-2, 0, 0, 0, 0], [1, 2, 0, 3, 4]),
        ([0, 0, 0, 0, ALL_THE_WAY], [4, 0, 1, 2, 3]),
        ([0, -ALL_THE_WAY, 0, 0, 0], [0, 2, 3, 4, 1]),
        ([0, 0, 0, 9, 9], [3, 4, 0, 1, 2]),
        ([0, 0, 0, 0, 0], [0, 1, 2, 3, 4]),
    ],
)
def test_a_boost_moves_by_places(shift: list[float], expected: list[int]) -> None:
    """One moved item lands exactly that many places away, at most at an end; the others keep their order."""
    assert moved(np.arange(5), np.array(shift, np.float32)).tolist() == expected


def test_scores_of_any_scale_move_alike() -> None:
    """A boost depends on the order alone: multiplying or shifting all scores changes no page."""
    scores = np.array([0.4, 3.0, -2.0, 0.1, 9.0])
    rows, items = np.arange(5, dtype=np.int32), _items(range(5))
    shift = np.array([0, 0, 3, 0, -1], np.float32)
    pages = [lay_out(s, rows, items, n=4, config=SlateConfig(), shift=shift) for s in (scores, scores * 1e-6 + 70)]
    assert pages[0] == pages[1]


def test_pins_take_positions_in_their_order() -> None:
    """The first allowed item of a pin; a taken position gives the next one; no title twice, nothing past the end."""
    items = _items([0, 1, 2, 3, 0])
    allowed = np.array([True, False, True, True, True])
    pins = [Pin(2, (1, 0)), Pin(2, (2,)), Pin(1, (4,)), Pin(3, (3,)), Pin(9, (3,))]
    assert place_pins(pins, allowed, items, n=4) == {2: 0, 3: 2, 4: 3}


def test_a_pin_need_not_be_a_candidate() -> None:
    """Pinned rows stand where they were sent, with the others around them, or nearer where there are too few."""
    items = _items(range(10))
    rows = np.array([5, 6, 7], np.int32)
    page = lay_out(np.array([3.0, 2.0, 1.0]), rows, items, n=4, config=SlateConfig(), pinned={2: 9, 3: 6})
    assert [(p.row, p.at, p.pinned) for p in page] == [(5, 0, False), (9, -1, True), (6, 1, True), (7, 2, False)]
    short = lay_out(np.array([3.0]), rows[:1], items, n=8, config=SlateConfig(), pinned={5: 9})
    assert [p.row for p in short] == [5, 9]


_CONFIGS = st.builds(ExploreConfig, slots=st.integers(0, 20), epsilon=st.floats(0, 1), pool=st.integers(1, 60))


@given(st.integers(1, 40), st.integers(1, 30), _CONFIGS, st.text())
def test_exploration_keeps_the_page_whole(n_ranked: int, n: int, config: ExploreConfig, seed_text: str) -> None:
    """As many items as without it, none twice, the head as ranked, the same draw for the same seed."""
    ranked = list(range(n_ranked))
    chosen, propensities = explore(ranked, n=n, config=config, seed_text=seed_text)
    assert len(chosen) == len(propensities) == min(n, n_ranked)
    assert len(set(chosen)) == len(chosen)
    head = n - min(config.slots, n // 2)
    assert chosen[:head] == ranked[:head]
    assert all(p == 1.0 for p in propensities[:head])
    assert all(0 < p <= 1 + 1e-12 for p in propensities)
    assert max(chosen, default=0) < max(depth(config, n), 1)
    assert (chosen, propensities) == explore(ranked, n=n, config=config, seed_text=seed_text)


@given(st.integers(1, 100), st.floats(0, 1))
def test_a_pools_propensities_sum_to_one(n_pool: int, epsilon: float) -> None:
    """A slot always shows something."""
    assert sum(propensity(place, n_pool, epsilon) for place in range(n_pool)) == pytest.approx(1)


@pytest.mark.parametrize("epsilon", [0.1, 0.5, 1.0])
def test_logged_propensities_match_frequencies(epsilon: float) -> None:
    """Over 20,000 request ids each slot shows each item as often as its propensity says, and slots do not depend.

    Chi-square of counts against the propensities that were logged with them, per slot and for pairs of slots.
    """
    n_requests, n = 20_000, 10
    config = ExploreConfig(slots=3, epsilon=epsilon, pool=13)
    shown: list[Counter[int]] = [Counter() for _ in range(3)]
    logged: list[dict[int, float]] = [{} for _ in range(3)]
    pairs: Counter[tuple[int, int]] = Counter()
    for i in range(n_requests):
        chosen, propensities = explore(list(range(30)), n=n, config=config, seed_text=f"request-{i}|1700000000000")
        for slot in range(3):
            shown[slot][chosen[7 + slot]] += 1
            logged[slot][chosen[7 + slot]] = propensities[7 + slot]
        pairs[chosen[7], chosen[8]] += 1
    for slot in range(3):
        assert sum(logged[slot].values()) == pytest.approx(1)
        counts = [shown[slot][item] for item in sorted(logged[slot])]
        expected = [logged[slot][item] * n_requests for item in sorted(logged[slot])]
        assert chisquare(counts, expected).pvalue > 0.001
    joint = {(a, b): logged[0][a] * logged[1][b] * n_requests for a in logged[0] for b in logged[1]}
    assert chisquare([pairs[pair] for pair in joint], list(joint.values())).pvalue > 0.001


@given(
    st.lists(st.tuples(st.integers(0, 12), st.integers(0, 9)), min_size=1, max_size=30),
    st.integers(1, 12),
    st.integers(1, 6),
    st.integers(0, 6),
    st.integers(1, 8),
)
def test_fresh_slots_show_what_hardly_anybody_met(
    found: list[tuple[int, int]], n: int, slots: int, fresh: int, pool: int
) -> None:
    """Places stay as many and titles distinct; the last places, as many as fresh slots can be filled, hold items of
    fewer users than `fresh_users` that the ranker put below the rest, and the places before them are the ranker's.
    """
    config = ExploreConfig(slots=slots, epsilon=0.0, pool=pool, fresh=min(fresh, slots), fresh_users=3)
    items = _items([title for title, _ in found])
    items.n_users = np.array([n_users for _, n_users in found], np.float32)
    rows = np.arange(len(found), dtype=np.int32)
    scores = -np.arange(len(found), dtype=np.float64)
    plain = [place.row for place in lay_out(scores, rows, items, n=n, config=SlateConfig())]
    page = [place.row for place in lay_out(scores, rows, items, n=n, config=SlateConfig(explore=config))]
    assert len(page) == len(plain)
    assert len({found[row][0] for row in page}) == len(page)
    n_changed = sum(a != b for a, b in zip(plain, page, strict=True))
    assert n_changed <= min(config.fresh, n // 2)
    for row in page[len(page) - n_changed :]:
        assert items.n_users[row] < 3
        assert row > max(plain)
    assert page[: len(page) - n_changed] == plain[: len(page) - n_changed]


def test_a_fresh_slots_propensity_is_its_frequency() -> None:
    """Two usual slots and a fresh one over 10,000 requests: counts of the fresh slot match the logged propensities."""
    config = ExploreConfig(slots=3, epsilon=0.4, pool=12, fresh=1)
    shown: Counter[int] = Counter()
    logged: dict[int, float] = {}
    for i in range(10_000):
        chosen, propensities = explore(
            list(range(30)), n=8, config=config, seed_text=f"r{i}", fresh=list(range(40, 60))
        )
        assert max(chosen[:-1]) < 30 <= chosen[-1]
        shown[chosen[-1]] += 1
        logged[chosen[-1]] = propensities[-1]
    assert sum(logged.values()) == pytest.approx(1)
    items = sorted(logged)
    assert chisquare([shown[item] for item in items], [logged[item] * 10_000 for item in items]).pvalue > 0.001


def test_the_weighted_mean_of_logged_rewards_is_unbiased() -> None:
    """Inverse propensity scoring with the logged propensities finds what always showing one item would have earned."""
    config = ExploreConfig(slots=1, epsilon=0.3, pool=6)
    reward = {item: 0.1 * (item % 7) for item in range(30)}
    estimates = []
    for i in range(20_000):
        chosen, propensities = explore(list(range(30)), n=4, config=config, seed_text=f"r{i}")
        estimates.append(reward[chosen[3]] / propensities[3] if chosen[3] == 5 else 0.0)
    error = np.std(estimates) / np.sqrt(len(estimates))
    assert abs(np.mean(estimates) - reward[5]) < 4 * error < 0.15 * reward[5]


@pytest.mark.parametrize("line", ["slots = 51", "epsilon = 1.5", "epsilon = -0.1", "pool = 0", "pool = 501"])
def test_a_slate_setting_out_of_range_is_refused(tmp_path: Path, line: str) -> None:
    """The error names the key and what is expected."""
    path = tmp_path / "build.toml"
    path.write_text(f"[slate.explore]\n{line}\n")
    with pytest.raises(ConfigError, match=f"{line.partition(' ')[0]} is .*expected"):
        read_config(path)


def test_a_build_can_set_the_slate(tmp_path: Path) -> None:
    """`[slate.diversity]` and `[slate.explore]`, zero included; what is stored in a manifest is read back."""
    path = tmp_path / "build.toml"
    path.write_text(
        "[slate.diversity]\ntrade_off = 0.1\ncategory_share = 0.3\n[slate.explore]\nslots = 2\nepsilon = 0.0\n"
    )
    slate = read_config(path).slate
    assert slate == SlateConfig(DiversityConfig(category_share=0.3, trade_off=0.1), ExploreConfig(slots=2, epsilon=0.0))
    stored = {
        "diversity": {"category_share": 0.3, "trade_off": 0.1},
        "explore": {"slots": 2, "epsilon": 0.0},
    }
    assert SlateConfig.of_manifest({"config": {"slate": stored}}) == slate
    assert SlateConfig.of_manifest({}) == SlateConfig()
    with pytest.raises(ConfigError, match="unknown to this code"):
        SlateConfig.of_manifest({"config": {"slate": {"explore": {"slotz": 1}}}})
