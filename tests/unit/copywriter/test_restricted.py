"""Goods under advertising bans are listed and never promoted."""

from __future__ import annotations

import pytest

from copywriter.audience import Trait
from copywriter.engines import template
from copywriter.facts import fact_sheet
from copywriter.gate import review
from copywriter.lexicon.restricted import is_restricted
from copywriter.writer import CopyRequest, Writer

CIGARETTES = {"item_id": "t", "title": "CIGARETTES", "category": ["Tobacco", "Cigarettes"]}
WINE = {"item_id": "w", "title": "Malbec Red Wine 750 ml", "brand": "Cuvada", "category": ["Grocery", "Wine"]}
SMOKES = (
    Trait("category:Tobacco", "often shops for tobacco"),
    Trait("habit:repeat", "likes to come back to favourites"),
)


@pytest.mark.parametrize("item", [CIGARETTES, WINE], ids=["tobacco", "wine"])
def test_only_a_plain_line_is_served(item: dict[str, object]) -> None:
    """No use, no detail, no word to the reader, whatever the reader's traits are; no model writes of it."""
    sheet = fact_sheet(item)
    for draft in template.drafts(sheet, SMOKES):
        assert draft.text.startswith(("Listed here", "Listed under", "Listed in", "In the "))
        assert review(draft.text, sheet, SMOKES).passed
    plan = Writer(model="m").plan([CopyRequest(item, SMOKES)], mode="live")
    assert plan.jobs == ()


@pytest.mark.parametrize(
    "text",
    [
        "Worth a look: cigarettes.",
        "Something for your basket: cigarettes.",
        "Take a look at cigarettes.",
        "Cigarettes: enjoy the moment.",
        "Cigarettes for the weekend.",
        "Cigarettes, worth a try.",
    ],
)
def test_every_promotion_is_blocked(text: str) -> None:
    """The same words are fine of other goods."""
    assert review(text, fact_sheet(CIGARETTES)).decision == "BLOCK"


@pytest.mark.parametrize(
    ("title", "path", "restricted"),
    [
        ("Vodka 750 ml", (), True),
        ("Soft drink", ("Drinks", "Beer"), True),
        ("Beer, non alcoholic", ("Drinks",), False),
        ("Root beer 12 oz", ("Drinks", "Soda"), False),
        ("Leather belt in cognac", ("Clothing", "Belts"), False),
        ("Red wine vinegar", ("Grocery", "Vinegar"), False),
        ("Balloon whisk", ("Kitchen",), False),
        ("Isopropyl alcohol wipes", ("Office",), False),
    ],
)
def test_what_counts_as_restricted(title: str, path: tuple[str, ...], restricted: bool) -> None:
    """The drink counts, its colour, its glass and its namesakes do not."""
    assert is_restricted(title, path) is restricted
