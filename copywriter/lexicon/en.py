"""English words the checks know: those without content, and those that claim or bind something.

What a pitch may say without a fact behind it stands in `phrasings`, as sentences: words alone are no measure.
"""

from __future__ import annotations

from copywriter.lexicon import word_set

FUNCTION: frozenset[str] = word_set(
    "a an the and or but for in on at to of by as is are be it its this that these those you your yours if when "
    "while so from here there then what whatever which who with into out up again just also too any some more "
    "another where have has had been can may might do does let how about around right well since because still were "
    "maybe could made"
)
"""Words without content. "made" is judged with its material; "with" and "for" still bind: see `grounding.BINDING`."""

ORIGINS: frozenset[str] = word_set(
    "american usa british english french italian german spanish swiss japanese chinese korean indian mexican "
    "canadian australian turkish greek irish scottish belgian dutch swedish african european asian brazilian "
    "moroccan israeli italy france germany spain switzerland japan china korea india mexico canada australia africa "
    "europe england america hawaiian california york hispanic thai vietnamese polish russian danish norwegian cuban"
)

PROPER: frozenset[str] = word_set(
    "christmas easter halloween thanksgiving valentine valentine's hanukkah ramadan diwali bartlett gala fuji anjou "
    "bosc roma vidalia idaho cajun revlon almay maybelline loreal barbie disney mother's father's st monday tuesday "
    "wednesday thursday friday saturday sunday"
)
"""Names of days, kinds and makers."""

CAPITAL: frozenset[str] = (ORIGINS | PROPER) - word_set("turkey china polish gala st")
"""Words that begin with a capital in any sentence; the meat, the dishes and the varnish do not."""

RISKY: frozenset[str] = ORIGINS | word_set(  # certifications, diet, purity, make
    "organic natural vegan vegetarian halal kosher certified approved tested clinical clinically "
    "hypoallergenic dermatologist pure purest raw gluten bpa paraben sulfate fragrance cruelty "
    "fairtrade fair gmo fsc energy star iso ce ul antibacterial antimicrobial waterproof "
    "fireproof recycled recyclable biodegradable compostable sustainable refillable washable "
    "handmade handcrafted artisan homemade genuine real authentic original premium luxury deluxe "
    "professional patented award winning official licensed vintage new fresh local imported "
    "domestic warranty lifetime unbreakable dishwasher microwave oven safe compatible universal"
)
"""Claims by themselves: allowed only beside the same neighbour as in the item's own facts."""

NEGATING_BEFORE: frozenset[str] = word_set(
    "no non not without zero anti faux imitation fake never low reduced fat like inspired"
)
"""The next word is *not* what the item is or has; the two may only be said together."""

NEGATING_AFTER: frozenset[str] = word_set(
    "free resistant proof less remover cleaner substitute alternative flavored flavoured scented style look inspired "
    "like type killer repellent removal protector case cover holder stand refill replacement"
)
"""The word before is *not* what the item is or has; the two may only be said together."""

TARGETING: frozenset[str] = word_set("for fits fit compatible replaces works with by")
"""What follows in a title is another thing; a pitch says it only after the same words."""

FIRST_PERSON: frozenset[str] = word_set("i me my mine we us our ours myself ourselves")
