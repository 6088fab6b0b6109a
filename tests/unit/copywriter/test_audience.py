"""Traits: few, coarse, harmless."""

from __future__ import annotations

import pytest

from copywriter.audience import MAX_TRAITS, Trait, relevant, traits
from copywriter.facts import fact_sheet
from copywriter.lexicon.sensitive import is_sensitive

PROFILE = {
    "status": "known",
    "n_events": 80,
    "top_categories": [("Grocery > Cheese", 0.3), ("Grocery > Baby Food", 0.3), ("Toys", 0.01)],
    "top_brands": [("National", 0.6), ("Private", 0.3)],
    "price_level": -1.2,
    "discount_share": 0.8,
    "repeat_share": 0.7,
    "searches": ["pregnancy test"],
    "active_hours": "night",
    "last_item_ids": ["123"],
}


def test_traits_are_coarse_and_few() -> None:
    """Categories, a store-brand liking and a habit; nothing of price, hours, searches or items."""
    found = traits(PROFILE, reasons=[("because_viewed", "Grocery > Bread")])
    assert [trait.id for trait in found] == [
        "category:Grocery > Cheese",
        "brand:store brand",
        "habit:repeat",
        "because:Grocery > Bread",
    ]
    assert len(found) <= MAX_TRAITS
    assert not any(char.isdigit() for trait in found for char in trait.text)


@pytest.mark.parametrize(
    "category",
    [
        "Baby Food", "Diapers & Disposables", "Pregnancy Tests", "Adult Incontinence", "Vitamins",
        "Feminine Hygiene", "Condoms", "Diet & Fitness", "Gluten Free", "Wine", "Beers/Ales",
        "Cigarettes", "Kosher Foods", "Hispanic", "Cold and Flu", "Pain Relief", "Smoking Cessation",
        "Infant Formula", "Women's Hosiery", "Hair Loss", "Christmas Seasonal", "Weight Loss",
    ],
)  # fmt: skip
def test_a_sensitive_category_gives_no_trait(category: str) -> None:
    """What betrays family, health, diet, faith or the like is never a trait."""
    assert is_sensitive(category)
    assert traits({**PROFILE, "top_categories": [(category, 0.9)], "top_brands": None}) == (
        Trait("habit:repeat", "likes to come back to favourites"),
    )


@pytest.mark.parametrize("category", ["Cheese", "Umbrellas", "Album Pages", "Menus", "Braided Rugs"])
def test_harmless_categories_are_not_sensitive(category: str) -> None:
    """Short sensitive words match whole words only."""
    assert not is_sensitive(category)


def test_a_rare_trait_is_not_used() -> None:
    """A trait shared by fewer than k users could point at one of them."""
    users = {"category:Grocery > Cheese": 3, "habit:repeat": 400}
    found = traits(PROFILE, min_users=50, trait_users=users)
    assert [trait.id for trait in found] == ["habit:repeat"]


@pytest.mark.parametrize(
    "profile",
    [{}, {"status": "cold"}, {"status": "anonymous", "n_events": 99}, {"top_categories": "x"},
     {"n_events": float("nan"), "top_brands": [("a",), None, ("b", "c")]}],
)  # fmt: skip
def test_unknown_users_have_no_traits(profile: dict[str, object]) -> None:
    """Cold, anonymous and malformed profiles say nothing."""
    assert traits(profile) == ()


def test_only_traits_that_touch_the_item_are_relevant() -> None:
    """The deepest category first; other categories and brands are left out; none if sensitive."""
    found = (
        Trait("category:Grocery", "often shops for grocery"),
        Trait("category:Grocery > Cheese", "often shops for cheese"),
        Trait("category:Toys", "often shops for toys"),
        Trait("brand:Harlow", "often picks Harlow"),
    )
    cheese = fact_sheet({"title": "String cheese", "category": ["Grocery", "Cheese"]})
    wipes = fact_sheet({"title": "Baby wipes", "category": ["Grocery", "Cheese"]})
    assert [trait.id for trait in relevant(cheese, found)] == [
        "category:Grocery > Cheese",
        "category:Grocery",
    ]
    assert relevant(wipes, found) == ()
