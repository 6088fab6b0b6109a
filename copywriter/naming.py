"""The part of a title that may be spoken: verbatim words of the title, readable, without tails.

"PAPER MATE PENS, 12-Count (1783)" -> "Paper Mate Pens". A title that gives orders, shouts prices
or is mostly noise has no name; the pitch then speaks of the category.
"""

from __future__ import annotations

import re

from copywriter import quantities
from copywriter.lexicon import word_set
from copywriter.untrusted import is_quotable

MAX_NAME_CHARS = 80
MIN_NAME_CHARS = 3

_BRACKETS = re.compile(r"\([^()]{0,200}\)|\[[^\[\]]{0,200}\]")
_OPEN_BRACKET = re.compile(r"[(\[].*$")
_CUT = re.compile(
    r",(?!\d{3})\s*|;|\||\s[-–—]+\s?|\s?[-–—]+\s|[-–—]{2,}|!+|(?<=[a-z]{4})\.\s+(?=[A-Z])|\s[*#]\s|:\s|\?\s"
)
_DANGLING = word_set(
    "a an the and or for with of in on to by from your & + - x w w/ as at plus no non without not "
    "count ct pk per new free anti ultra extra super very all is are that this "
    "its #"
)
_BINDERS = word_set("free proof resistant safe style like flavored flavoured scented")
_JOINTS = word_set("for with to in and by")
_LEADING = re.compile(r"^(?:other|misc\.?|miscellaneous|assorted|new)\s+(?=\w)", re.I)
_QUALIFIERS = word_set(
    "non no not without imitation artificial decaf decaffeinated alcohol-free refill refills replacement "
    "empty sample compatible only"
)
"""A part of a title that begins so changes what the thing is and is said with the name."""
_NOT_NAMES = word_set(
    "new free hot sale all set pack lot seasonal fresh frozen assorted misc miscellaneous other "
    "regular variety dry mix premium general everyday refrigerated canned single"
)
_ACRONYM_KEEP = word_set("usb led uv tv lcd hp dvd cd pc diy spf usa uk bbq xl xxl pvc hd 3d")
_SMALL = word_set("a an the and or for with of in on to by from")


def spoken_name(title: str, *, brand: str = "") -> str:
    """The title's leading name, at most `MAX_NAME_CHARS`, or "" if none may be spoken.

    A leading part that only repeats the `brand` is joined with the next.
    """
    if not is_quotable(title):
        return ""
    text = _OPEN_BRACKET.sub("", _BRACKETS.sub(" ", title)).replace('"', "")
    parts = _parts(text)
    name, joint, used = "", "", 0
    for part, comma in parts:
        name, used = f"{name}{joint} {part}".strip(), used + 1
        if len(name.split()) >= 2 and len(name) >= 8 and name.lower() != brand.lower():
            break
        joint = "," if comma and name.lower() != brand.lower() else ""
    for part, _ in parts[used : used + 1]:  # "Beer, non alcoholic" is no beer
        if part.lower().split(" ")[0].strip("-") in _QUALIFIERS:
            name = f"{name}, {part}"
    name = _LEADING.sub("", name)
    name = _calm(_drop_quantities(_shorten(_drop_quantities(name))))
    if len(name) < MIN_NAME_CHARS or not any(char.isalpha() for char in name):
        return ""
    if name.lower() in _NOT_NAMES | _NOT_ALONE or not is_quotable(name):
        return ""
    return name


def _parts(text: str) -> list[tuple[str, bool]]:
    """The stretches of a title between its cuts, each with whether a comma follows."""
    parts, begin = [], 0
    for cut in (*_CUT.finditer(text), None):
        part = _strip(text[begin : cut.start() if cut else len(text)])
        if part:
            parts.append((part, cut is not None and cut.group().startswith(",")))
        begin = cut.end() if cut else begin
    return parts


def spoken_category(level: str) -> str:
    """A category level as a lower-case noun phrase, or "" if it is no noun a shopper would use."""
    head = re.split(r"\s[-–—]+\s?|:|\(", level)[0]
    parts = [_strip(part) for part in re.split(r"[/,&]|\band\b", head)]
    parts = [part for part in parts if part]
    text = parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1] if parts else ""
    if not 3 <= len(text) <= 40 or not re.fullmatch(r"[^\W\d_]+(?:[ ,'-]+[^\W\d_]+)*", text):
        return ""
    low = text if any(_is_acronym(word) for word in text.split()) else text.lower()
    if low in _NOT_ALONE or low.endswith("'s"):
        return ""
    if set(re.findall(r"\w+", low.lower())) & _NOT_CATEGORIES:
        return ""
    return low if is_quotable(low) else ""


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


def _strip(part: str) -> str:
    return " ".join(part.split()).strip(" -–—,.;:&+/*'\"#")


def _drop_quantities(name: str) -> str:
    """Without quantities at either end that stand apart from the words ("Base Coat .5 oz")."""
    for _ in range(4):
        found = quantities.parse(name)
        if found and found[-1].end >= len(name.rstrip(" .")) and found[-1].start > 0:
            shorter = _strip(name[: found[-1].start])
        else:
            shorter = name
        shorter = _drop_dangling(shorter)
        if shorter == name or len(shorter.split()) < 1:
            break
        name = shorter
    return name


def _drop_dangling(name: str) -> str:
    words = name.split()
    while len(words) > 1:
        last = words[-1].lower().strip(".,")
        stray = last.replace(".", "").isdecimal() and words[-2].lower() in _DANGLING - {"no", "#"}
        if last not in _DANGLING and not stray:
            break
        words.pop()
    return _strip(" ".join(words))


def _shorten(name: str) -> str:
    """At most `MAX_NAME_CHARS`, cut before a joint ("for", "with") where there is one."""
    words = name.split()
    while words and len(" ".join(words)) > MAX_NAME_CHARS:
        lows = [word.lower() for word in words]
        joints = [at for at in range(3, len(words)) if lows[at] in _JOINTS]
        words = words[: joints[-1]] if joints else _hard_cut(words)
    return _drop_dangling(" ".join(words))


def _hard_cut(words: list[str]) -> list[str]:
    kept: list[str] = []
    for word in words:
        if len(" ".join([*kept, word])) > MAX_NAME_CHARS:
            break
        kept.append(word)
    if len(kept) < len(words) and words[len(kept)].lower().strip(".,") in _BINDERS:
        kept.pop()
    return kept


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
