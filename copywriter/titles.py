"""Where a title may be cut so that what is left is English and still names the thing.

A head keeps the list it stands in ("Paper, CD, and Credit Card Shredder" is no paper), a cut never falls inside a
phrase that a preposition begins, and a noun run is never cut at all: in English its last word is the thing.
"""

from __future__ import annotations

import re
from typing import Final

from copywriter.lexicon import word_set

MAX_NAME_CHARS: Final = 80
LONGEST_NAME_CHARS: Final = 100
"""A name longer than `MAX_NAME_CHARS` that has no place to be cut may have this many."""

_CUT = re.compile(
    r",(?!\d{3})\s*|;|\||\s[-–—]+\s?|\s?[-–—]+\s|[-–—]{2,}|!+|(?<=[a-z]{4})\.\s+(?=[A-Z])|\s[*#]\s|:\s|\?\s"
)
DANGLING = word_set(
    "a an the and or for with of in on to by from your & + - x w w/ as at plus no non without not "
    "count ct pk per new free anti ultra extra super very all is are that this "
    "its # compatible infused suitable designed made ideal assorted"
)
QUALIFIERS = word_set(
    "non no not without imitation artificial decaf decaffeinated alcohol-free refill refills replacement "
    "empty sample compatible only"
)
"""A part of a title that begins so changes what the thing is and is said with the name."""
_JOINTS = word_set("for with to in")
_AND = word_set("and & or")
_DESCRIBES = word_set(
    "resists resistant prevents includes included holds made designed fits works great perfect ideal easy set pack "
    "use uses used professional breathable comfortable"
)
"""A part that begins so says how the thing is, and is no member of a list."""
_COMPANY = word_set("products product company inc co corp corporation brands industries international")
_DECIMAL = re.compile(r"\d+\.\d+")
_MAX_LIST = 6
_LONG_MEMBER = 2
_LONG_LAST = 5


def parts(text: str) -> list[tuple[str, bool]]:
    """The stretches of a title between its cuts, each with whether a comma follows."""
    found, begin = [], 0
    for cut in (*_CUT.finditer(text), None):
        raw = text[begin : cut.start() if cut else len(text)]
        part = strip(raw)
        if part:
            part = f"& {part}" if raw.lstrip().startswith("& ") else part
            found.append((part, cut is not None and cut.group().startswith(",")))
        begin = cut.end() if cut else begin
    return found


def strip(part: str) -> str:
    """`part` without space and signs at its ends."""
    return " ".join(part.split()).strip(" -–—,.;:&+/*'\"#")


def is_whole(name: str, brand: str) -> bool:
    """Whether a leading part can be a name: words enough, and more than a maker's."""
    said = name.lower().split()
    maker = len(said) <= 3 and said[-1].strip(".") in _COMPANY
    return len(said) >= 2 and len(name) >= 8 and name.lower() != brand.lower() and not maker


def with_list(name: str, following: list[tuple[str, bool]]) -> str:
    """`name` with the rest of the list it begins; cut before its joint, or "", if that cannot be said.

    `following` are the parts after it, each behind a comma.
    """
    members, whole = _members(following)
    if following and _DECIMAL.fullmatch(following[0][0]):  # "Pens 1.5, 2.4, 3.8, 6.0 mm"
        name = re.sub(rf" {_DECIMAL.pattern}$", "", name)
    if not members and whole:
        return name
    said = name
    for member in members:
        said += f" {member}" if member.split()[0] in _AND and len(members) == 1 else f", {member}"
    if whole and len(said) <= LONGEST_NAME_CHARS:
        return said
    return before_joint(name, len(name))


def _members(following: list[tuple[str, bool]]) -> tuple[list[str], bool]:
    """The further members of a list, and whether they can be said; none if there is no list."""
    members: list[str] = []
    for part, comma in following[:_MAX_LIST]:
        said = part.split()
        lows = [word.lower() for word in said]
        upto = next((at for at, low in enumerate(lows) if low in _JOINTS), len(lows))
        conjunction = next((at for at, low in enumerate(lows) if low in _AND), None)
        members.append(" ".join(said[:upto]))
        if conjunction == 0:
            return members, 1 < upto <= _LONG_LAST
        if lows[0] in _DESCRIBES | QUALIFIERS | _JOINTS or any(char.isdigit() for char in part):
            break
        if conjunction is not None:
            fits = conjunction <= _LONG_MEMBER and 1 < upto - conjunction <= _LONG_LAST
            return (members, True) if fits else ([], True)
        if len(said) > _LONG_MEMBER or not comma:
            break
    return [], True


def before_joint(name: str, limit: int) -> str:
    """`name` up to the last preposition that leaves less than `limit` characters and three words, or ""."""
    said = name.split()
    joints = [at for at in range(3, len(said)) if said[at].lower() in _JOINTS and not said[at - 1].isdecimal()]
    cuts = [at for at in joints if len(" ".join(said[:at])) < limit]
    return drop_dangling(" ".join(said[: cuts[-1]])) if cuts else ""


def shorten(name: str) -> str:
    """At most `LONGEST_NAME_CHARS`; over `MAX_NAME_CHARS` cut before a joint where there is one, else "" or whole."""
    if len(name) <= MAX_NAME_CHARS:
        return drop_dangling(name)
    cut = before_joint(name, MAX_NAME_CHARS + 1)
    return cut or (drop_dangling(name) if len(name) <= LONGEST_NAME_CHARS else "")


def drop_dangling(name: str) -> str:
    """`name` without words at its end that ask for another."""
    words = name.split()
    while len(words) > 1:
        last = words[-1].lower().strip(".,")
        stray = last.replace(".", "").isdecimal() and words[-2].lower() in DANGLING - {"no", "#"}
        if last not in DANGLING and not stray:
            break
        words.pop()
    return strip(" ".join(words))
