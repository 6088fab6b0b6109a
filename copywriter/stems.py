"""Words brought to a common form, so that "slanted tips" meets "Slant Tip" and "grey" meets "Gray".

Inflection only: plural, possessive, -ed, -ing, -ly. What changes the meaning stays ("unscented" is not "scented",
"washable" is not "washed"). Both sides of a comparison are stemmed, so a stem need not be a word.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from copywriter.lexicon.synonyms import SAME

_VOWELS: Final = frozenset("aeiouy")
_KEPT_DOUBLE: Final = frozenset("lsz")
_MIN_STEM: Final = 3


@lru_cache(maxsize=65_536)
def stem(word: str) -> str:
    """The form of `word` that its inflections and its abbreviations share."""
    low = word.lower().replace("’", "'")
    if low.endswith("'s"):
        low = low[:-2]
    low = low.rstrip("'")
    low = SAME.get(low, low)
    cut = _plural(low)
    cut = SAME.get(cut, cut)
    return _bare(cut)


def _plural(low: str) -> str:
    if len(low) > 4 and low.endswith("ies"):
        return low[:-3] + "y"
    if len(low) > 4 and low.endswith(("ches", "shes", "sses", "xes", "zes", "oes")):
        return low[:-2]
    if len(low) > 3 and low.endswith("s") and not low.endswith(("ss", "us", "is")):
        return low[:-1]
    return low


def _bare(word: str) -> str:
    """Without -ed, -ing, -ly and a silent e."""
    for ending in ("ically", "ing", "ed", "ly"):
        rest = word[: -len(ending)]
        if not word.endswith(ending) or len(rest) < _MIN_STEM or not _VOWELS & set(rest):
            continue
        if ending == "ically":
            return rest + "ic"
        if ending != "ly" and len(rest) > _MIN_STEM and rest[-1] == rest[-2] and rest[-1] not in _KEPT_DOUBLE:
            rest = rest[:-1]
        return _end(rest)
    return _end(word)


def _end(rest: str) -> str:
    if len(rest) > _MIN_STEM and rest.endswith("e"):
        rest = rest[:-1]
    if len(rest) > _MIN_STEM and rest.endswith("i"):
        rest = rest[:-1] + "y"
    return rest
