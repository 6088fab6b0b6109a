"""Parts of things, and what the kind of a thing implies, as data.

`PARTS` have a colour or a material of their own: "black handle" is no black knife. `IMPLIED_BY_KIND` maps the stem of
a category or title word onto stems that may then be said: what it is used on, with or for cannot be a lie of such a
thing.
"""

from __future__ import annotations

from typing import Final

from copywriter.lexicon import word_set
from copywriter.stems import stem

PARTS: Final = word_set(
    "handle handles lid lids strap straps cap caps base bases liner lining sole soles frame trim cord cover collar "
    "clasp buckle buckles button buttons zipper leg legs knob knobs wheel wheels rim stem bristle bristles tip cuff "
    "cuffs sleeve hood pocket pockets stopper plug spout pad pads fitting fittings hardware interior shade footbed"
)

_KINDS: Final = """
clip clips stapler staples punch folder folders binder envelope office stationery paperweight: paper papers page sheet
automotive car cars vehicle: car vehicle drive driver
dog dogs puppy: dog pup puppy pet
cat cats kitten: cat kitten pet
bird birds: bird feather
pet pets: pet
fish aquarium: fish tank aquarium
horse equestrian: horse
baby babies: baby
kid kids children toddler: kid child
toy toys: play kid child playtime
game games: game play player
puzzle puzzles jigsaw: puzzle piece
printer printers toner ink paper copy: printer print
pen pens pencil marker highlighter writing: write writing ink
nail nails manicure: nail manicure
hair shampoo conditioner: hair wash
beard shaving razor: shave beard
face facial cleanser: face skin
lotion: skin
lip lips lipstick balm: lip
hand hands glove gloves: hand
foot feet sock socks shoe shoes boot sneaker: foot feet
eye eyes mascara eyeliner: eye
tooth teeth toothbrush dental: tooth teeth brush
bath shower soap: bath shower
dishwashing dish dishes: dish dishes sink
laundry detergent: laundry wash
phone phones: phone
laptop laptops: laptop
tablet tablets: tablet
camera cameras photo: camera photo photograph
tv television: tv television
bike bicycle cycling: bike ride
guitar ukulele violin piano keyboard drum instrument: play tune string note song
outdoor outdoors patio garden lawn: outdoor outdoors garden lawn patio yard
camp camping tent: outdoor outdoors camp
grill bbq barbecue: grill barbecue
oven baking bakeware: oven bake
freezer ice: freezer ice
rain raincoat umbrella: rain
snow winter ski: snow
sun sunscreen sunglasses hat: sun
pool swim swimming: pool swim
wine: wine
beer: beer
cocktail bar: cocktail drink
wedding: wedding
christmas: christmas
halloween: halloween
easter: easter
coffee espresso: coffee
tea teapot: tea
sewing thread fabric: sew stitch
yarn knitting crochet: knit crochet
paint painting brush: paint
swimwear swimsuit: swim
women womens: woman women
men mens: man men
adult: adult
sensitive: sensitive
bulb bulbs: light base socket
light lights lamp lamps lighting: light
clock watch: time
"""


def _kinds() -> dict[str, tuple[str, ...]]:
    table: dict[str, tuple[str, ...]] = {}
    for row in _KINDS.strip().splitlines():
        heads, _, said = row.partition(":")
        for head in heads.split():
            table[stem(head)] = tuple(map(stem, (*said.split(), *table.get(stem(head), ()))))
    return table


IMPLIED_BY_KIND: Final[dict[str, tuple[str, ...]]] = _kinds()

EDIBLE: Final[frozenset[str]] = frozenset(
    map(
        stem,
        word_set(
            "grocery food foods snack snacks beverage beverages drink drinks coffee tea chocolate candy treats treat "
            "sauce sauces spice spices seasoning juice soup soups cereal cookies bakery pantry seed seeds candle "
            "candles fragrance perfume soap lotion cream shampoo balm oil serum bath beauty cosmetics scent litter "
            "detergent cleaner freshener incense syrup jam honey tortilla jerky nuts fruit dairy cheese yogurt pasta "
            "rice flour oats granola produce meat seafood"
        ),
    )
)
"""Things that taste or smell: before their name a food would be a flavour."""

CULINARY: Final[frozenset[str]] = EDIBLE | frozenset(
    map(
        stem,
        word_set(
            "kitchen cookware bakeware cutlery dining utensil utensils mug mugs cup cups bowl bowls plate plates "
            "bottle bottles lunch picnic cooking baking grill barbecue appliance appliances kettle knife knives pan "
            "pans pot pots spatula peeler cooler tumbler glassware tableware dinnerware serveware storage cookbook "
            "cookbooks recipe recipes tablecloth napkin napkins blender mixer toaster fridge freezer ice dish dishes"
        ),
    )
)
"""Things for food and drink: only of these does a use name what is eaten."""
