"""Materials, colours and labels a title may state as facts."""

from __future__ import annotations

from copywriter.lexicon import word_set

MATERIALS: frozenset[str] = word_set(
    "acrylic alloy aluminium aluminum bamboo brass bronze canvas cardboard cardstock cashmere ceramic chrome copper "
    "corduroy cork cotton denim fiberglass flannel fleece fur glass gold granite jute kraft lace latex leather "
    "leatherette linen marble melamine mesh metal microfiber neoprene nickel nylon oak paper pewter pine plastic "
    "platinum plush plywood polycarbonate polyester polypropylene porcelain pvc rattan resin rubber satin silicone "
    "silk slate spandex stainless steel stone suede terracotta titanium velvet vinyl walnut wicker wood wooden wool "
    "zinc"
)

COLOURS: frozenset[str] = word_set(
    "amber apricot aqua beige black blonde blue bronze brown burgundy charcoal chrome coral cream crimson cyan "
    "emerald fuchsia gold golden gray green grey indigo ivory jade khaki lavender lilac lime magenta mahogany maroon "
    "mauve mint multicolor multicolour navy nude olive orange peach pink plum purple red rose ruby sage salmon "
    "scarlet silver tan taupe teal turquoise violet white yellow"
)

SHADES: frozenset[str] = word_set("light dark deep pale bright navy royal sky hot matte matt glossy metallic clear and")
"""Words that may stand before a colour."""

CONTEXT_BARS: frozenset[str] = word_set(
    "cleaner care conditioner polish paint glue primer dye faux imitation look like free safe effect finish print "
    "style protector remover wax oil marker cutter sharpener"
)
"""A material next to one of these is not what the thing is made of ("leather cleaner")."""

NOT_A_BRAND: frozenset[str] = frozenset(
    {"national", "private", "private label", "store brand", "own brand", "own label", "generic"}
    | {"unbranded", "no brand", "unknown", "none", "n/a", "na", "nan", "null", "other", "various"}
    | {"brand", "default", "misc", "not available", "-", "--"}
)
"""Labels found in brand columns that are nobody's name."""

STORE_BRAND: frozenset[str] = frozenset({"private", "private label", "store brand", "own brand"})
