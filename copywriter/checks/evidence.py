"""What a fact sheet backs, word by word: where each word stands, what it is bound to there, and what is denied.

Built once a sheet. A title's words mean something together: "oil free lotion" backs "oil free" and not "oil", "ink for
HP" backs "for HP" and not "HP ink", "black handle" backs a black handle and not black scissors.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from copywriter import measures, words
from copywriter.facts import Fact, FactSheet
from copywriter.lexicon import word_set
from copywriter.lexicon.en import NEGATING_AFTER, NEGATING_BEFORE, TARGETING
from copywriter.lexicon.everyday import EVENTS
from copywriter.lexicon.materials import COLOURS, MATERIALS
from copywriter.lexicon.synonyms import FOLLOWS, NATIONS
from copywriter.lexicon.use import IMPLIED_BY_KIND, PARTS
from copywriter.measures import Measure
from copywriter.stems import stem

_SPOKEN: Final = ("title", "brand", "label", "category", "attribute", "colour", "material", "rating")
_UNSPOKEN_KEYS: Final = frozenset(("brand type",))
_NOTHING: Final = re.compile(
    r"\s*(?:no|none|n/?a|false|0|zero|not included|not applicable|without|nil|-+|free)\s*$|.*\bnot included\b", re.I
)
_YES: Final = frozenset(("yes", "true", "y", "included"))
_LACKS: Final[dict[str, tuple[str, ...]]] = {
    "unsweetened": ("sugar", "sweetener", "sweeteners"),
    "unscented": ("scent", "perfume"),
    "unsalted": ("salt",),
    "decaf": ("caffeine",),
    "decaffeinated": ("caffeine",),
    "unbleached": ("bleach", "bleached"),
    "cordless": ("cord", "cords"),
    "wireless": ("wire", "wires", "cable"),
    "seamless": ("seam", "seams"),
    "sleeveless": ("sleeve", "sleeves"),
    "strapless": ("strap", "straps"),
    "frameless": ("frame",),
    "hoodless": ("hood",),
    "crustless": ("crust",),
    "meatless": ("meat",),
    "boneless": ("bone", "bones"),
    "seedless": ("seed", "seeds"),
    "alcohol-free": ("alcohol",),
}
"""Words that deny something."""
_ORIGIN_KEY: Final = re.compile(r"\b(?:origin|made in|country|manufactured)\b", re.I)
_SIZES: Final = {
    "XXL": "extra-extra-large",
    "XL": "extra-large",
    "L": "large",
    "M": "medium",
    "S": "small",
    "XS": "extra-small",
}
_STOPS: Final = re.compile(r"[,;:()\[\]|]|\s[-–—]\s")
_LABEL: Final = re.compile(
    r"\b(?:no\.?|number|size|sz|shade|grade|style|model|type|vol\.?|volume|episode|level|stage)\s*$|#\s*$", re.I
)
"""Before a number: it is a name and counts nothing."""
AGE: Final = re.compile(r"\bage[sd]?(?: from)?\s+(?:[\w.]+\s*(?:-|–|to|and)\s*)?$", re.I)
_BOUNDS: Final = re.compile(r"\b(?:max|maximum|up to|limit|capacity|battery|burn time|range)\b", re.I)
_BOUNDED: Final = frozenset(map(stem, ("capacity", "limit", "load", "max", "maximum", "range")))
"""What makes an amount a bound: it may be said with "up to"."""
_TARGET_REACH: Final = 6
PART_STEMS: Final = frozenset(map(stem, PARTS))
_TARGETING: Final = TARGETING - {"with", "by", "works"}
_BINDERS: Final = frozenset(map(stem, COLOURS | MATERIALS))
_BEFORE: Final = frozenset(map(stem, NEGATING_BEFORE)) | {"without", "zero"}
_AFTER: Final = frozenset(map(stem, NEGATING_AFTER - {"less"}))
GENERIC_STEMS: Final = frozenset(
    map(stem, word_set("pack box case set piece count carton bundle total unit quantity each lot pcs number bag"))
)
SHAPE: Final = "x"
"""Among what a number counts: it is a side of a size without unit ("8x10") and counts nothing."""
_COUNT_KEYS: Final = frozenset(
    map(stem, word_set("count quantity piece pieces pack units amount number contents pair sheets total items qty"))
)


@dataclass(frozen=True, slots=True)
class Place:
    """One occurrence of a word: its source and index there, and what it may not be parted from."""

    source: int
    at: int
    before: str = ""
    after: str = ""
    target: bool = False
    part: str = ""
    name: tuple[str, ...] = ()
    """The brand in whose name it stands: said whole, or not as the brand's word."""


@dataclass(frozen=True, slots=True)
class Source:
    """The words of one fact. `short`: few enough to be said apart."""

    fact: Fact
    stems: tuple[str, ...]
    short: bool


@dataclass(frozen=True, slots=True)
class Amount:
    """A number of a fact, with the stems of what it counts and of the word before it."""

    measure: Measure
    fact_id: str
    nouns: frozenset[str]
    before: str
    bound: bool
    """Whether it may only be said with "up to" or the like, as the fact does."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """All a sheet backs."""

    sources: tuple[Source, ...]
    places: Mapping[str, tuple[Place, ...]]
    implied: Mapping[str, str]
    """Stem -> id of the fact from which it follows."""
    denied: Mapping[str, str]
    """Stem -> id of the fact that says the item has none of it."""
    codes: Mapping[str, str]
    shapes: Mapping[str, str]
    amounts: tuple[Amount, ...]
    capitals: frozenset[str]
    kinds: frozenset[str]
    """Stems of category and title: what the item is."""
    heads: frozenset[str]
    """Stems of the narrowest category."""


@lru_cache(maxsize=4096)
def evidence(sheet: FactSheet) -> Evidence:
    """Read `sheet`; remembered, as templates ask for the same sheet many times."""
    sources: list[Source] = []
    places: defaultdict[str, list[Place]] = defaultdict(list)
    denied: dict[str, str] = {}
    implied: dict[str, str] = {}
    codes: dict[str, str] = {}
    shapes: dict[str, str] = {}
    amounts: list[Amount] = []
    brand = tuple(stem(word.text) for word in words.split(sheet.text_of("brand")))
    for fact in sheet.facts:
        if fact.kind in ("colour", "material") and fact.source == "title":
            continue  # the title has the word with its company
        if fact.kind not in _SPOKEN or (fact.kind == "attribute" and fact.value in _UNSPOKEN_KEYS):
            continue
        key = str(fact.value) if fact.kind == "attribute" else ""
        if key and _NOTHING.match(fact.text):
            denied |= dict.fromkeys((stem(word.text) for word in words.split(key)), fact.id)
            places["not" if "not" in fact.text.lower() else "no"].append(Place(len(sources), 0))
        _read(fact, key, len(sources), places, brand)
        for word in words.split(fact.text):
            denied |= dict.fromkeys(map(stem, _LACKS.get(word.text.lower(), ())), fact.id)
        _imply(fact, key, implied)
        sources.append(_source(fact, key))
        if fact.kind in ("title", "attribute", "brand"):
            codes |= {code: fact.id for code, _, _ in measures.codes(f"{key} {fact.text}")}
            shapes |= dict.fromkeys(measures.shapes(fact.text), fact.id)
            amounts += _amounts(fact, key)
    for fact in sheet.of_kind("category"):
        for word in words.split(fact.text):
            implied |= {said: fact.id for said in IMPLIED_BY_KIND.get(stem(word.text), ()) if said not in implied}
    for word in words.split(sheet.text_of("title")):
        implied |= {said: "title" for said in IMPLIED_BY_KIND.get(stem(word.text), ()) if said not in implied}
    kinds = {stem(w.text) for f in sheet.facts if f.kind in ("title", "category") for w in words.split(f.text)}
    capitals = {w.text for f in sheet.facts for w in words.split(f.text) if w.text[:1].isupper()}
    return Evidence(
        sources=tuple(sources),
        places={key: tuple(found) for key, found in places.items()},
        implied=implied,
        denied=denied,
        codes=codes,
        shapes=shapes,
        amounts=tuple(amounts),
        capitals=frozenset(capitals),
        kinds=frozenset(kinds),
        heads=frozenset(stem(word.text) for word in words.split(sheet.path[-1] if sheet.path else "")),
    )


def _said(fact: Fact, key: str) -> str:
    """The fact's text with its key on both sides: "lavender scent" and "scent of lavender"."""
    if not key:
        return fact.text
    return f"{key} , {fact.text} , {key}" if fact.text.lower() not in _YES else f"{key} , {key}"


def _source(fact: Fact, key: str) -> Source:
    row = tuple(stem(word.text) for word in words.split(_said(fact, key)))
    return Source(
        fact, row, fact.kind in ("colour", "material", "attribute", "label") and len(words.split(fact.text)) <= 3
    )


def _read(fact: Fact, key: str, source: int, places: defaultdict[str, list[Place]], brand: tuple[str, ...]) -> None:
    text = _said(fact, key)
    found = words.split(text)
    row = [stem(word.text) for word in found]
    starts = [at for at in range(len(row)) if brand and tuple(row[at : at + len(brand)]) == brand]
    named = {at for start in starts for at in range(start, start + len(brand))}
    key_part = next((stem(w.text) for w in words.split(key) if stem(w.text) in PART_STEMS), "")
    for at, word in enumerate(found):
        gap = text[found[at - 1].end : word.start] if at else ","
        follows = text[word.end : found[at + 1].start] if at + 1 < len(found) else ","
        before = row[at - 1] if at and not _STOPS.search(gap) and row[at - 1] in _BEFORE else ""
        after = row[at + 1] if at + 1 < len(row) and not _STOPS.search(follows) and row[at + 1] in _AFTER else ""
        if word.text.lower() in ("free", "proof", "resistant") or row[at] in PART_STEMS or word.text.lower() in EVENTS:
            after = ""
        target = _is_target(at, found, text, row)
        part = _part(at, found, text, row) or (key_part if row[at] != key_part and row[at] in _BINDERS else "")
        places[row[at]].append(Place(source, at, before, after, target, part, brand if at in named else ()))
        if at + 1 < len(row) and follows in (" ", "-"):  # "hair brush" backs "hairbrush"
            joined = (word.text + found[at + 1].text).lower()
            places[joined].append(Place(source, at, before, "", target, ""))


def _is_target(at: int, found: tuple[words.Word, ...], text: str, row: list[str]) -> bool:
    for back in range(at - 1, max(-1, at - 1 - _TARGET_REACH), -1):
        if _STOPS.search(text[found[back].end : found[back + 1].start]):
            return False
        if found[back].text.lower() in _TARGETING and text[found[back].start - 1 : found[back].start] != "-":
            return back > 0
        plural = found[back].text.lower().endswith("s") and not found[back].text.lower().endswith("ss")
        if plural and row[back + 1] not in ("and", "or") and "&" not in text[found[back].end : found[back + 1].start]:
            return False
    return False


def _part(at: int, found: tuple[words.Word, ...], text: str, row: list[str]) -> str:
    """The part that a colour or a material is said of in the same run ("black handle")."""
    if row[at] not in _BINDERS:
        return ""
    for forward in range(at + 1, min(len(found), at + 4)):
        if _STOPS.search(text[found[forward - 1].end : found[forward].start]):
            return ""
        if row[forward] in PART_STEMS:
            return row[forward]
        if row[forward] not in _BINDERS:
            return ""
    return ""


def _imply(fact: Fact, key: str, implied: dict[str, str]) -> None:
    for word in words.split(f"{key} {fact.text}"):
        low = word.text.lower()
        for said in FOLLOWS.get(low, FOLLOWS.get(stem(low), ())):
            implied.setdefault(stem(said), fact.id)
    for match in re.finditer(
        r"(?<![\w'’&-])(XXL|XL|XS|S|M|L)(?![\w'’&-])", fact.text if not key or "size" in key else ""
    ):
        for part in words.split(_SIZES[match[1]]):
            implied.setdefault(stem(part.text), fact.id)
    if key and _ORIGIN_KEY.search(key):
        low = fact.text.lower()
        for place, people in NATIONS.items():
            if place in low or people in low:
                implied |= {stem(place): fact.id, stem(people): fact.id}


def _amounts(fact: Fact, key: str) -> list[Amount]:  # noqa: PLR0912  one branch a form
    text = fact.text
    if not key and (other := _IN.sub(" inches ", text)) != text:  # "12 in Black Frame", "9x6x4 in Set of 2"
        text = other
    bare = re.fullmatch(r"\s*[\d.,]+\s*", text)
    keys = frozenset(stem(word.text) for word in words.split(key))
    unit = key.rsplit(" ", maxsplit=1)[-1].lower() if key else ""
    if bare and unit in measures.UNITS and unit not in ("a", "in", "year"):
        text = f"{text.strip()} {unit}"
    found = measures.read(text)
    coded = measures.codes(text)
    rows: list[Amount] = []
    for at, one in enumerate(found):
        if one.group and one.text.lower() in ("double", "single", "triple", "treble"):
            continue
        if any(start < one.start < end for code, start, end in coded if code[:1].isalpha() and code[:1] != "x"):
            continue
        limit = min((other.start for other in found[at + 1 :] if not other.group), default=len(text))
        nouns = {noun for noun, apart in _until_sign(text, one.end, limit)}
        if slash := re.match(r"\s*/\s*([^\W\d_]+)", text[one.end :]):
            nouns.add(stem(slash[1]))
        joined = at + 1 < len(found) and text[one.end : found[at + 1].start].strip().lower() in ("-", "–", "to", "or")
        if joined and not one.unit and not found[at + 1].unit:  # "2-4 Players"
            nouns |= {noun for noun, _ in _until_sign(text, found[at + 1].end, len(text))}
        if one.group and not one.text.lower().endswith("s"):
            nouns.add("piec")
        head = words.split(text[: one.start])
        before = stem(head[-1].text) if head and not text[head[-1].end : one.start].strip(" -#.") else ""
        if not one.unit and measures.shape_at(text, one.start):
            nouns.add(SHAPE)
        elif (
            text[max(0, one.start - 1) : one.start].lower() == "x" or text[one.end : one.end + 2].strip().lower() == "x"
        ):
            nouns.add("piec")
        if re.search(
            r"\b(?:pack|set|box|case|bag|lot|bundle|can|tin|tube|jar|roll|sleeve|tray|packet|carton|bunch"
            r"|count) of\s*$",
            text[: one.start],
            re.I,
        ):
            nouns.add("pack")
        if _LABEL.search(text[: one.start]) and not nouns & GENERIC_STEMS:
            nouns.clear()
        if AGE.search(text[: one.start]):
            before = "age"
        counted = frozenset(nouns) | (keys if key else frozenset())
        if key and keys & _COUNT_KEYS:
            counted |= {"piec"}
        bound = bool(_BOUNDS.search(f"{key} {text[: one.start]}") or counted & _BOUNDED)
        if one.unit == "m" and re.match(r"\d+(?:-\d+)?M\b", text[one.start :]):  # "6-9M": months, if of a child
            months = replace(one, unit="months", dimension="time", base=2592000.0 * one.value)
            rows.append(Amount(months, fact.id, frozenset(), before, False))
        if _IN.search(fact.text) and one.unit == "inches":  # "4 in Set": perhaps no inches
            rows.append(
                Amount(replace(one, unit="", dimension="", base=one.value), fact.id, frozenset(), before, False)
            )
        rows.append(Amount(one, fact.id, counted, before, bound))
    return rows


_IN: Final = re.compile(r"(?<=\d)(?<!of \d)(?<!of \d\d) in (?=[A-Z])")


def _until_sign(text: str, start: int, limit: int) -> list[tuple[str, bool]]:
    found: list[tuple[str, bool]] = []
    for noun, apart in measures.content_after(text[:limit], start, 3):
        if apart or noun in ("with", "for", "by"):
            break
        found.append((noun, apart))
    return found
