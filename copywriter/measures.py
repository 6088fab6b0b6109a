"""Every number of a text, in digits or in letters, with the unit it counts where it names one.

`quantities.parse` reads what a fact is and leaves out whatever is ambiguous; here nothing is left out, because a
number of a pitch that nobody could read would be a number that nobody checked.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from copywriter import words
from copywriter.lexicon import word_set
from copywriter.stems import stem

_UNIT_ROWS: Final = (
    ("mass", 1.0, "g gram grams gramme grammes gr"),
    ("mass", 1000.0, "kg kgs kilo kilos kilogram kilograms"),
    ("mass", 0.001, "mg milligram milligrams"),
    ("mass", 28.349523, "oz ozs ounce ounces"),
    ("mass", 453.59237, "lb lbs pound pounds"),
    ("volume", 1.0, "ml milliliter milliliters millilitre millilitres cc"),
    ("volume", 10.0, "cl"),
    ("volume", 1000.0, "l liter liters litre litres ltr"),
    ("volume", 29.573530, "floz"),
    ("volume", 473.17647, "pint pints"),
    ("volume", 946.35295, "qt qts quart quarts"),
    ("volume", 3785.4118, "gal gals gallon gallons"),
    ("volume", 236.588, "cup cups"),
    ("volume", 14.7868, "tbsp tablespoon tablespoons"),
    ("volume", 4.92892, "tsp teaspoon teaspoons"),
    ("length", 1.0, "mm millimeter millimeters millimetre millimetres"),
    ("length", 10.0, "cm centimeter centimeters centimetre centimetres"),
    ("length", 1000.0, "m meter meters metre metres"),
    ("length", 1e6, "km kilometer kilometers kilometre kilometres"),
    ("length", 25.4, "in inch inches"),
    ("length", 304.8, "ft foot feet"),
    ("length", 914.4, "yd yds yard yards"),
    ("length", 1609344.0, "mile miles mi"),
    ("percent", 1.0, "percent pct"),
    ("power", 1.0, "w watt watts"),
    ("power", 1000.0, "kw kilowatt kilowatts"),
    ("voltage", 1.0, "v volt volts"),
    ("current", 1.0, "a amp amps"),
    ("memory", 1.0, "mb megabyte megabytes"),
    ("memory", 1024.0, "gb gigabyte gigabytes"),
    ("memory", 1048576.0, "tb terabyte terabytes"),
    ("charge", 1.0, "mah"),
    ("energy", 1.0, "wh"),
    ("frequency", 1.0, "hz hertz"),
    ("frequency", 1000.0, "khz"),
    ("frequency", 1e6, "mhz"),
    ("frequency", 1e9, "ghz"),
    ("grammage", 1.0, "gsm"),
    ("resolution", 1.0, "dpi"),
    ("pixels", 1.0, "mp megapixel megapixels"),
    ("light", 1.0, "lm lumen lumens"),
    ("noise", 1.0, "db decibel decibels"),
    ("pressure", 1.0, "psi"),
    ("rate", 1.0, "rpm"),
    ("time", 1.0, "sec secs second seconds"),
    ("time", 60.0, "min mins minute minutes"),
    ("time", 3600.0, "hr hrs hour hours"),
    ("time", 86400.0, "day days"),
    ("time", 604800.0, "week weeks"),
    ("time", 2592000.0, "month months"),
    ("time", 31536000.0, "year years yr yrs"),
    ("age", 1.0, "yo"),
    ("denier", 1.0, "denier"),
    ("temperature", 1.0, "celsius"),
    ("angle", 1.0, "degree degrees deg"),
    ("energy food", 1.0, "calorie calories kcal cal"),
    ("money", 1.0, "dollar dollars cent cents euro euros buck bucks quid usd eur gbp pence penny"),
)
UNITS: Final[dict[str, tuple[str, float]]] = {
    spelling: (dimension, factor) for dimension, factor, row in _UNIT_ROWS for spelling in row.split()
}
"""Spelling -> (dimension, factor to the dimension's base)."""

_SHARED: Final = frozenset(("length", "mass", "volume", "percent", "memory", "power", "time"))
"""Dimensions whose unit behind a row of numbers is the unit of each."""
_COUNTED: Final = word_set(
    "ct pk pc pcs pack packs piece pieces count sheets sheet rolls pairs pr bx ea x ply th st nd rd s pp"
)
_SIGNS: Final = {"%": "percent", '"': "in", "″": "in", "''": "in", "'": "ft", "°": "degree", "+": ""}
_TOKEN = re.compile(
    r"(?P<num>(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:[ -]\d+/\d+(?![\d/]))?(?:/\d+(?![\d/]))?|\.\d+)"
    r"(?P<tail>[^\W\d_]+(?![\w]))?|(?P<code>[^\W_]*\d[^\W_]*(?:[-.][^\W_]*\d[^\W_]*)*)|(?P<word>[^\W\d_]+(?:'[^\W\d_]+)*)"
)
_CODE = re.compile(r"(?<![\w.])(?=[\w-]*\d)(?=[\w-]*[^\W\d_])[^\W_]+(?:-[^\W_]+)*(?![\w])")
_SHAPE = re.compile(
    r"(?<![\w.])\d+(?:\.\d+)?(?:\s?[x×]\s?\d+(?:\.\d+)?)+(?!\s*[^\W\d_])(?![\w.%\"″])|(?<![\w.])\d+x\d+(?![\w.])", re.I
)
_ONES: Final = {word: float(at) for at, word in enumerate(words.TO_TWENTY)}
_TENS: Final = {
    word: 10.0 * at
    for at, word in enumerate(["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"], start=2)
}
_SCALES: Final = {"hundred": 100.0, "hundreds": 100.0, "thousand": 1e3, "thousands": 1e3, "million": 1e6, "dozen": 12.0}
_SCALES_MANY: Final = {"dozens": 12.0, "millions": 1e6, "score": 20.0}
_GROUPS: Final = {
    "pair": 2.0, "pairs": 2.0, "couple": 2.0, "duo": 2.0, "twin": 2.0, "double": 2.0, "dual": 2.0, "trio": 3.0,
    "triple": 3.0, "treble": 3.0, "quartet": 4.0, "quad": 4.0, "quadruple": 4.0, "twice": 2.0, "thrice": 3.0,
    "single": 1.0, "solo": 1.0,
}  # fmt: skip
_PARTS: Final = {
    "half": 0.5, "halves": 0.5, "third": 1 / 3, "thirds": 1 / 3, "quarter": 0.25, "quarters": 0.25, "fifth": 0.2,
    "sixth": 1 / 6, "eighth": 0.125, "eighths": 0.125, "tenth": 0.1, "sixteenth": 0.0625,
}  # fmt: skip
_FILLED = frozenset(("a", "an", "the", "of"))
_REACH: Final = 3


@dataclass(frozen=True, slots=True)
class Measure:
    """A number: its `value`, its `unit` as spelled ("" where none), with dimension and base value, and its place."""

    value: float
    unit: str
    dimension: str
    base: float
    start: int
    end: int
    text: str
    group: bool = False
    """Whether a word such as "pair" or "trio" says it."""

    @property
    def decimals(self) -> int:
        """Digits behind the point."""
        return len(self.text.partition(".")[2].split()[0]) if re.match(r"[\d,]*\.\d", self.text) else 0


@lru_cache(maxsize=8_192)
def read(text: str) -> tuple[Measure, ...]:
    """All numbers of `text`, in order; a unit behind a row of numbers ("7.9 x 4.7 in") is the unit of each."""
    found = list(_numbers(text))
    spelled = [
        _with_unit(one, text, found[at + 1].start if at + 1 < len(found) else len(text)) for at, one in enumerate(found)
    ]
    for at in range(len(spelled) - 2, -1, -1):
        one, after = spelled[at], spelled[at + 1]
        joint = text[one.end : after.start].strip().lower()
        shared = after.dimension in _SHARED and joint in ("x", "×", "by", "-", "–", "to", "and", "/", "or")
        if shared and not one.unit:
            spelled[at] = _measured(one, after.unit, one.end)
    return tuple(spelled)


def codes(text: str) -> tuple[tuple[str, int, int], ...]:
    """(code, start, end) of words that mix letters and digits ("CW-72580", "K2", "64GB")."""
    return tuple(
        (match.group().lower(), match.start(), match.end())
        for match in _CODE.finditer(text)
        if not re.fullmatch(r"\d+(?:x\d+)+", match.group(), re.I) and not _is_counted(match.group().lower())
    )


def _is_counted(code: str) -> bool:
    """Whether it is a number with its unit or its noun ("12ct", "8-piece", "60W") and no name."""
    parts = re.fullmatch(r"[\d.,-]*\d(-?)([^\W\d_]+)(?:-[^\W\d_]+)*", code)
    return parts is not None and (bool(parts[1]) or parts[2] in UNITS or parts[2] in _COUNTED)


def shape_at(text: str, start: int) -> str:
    """The size without a unit ("8x10") in which the number at `start` stands, or ""."""
    return next(
        (
            re.sub(r"\s", "", match.group()).lower()
            for match in _SHAPE.finditer(text)
            if match.start() <= start < match.end()
        ),
        "",
    )


def shapes(text: str) -> tuple[str, ...]:
    """All sizes without a unit in `text`, as one word each."""
    return tuple(re.sub(r"\s", "", match.group()).lower() for match in _SHAPE.finditer(text))


def _numbers(text: str) -> Iterator[Measure]:
    tokens = list(_TOKEN.finditer(text))
    at = 0
    while at < len(tokens):
        token = tokens[at]
        if token["num"]:
            value, end, at = _digits(token), token.end("num"), at + 1
            while (
                at < len(tokens)
                and not token["tail"]
                and _joined(text, end, tokens[at])
                and tokens[at].group().lower() in _SCALES
            ):
                value *= _SCALES[tokens[at].group().lower()]
                end, at = tokens[at].end(), at + 1
            yield _plain(value, token.start(), end, text)
        elif token["word"]:
            spoken = _spoken(text, tokens, at)
            if spoken is None:
                at += 1
                continue
            value, at_end, group = spoken
            yield replace(_plain(value, token.start(), tokens[at_end - 1].end(), text), group=group)
            at = at_end
        else:
            for digits in re.finditer(r"\d+(?:\.\d+)?", token.group()):
                yield _plain(float(digits.group()), token.start() + digits.start(), token.start() + digits.end(), text)
            at += 1


def _joined(text: str, end: int, token: re.Match[str]) -> bool:
    return text[end : token.start()].strip(" -") == ""


def _digits(token: re.Match[str]) -> float:
    raw = token["num"].replace(",", "")
    whole, slash, below = raw.partition("/")
    if not slash:
        return float(whole)
    head, _, above = re.sub("-", " ", whole).rpartition(" ")
    try:
        return (float(head) if head else 0.0) + float(above) / (float(below) or math.inf)
    except ValueError:
        return float("nan")


def _spoken(text: str, tokens: list[re.Match[str]], at: int) -> tuple[float, int, bool] | None:  # noqa: PLR0912  one branch a form
    """(value, index after it, group) of a number in letters that begins at `at`."""
    low = tokens[at].group().lower()
    if low == "dozen" and at and tokens[at - 1].group().lower() in ("baker's", "bakers"):
        return 13.0, at + 1, False
    if low in _GROUPS:
        return _GROUPS[low], at + 1, True
    if low in _SCALES_MANY:
        return _SCALES_MANY[low], at + 1, False
    total, current, seen, end = 0.0, 0.0, False, at
    while (
        end < len(tokens) and tokens[end]["word"] and (end == at or _joined(text, tokens[end - 1].end(), tokens[end]))
    ):
        word = tokens[end].group().lower()
        if word in _TENS and (not seen or current % 100 == 0):
            current += _TENS[word]
        elif word in _ONES and (not seen or (current % 10 == 0 and _ONES[word] < 10) or current % 100 == 0):
            current += _ONES[word]
        elif word in _SCALES:
            current = (current or 1.0) * _SCALES[word]
            if _SCALES[word] >= 1000:
                total, current = total + current, 0.0
        elif word in _PARTS:
            current = (current or 1.0) * _PARTS[word]
            end, seen = end + 1, True
            break
        elif (
            seen
            and word == "and"
            and end + 1 < len(tokens)
            and current >= 100
            and tokens[end + 1].group().lower() in {**_ONES, **_TENS}
        ):
            pass
        else:
            break
        end, seen = end + 1, True
    if not seen:
        return None
    if low == "half" and end == at + 1:  # "half a dozen", "half an ounce"
        further = [token.group().lower() for token in tokens[end : end + 2]]
        if further[:1] in (["a"], ["an"]) and further[1:] == ["dozen"]:
            return 6.0, end + 2, False
    value = total + current
    tail = [token.group().lower() for token in tokens[end : end + 4]]
    if tail[1:4] == ["and", "a", "half"] and tail[0] in UNITS:  # "two pounds and a half"
        value += 0.5
    return value, end, False


def _plain(value: float, start: int, end: int, text: str) -> Measure:
    return Measure(value, "", "", value, start, end, text[start:end])


def _with_unit(one: Measure, text: str, limit: int) -> Measure:  # noqa: PLR0911  one return a rule
    """`one` with the unit that follows it before the next number."""
    if one.group:
        return one
    rest = text[one.end : max(limit, one.end)]
    if fluid := re.match(r"[\s-]*(?:a |an |of an )?(?:fl\.?\s?oz|fluid[ -]ounces?|floz)(?!\w)", rest, re.I):
        return _measured(one, "floz", one.end + fluid.end())
    sign = re.match(r"(?:\s?(%|°)|(\"|″|''|'(?!\w)))", rest)
    if sign and (sign[1] or one.text[-1:].isdigit()):
        return _measured(one, _SIGNS[sign[1] or sign[2]], one.end + sign.end())
    spelled = re.match(r"(?P<gap>[\s-]*(?:(?:of an?|an?|full) )?)(?P<u>[^\W\d_]+)\.?(?![\w])", rest)
    if not spelled:
        return one
    unit = spelled["u"].lower()
    if unit not in UNITS:
        return one
    gap, after = spelled["gap"], rest[spelled.end() :]
    if unit == "in" and (not one.text[-1:].isdigit() or _OF.search(text[: one.start]) or not _is_inches(gap, after)):
        return one
    if len(unit) == 1 and re.match(r"/\s?[A-Za-z]", after):
        return one  # "3.0 w/ Power Adapter"
    if unit == "a" and gap.strip() == "" and gap and not (spelled["u"] == "A" and re.match(r"\s*(?:[,.;)]|$)", after)):
        return one
    if len(unit) == 1 and unit in "agl" and gap.strip("- ") == "" and re.match(r"\s*[A-Za-z]*\s*dozen", after):
        return one
    if unit in ("second", "min") and not one.text[:1].isdigit():
        return one
    return _measured(one, unit, one.end + spelled.end("u"))


_OF = re.compile(r"\b(?:pack|set|box|case|bag|lot|bundle|group|pair)s? of\s*$", re.I)


def _is_inches(gap: str, after: str) -> bool:
    """Whether "in" behind a number is the unit and no preposition: "9 in blades" and "10 in green"."""
    if gap in ("", "-"):
        return True
    if re.match(
        r"\s*(?:$|[.,;:)/]|x\b|by\b|wide\b|long\b|high\b|tall\b|deep\b|thick\b|when\b|each\b|and (?:is|rated)\b|\()",
        after,
    ):
        return True
    following = re.match(r"\s+([^\W\d_]+)", after)
    return following is not None and following[1].lower() not in _NOT_AFTER_INCHES


_NOT_AFTER_INCHES = word_set(
    "a an the one two three four five six all your this black white red blue green gray grey pink purple yellow "
    "orange brown navy teal silver gold assorted total clear matte each every any different mixed set sets"
)


def _measured(one: Measure, unit: str, end: int) -> Measure:
    dimension, factor = UNITS[unit]
    value = one.value + 0.0
    return replace(one, unit=unit, dimension=dimension, base=value * factor, end=end)


def same(said: Measure, fact: Measure, *, loose: bool = False) -> bool:
    """Whether a pitch's measure is a fact's: exact in the same unit, rounded as written in another one."""
    oz = {"oz": "floz", "ounce": "floz", "ounces": "floz"}
    if said.dimension != fact.dimension:
        if {said.dimension, fact.dimension} != {"mass", "volume"}:
            return False
        for fluid, other in ((said, fact), (fact, said)):  # "12 oz" of a drink are fluid ounces
            if other.unit in oz and fluid.dimension == "volume":
                said, fact = (s if s is not other else _measured(other, "floz", other.end) for s in (said, fact))
                break
        else:
            return False
    factor = UNITS[said.unit][1] if said.unit else 1.0
    true = fact.base / factor
    if _canonical(said.unit) == _canonical(fact.unit) and not loose:
        return math.isclose(said.value, true, rel_tol=1e-4)
    tolerance = max(0.5 * 10.0**-said.decimals, 0.015 * true)
    return abs(said.value - true) <= min(tolerance, 0.02 * true) + 1e-9


def _canonical(unit: str) -> tuple[str, float]:
    return UNITS[unit] if unit else ("", 1.0)


def content_after(text: str, end: int, reach: int = _REACH) -> list[tuple[str, bool]]:
    """Stems of the words right behind `end`, each with whether a sign stands before it."""
    found = []
    at = end
    for match in words.WORD.finditer(text, end):
        found.append((stem(match.group()), bool(re.search(r"[,;:.!?()\[\]–|]", text[at : match.start()]))))
        at = match.end()
        if len(found) == reach:
            break
    return found
