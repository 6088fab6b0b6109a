"""Numbers of a text, in digits and in letters, and when two measures say the same."""

from __future__ import annotations

import pytest

from copywriter.checks import amounts
from copywriter.checks.evidence import evidence
from copywriter.facts import fact_sheet
from copywriter.measures import codes, read, same

KIT = fact_sheet(
    {
        "title": "Stitchery Lane Sewing Kit, 98 pcs, Travel Case, w/ 24 Thread Spools (SL-980)",
        "attributes": {"Pieces": "98", "Thread Spools": "24", "Case": "Zipped, 7.9 x 4.7 in", "weight": "0.28 kg"},
        "rating": 4.4,
        "rating_count": 1311,
    }
)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("Twenty-four colors in 12 ml tubes", [(24, ""), (12, "ml")]),
        ("two dozen cans, half a dozen jars", [(24, ""), (6, "")]),
        ("a baker's dozen", [(13, "")]),
        ("half an ounce", [(0.5, "ounce")]),
        ("one hundred and five", [(105, "")]),
        ("7.9 x 4.7 in", [(7.9, "in"), (4.7, "in")]),
        ("a pack of 8 in blue", [(8, "")]),
        ("1-1/4 in wide", [(1.25, "in")]),
        ("12 fl. oz. cans", [(12, "floz")]),
        ("USB 3.0 w/ adapter", [(3.0, "")]),
    ],
)
def test_numbers_are_read_with_their_unit(text: str, values: list[tuple[float, str]]) -> None:
    """Nothing is left out: a number nobody could read would be one nobody checked."""
    assert [(one.value, one.unit) for one in read(text)] == values


@pytest.mark.parametrize(
    ("said", "fact", "equal"),
    [
        ("340 g", "12 oz", True),
        ("15 cm", "6 in", True),
        ("25 cm", "6 in", False),
        ("9 kg", "15 lb", False),
        ("280 g", "0.28 kg", True),
        ("290 g", "0.28 kg", False),
        ("3 gallons", "12 qt", True),
        ("355 ml", "12 oz", True),
        ("2 litres", "34 oz", False),
        ("64 mb", "64 gb", False),
    ],
)
def test_a_conversion_is_right_up_to_rounding(said: str, fact: str, equal: bool) -> None:
    """Ounces of a drink are fluid ounces."""
    assert same(read(said)[0], read(fact)[0]) is equal


def test_a_code_is_no_number() -> None:
    """Model names stand as they are; a number with its unit or noun is no name."""
    assert [code for code, _, _ in codes("the K2 and CW-72580, 12-count, 60W, 8-piece")] == ["k2", "cw-72580"]


@pytest.mark.parametrize(
    ("text", "true"),
    [
        ("98 pieces with 24 spools", True),
        ("ninety-eight pieces, two dozen spools", True),
        ("24 pieces", False),
        ("98 spools", False),
        ("24 spools, 280 g", True),
        ("24 spools, 1 lb", False),
        ("rated 4.4 out of 5 from over 1,300 ratings", True),
        ("rated 4.5 out of 5", False),
        ("rated 4.4 from 13,110 ratings", False),
        ("up to 98 pieces", False),
        ("the SL-980 kit", True),
        ("the SL-990 kit", False),
        ("a case of 7.9 x 4.7 in", True),
        ("a case of 7.9 x 4.7 cm", False),
    ],
)
def test_a_number_belongs_to_what_it_counts(text: str, true: bool) -> None:
    """A count to its noun, a measure to its unit, a bound to a fact that bounds, a rating to the raters."""
    assert (not amounts.check(text, KIT, evidence(KIT)).findings) is true
