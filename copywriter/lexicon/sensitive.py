"""Words that betray something private about the person who shops there.

A category naming one of these yields no trait, and a pitch never links one to "you".
Covered: pregnancy and children, body and health, diet, sex, alcohol and tobacco, faith and
origin, age, money trouble, politics. Stems match the beginning of a word, words match whole.
"""

from __future__ import annotations

import re

from copywriter.lexicon import word_set

STEMS: tuple[str, ...] = (
    # family and pregnancy
    "bab", "infant", "diaper", "nappi", "toddler", "newborn", "matern", "pregnan", "nursing",
    "breastfe", "ovulat", "fertil", "child", "kid", "teen", "parent", "famil",
    # body, sex, hygiene
    "incontinen", "feminin", "fem", "menstru", "tampon", "sanitary", "condom", "contracep",
    "lubricant", "erotic", "sexual", "lingerie", "intimate", "adult", "hemorrhoid", "depilat",
    "underwear", "plus-size", "bra",
    # health
    "medic", "pharma", "vitamin", "supplement", "analges", "antacid", "laxativ",
    "allerg", "sinus", "cough", "cold-and-flu", "flu", "first-aid", "diabet", "glucose", "asthma",
    "health", "remed", "therap", "prescri", "cessation", "nicotine", "hearing", "denture",
    "homeopath", "herbal", "acne", "wart", "psoria", "eczema", "hair-loss", "hairloss", "wrinkl",
    "anti-ag", "antiag", "medical", "wheelchair", "mobility", "orthop", "blood", "pain", "sleep",
    "stress", "depress", "anxiet", "cancer", "digest", "probiot", "weight",
    # diet
    "diet", "gluten", "low-carb", "keto", "vegan", "vegetarian", "slimming", "slim-fast", "protein", "nutrition",
    "fitness", "sugar-free", "restricted",
    # alcohol, tobacco, gambling, weapons
    "alcohol", "wine", "beer", "ale", "liquor", "spirits", "vodka", "whisk", "rum", "cocktail",
    "tobacco", "cigar", "smok", "vap", "snuff", "lotter", "gambl", "casino", "cannabi", "cbd",
    "hemp", "firearm", "weapon", "ammun",
    # faith, origin, politics, age, money
    "relig", "kosher", "halal", "bible", "christ", "jewish", "muslim", "islam", "easter",
    "hanuk", "ramadan", "diwali", "church", "ethnic", "hispanic", "asian", "african", "politic",
    "union", "senior", "elder", "retire", "pension", "welfare", "payday", "loan", "food-stamp",
    "gay", "lesbian", "lgbt", "pride", "trans", "wom", "men", "gender", "girl", "boy", "lad",
    "hygiene", "family-planning", "rehab", "bereave", "funeral", "divorc", "wedding",
)  # fmt: skip

WHOLE: frozenset[str] = word_set(
    "bra bras ale ales rum men mens man male female fem fm gay kid kids boy boys lady ladies lad trans pride flu "
    "pain sleep union senior seniors cbd vape vaping wart warts wine wines beer beers woman women womens loan loans"
)
"""Short words that would match too much as stems ("album", "menu", "umbrella", "braid")."""

_SHORT = word_set(
    "bra ale rum men fem gay kid boy lad trans pride flu pain sleep union senior cbd vap wart wine beer wom loan"
)
_LONG = tuple(stem for stem in STEMS if stem not in _SHORT)
_WORD = re.compile(r"[^\W\d_]+(?:[-'][^\W\d_]+)*")
_NEVER = word_set("kidney baba babka christina spiritual weightless")


def is_sensitive(text: str) -> bool:
    """Whether a category name, brand or phrase betrays something private.

    Over-cautious on purpose: a lost trait costs a phrase, a leaked one costs trust.
    """
    low = text.lower().replace("'", "")
    for match in _WORD.finditer(low):
        whole = match.group()
        for word in (whole, *whole.split("-")):
            if word in _NEVER:
                continue
            if word in WHOLE or word.startswith(_LONG):
                return True
    joined = "-".join(_WORD.findall(low))
    return any("-" in stem and stem in joined for stem in _LONG)
