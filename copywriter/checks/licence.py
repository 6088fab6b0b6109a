"""Whether a word that no fact says claims nothing where it stands.

Grammar and small talk are free; an everyday word needs a scene (`scene.py`); a few words are free only beside certain
others ("ready for the weekend" and not "ready meals"). What compares, ranks or speaks in the first person never is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from copywriter.checks import scene
from copywriter.checks.backing import FREE, RISKY_STEMS
from copywriter.checks.evidence import Evidence
from copywriter.checks.finding import Context
from copywriter.checks.scene import Token
from copywriter.lexicon import word_set
from copywriter.lexicon.everyday import TIMES
from copywriter.lexicon.plain import COMPARING, DIMENSIONS, GRAMMAR, PERSONAL, STRETCHES
from copywriter.lexicon.use import CULINARY, EDIBLE
from copywriter.measures import UNITS

SUPERLATIVE: Final = re.compile(
    r"^(?!(?:forest|harvest|rest|test|nest|chest|vest|west|guest|quest|best|interest|request|feast|east|breakfast|post"
    r"|list|most)$)\w{3,}est$"
)
_FOLLOWED: Final[dict[str, frozenset[str]]] = {
    "taste": word_set("for"),
    "easy": word_set("pick"),
    "sold": word_set("as in by singly"),
    "short": word_set("way step hop list trip"),
    "full": frozenset(UNITS),
}
"""Words that are free before these only."""
_PRECEDED: Final[dict[str, frozenset[str]]] = {
    "than": word_set("rather other different"),
    "like": word_set("you may might would you'd could"),
    "well": word_set("as know known"),
}
"""Words that are free behind these only."""
_NOT_AFTER_NOW: Final = word_set("in on only at with and even")
_MADE: Final = word_set("made crafted built constructed woven carved cut cast knitted")
_MADE_AFTER: Final = word_set("of from with in by")
_FITTING: Final = word_set("work works fit fits")
_FAVOURITES: Final = word_set("favourites favorites")
_HARMLESS: Final = word_set("test tests fair home")
"""Everyday words that share a stem with a claim."""
_ALL: Final = word_set("any every all")
_PROPERTIES: Final = word_set("color colour colors colours size sizes shade shades kind kinds style styles")


def is_free(  # noqa: PLR0911  one return a rule
    at: int, row: Sequence[Token], known: Evidence, counted: Sequence[tuple[int, int]], context: Context
) -> bool:
    """Whether the word needs no fact; `counted` are the character ranges of numbers."""
    token = row[at]
    low = token.low
    beside = _beside(at, row, known, counted, context)
    if beside is not None:
        return beside
    if low in PERSONAL or low in COMPARING or SUPERLATIVE.match(low):
        return False
    if _compounded(at, row, counted) and not (low in GRAMMAR and token.gap != "-"):
        return False
    if token.text[:1].isupper() and token.text not in known.capitals and not _may_be_capital(at, row):
        return False
    if low in _MADE and token.zone not in ("order", "act", "question"):
        return _after(at, row) in _MADE_AFTER
    if low in FREE:
        return not (token.stem in RISKY_STEMS and low not in GRAMMAR)
    return _in_scene(at, row, known)


def _beside(  # noqa: PLR0911  one return a rule
    at: int, row: Sequence[Token], known: Evidence, counted: Sequence[tuple[int, int]], context: Context
) -> bool | None:
    """What the words beside it decide, or None where they decide nothing."""
    token, low, after = row[at], row[at].low, _after(at, row)
    before = row[at - 1].low if at else ""
    if low in _FAVOURITES:
        return any(trait.id == "habit:repeat" for trait in context.traits)
    if low == "more" and after:
        asked = token.zone == "question" and before in ("one", "some", "any", "a")
        return asked or after == "from" or row[at + 1].text in known.capitals
    if low in _FOLLOWED:
        return after in _FOLLOWED[low]
    if low in _PRECEDED:
        return before in _PRECEDED[low]
    if low == "now":
        return bool(context.traits and after) and after not in _NOT_AFTER_NOW
    if low == "know":
        return before in ("you", "to") and any(trait.kind in ("category", "brand") for trait in context.traits)
    if low in ("brand", "brands"):
        return _may_say_brand(before, known, context)
    if low in _ALL and after in _PROPERTIES:
        return False
    if low in _FITTING and not token.zone:
        return any(other.stem in known.places and other.low not in FREE for other in row[at + 1 : at + 4])
    if low in DIMENSIONS and at and _counts(row[at - 1], counted):
        return True
    if low in STRETCHES and any(_counts(other, counted) for other in row[at + 1 : at + 3] if other.gap == " "):
        return True
    return None


def _in_scene(at: int, row: Sequence[Token], known: Evidence) -> bool:
    """Whether the word is an everyday one in the scene around the item."""
    token, low, after = row[at], row[at].low, _after(at, row)
    if low == "ready":
        return token.zone == "question" or after in ("for", "to")
    if low == "new" and token.zone == "question":
        return after in scene.NOUNS
    if token.stem in RISKY_STEMS and low not in _HARMLESS and not (token.zone == "question" and low in scene.NOUNS):
        return False
    return scene.licensed(
        token,
        list(row),
        at,
        edible=bool(known.kinds & EDIBLE),
        culinary=bool(known.kinds & CULINARY),
        implied=token.stem in known.implied,
    )


def _after(at: int, row: Sequence[Token]) -> str:
    return row[at + 1].low if at + 1 < len(row) else ""


def _counts(token: Token, counted: Sequence[tuple[int, int]]) -> bool:
    return any(start <= token.start < end for start, end in counted)


def _may_say_brand(before: str, known: Evidence, context: Context) -> bool:
    """Whether "brand" is told of a trait ("a brand you often pick") or a label ("store brand"); no "name brand"."""
    told = [trait.value for trait in context.traits if trait.kind == "brand"]
    if before == "store":
        return "store brand" in told or any(source.fact.kind == "label" for source in known.sources)
    return bool(told) and before in ("a", "the", "this", "that", "your")


def _compounded(at: int, row: Sequence[Token], counted: Sequence[tuple[int, int]]) -> bool:
    """Whether the word is part of a hyphenated one: "quick-dry" claims more than its parts; "two-pack" counts."""
    if row[at].gap == "-" and not _counts(row[at - 1], counted):
        return True
    return at + 1 < len(row) and row[at + 1].gap == "-" and not _counts(row[at + 1], counted)


def _may_be_capital(at: int, row: Sequence[Token]) -> bool:
    token = row[at]
    if at == 0 or row[at - 1].sentence != token.sentence or any(sign in token.gap for sign in ':–—"('):
        return True
    shouted = sum(other.text.isupper() for other in row if len(other.text) > 1) > len(row) // 2
    return shouted or token.low in GRAMMAR or token.low in TIMES
