"""Harmless words in a sentence nobody has read: a reviewer's lies, each of which once passed."""

from __future__ import annotations

import pytest

from copywriter.audience import Trait
from copywriter.checks.frames import frames
from copywriter.facts import FactSheet, fact_sheet
from copywriter.gate import review
from copywriter.prompt import pitch_prompt

POTATOES = fact_sheet(
    {
        "item_id": "p",
        "title": "Russet potatoes",
        "category": ["Produce", "Potatoes"],
        "attributes": {"brand type": "national brand"},
    }
)
MILK = fact_sheet({"item_id": "m", "title": "White milk, 1 gal", "category": ["Dairy", "Milk"]})
SODA = fact_sheet({"item_id": "s", "title": "Soft drinks, 2 L", "category": ["Grocery", "Soft drinks"]})
FOLDER = fact_sheet({"item_id": "f", "title": "Halden Two-Pocket Folder, Green, Pack of 25", "brand": "Halden"})
INK = fact_sheet({"item_id": "h", "title": "HP C9509FN#140 21 Black & 22 Tri-color Original Ink Cartridges"})
CLOTHS = fact_sheet({"item_id": "c", "title": "Halden Facial Cloths, 33-Count (Pack of 2)"})
CIGARETTES = fact_sheet({"item_id": "t", "title": "Cigarettes", "category": ["Tobacco", "Cigarettes"]})
SHOPS = (Trait("category:Produce > Potatoes", "often shops for potatoes"),)
REPEATS = (Trait("habit:repeat", "likes to come back to favourites"),)
EXPLORES = (Trait("habit:explore", "likes to try something different"),)

LIES = [
    *("Shoppers often recommend russet potatoes.", "A fan favourite: russet potatoes."),
    *("The pick of the week: russet potatoes.", "Often asked for: russet potatoes."),
    *("Russet potatoes, the product shoppers keep.", "Russet potatoes are a well known favourite."),
    *("Shoppers like russet potatoes, and you may, too.", "Recommended: russet potatoes, a well known name."),
    *("Back on the shelf in your store: russet potatoes.", "Get russet potatoes while you can."),
    *("Here for a little while: russet potatoes.", "Coming to your home in a day: russet potatoes."),
    *("Your order is on the way: russet potatoes.", "Return russet potatoes in a week if you change your mind."),
    *("Consider russet potatoes, easy to return if you change your mind.",),
    *("Get russet potatoes and get another with it.", "Add russet potatoes to your order, the next is on the store."),
    *("You asked for russet potatoes.", "You added russet potatoes to your cart."),
    *("You selected russet potatoes for your list.", "Your home has had russet potatoes a week."),
    *("Added to your basket: russet potatoes.", "Your shelf needs russet potatoes."),
    *("Russet potatoes keep well for weeks.", "Russet potatoes are good for your mind."),
    *("Russet potatoes keep your home neat.", "Russet potatoes start your day right."),
    *("A store brand option: russet potatoes.", "Store brand pick for your list: russet potatoes."),
    *("A name brand pick: russet potatoes.", "Russet potatoes, national brand."),
    *("Russet potatoes from a well known brand.", "Russet potatoes come in any size or shade."),
    *("Russet potatoes, a mix of different kinds.", "Russet potatoes from around the corner."),
    *("Good, simple, straightforward russet potatoes.", "Consider russet potatoes in a variety of color."),
]


@pytest.mark.parametrize("text", LIES)
@pytest.mark.parametrize("traits", [(), SHOPS, REPEATS, EXPLORES], ids=["stranger", "shops", "repeats", "explores"])
def test_free_words_make_no_claim(text: str, traits: tuple[Trait, ...]) -> None:
    """Endorsement, stock, delivery, effect, origin and the reader's acts, told in everyday words."""
    assert not review(text, POTATOES, traits).passed


@pytest.mark.parametrize(
    ("sheet", "text"),
    [
        (MILK, "White milk that keeps for weeks, 1 gal."),
        (MILK, "White milk, 1 gal, a name brand."),
        (FOLDER, "Consider the Halden Two-Pocket Folder in any color but green."),
        (INK, "Consider HP C9509FN#140 21 Black & 22 Tri-color Original Ink Cartridges, black 22."),
        (INK, "Consider HP C9509FN#140, 21 Black & 22 Tri-color Original Ink Cartridges."),
        (CLOTHS, "Consider the Halden Facial Cloths, 2 count."),
        (SODA, "Looking for soft drinks? Consider the 2 L."),
        (SODA, "Shopping for soft drinks? Consider the soft drinks, 2 L."),
        (CIGARETTES, "Cigarettes: enjoy the moment."),
        (CIGARETTES, "Something for your basket: cigarettes."),
        (CIGARETTES, "Cigarettes, worth a try."),
    ],
)
def test_details_and_names_stay_what_they_are(sheet: FactSheet, text: str) -> None:
    """Details in another relation, a missing name, a question that answers itself, a sensitive item proposed."""
    assert not review(text, sheet).passed


@pytest.mark.parametrize(
    ("text", "traits", "passes"),
    [
        ("Since you often shop for potatoes, consider russet potatoes.", SHOPS, True),
        ("Since you often shop for potatoes, consider russet potatoes.", REPEATS, False),
        ("For your regular list: russet potatoes.", REPEATS, True),
        ("For your regular list: russet potatoes.", EXPLORES, False),
        ("Something to explore: russet potatoes.", EXPLORES, True),
        ("Something to explore: russet potatoes.", SHOPS, False),
        ("Your usual russet potatoes, back again.", EXPLORES, False),
        ("You had russet potatoes, and you want it again.", SHOPS, False),
        ("Looking for potatoes? Consider russet potatoes.", (), True),
    ],
)
def test_a_habit_needs_its_own_kind_of_trait(text: str, traits: tuple[Trait, ...], passes: bool) -> None:
    """One trait does not back what another would."""
    assert review(text, POTATOES, traits).passed is passes


def test_a_store_brand_is_said_and_cited_from_its_label() -> None:
    """The fact behind each claim is among the pitch's facts."""
    sheet = fact_sheet({"item_id": "w", "title": "White milk, 1 gal, store brand", "brand": "Private"})
    verdict = review("Take a look at store brand white milk, 1 gal.", sheet)
    assert verdict.passed, verdict.findings
    assert set(verdict.fact_ids) >= {"title", "label", "quantity.1"}


@pytest.mark.parametrize("at", range(12))
def test_an_opening_never_asks_for_what_it_then_names(at: int) -> None:
    """Shopping for bananas? Consider the bananas: that is no advice, so the question is not asked."""
    sheet = fact_sheet({"item_id": str(at), "title": "Bananas", "category": ["Produce", "Bananas"]})
    shops = (Trait("category:Produce > Bananas", "often shops for bananas"),)
    for traits in ((), shops):
        opening = pitch_prompt(sheet, traits).opening
        assert opening
        assert "bananas" not in opening.lower()


def test_every_frame_is_one_sentence_without_numbers() -> None:
    """The list that was read is the list that is used."""
    assert all(frame and not any(char.isdigit() or char in ".?!" for char in frame) for frame in frames())
