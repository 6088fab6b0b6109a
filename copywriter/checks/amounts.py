"""Every number of a pitch is a number of the item: same value, same unit or a right conversion, of the same thing.

A count belongs to its noun ("24 spools" is no "24 pieces"), a measure to its dimension, a bound ("up to") to a fact
that bounds. Ratings are said as they are, and only where enough people rated.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import combinations_with_replacement
from typing import Final

from copywriter import measures, words
from copywriter.checks.evidence import AGE, GENERIC_STEMS, PART_STEMS, SHAPE, Amount, Evidence
from copywriter.checks.finding import Finding
from copywriter.facts import FactSheet
from copywriter.lexicon import word_set
from copywriter.lexicon.plain import GRAMMAR, TALK
from copywriter.measures import Measure
from copywriter.stems import stem

_RATING: Final = re.compile(
    r"(?P<stars>\d(?:\.\d+)?)(?:\s*(?:out of|of)\s*(?:5|five)\b(?:\s*stars?)?|/5 stars?|[ -]*stars?\b)"
    r"|\b(?:rated|rating of|a)\s+(?P<rated>\d\.\d+)(?=\s*(?:$|[.,;:!)]|by\b|from\b|and\b|is\b))", re.I,
)  # fmt: skip
_COUNTED_RATINGS: Final = re.compile(
    r"(?P<bound>over|more than|nearly|almost|about)?\s*(?<![\w.,])(?P<n>\d[\d,]*)\s+(?:ratings?|reviews?"
    r"|people|buyers|customers|shoppers)\b",
    re.I,
)
_BOUND: Final = re.compile(
    r"\b(?P<b>up to|over|under|more than|less than|fewer than|at least|at most|as (?:little|much|many|few) as"
    r"|no more than"
    r"|above|below|only|just|nearly|almost|starting (?:at|from)|minimum(?: of)?|maximum(?: of)?)\s*$",
    re.I,
)  # fmt: skip
_ABOUT: Final = re.compile(r"\b(?:about|around|approx\.?|approximately|roughly|some|ca\.)\s*\(?$", re.I)
_SKIPPED: Final = word_set("of a an the per to in by with for and or them it each full whole more other is are")
_ONE_UNITS: Final = re.compile(
    r"\b(?:an?|the|by the|per) (?P<u>pound|kilo|kilogram|gram|ounce|quart|gallon|pint|litre|liter|millilitre"
    r"|yard|metre|meter|inch)"
    r"(?!\w)(?P<half> and a half)?", re.I,
)  # fmt: skip
_APART: Final = re.compile(r"\b\d+(?:\.\d+)? [A-Z]{1,3}\b")
_AROUND: Final = 8
_NEAR: Final = 4
_YEAR: Final = 1900
_VERBS: Final = word_set("com with from that which fit rat mak hold weigh measur hav")
"""Stems that end what a number may count."""
_IDIOM: Final = re.compile(r"one (?:day|minute|half|way|side|end|hand|answer|more|line|step|place|basket|of)\b", re.I)
_PAIRING: Final = re.compile(r"(?:pairs?|couples?|doubles?) (?:the|your|it|them|up|with|a|an)\b", re.I)
"""The verb, not the number."""
_EXACT: Final = frozenset(("count",))
"""What is counted by this word is told from packs of it ("33-Count (Pack of 2)")."""
_COUNTED_PAIRS: Final = re.compile(
    r"(?:\d|\b(?:two|three|four|five|six|seven|eight|nine|ten|twelve|dozen|twenty))[- ](?:\w+ )?(?:pairs"
    r"|packs?|trios)$",
    re.I,
)
_FOR: Final = re.compile(r"\b(?:for|sleeps|seats|serves|feeds)\s*$", re.I)
_SERVED: Final = frozenset(map(stem, word_set("person player seat serving guest sleeper berth adult")))
"""What "for two" counts."""
_WORDS: Final = GRAMMAR | TALK
_SHAPE: Final = frozenset((SHAPE,))
_WORN_IN_PAIRS: Final = frozenset(
    map(
        stem,
        [
            "glove",
            "sock",
            "shoe",
            "boot",
            "slipper",
            "sandal",
            "sneaker",
            "earring",
            "scissors",
            "pants",
            "jeans",
            "trousers",
            "leggings",
            "glasses",
            "mitten",
        ],
    )
)
MIN_SHARE: Final = 0.8
"""A bound on the number of ratings ("over 3,000") is at least this share of it."""


@dataclass(slots=True)
class Counted:
    """What the numbers of a text rest on: findings, character ranges read, facts cited."""

    findings: list[Finding] = field(default_factory=list)
    spans: list[tuple[int, int]] = field(default_factory=list)
    fact_ids: set[str] = field(default_factory=set)


def check(text: str, sheet: FactSheet, known: Evidence) -> Counted:
    """Compare the numbers of `text` with those of `known`."""
    told = Counted()
    _ratings(text, sheet, told)
    _codes(text, known, told)
    title = sheet.text_of("title").lower()
    for one in _said(text):
        if any(start <= one.start < end for start, end in told.spans):
            continue
        if not one.unit and (shape := measures.shape_at(text, one.start)):
            told.spans.append((one.start, one.end))
            if shape not in known.shapes:
                _fault(told, one.start, one.end, text, "is a size that no fact of the item has")
            else:
                told.fact_ids.add(known.shapes[shape])
            continue
        told.spans.append((one.start, one.end))
        if _IDIOM.match(text, one.start):
            continue
        if one.group and (_PAIRING.match(text, one.start) or _COUNTED_PAIRS.search(text[: one.end])):
            continue
        bound = _BOUND.search(text[: one.start])
        fact_id = _backing(one, text, known)
        if fact_id and bound and not _may_bound(bound, one, text, title, known):
            _fault(told, bound.start("b"), one.end, text, "bounds an amount that no fact bounds")
        elif fact_id:
            told.fact_ids |= {fact_id, *_stated(one, sheet)}
        elif fact_id is None:
            _fault(told, one.start, one.end, text, "matches no amount in the item's facts")
    return told


def _stated(one: Measure, sheet: FactSheet) -> set[str]:
    """The ids of the amounts among the facts that say the same as `one`."""
    facts = [fact for fact in sheet.facts if fact.kind in ("count", "quantity")]
    return {
        fact.id
        for fact in facts
        if (not one.unit and fact.kind == "count" and fact.value == one.value)
        or any(one.unit and other.unit and measures.same(one, other) for other in measures.read(fact.text))
    }


def _fault(told: Counted, start: int, end: int, text: str, why: str) -> None:
    told.findings.append(Finding("grounding.number", (start, end), "repair", f'"{text[start:end]}" {why}'))


def _said(text: str) -> Iterator[Measure]:
    """Numbers of `text`, and units that an article counts ("a pound of")."""
    found = list(measures.read(text))
    for match in _ONE_UNITS.finditer(text):
        if match["half"]:
            found = [one for one in found if not match.start() <= one.start < match.end()]
        if not any(one.start <= match.start("u") < one.end for one in found):
            value = 1.5 if match["half"] else 1.0
            unit = match["u"].lower()
            dimension, factor = measures.UNITS[unit]
            found.append(
                Measure(
                    value, unit, dimension, value * factor, match.start(), match.end(), "1.5" if match["half"] else "1"
                )
            )
    yield from sorted(found, key=lambda one: one.start)


def _ratings(text: str, sheet: FactSheet, told: Counted) -> None:
    stars = next(iter(sheet.of_kind("rating")), None)
    count = next(iter(sheet.of_kind("ratings")), None)
    for match in _RATING.finditer(text):
        told.spans.append(match.span())
        value = float(match["stars"] or match["rated"])
        if stars is None:
            _fault(told, *match.span(), text, "is a rating that too few people gave, or none")
        elif stars.value != value:
            _fault(told, *match.span(), text, "is not the item's rating")
        else:
            told.fact_ids.add(stars.id)
    for match in _COUNTED_RATINGS.finditer(text):
        value = float(match["n"].replace(",", ""))
        true = float(count.value) if count is not None and isinstance(count.value, (int, float)) else 0.0
        over = (match["bound"] or "").lower()
        fits = MIN_SHARE * true <= value <= true if over in ("over", "more than") else value == true
        told.spans.append(match.span())
        if count is None or not fits or not re.search(r"rating|review", match.group(), re.I):
            _fault(told, *match.span(), text, "is not the number of the item's ratings")
        else:
            told.fact_ids.add(count.id)


def _codes(text: str, known: Evidence, told: Counted) -> None:
    """Model names and the like: known as they stand, or no code but a number with its unit."""
    for apart in _APART.finditer(text):  # "2700 K" of "2700K"
        if (code := apart.group().replace(" ", "").lower()) in known.codes:
            told.spans.append(apart.span())
            told.fact_ids.add(known.codes[code])
    for code, start, end in measures.codes(text):
        if code in known.codes:
            told.spans.append((start, end))
            told.fact_ids.add(known.codes[code])
        elif re.match(r"[^\W\d_]", code) and not _is_phrase(code):
            told.spans.append((start, end))
            _fault(told, start, end, text, "is a code that no fact of the item has")


def _is_phrase(code: str) -> bool:
    """Whether a hyphenated word merely holds a number ("pack-of-6")."""
    return (
        "-" in code and all(part.isdigit() or part.isalpha() for part in code.split("-")) and len(code.split("-")) > 2
    )


def _may_bound(bound: re.Match[str], one: Measure, text: str, title: str, known: Evidence) -> bool:
    said = " ".join(text[bound.start("b") : one.end].lower().split())
    if said in title:
        return True
    stated = any(
        a.bound and a.measure.dimension == one.dimension and a.measure.value == one.value for a in known.amounts
    )
    rated = one.dimension in ("pressure", "resolution", "power", "rate", "frequency")
    if rated and bound["b"].lower() in ("up to", "maximum of"):
        return True
    return bound["b"].lower() in ("up to", "maximum of", "at most") and stated


def _backing(one: Measure, text: str, known: Evidence) -> str | None:
    """The id of the fact with this number; "" where the word counts nothing; None where no fact has it."""
    if AGE.search(text[: one.start]):
        aged = [
            a
            for a in known.amounts
            if a.measure.dimension == "time" or a.before == "age" or "age" in a.nouns or "ag" in a.nouns
        ]
        return _valued(one.value, aged)
    after = [noun for noun, apart in _following(text, one.end) if noun not in _SKIPPED]
    if one.unit and one.dimension != "age":
        return _measure_backing(one, text, after, known)
    if "." in one.text and (stated := _valued(one.value, [a for a in known.amounts if not a.measure.unit])):
        return stated  # a version
    return _neighbour(one, text, known) or _count_backing(one, text, after, known)


def _following(text: str, end: int) -> list[tuple[str, bool]]:
    """Stems behind a number up to a sign or the next number; an apart word ends the list."""
    rest = [other for other in measures.read(text[end:]) if not other.group and (other.unit or "." not in other.text)]
    limit = end + min((other.start for other in rest), default=len(text) - end)
    found: list[tuple[str, bool]] = []
    for noun, apart in measures.content_after(text[:limit], end, _AROUND):
        if apart or noun in _VERBS:
            break
        found.append((noun, apart))
    return found


def _measure_backing(one: Measure, text: str, after: list[str], known: Evidence) -> str | None:
    loose = bool(_ABOUT.search(text[: one.start]))
    fitting = [a for a in known.amounts if a.measure.unit and measures.same(one, a.measure, loose=loose)]
    part = next((noun for noun in after[:3] if noun in PART_STEMS), "")
    if part:
        own = [a for a in known.amounts if part in a.nouns and a.measure.dimension == one.dimension]
        fitting = [a for a in fitting if not own or a in own]
    if fitting:
        return fitting[0].fact_id
    packs = [a.measure.value for a in known.amounts if not a.measure.unit and _is_count(a)]
    for amount in known.amounts:  # six litres are 6 x 1 L
        weighed = one.dimension in ("mass", "volume") and amount.measure.dimension == one.dimension
        if weighed and any(abs(amount.measure.base * n - one.base) < 1e-3 * one.base for n in packs if n > 1):
            return amount.fact_id
    if one.dimension == "time" and one.value >= _YEAR:
        return _valued(one.value, [a for a in known.amounts if not a.measure.unit])
    if one.dimension == "resolution":
        own = [a for a in known.amounts if not a.measure.unit and set(after) & a.nouns]
        return _valued(one.value, own)
    if (
        one.unit in ("percent", "cup", "cups", "tbsp", "tsp", "second", "degree", "degrees")
        or not one.text[:1].isdigit()
    ):
        return _count_backing(one, text, after, known) if one.unit in ("cup", "cups") else None
    return None


def _neighbour(one: Measure, text: str, known: Evidence) -> str | None:
    """A fact that has the same number beside the same word ("shade 14", "Quanta 12", "No. 8")."""
    head = words.split(text[max(0, one.start - 40) : one.start])
    before = stem(head[-1].text) if head and not re.search(r"[,;:!?]\s*$", text[: one.start]) else ""
    after = next((noun for noun, apart in measures.content_after(text, one.end, 1) if not apart), "")
    ahead = {noun for noun, _ in _following(text, one.end)[:_NEAR]}
    for amount in known.amounts:
        if amount.measure.unit or abs(amount.measure.value - one.value) > 1e-6:
            continue
        if before and before not in _SKIPPED and (before == amount.before or before in amount.nouns):
            return amount.fact_id
        if amount.before in ahead and not amount.nouns and len(one.text) > 2:
            return amount.fact_id
        if after and after not in _SKIPPED and after in amount.nouns and not one.group:
            return amount.fact_id
    return None


def _is_count(amount: Amount) -> bool:
    return bool(amount.nouns & GENERIC_STEMS) and not amount.nouns & _SHAPE


def _count_backing(one: Measure, text: str, after: list[str], known: Evidence) -> str | None:  # noqa: PLR0911  one return a rule
    unitless = [a for a in known.amounts if not a.measure.unit]
    low = one.text.lower()
    if low in ("once", "twice", "thrice"):
        return ""
    if low == "one":
        own = [a for a in unitless if after and after[0] in a.nouns and not a.nouns & GENERIC_STEMS]
        return (_valued(1.0, own) or None) if own else ""
    if low in ("pair", "pairs") and known.kinds & _WORN_IN_PAIRS and (low == "pair" or not after):
        own = [a for a in unitless if "pair" in a.nouns]
        return "" if not own or _valued(1.0, own) else None
    if one.group and stem(low) in known.places:
        return known.sources[known.places[stem(low)][0].source].fact.id
    for noun in after:
        own = [a for a in unitless if noun in a.nouns]
        if noun in GENERIC_STEMS and not (own and noun in _EXACT):
            own = [a for a in unitless if _is_count(a)]
        if own and noun in known.heads and (whole := _valued(one.value, [a for a in unitless if _is_count(a)])):
            return whole
        if own:
            return _valued(one.value, own) or (_product(one.value, unitless) if noun in GENERIC_STEMS else None)
    generic = [a for a in unitless if _is_count(a)]
    named = [noun for noun in after if noun in known.kinds]
    if after and not named and not any(noun in known.places for noun in after):
        return _valued(one.value, generic)
    if not after and _hangs(one, text, known):
        return None
    if not after and _FOR.search(text[: one.start]):
        return _valued(one.value, [a for a in unitless if a.nouns & _SERVED])
    if not after:
        return _valued(one.value, unitless) or _product(one.value, generic)
    return _valued(one.value, generic) or _product(one.value, generic) or _first_number(one, unitless, text, known)


def _hangs(one: Measure, text: str, known: Evidence) -> bool:
    """Whether a number stands right behind a word that it would name ("black 22") and counts nothing."""
    head = words.split(text[: one.start])
    if not head or text[head[-1].end : one.start].strip(" -"):
        return False
    return stem(head[-1].text) in known.places and head[-1].text.lower() not in _WORDS


def _first_number(one: Measure, unitless: list[Amount], text: str, known: Evidence) -> str | None:
    """A number that a fact states alone, without anything it counts."""
    return _valued(one.value, [a for a in unitless if not a.nouns and not a.before])


def _valued(value: float, amounts: list[Amount]) -> str | None:
    return next((a.fact_id for a in amounts if abs(a.measure.value - value) < 1e-6), None)


def _product(value: float, amounts: list[Amount]) -> str | None:
    counts = [a for a in amounts if a.measure.value > 1]
    for one, other in combinations_with_replacement(counts, 2):
        if (
            one is not other
            and one.fact_id == other.fact_id
            and abs(one.measure.value * other.measure.value - value) < 1e-6
        ):
            return one.fact_id
    return None
