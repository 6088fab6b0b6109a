"""Words that say the same, and words that follow from others, as data.

`SAME` maps a spelling or an abbreviation onto the word it stands for. `FOLLOWS` maps a word of a fact onto wider
words that are then true as well: a maple thing is of wood, a jigsaw is a puzzle; never the other way round.
"""

from __future__ import annotations

from typing import Final

from copywriter.lexicon import word_set

_SAME_ROWS: Final = """
grey: gray
color: colour colours colors
flavor: flavour flavours flavors flavoured flavored
scent: fragrance fragrances scented fragranced aroma
aluminum: aluminium
fiber: fibre
liter: litre litres liters
meter: metre metres
center: centre
mold: mould
pajama: pyjama pyjamas pjs
moisturizer: moisturiser
organizer: organiser
color-changing: colour-changing
piece: pc pcs pce
count: ct
pack: pk pks pkg
package: pkg. pkgs
box: bx
bottle: btl
assorted: asst assortment
black: blk
white: wht
chocolate: choc
sparkling: sprkl
stainless: ss
photo: photograph photos photographs pic
refrigerator: fridge
television: tv
bicycle: bike
automobile: car auto
cellphone: mobile
adhesive: adhesives
doughnut: donut
veggie: vegetable
microfiber: microfibre
dinosaur: dino dinos
strap: straps
large: lg
medium: med md
small: sm
extra: xtra
wooden: wood
steel: steels
included: incl includes include including
electric: electrical
with: w
dermatologist: dermatologists dermatological
certified: certification certificate cert
origin: origins
mini: miniature
drawing: draw
inch: inches
drying: dry dries dried
tea: teas
assembly: assemble assembled
automatic: auto-lock
dish: dishes
knit: knitted
woven: weave
thick: thickness
long: length
wide: width
high: height tall
deep: depth
set: kit
age: aged ages
lens: lenses
person: people persons
january: jan
february: feb
april: apr
august: aug
september: sept
october: oct
november: nov
december: dec
first: 1st
second: 2nd
third: 3rd
fourth: 4th
fifth: 5th
sixth: 6th
seventh: 7th
eighth: 8th
ninth: 9th
tenth: 10th
chips: crisps
cookies: biscuits
sneaker: trainer
gold: golden
silver: silvery
"""

_FOLLOWS_ROWS: Final = """
floral: flower
chess: chessmen chessman
flower: floral
maple: wood
beech: wood
oak: wood
pine: wood
birch: wood
walnut: wood
cedar: wood
acacia: wood
teak: wood
mahogany: wood
ash: wood
pakkawood: wood
suede: leather
merino: wool
lambswool: wool
cashmere: wool
denim: cotton
flannel: cotton
brass: metal
aluminum: metal
copper: metal
iron: metal
steel: metal
titanium: metal
jigsaw: puzzle
puzzle: jigsaw
kettle: pot
mouse: mice
mice: mouse
knives: knife
knife: knives
leaves: leaf
leaf: leaves
shelves: shelf
dress: frock
sofa: couch
couch: sofa
shampoo: wash
cleanser: wash
wash: cleanser
kibble: food
pen: instrument writing
notebook: paper
facial: face
dental: tooth teeth
grapefruit: citrus
lemon: citrus
lime: citrus
orange: citrus
teddy: bear
puppy: dog
puppies: dog puppy
kitten: cat
kitty: cat
beagle: dog
trousers: pants
pants: trousers
jean: pants denim
hoodie: sweatshirt
tumbler: cup
mug: cup
stainless: steel
acrylic: acrylics
canister: tin
print: printed
tan: brown
navy: blue
teal: blue
burgundy: red
crimson: red
scarlet: red
cranberry: red
maroon: red
charcoal: gray
ivory: white
beige: tan
turquoise: blue
indigo: blue
two: pair both
pair: two both
three: trio triple
trio: three
duo: two
rug: carpet
espresso: coffee
cologne: fragrance
perfume: fragrance
thermos: flask
flask: bottle
cardigan: sweater
sweater: pullover
spaniel: dog
penne: pasta
spaghetti: pasta
linguine: pasta
fusilli: pasta
cheddar: cheese
gouda: cheese
mozzarella: cheese
almond: nut
cashew: nut
walnuts: nut
pecan: nut
hazelnut: nut
salmon: fish
tuna: fish
cod: fish
guitar: instrument
violin: instrument
ukulele: instrument
hammer: tool
screwdriver: tool
wrench: tool
pliers: tool
novel: book
paperback: book
hardcover: book
fountain: water
dozen: twelve
twelve: dozen
"""


def _table(rows: str) -> dict[str, tuple[str, ...]]:
    pairs = (row.partition(":") for row in rows.strip().splitlines())
    return {head.strip(): tuple(said.split()) for head, _, said in pairs}


SAME: Final[dict[str, str]] = {said: head for head, row in _table(_SAME_ROWS).items() for said in row}
"""Spelling -> the word it stands for."""

FOLLOWS: Final[dict[str, tuple[str, ...]]] = _table(_FOLLOWS_ROWS)
"""Word of a fact -> words that follow from it."""

NATIONS: Final[dict[str, str]] = {
    row.partition(":")[0]: row.partition(":")[2]
    for row in word_set(
        "america:american usa:american us:american england:english britain:british uk:british scotland:scottish "
        "wales:welsh ireland:irish france:french germany:german italy:italian spain:spanish portugal:portuguese "
        "switzerland:swiss austria:austrian belgium:belgian netherlands:dutch holland:dutch denmark:danish "
        "sweden:swedish norway:norwegian finland:finnish iceland:icelandic poland:polish greece:greek turkey:turkish "
        "russia:russian ukraine:ukrainian hungary:hungarian romania:romanian bulgaria:bulgarian japan:japanese "
        "china:chinese korea:korean taiwan:taiwanese india:indian thailand:thai vietnam:vietnamese "
        "indonesia:indonesian "
        "malaysia:malaysian philippines:filipino pakistan:pakistani bangladesh:bangladeshi nepal:nepalese "
        "israel:israeli egypt:egyptian morocco:moroccan kenya:kenyan ethiopia:ethiopian peru:peruvian brazil:brazilian "
        "mexico:mexican canada:canadian colombia:colombian chile:chilean argentina:argentinian australia:australian "
        "cuba:cuban jamaica:jamaican lithuania:lithuanian latvia:latvian estonia:estonian slovenia:slovenian "
        "croatia:croatian slovakia:slovak tunisia:tunisian"
    )
}
"""Country -> its adjective: each follows from the other where an attribute states the origin."""
