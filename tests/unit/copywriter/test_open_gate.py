"""Free sentences: harmless words that add up to a claim are refused, the same words in a scene pass."""

from __future__ import annotations

import pytest

from copywriter.audience import Trait
from copywriter.checks import scene
from copywriter.facts import FactSheet, fact_sheet
from copywriter.gate import review
from copywriter.lexicon import everyday, plain
from copywriter.lexicon.materials import COLOURS, MATERIALS
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


ITEMS: dict[str, dict[str, object]] = {
    "mug": {
        "item_id": "1",
        "title": "Quimera Stoneware Mug 12 oz Speckled White, Set of 2",
        "brand": "Quimera",
        "category": ["Home & Kitchen", "Dining", "Mugs"],
        "attributes": {"Material": "Stoneware"},
    },
    "knife": {
        "item_id": "2",
        "title": "Halden Chef's Knife 8 in High Carbon Steel, Pakkawood Handle",
        "brand": "Halden",
        "category": ["Home & Kitchen", "Cutlery", "Chef's Knives"],
        "attributes": {"Handle": "Pakkawood", "Handle Color": "Black", "Blade": "High carbon steel"},
    },
    "cable": {
        "item_id": "3",
        "title": "Voltbrook USB-C Cable 6ft 60W Braided Nylon, Black, 2 Pack",
        "brand": "Voltbrook",
        "category": ["Electronics", "Cables"],
        "attributes": {"Length": "6 ft"},
    },
    "tea": {
        "item_id": "4",
        "title": "Larkmoor Green Tea, Lemon, 40 Bags",
        "brand": "Larkmoor",
        "category": ["Grocery", "Beverages", "Tea"],
        "attributes": {"Flavor": "Lemon"},
    },
    "lotion": {
        "item_id": "5",
        "title": "Sunvale Oil Free Hand Lotion for Dry Skin, 8 oz",
        "brand": "Sunvale",
        "category": ["Beauty", "Lotions"],
        "attributes": {"Scent": "Lavender"},
    },
    "leash": {
        "item_id": "6",
        "title": "Dog Leash Nylon 6 ft Blue",
        "brand": "Trotwell",
        "category": ["Pet Supplies", "Dogs", "Leashes"],
    },
    "tent": {
        "item_id": "7",
        "title": "Kestrel Peak 2-Person Tent, 4.6 lb, Olive",
        "brand": "Kestrel Peak",
        "category": ["Sports & Outdoors", "Camping", "Tents"],
        "attributes": {"Doors": "2"},
    },
    "shirt": {
        "item_id": "8",
        "title": "Juniper Row Men's T-Shirt Cotton Navy L",
        "brand": "Juniper Row",
        "category": ["Clothing", "Men", "T-Shirts"],
        "attributes": {"Material": "100% cotton"},
    },
    "desk": {
        "item_id": "9",
        "title": "Brindle Writing Desk, Oak Top, White Legs, 2 Drawers",
        "brand": "Brindle",
        "category": ["Furniture", "Desks"],
    },
    "pen": {
        "title": "Penrose Retractable Gel Pens, 0.7mm, Blue Ink, 12ct",
        "brand": "Penrose",
        "category": ["Office Products", "Writing", "Gel Pens"],
        "attributes": {"Ink Color": "Blue"},
        "rating": 4.4,
        "rating_count": 310,
    },
    "book": {
        "title": "Weeknight Soups Cookbook, Paperback, 212 pages",
        "brand": "Rootnote Press",
        "category": ["Books", "Cookbooks"],
    },
    "lamp": {
        "title": "Luxmere LED Desk Lamp with Clamp, Black, 10 W",
        "brand": "Luxmere",
        "category": ["Lighting", "Desk Lamps"],
        "attributes": {"color modes": "3"},
    },
    "soap": {
        "title": "Naturally Nora Dish Soap Lemon 25 oz",
        "brand": "Naturally Nora",
        "category": ["Household", "Dish Soap"],
        "attributes": {"Scent": "Lemon"},
    },
    "toy": {
        "title": "Tumbleblock Wooden Blocks, 50 pcs, Ages 3+",
        "brand": "Tumbleblock",
        "category": ["Toys", "Blocks"],
        "attributes": {"Material": "Beech wood"},
    },
    "hose": {
        "title": "Fernley Garden Hose 50 ft, Green, Brass Fittings",
        "brand": "Fernley",
        "category": ["Garden", "Hoses"],
    },
}
"""Invented items, one for each department."""

FREE_LIES: dict[str, tuple[str, ...]] = {
    "mug": (
        "Dishwasher, microwave, table: the Quimera stoneware mug.",
        "For the microwave: a speckled white stoneware mug by Quimera.",
        "A Quimera stoneware mug that holds heat.",
        "Speckled white stoneware mugs, a pair with saucers.",
        "Keep coffee hot: a stoneware mug by Quimera.",
        "To keep your tea hot: the Quimera stoneware mug.",
        "The mug your kitchen has been waiting for, in speckled white stoneware.",
        "A stoneware mug to love, by Quimera.",
        "Stoneware mugs by Quimera, a gift they will love.",
        "Speckled white mugs for a lifetime of mornings.",
        "Quimera stoneware mugs, three colors to choose from.",
        "Two stoneware mugs and a plate by Quimera.",
        "Quimera mugs, seen on every table in town.",
        "Every kitchen has one: the Quimera stoneware mug.",
        "Quimera stoneware mugs with a wooden tray.",
        "The house pick: Quimera stoneware mug.",
        "Our pick: Quimera stoneware mug.",
        "Quimera stoneware mug, drop it and it stays whole.",
        "Quimera stoneware mug: does not chip.",
        "Mugs in stoneware, not plastic, by Quimera.",
        "The one mug you will reach for.",
        "Fired in Porto: a speckled white stoneware mug.",
        "A stoneware mug made in a small studio by Quimera.",
        "Quimera mug in porcelain-like stoneware.",
        "Hand-thrown stoneware mugs by Quimera.",
        "Stoneware mugs by Quimera in grey.",
        "A 14 oz stoneware mug by Quimera.",
        "Quimera stoneware mugs hold a pint.",
        "Only two left: Quimera stoneware mugs.",
        "Last call for Quimera stoneware mugs.",
        "Quimera stoneware mugs, here by Friday.",
        "Take home two, pay for one: Quimera mugs.",
        "Quimera stoneware mugs at half the price.",
        "The lighter mug: Quimera stoneware.",
        "Like no mug before: Quimera stoneware.",
        "A cut above: the Quimera stoneware mug.",
        "The Quimera stoneware mug is all you need for coffee.",
        "Good morning starts with a Quimera stoneware mug.",
        "A mug that stays cool to the touch, in stoneware.",
    ),
    "knife": (
        "A chef's knife with a black blade by Halden.",
        "Halden's black chef's knife, 8 in.",
        "A Halden chef's knife with a steel handle, 8 in.",
        "Halden's knife goes through bone like butter.",
        "Halden chef's knife, cut after cut.",
        "A chef's knife to cut tomatoes thin and keep its edge.",
        "Made to cut: a forged chef's knife by Halden.",
        "Halden's 8 in knife for the left hand.",
        "A Halden chef's knife with a sheath, 8 in.",
        "Chef's knife by Halden, as used in restaurant kitchens.",
        "Halden, the name chefs know: a chef's knife, 8 in.",
        "The chef's knife from a family of makers, Halden.",
        "Halden's chef's knife: sharp, sharp, sharp.",
        "A knife for life: Halden's chef's knife.",
        "Halden's chef's knife in stainless carbon steel.",
        "The 8 in chef's knife by Halden, washed in the dishwasher.",
        "Balance in the hand: Halden's chef's knife.",
        "A heavy chef's knife by Halden.",
        "Halden chef's knife, 10 in.",
        "An 8 cm chef's knife by Halden.",
    ),
    "cable": (
        "Charge your phone in an hour: a Voltbrook USB-C cable.",
        "A Voltbrook cable for iPhone, 6 ft.",
        "USB-C cables by Voltbrook, for every phone and tablet.",
        "Voltbrook cables that bend and bend and never break.",
        "A USB-C cable to move files fast, by Voltbrook.",
        "Voltbrook USB-C cable with a carrying pouch.",
        "Two black cables, one white, by Voltbrook.",
        "A Voltbrook USB-C to HDMI cable.",
        "Six meters of black USB-C cable by Voltbrook.",
        "Voltbrook cable, 60 W, 10 Gbps.",
        "A USB-C cable tested to bend, by Voltbrook.",
        "Tangle-free USB-C cable by Voltbrook.",
        "Voltbrook's thick braided cable, 6 ft.",
        "The cable engineers pick: Voltbrook USB-C.",
    ),
    "tea": (
        "Larkmoor green tea with ginger, 40 bags.",
        "Ginger and lemon: Larkmoor green tea, 40 bags.",
        "A cup of calm: Larkmoor green tea.",
        "Larkmoor lemon green tea, picked by hand.",
        "Green tea for a good night, from Larkmoor.",
        "Larkmoor green tea to wake up to, high in caffeine.",
        "Larkmoor lemon tea from the hills, 40 bags.",
        "Larkmoor green tea, from the garden to your cup.",
        "Larkmoor lemon green tea, no sugar.",
        "Sugar-free lemon green tea by Larkmoor.",
        "Larkmoor green tea, grown in the mountains.",
        "Larkmoor green tea in a tin, 40 bags.",
        "Honey, lemon, mint: Larkmoor green tea.",
        "Larkmoor black tea with lemon, 40 bags.",
        "Loose leaf green tea by Larkmoor.",
        "Tastes like summer: Larkmoor lemon green tea.",
        "A fresh lemon green tea by Larkmoor.",
        "Good for body and mind: Larkmoor green tea.",
        "Larkmoor decaf green tea with lemon.",
        "40 pyramid bags of Larkmoor green tea.",
        "Larkmoor green tea for weight watchers.",
        "Drink Larkmoor green tea and sleep well.",
    ),
    "lotion": (
        "Sunvale hand lotion for soft hands.",
        "Dry hands? Sunvale lotion makes them smooth.",
        "Sunvale hand lotion for sensitive skin, 8 oz.",
        "Sunvale hand lotion for the face, 8 oz.",
        "Sunvale oil hand lotion, 8 oz.",
        "Lavender oil hand lotion by Sunvale.",
        "Scent-free hand lotion by Sunvale.",
        "Sunvale oil free hand lotion for babies.",
        "Sunvale hand lotion, not sticky, 8 oz.",
        "Sunvale hand lotion sinks in at once.",
        "Rose and lavender hand lotion by Sunvale.",
        "Sunvale hand lotion, two bottles of 8 oz.",
        "Sunvale hand lotion with shea, 8 oz.",
        "Sunvale hand lotion for days of dry air.",
    ),
    "leash": (
        "A blue nylon leash for dogs of any size.",
        "A blue nylon dog leash with a soft grip.",
        "A blue leash for cats, 6 ft.",
        "Blue nylon dog leash, strong as rope.",
        "Blue nylon dog leash that glows at night.",
        "For night walks: a reflective blue nylon leash.",
        "A blue nylon leash that your dog will love.",
        "A blue nylon dog leash and collar.",
        "A blue nylon dog leash for big dogs.",
        "Train your dog in a week with a blue nylon leash.",
        "A blue nylon dog leash, 6 m.",
    ),
    "tent": (
        "A Kestrel Peak tent for the rain.",
        "Kestrel Peak 2-person tent for snow and storm.",
        "Kestrel Peak's tent goes up in two minutes.",
        "An olive tent for three, by Kestrel Peak.",
        "An olive Kestrel Peak tent, room for four.",
        "Sleep dry in the Kestrel Peak tent.",
        "A Kestrel Peak tent with a porch, 4.6 lb.",
        "Kestrel Peak tent in red, 4.6 lb.",
        "Camping in winter? The Kestrel Peak tent is made for it.",
        "A Kestrel Peak tent with two windows.",
        "Stays up in wind: Kestrel Peak 2-person tent.",
    ),
    "shirt": (
        "A men's cotton T-shirt in black, L.",
        "A navy men's shirt with a pocket, in cotton.",
        "A men's T-shirt in soft navy cotton.",
        "Juniper Row's navy T-shirt for women.",
        "Juniper Row men's T-shirt in navy wool.",
        "Juniper Row men's T-shirt, slim fit, navy.",
        "Juniper Row's men's T-shirt in XL, navy.",
        "Wash it hot: a navy cotton T-shirt by Juniper Row.",
        "A navy cotton T-shirt that keeps its shape.",
        "A men's navy T-shirt in Egyptian cotton.",
        "Juniper Row T-shirt, made fairly.",
        "A navy T-shirt worn by thousands.",
    ),
    "desk": (
        "A Brindle writing desk with white drawers.",
        "A white writing desk by Brindle.",
        "A Brindle desk with oak legs.",
        "A solid oak desk by Brindle.",
        "Brindle writing desk, three drawers.",
        "A Brindle writing desk with a chair.",
        "A Brindle writing desk, ready in ten minutes.",
        "Brindle writing desk with a lamp and two drawers.",
        "No tools: a Brindle writing desk.",
        "A desk for two: Brindle writing desk.",
    ),
    "pen": (
        "Penrose gel pens, the office standard.",
        "Gel pens by Penrose, as seen in schools.",
        "Write without smudges: Penrose gel pens.",
        "Smudge? Not with Penrose gel pens.",
        "Penrose gel pens that write on and on.",
        "A dozen Penrose gel pens, ink for a year.",
        "Gel pens in blue, black and red by Penrose.",
        "Penrose gel pens rated 4.9 out of 5.",
        "Penrose gel pens, 4.4 out of 5 from 3,100 ratings.",
        "Penrose, Japan's gel pen.",
        "Penrose gel pens with a clip and a grip.",
        "Write on glass: Penrose gel pens.",
        "Penrose retractable gel pens, refills included.",
        "Penrose gel pens, twelve and a spare.",
        "Fine point gel pens by Penrose.",
        "Blue gel pens for lefties by Penrose.",
        "Teachers write home about Penrose gel pens.",
        "Gel pens by Penrose and Parker.",
        "Penrose gel pens, box of 12, free of acid.",
        "Twelve gel pens, one for each month, on sale.",
    ),
    "book": (
        "A soups cookbook by a chef, 212 pages.",
        "Weeknight Soups, a hardcover cookbook.",
        "Weeknight Soups: one pot, ten minutes.",
        "A cookbook of soups with pictures on each page.",
        "Vegetarian soups for weeknights: a cookbook.",
        "A soups cookbook you will read twice.",
        "Weeknight Soups, signed by the author.",
        "Weeknight Soups cookbook, second edition.",
        "A cookbook of soups and stews, 212 pages.",
        "Soups in half an hour: a cookbook.",
        "A cookbook of soups for every season.",
    ),
    "lamp": (
        "A Luxmere desk lamp with a USB port.",
        "Luxmere's LED desk lamp in white.",
        "An LED desk lamp that dims, by Luxmere.",
        "Read late: a Luxmere lamp that is kind to the eyes.",
        "A Luxmere desk lamp, bulbs for ten years.",
        "LED desk lamp by Luxmere, five color modes.",
        "A Luxmere LED lamp with a clamp, 12 W.",
        "Turn it on with a touch: Luxmere's desk lamp.",
        "A Luxmere LED lamp to light up the room like day.",
    ),
    "soap": (
        "Lemon dish soap from nature, by Naturally Nora.",
        "Naturally Nora dish soap cuts grease.",
        "Natural lemon dish soap by Nora.",
        "Naturally Nora lemon soap, mild on hands.",
        "Naturally Nora lime dish soap, 25 oz.",
        "Naturally Nora dish soap and sponge.",
        "Clean plates, clear conscience: Naturally Nora.",
        "Naturally Nora hand soap, lemon.",
        "Naturally Nora lemon dish soap, plant based.",
    ),
    "toy": (
        "Fifty blocks to train young minds.",
        "Safe for small hands: wooden blocks by Tumbleblock.",
        "Wooden blocks by Tumbleblock, painted by hand.",
        "Fifty pine blocks by Tumbleblock.",
        "Tumbleblock wooden blocks in a wooden box.",
        "Wooden blocks for ages 1 and up.",
        "Fifty wooden blocks for learning to count, by Tumbleblock.",
        "Fifty smooth wooden blocks by Tumbleblock.",
        "Blocks kids come back to, by Tumbleblock.",
    ),
    "hose": (
        "A green hose that drinks up no water.",
        "Fernley's hose for drinking water.",
        "A 50 ft hose with a spray head by Fernley.",
        "Fernley garden hose in rubber, 50 ft.",
        "A Fernley hose with green fittings.",
        "A brass hose by Fernley, 50 ft.",
        "Fernley hose, stays soft in winter.",
        "A garden hose that does not knot.",
        "100 ft of green hose by Fernley.",
        "Fernley garden hose, on a reel.",
    ),
}
"""Each claims what no fact backs, mostly in words that are harmless elsewhere."""

FREE_HONEST: dict[str, tuple[str, ...]] = {
    "mug": (
        "Coffee or tea? Two speckled white stoneware mugs by Quimera.",
        "Set the table with Quimera's speckled white mugs, 12 oz.",
        "A pair of 12 oz stoneware mugs for the morning coffee.",
        "Kettle on: a stoneware mug by Quimera, speckled in white.",
        "Quimera mugs in stoneware for the office shelf.",
        "Pour the coffee: two white mugs by Quimera, 12 oz (355 ml).",
    ),
    "knife": (
        "Chop the carrots with an 8-inch chef's knife by Halden.",
        "A chef's knife with a black pakkawood handle, 8 in.",
        "Dinner to make? Halden's chef's knife in high carbon steel.",
        "For onions, herbs and carrots: an 8 in chef's knife.",
        "A knife for the cutting board: 8 in of high carbon steel by Halden.",
    ),
    "cable": (
        "Phone running low? A black USB-C cable, 6 ft, by Voltbrook.",
        "Two braided USB-C cables by Voltbrook, 60 W each.",
        "One for the desk, one for the bag: a two-pack of USB-C cables.",
    ),
    "tea": (
        "Tea time? Forty bags of green tea with lemon from Larkmoor.",
        "Put the kettle on for Larkmoor's lemon green tea, 40 bags.",
        "Green tea with a lemon flavor, forty bags to the pack.",
    ),
    "tent": (
        "Off to the woods? The Kestrel Peak tent sleeps two and weighs 4.6 lb.",
        "An olive tent for two people with two doors.",
        "Pack the car: an olive two-person tent by Kestrel Peak.",
    ),
    "shirt": (
        "A navy T-shirt for men in cotton, size L.",
        "On weekends or at work: Juniper Row's men's T-shirt in navy.",
    ),
    "desk": (
        "A writing desk with an oak top, white legs and two drawers.",
        "Letters to write? The Brindle desk has two drawers.",
    ),
    "leash": (
        "Time for a walk? A blue nylon leash, six feet.",
        "A blue leash for the dog, 6 ft (1.8 m) of nylon.",
    ),
    "lotion": (
        "Oil-free hand lotion for dry skin, scented with lavender, 8 oz.",
        "By the sink or at your desk: Sunvale hand lotion in lavender, 8 oz.",
    ),
}


def _pairs(texts: dict[str, tuple[str, ...]]) -> list[tuple[str, str]]:
    return [(name, text) for name, rows in texts.items() for text in rows]


@pytest.mark.parametrize(("name", "text"), _pairs(FREE_LIES))
def test_a_free_lie_is_refused(name: str, text: str) -> None:
    """Effects, uses that need a quality, accessories, origins, praise, urgency, wrong parts, colours and counts."""
    assert not review(text, fact_sheet(ITEMS[name]), headline=True).passed


@pytest.mark.parametrize(("name", "text"), _pairs(FREE_HONEST))
def test_a_free_honest_sentence_passes(name: str, text: str) -> None:
    """Questions, openings, uses, places and moments around true facts."""
    verdict = review(text, fact_sheet(ITEMS[name]), headline=True)
    assert verdict.passed, verdict.findings


@pytest.mark.parametrize(
    ("text", "passes"),
    [
        ("A stainless steel tumbler with a silicone straw.", True),
        ("A tumbler with a steel straw.", False),
        ("A tumbler with a blue lid.", False),
        ("A blue tumbler in stainless steel, 20 oz.", True),
    ],
)
def test_true_words_do_not_make_a_false_part(text: str, passes: bool) -> None:
    """A colour and a material stay with the part that has them."""
    sheet = fact_sheet(
        {
            "title": "Nimbrook Stainless Steel Tumbler 20 oz Blue w/ Lid and Silicone Straw",
            "category": ["Kitchen", "Tumblers"],
        }
    )
    assert review(text, sheet).passed is passes


def test_the_word_lists_are_lower_case_words_without_claims() -> None:
    """What is free anywhere holds no material, colour, comparison, denial or first person."""
    free = plain.GRAMMAR | plain.TALK
    assert all(word == word.lower() for word in free | scene.NOUNS | everyday.VERBS)
    for claims in (MATERIALS, COLOURS, plain.COMPARING, plain.DENYING, plain.PERSONAL):
        assert not free & claims
