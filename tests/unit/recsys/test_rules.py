"""Business rules: what a file may say, and what a wrong one is told."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from scipy.stats import chisquare

from recsys import bundle as bundles
from recsys.errors import ConfigError
from recsys.recommender import Recommender
from recsys.rerank.explore import ExploreConfig
from recsys.rerank.page import SlateConfig
from recsys.rules import parse_rules, read_rules
from recsys.slate import ItemFilter, ItemUpdate, SlateRequest

DAY_MS = 86_400_000


def _rules(*tables: str) -> bytes:
    return "\n".join(f'[[rule]]\nname = "r{i}"\n{table}' for i, table in enumerate(tables)).encode()


def test_every_key_is_read() -> None:
    """Dates without a zone are UTC, dates with one keep it, `until` is exclusive."""
    content = _rules(
        'action = "boost"\ncategories = ["A"]\nbrands = ["B", "C"]\nplaces = 4\nplacements = ["home"]\n'
        "from = 1970-01-02\nuntil = 1970-01-03T01:00:00+01:00",
        'action = "pin"\nitems = ["x", "y"]\nposition = 3',
    )
    boost, pin = parse_rules(content, where="f").rules
    assert (boost.categories, boost.brands, boost.places) == (("A",), ("B", "C"), 4)
    assert (boost.from_ms, boost.until_ms) == (DAY_MS, 2 * DAY_MS)
    assert boost.active(time_ms=DAY_MS, placement="home")
    assert not boost.active(time_ms=DAY_MS - 1, placement="home")
    assert not boost.active(time_ms=2 * DAY_MS, placement="home")
    assert not boost.active(time_ms=DAY_MS, placement="cart")
    assert (pin.items, pin.position) == (("x", "y"), 3)
    assert pin.active(time_ms=0, placement="anywhere")


def test_the_version_is_the_content() -> None:
    """The same bytes have the same version, others another; an empty file is a file without rules."""
    one, two = (parse_rules(_rules(f'action = "bury"\nitems = ["{i}"]'), where="f") for i in "ab")
    assert one.version != two.version
    assert parse_rules(b"", where="f").rules == ()


@pytest.mark.parametrize(
    ("table", "says"),
    [
        (
            'action = "hide"\nitems = ["a"]',
            r"rule 'r0': action is 'hide'; expected one of boost, bury, pin, never_show",
        ),
        ('items = ["a"]', "action is None"),
        ('action = "bury"', "matches nothing; expected items, categories or brands"),
        ('action = "bury"\nplacements = ["home"]', "matches nothing"),
        ('action = "bury"\nitems = "a"', r"items is 'a'; expected a list"),
        ('action = "bury"\nitems = []', r"items is \[\]; expected a list"),
        ('action = "bury"\nitems = [1]', "expected a list of texts"),
        ('action = "bury"\nitems = ["a"]\nitem = "b"', "unknown key 'item'; known are"),
        ('action = "bury"\nitems = ["a"]\nplaces = 0', "places is 0; expected a whole number from 1"),
        ('action = "bury"\nitems = ["a"]\nplaces = true', "places is True"),
        ('action = "bury"\nitems = ["a"]\nposition = 1', "position is for pin; this rule is bury; remove it"),
        ('action = "never_show"\nitems = ["a"]\nplaces = 1', "places is for boost and bury"),
        ('action = "pin"\nitems = ["a"]', "has no position; expected 1 to 100"),
        ('action = "pin"\nitems = ["a"]\nposition = 101', "position is 101; expected a whole number from 1 to 100"),
        ('action = "pin"\nbrands = ["a"]\nposition = 1', "a pin names its items"),
        ('action = "pin"\nitems = ["a"]\nbrands = ["a"]\nposition = 1', "a pin names its items"),
        ('action = "bury"\nitems = ["a"]\nfrom = "2026-01-01"', "expected a date or a time.*write no quotes"),
        ('action = "bury"\nitems = ["a"]\nfrom = 2026-01-02\nuntil = 2026-01-02', "from is not before until"),
    ],
)
def test_a_wrong_rule_is_named_with_its_remedy(table: str, says: str) -> None:
    """One error with the file, the rule's name, what is wrong and what to do."""
    with pytest.raises(ConfigError, match=says) as caught:
        parse_rules(_rules(table), where="shop.toml")
    assert str(caught.value).startswith("shop.toml: rule 'r0'")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"[[rule]\n", "is not TOML"),
        (b'[[rule]]\nname = "\xff"', "is not TOML"),
        (b"rules = 1", "unknown key 'rules'"),
        (b'[rule]\nname = "a"', "two brackets"),
        (b"rule = [1]", "two brackets"),
        (b'[[rule]]\naction = "bury"', "rule 1 has no name"),
        (b'[[rule]]\nname = "a"\naction = "bury"\nitems = ["x"]\n' * 2, "two rules are named 'a'"),
        (b'[[rule]]\nname = "a"\n' * 1001, "at most 1000"),
    ],
)
def test_a_wrong_file_is_one_clear_error(content: bytes, says: str) -> None:
    """The file's name and what to correct."""
    with pytest.raises(ConfigError, match=says):
        parse_rules(content, where="shop.toml")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """A file that is not there is one clear error."""
    with pytest.raises(ConfigError, match=r"nope.toml cannot be read"):
        read_rules(tmp_path / "nope.toml")


@pytest.fixture
def shop(shop_bundles: Path) -> Recommender:
    """The generated shop."""
    return Recommender.open(bundles.current(shop_bundles), verify=False)


def _request(shop: Recommender, **more: object) -> SlateRequest:
    request = SlateRequest("u0000001", int(str(shop.manifest["as_of_ms"])))
    return replace(request, **more)  # type: ignore[arg-type]


def _ids(shop: Recommender, **more: object) -> list[str]:
    return [item.item_id for item in shop.recommend(_request(shop, **more)).items]


def test_never_show_is_absolute(shop: Recommender) -> None:
    """Not in slates, not by a pin, not among similar items; a category takes what lies below it, brands any case."""
    first, second, *_ = before = _ids(shop)
    alike = shop.similar(second, _request(shop)).items[0].item_id
    shop.use_rules(
        parse_rules(
            _rules(
                f'action = "never_show"\nitems = ["{first}", "{alike}"]',
                f'action = "pin"\nitems = ["{first}"]\nposition = 1',
            ),
            where="f",
        )
    )
    assert first not in _ids(shop, page_size=100)
    assert alike not in [item.item_id for item in shop.similar(second, _request(shop, page_size=100)).items]
    category, brand = shop.item(second)["category"], shop.item(before[2])["brand"]
    shop.use_rules(
        parse_rules(
            _rules(
                f'action = "never_show"\ncategories = ["{category[0].upper()}"]',
                f'action = "never_show"\nbrands = ["{brand.upper()}"]',
            ),
            where="f",
        )
    )
    for shown in (_ids(shop, page_size=100), [i.item_id for i in shop.similar(second, _request(shop)).items]):
        assert all(shop.item(i)["category"][0] != category[0] and shop.item(i)["brand"] != brand for i in shown)


def test_a_pin_stands_below_the_callers_word(shop: Recommender) -> None:
    """A pinned item is at its position, says so, and is absent where excluded, filtered out or not available."""
    ids, looked_at = _ids(shop), _ids(shop, page_size=100)
    unlikely = next(i for i in (f"i{n:07d}" for n in range(600)) if i not in looked_at and shop.item(i)["available"])
    shop.use_rules(parse_rules(_rules(f'action = "pin"\nitems = ["{unlikely}"]\nposition = 3'), where="f"))
    slate = shop.recommend(_request(shop, explain=True))
    pinned = slate.items[2]
    assert (pinned.item_id, pinned.rank, pinned.propensity) == (unlikely, 3, 1.0)
    assert pinned.reasons[0].code == "pinned"
    assert [i for i in _ids(shop) if i != unlikely] == ids[:9]
    assert unlikely not in _ids(shop, exclude_item_ids=(unlikely,))
    path = " > ".join(shop.item(unlikely)["category"])
    assert unlikely not in _ids(shop, filter=ItemFilter(exclude_categories=(path,)))
    shop.update_items([ItemUpdate(unlikely, available=False)])
    assert unlikely not in _ids(shop)


def test_boost_and_bury_move_by_places(shop: Recommender) -> None:
    """The fifth item two places up is third, the first buried by one is second; elsewhere and later nothing moves."""
    ids = _ids(shop)
    rules = parse_rules(
        _rules(
            f'action = "boost"\nitems = ["{ids[4]}"]\nplaces = 2\nplacements = ["home"]',
            f'action = "bury"\nitems = ["{ids[0]}"]\nplaces = 1\nplacements = ["home"]',
        ),
        where="f",
    )
    assert shop.use_rules(rules) == ()
    assert _ids(shop)[:5] == [ids[1], ids[0], ids[4], ids[2], ids[3]]
    assert _ids(shop, placement="cart") == ids
    assert shop.rules_version == rules.version


def test_a_rule_for_nothing_is_told(shop: Recommender) -> None:
    """Names of rules that match no item of the bundle come back: a misspelt brand is seen."""
    rules = parse_rules(_rules('action = "bury"\nbrands = ["Nobody"]', 'action = "bury"\nitems = ["gone"]'), where="f")
    before = _ids(shop)
    assert shop.use_rules(rules) == ("r0", "r1")
    assert _ids(shop) == before


def test_served_propensities_match_frequencies(shop_bundles: Path) -> None:
    """Over 400 request ids the last place shows each item as often as the propensity that came with it says."""
    config = SlateConfig(explore=ExploreConfig(slots=1, epsilon=0.8, pool=6))
    shop = Recommender(bundles.load(bundles.current(shop_bundles), verify=False), config=config)
    shown: Counter[str] = Counter()
    said: dict[str, float] = {}
    for i in range(400):
        last = shop.recommend(_request(shop, seed_text=f"id-{i}|0", page_size=5)).items[-1]
        shown[last.item_id] += 1
        assert said.setdefault(last.item_id, last.propensity) == last.propensity
    assert sum(said.values()) == pytest.approx(1)
    assert chisquare([shown[i] for i in said], [400 * p for p in said.values()]).pvalue > 0.001
