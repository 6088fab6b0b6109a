"""The part of a title that may be spoken: verbatim words of the title, readable, without tails.

"PAPER MATE PENS, 12-Count (1783)" -> "Paper Mate Pens". A title that gives orders, shouts prices
or is mostly noise has no name; the pitch then speaks of the category.
"""

from __future__ import annotations

import re

from copywriter import quantities
from copywriter.lexicon import word_set
from copywriter.lexicon.en import CAPITAL
from copywriter.titles import QUALIFIERS, drop_dangling, is_whole, parts, shorten, strip, with_list
from copywriter.untrusted import is_quotable

MIN_NAME_CHARS = 3

_BRACKETS = re.compile(r"\([^()]{0,200}\)|\[[^\[\]]{0,200}\]")
_OPEN_BRACKET = re.compile(r"[(\[].*$")
_LEADING = re.compile(r"^(?:other|misc\.?|miscellaneous|assorted|new)\s+(?=\w)", re.I)
_NOT_NAMES = word_set(
    "new free hot sale all set pack lot seasonal fresh frozen assorted misc miscellaneous other "
    "regular variety dry mix premium general everyday refrigerated canned single"
)
_LABEL = re.compile(r", (?:store brand|multi ?pack)$", re.I)
_NO_NAME = re.compile(
    r"\b(?:[Aa]cc|[Mm]isc|section|continuity|shldr)\b|^All [a-z]|\b\d+ in (?!x\b|by\b)[a-z]"
    r"|(?<!and )(?<!or )\b[Oo]thers?\b|\b[Oo]thers?$|\b(for|with|of|and|the|to|in|a|other) \1\b"
    rf"|^[A-Z][\w'-]+, (?!(?:{'|'.join(sorted(QUALIFIERS))})\b)(?![^,]*(?:\b(?:and|or)\b|&))[a-z]"
    r"|\b(?!pcs\b|pkg\b|hrs\b|lbs\b)[bcdfghjklmnpqrstvwxz]{3,}\b"
)
"""No name a shopper would use: a column's shorthand, a doubled word, an inversion ("Ham, spiral")."""
_ACRONYM_KEEP = word_set("usb led uv tv lcd hp dvd cd pc diy spf usa uk bbq xl xxl pvc hd 3d")
_SMALL = word_set("a an the and or for with of in on to by from")


def spoken_name(title: str, *, brand: str = "") -> str:
    """The title's leading name, at most `titles.LONGEST_NAME_CHARS`, or "" if none may be spoken.

    A leading part that only repeats the `brand` is joined with the next.
    """
    if not is_quotable(title):
        return ""
    text = _OPEN_BRACKET.sub("", _BRACKETS.sub(" ", title)).replace('"', "")
    found = parts(text)
    name, joint, used = "", "", 0
    for part, comma in found:
        name, used = f"{name}{joint} {part}".strip(), used + 1
        if is_whole(name, brand):
            break
        joint = "," if comma and name.lower() != brand.lower() else ""
    following = found[used:]
    if following and following[0][0].lower().split(" ")[0].strip("-") in QUALIFIERS:
        name = f"{name}, {following[0][0]}"  # "Beer, non alcoholic" is no beer
    elif used and found[used - 1][1]:
        name = with_list(name, following)
    name = _LABEL.sub("", name)
    name = _LEADING.sub("", name)
    name = _calm(_drop_quantities(shorten(_drop_quantities(name))))
    if len(name) < MIN_NAME_CHARS or not any(char.isalpha() for char in name):
        return ""
    if name.lower() in _NOT_NAMES | _NOT_ALONE or not is_quotable(name) or _NO_NAME.search(name):
        return ""
    return name


def spoken_category(level: str) -> str:
    """A category level as a lower-case noun phrase, or "" if it is no noun a shopper would use."""
    head = re.split(r"\s[-–—]+\s?|:|\(", level)[0]
    stems = [stem for stem in (strip(part) for part in re.split(r"[/,&]|\band\b", head)) if stem]
    text = stems[0] if len(stems) == 1 else ", ".join(stems[:-1]) + " and " + stems[-1] if stems else ""
    if not 3 <= len(text) <= 40 or not re.fullmatch(r"[^\W\d_]+(?:[ ,'-]+[^\W\d_]+)*", text):
        return ""
    low = text if any(_is_acronym(word) for word in text.split()) else text.lower()
    if low in _NOT_ALONE or low.endswith("'s"):
        return ""
    if set(re.findall(r"\w+", low.lower())) & _NOT_CATEGORIES:
        return ""
    return " ".join(_proper(word) for word in low.split(" ")) if is_quotable(low) else ""


def _proper(word: str) -> str:
    return word.capitalize() if word.strip(",") in CAPITAL else word


_NOT_CATEGORIES = word_set(
    "misc miscellaneous other others unknown default none na general all various coupon coupons "
    "uncategorized uncategorised drug gm more item items product products department dept hbc "
    "sale clearance deals new assorted regular continuities continuity hooks sup gr bulk pkgd "
    "frzn rte rts"
)

_NOT_ALONE = word_set(
    "kids eyes face lips nails body hands feet sets kits accessories tools women men skin hair "
    "accessories parts refills types leaf top base"
)
"""Levels that name a place or a form, not something one shops for."""


def _is_acronym(word: str) -> bool:
    return len(word) >= 2 and word.isupper()


def _drop_quantities(name: str) -> str:
    """Without quantities at either end that stand apart from the words ("Base Coat .5 oz")."""
    for _ in range(4):
        found = quantities.parse(name)
        if found and found[-1].end >= len(name.rstrip(" .")) and found[-1].start > 0:
            shorter = strip(name[: found[-1].start])
        else:
            shorter = name
        shorter = drop_dangling(shorter)
        if shorter == name or len(shorter.split()) < 1:
            break
        name = shorter
    return name


def _calm(name: str) -> str:
    """Title case for a shouted name; other names keep their spelling, first letter raised."""
    letters = [char for char in name if char.isalpha()]
    upper = sum(char.isupper() for char in letters)
    words = name.split()
    if len(letters) > 4 and upper > 0.8 * len(letters) and len(words) > 1:
        calmed = [_calm_word(word, first=at == 0) for at, word in enumerate(words)]
        return " ".join(calmed)
    if words and words[0].islower() and words[0].isalpha():
        return name[0].upper() + name[1:]
    return name


def _calm_word(word: str, *, first: bool) -> str:
    low = word.lower()
    if any(char.isdigit() for char in word) or low.strip(".,") in _ACRONYM_KEEP:
        return word
    if low in _SMALL and not first:
        return low
    return re.sub(r"[^\W\d_]+(?:'[^\W\d_]+)?", lambda m: m.group().capitalize(), low)
