"""Whether a fact says a word of a pitch, and in the company that it has there.

A title's words mean something together: what a fact denies, targets, tells of a part or has in a brand's name backs the
word only in the same relation, and a denial of the pitch ("no", "without", "-free") needs a fact that denies the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from copywriter import words
from copywriter.checks.evidence import PART_STEMS, Evidence, Place
from copywriter.checks.scene import Token
from copywriter.lexicon.en import RISKY, TARGETING
from copywriter.lexicon.everyday import ACCESSORIES
from copywriter.lexicon.materials import COLOURS, MATERIALS
from copywriter.lexicon.plain import COMPARING, DENYING, GRAMMAR, TALK
from copywriter.stems import stem

COLOUR_STEMS: Final = frozenset(map(stem, COLOURS))
MATERIAL_STEMS: Final = frozenset(map(stem, MATERIALS))
PROOF_STEMS: Final = frozenset(map(stem, RISKY))
"""Claims by themselves: they need the same company as in the fact."""
RISKY_STEMS: Final = PROOF_STEMS | COLOUR_STEMS | MATERIAL_STEMS
FREE: Final = GRAMMAR | TALK
_KIND_MATERIALS: Final = frozenset(map(stem, ("paper", "ice", "glass")))
"""Materials that a kind of thing is used on: said of the item they would be what it is made of."""
_TARGETS: Final = TARGETING | {"with", "to"}
_NEAR: Final = 3
_MIN_HALF: Final = 3
_REACH: Final = 4
_ATTACHED: Final = PART_STEMS | frozenset(map(stem, ACCESSORIES))


def backing(  # noqa: PLR0911  one return a kind of backing
    at: int, row: Sequence[Token], stems: tuple[str, ...], known: Evidence
) -> tuple[str, str]:
    """(id of a fact that says the word, reason why none does though it names it)."""
    token = row[at]
    if token.low in DENYING:
        return _denial(at, row, stems, known)
    if _is_denied(at, row):
        return (
            ("", "is denied here, and the facts do not deny it")
            if not _denial_of(at, row, stems, known)
            else (known.denied.get(token.stem, "title"), "")
        )
    forms = (token.stem + ending for ending in ("", "abl", "eabl", "ibl"))
    places = next((known.places[form] for form in forms if form in known.places), ())
    free = token.low in FREE and token.stem not in RISKY_STEMS
    if free and not (places and _same_neighbour(at, stems, known, places)):
        return "", ""
    wrong = ""
    for place in places:
        wrong = _unbound(place, at, row, stems, known)
        if not wrong:
            return known.sources[place.source].fact.id, ""
    if places and token.zone and token.stem not in RISKY_STEMS and token.low not in COMPARING:
        return known.sources[
            places[0].source
        ].fact.id, ""  # "to refill your grinder": a scene, with the item's own words
    if places:
        return "", wrong
    if token.low in known.places and token.low != token.stem:
        return known.sources[known.places[token.low][0].source].fact.id, ""  # "hairbrush" of "hair brush"
    if joint := _joined(at, row, known):
        return joint, ""
    if token.stem in known.implied and (token.zone or token.stem not in _KIND_MATERIALS):
        return known.implied[token.stem], ""
    if token.low.startswith("un") and (fact_id := known.denied.get(token.stem[2:]) or _free_of(token.stem[2:], known)):
        return fact_id, ""
    return "", ""


def _joined(at: int, row: Sequence[Token], known: Evidence) -> str:
    """The fact that writes as one word what the pitch writes as two ("hair brush" of "Hairbrush"), or ""."""
    pairs = [(at, at + 1)] if at + 1 < len(row) else []
    pairs += [(at - 1, at)] if at else []
    for first, second in pairs:
        if row[second].gap not in (" ", "-") or len(row[first].low) < _MIN_HALF or len(row[second].low) < _MIN_HALF:
            continue
        for place in known.places.get(stem(row[first].low + row[second].low), ()):
            source = known.sources[place.source]
            if any(
                word.text.lower().startswith(row[first].low + row[second].low[:3])
                for word in words.split(source.fact.text)
            ):
                return source.fact.id
    return ""


def _free_of(name: str, known: Evidence) -> str:
    """The fact that says "name-free" or "no name", or ""."""
    if name + "les" in known.places or name + "less" in known.places:
        return "title"
    for near in {name, name.rstrip("e"), name + "n"}:
        for place in known.places.get(near, ()):
            if place.after in ("fre", "free") or place.before in ("no", "without", "zero"):
                return known.sources[place.source].fact.id
    return next((known.denied[key] for key in known.denied if name and key.startswith(name[:6])), "")


def _is_denied(at: int, row: Sequence[Token]) -> bool:
    """Whether the word is what a denial beside it denies."""
    for back in range(at - 1, max(-1, at - 3), -1):
        if row[back].low in ("no", "without", "zero", "non", "never", "not") and row[back].zone != "question":
            between = [token.low for token in row[back + 1 : at]]
            return (
                all(low in ("a", "an", "any", "the", "added") or low not in FREE for low in between)
                and "," not in row[at].gap
            )
    if at > 1 and row[at - 2].low == "free" and row[at - 1].low in ("of", "from"):
        return True
    return (
        at + 1 < len(row) and row[at + 1].low == "free" and row[at + 1].gap in ("-", " ") and row[at].low not in GRAMMAR
    )


def _denial_of(at: int, row: Sequence[Token], stems: tuple[str, ...], known: Evidence) -> bool:
    """Whether a fact denies the word (or any word of the denied run)."""
    for near in range(max(0, at - 1), min(len(row), at + 2)):
        if stems[near] in known.denied or _free_of(stems[near], known):
            return True
        for place in known.places.get(stems[near], ()):
            source = known.sources[place.source].stems
            if set(source[max(0, place.at - 2) : place.at]) & {"no", "without", "zero", "not", "non"}:
                return True
    return False


def _denial(at: int, row: Sequence[Token], stems: tuple[str, ...], known: Evidence) -> tuple[str, str]:
    token = row[at]
    if token.zone == "question" or (token.low == "not" and at and row[at - 1].low == "why"):
        return "", "" if token.low in ("no", "not", "without", "none") else "denies what no fact denies"
    if token.low == "free" and at + 2 < len(row) and row[at + 1].low in ("of", "from"):
        return ("title", "") if _denial_of(at + 2, row, stems, known) else ("", "denies what no fact denies")
    if token.low == "free":
        backed = at > 0 and _denial_of(at - 1, row, stems, known) and token.gap in ("-", " ")
        return ("title", "") if backed else ("", "denies what no fact denies")
    if token.low in ("no", "without", "zero", "non", "not", "never", "un") and at + 1 < len(row):
        near = range(at + 1, min(len(row), at + 4))
        if any(_denial_of(other, row, stems, known) for other in near):
            return "title", ""
    place = known.places.get(token.stem, ())
    if place and _same_neighbour(at, stems, known, place):
        return known.sources[place[0].source].fact.id, ""
    return "", "denies what no fact denies"


def _same_neighbour(at: int, stems: tuple[str, ...], known: Evidence, places: Sequence[Place]) -> bool:
    before = stems[at - 1] if at else None
    after = stems[at + 1] if at + 1 < len(stems) else None
    for place in places:
        source = known.sources[place.source].stems
        if source == (stems[at],):
            return True
        if place.at and before is not None and source[place.at - 1] == before:
            return True
        if place.at + 1 < len(source) and after is not None and source[place.at + 1] == after:
            return True
    return False


def _near_neighbour(at: int, row: Sequence[Token], stems: tuple[str, ...], source: tuple[str, ...], place: int) -> bool:
    """Whether a content word near the place is near the word in the pitch, too."""
    around = {*source[max(0, place - _NEAR) : place], *source[place + 1 : place + 1 + _NEAR]}
    told = [other for other in range(max(0, at - _NEAR - 1), min(len(row), at + _NEAR + 2)) if other != at]
    return any(stems[other] in around and row[other].low not in GRAMMAR for other in told)


def _unbound(  # noqa: PLR0911  one return a bond
    place: Place, at: int, row: Sequence[Token], stems: tuple[str, ...], known: Evidence
) -> str:
    """What the word has lost of what it is bound to at `place`, or ""."""
    source = known.sources[place.source]
    token = row[at]
    if place.before and not _keeps_before(place.before, at, row, stems):
        return f'is denied in its fact by "{place.before}"'
    if place.name and not _named_whole(place.name, at, row, stems):
        return "is part of the brand's name in its fact"
    if place.after and place.after not in stems[at + 1 : at + 4]:
        return f'is part of "{token.low} {place.after}" in its fact'
    if (
        place.target
        and token.zone not in ("use", "question", "opening")
        and not _is_targeting(at, row)
        and not _apposed(at, row, stems, known)
    ):
        return "is what the item is for, not what it is"
    if place.part and not _tells_part(place.part, at, row, stems, known.kinds):
        return f"is said of the {place.part} in its fact"
    if token.stem in PROOF_STEMS and not source.short and not _near_neighbour(at, row, stems, source.stems, place.at):
        return "stands apart from its company in the fact"
    if token.low in COMPARING and not _ranked(at, stems, source.stems, place.at):
        return "compares, and its fact does not say so of this"
    if (token.stem in COLOUR_STEMS or token.stem in MATERIAL_STEMS) and _on_wrong_part(
        token.stem, at, row, stems, known
    ):
        return "is not said of this part"
    if _joins_strangers(at, row, stems, known):
        return "is said of another part in the facts"
    return ""


def _joins_strangers(at: int, row: Sequence[Token], stems: tuple[str, ...], known: Evidence) -> bool:
    """Whether a word stands right before a part that no fact has near it ("steel straw" of a steel cup with straw)."""
    if at + 1 >= len(row) or row[at + 1].gap not in (" ", "-") or stems[at + 1] not in _ATTACHED:
        return False
    if row[at].low in FREE or stems[at] in _ATTACHED or row[at].text[:1].isdigit():
        return False
    compound = at + 2 < len(row) and row[at + 2].gap in (" ", "-") and stems[at + 2] in known.places
    theirs = known.places.get(stems[at + 1], ())
    if not theirs or compound or stems[at + 1] in known.heads:  # the item itself, or part of a longer name
        return False
    mine = known.places.get(stems[at], ())
    return not any(_stand_together(own, other, known) for own in mine for other in theirs)


def _stand_together(own: Place, other: Place, known: Evidence) -> bool:
    """Whether two words stand near each other in one fact, with no "with" or "for" between."""
    if own.source != other.source or abs(own.at - other.at) > _REACH:
        return False
    first, last = sorted((own.at, other.at))
    return not {"with", "for"} & set(known.sources[own.source].stems[first + 1 : last])


def _keeps_before(before: str, at: int, row: Sequence[Token], stems: tuple[str, ...]) -> bool:
    """Whether the denying word stands before the word, at most with grammar between ("low in sodium")."""
    if at and stems[at - 1] == before:
        return True
    return at > 1 and stems[at - 2] == before and row[at - 1].low in ("in", "of", "on", "added")


def _named_whole(name: tuple[str, ...], at: int, row: Sequence[Token], stems: tuple[str, ...]) -> bool:
    """Whether the brand is said as a name: a capital where it is one word, else a word of it beside another."""
    if len(name) == 1:
        return row[at].text[:1].isupper() or all(token.text.islower() for token in row if token.text.isalpha())
    here = name.index(stems[at])
    before = here > 0 and at > 0 and stems[at - 1] == name[here - 1]
    after = here + 1 < len(name) and at + 1 < len(stems) and stems[at + 1] == name[here + 1]
    return (
        before
        or after
        or (row[at].text[:1].isupper() and at > 0 and len(row[at].text) > 3 and stems[at] not in RISKY_STEMS)
    )


def _apposed(at: int, row: Sequence[Token], stems: tuple[str, ...], known: Evidence) -> bool:
    """Whether what the item is for stands alone behind a comma after its kind ("Clear case, Quanta 12")."""
    begin = at
    while (
        begin > 0 and row[begin].gap == " " and row[begin - 1].text[:1].isupper() and row[begin - 1].low not in GRAMMAR
    ):
        begin -= 1
    end = at + 1
    while end < len(row) and row[end].gap == " " and (row[end].text[:1].isupper() or row[end].text.isdigit()):
        end += 1
    alone = end >= len(row) or row[end].gap != " "
    return begin > 0 and row[begin].gap.strip() == "," and alone and any(s in known.heads for s in stems[:begin])


def _ranked(at: int, stems: tuple[str, ...], source: tuple[str, ...], place: int) -> bool:
    """A ranking word keeps the word behind it, or the one before where it ends its fact."""
    after = stems[at + 1] if at + 1 < len(stems) else ""
    before = stems[at - 1] if at else ""
    return (place + 1 < len(source) and source[place + 1] == after) or (place > 0 and source[place - 1] == before)


def _is_targeting(at: int, row: Sequence[Token]) -> bool:
    for back in range(at - 1, max(-1, at - 8), -1):
        if row[back].low in _TARGETS:
            return True
        if row[back + 1].gap.strip() in (";", ".", ":"):
            return False
    return False


def _tells_part(part: str, at: int, row: Sequence[Token], stems: tuple[str, ...], kinds: frozenset[str]) -> bool:
    near = range(max(0, at - 4), min(len(row), at + 5))
    if any(stems[other] == part for other in near):
        return True
    after = next(
        (
            stems[other]
            for other in range(at + 1, min(len(row), at + 3))
            if stems[other] not in COLOUR_STEMS | MATERIAL_STEMS
        ),
        "",
    )
    return part in _LOOSE_PARTS and after not in PART_STEMS and not (after in kinds and stems[at] in MATERIAL_STEMS)


_LOOSE_PARTS: Final = frozenset(
    map(stem, ("shade", "frame", "hardware", "interior", "base", "case", "cord", "fitting", "trim"))
)


def _on_wrong_part(name: str, at: int, row: Sequence[Token], stems: tuple[str, ...], known: Evidence) -> bool:
    """Whether a colour or material stands right before a part that the facts give another one."""
    if at + 1 >= len(row) or row[at + 1].gap not in (" ", "-") or stems[at + 1] not in PART_STEMS:
        return False
    part = stems[at + 1]
    own = {
        s
        for s, places in known.places.items()
        if (s in COLOUR_STEMS or s in MATERIAL_STEMS) and any(p.part == part for p in places)
    }
    return bool(own) and name not in own
