"""English words a pitch may use without a fact behind them.

Open-vocabulary grounding: a word in none of these sets, not in the item's facts and not in a
trait is an unsupported claim. So nothing here may say anything *about the item*: no quality, no
effect, no use, no place, no origin, no comparison, no time of delivery.
"""

from __future__ import annotations

from copywriter.lexicon import word_set

FUNCTION: frozenset[str] = word_set(
    "a an the and or but for in on at to of by as is are be it its this that these those you your "
    "yours if when while so from here there then what whatever which who with into out up again "
    "just also too any some more another where have has had been can may might do does let "
    "how about around right well since because still were maybe could made"
)
"""Words without content. "made" is judged with its material; "with" and "for" still bind: see `grounding.BINDING`."""

NEUTRAL: frozenset[str] = word_set(  # the act of choosing
    "pick picked picking choose chosen choice choosing select selected selection option consider "
    "look looking glance see find finding found browse browsing explore try trying meet "
    "discover add added adding addition grab keep keeping reach go going take get getting "
    "put come coming back return returning restock need want like liked love "
    "enjoy shop shopping visit start starting say says call suggest suggestion suggested "
    "recommend recommended match matched matching "
    # where choosing happens
    "basket cart list order run trip shelf aisle section corner range store page home "
    "lineup round rotation mix "
    # harmless frames
    "simple handy easy everyday usual regular familiar favourite favorite next good nice "
    "worth idea thing something bit little way time day week moment habit "
    "name item product kind type sort size format label brand variety colour color shade "
    "option reminder hello yours neat straightforward known know knowing mind sight "
    "fan often usually different change line part piece spot place side "
    "ask asked asking interest shopper include"
)
"""Words that speak of the shopper's choosing, never of what the item does."""

ORIGINS: frozenset[str] = word_set(
    "american usa british english french italian german spanish swiss japanese chinese korean "
    "indian mexican canadian australian turkish greek irish scottish belgian dutch swedish "
    "african european asian brazilian moroccan israeli italy france germany spain switzerland "
    "japan china korea india mexico canada australia africa europe england america "
    "hawaiian california york hispanic thai vietnamese polish russian danish norwegian cuban"
)

PROPER: frozenset[str] = word_set(
    "christmas easter halloween thanksgiving valentine valentine's hanukkah ramadan diwali "
    "bartlett gala fuji anjou bosc roma vidalia idaho cajun revlon almay maybelline loreal barbie "
    "disney mother's father's st monday tuesday wednesday thursday friday saturday sunday"
)
"""Words that keep their capital within a sentence, as origins do."""

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
    "free resistant proof less remover cleaner substitute alternative flavored flavoured scented "
    "style look inspired like type killer repellent removal protector case cover holder stand "
    "refill replacement"
)
"""The word before is *not* what the item is or has; the two may only be said together."""

TARGETING: frozenset[str] = word_set("for fits fit compatible replaces works with by")
"""What follows in a title is another thing; a pitch says it only after the same words."""

FIRST_PERSON: frozenset[str] = word_set("i me my mine we us our ours myself ourselves")
