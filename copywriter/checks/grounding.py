"""Every content word of a pitch must come from the item's facts: what is not a fact cannot be said.

A word is allowed when it is (1) part of a fact (title, brand, category, attribute, quantity),
(2) part of a used trait's noun, in a sentence that speaks to the shopper, or (3) a word of the
reviewed frames, where `frames` judges what it says with the words beside it. Numbers need the same
amount, risky words the same neighbour, and words that a title negates or targets ("oil free", "for
HP") only count together with that word.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from copywriter import quantities, words
from copywriter.checks.binding import keeps_its_binding, near_neighbour, same_neighbour
from copywriter.checks.finding import Context, Finding
from copywriter.checks.frames import vocabulary
from copywriter.facts import Fact, FactSheet
from copywriter.lexicon.en import FUNCTION, RISKY
from copywriter.lexicon.materials import COLOURS, MATERIALS
from copywriter.naming import spoken_category

_FREE = frozenset(words.lemma(word) for word in FUNCTION) | vocabulary()
_RISKY = frozenset(words.lemma(word) for word in RISKY | MATERIALS)
_COLOURS = frozenset(words.lemma(word) for word in COLOURS)
_MADE_OF = frozenset(("of", "from", "with", "in"))
_YOU = frozenset(("you", "your", "yours"))
_BOUND = re.compile(
    r"\b(?:up to|over|under|about|around|at least|more than|less than|almost|nearly|from) \d[\d.,]*",
    re.I,
)
_SPOKEN_KINDS = ("title", "brand", "label", "category", "attribute", "colour", "material", "rating")


@dataclass(frozen=True, slots=True)
class Grounding:
    """The findings, and the ids of the facts the text rests on."""

    findings: tuple[Finding, ...]
    fact_ids: tuple[str, ...]


def check(text: str, sheet: FactSheet, context: Context) -> list[Finding]:
    """The unsupported words and numbers of `text`."""
    return list(ground(text, sheet, context).findings)


def ground(text: str, sheet: FactSheet, context: Context) -> Grounding:
    """Match every word of `text` to what supports it."""
    found = words.split(text)
    lemmas = tuple(word.lemma for word in found)
    sources = [(fact, _lemmas_of(fact)) for fact in sheet.facts if fact.kind in _SPOKEN_KINDS]
    cited: set[str] = set()
    findings: list[Finding] = []
    covered = _quantities(text, found, sheet, cited, findings)
    of_traits = _trait_words(text, found, context)
    of_categories = _category_words(lemmas, sheet)
    for at, word in enumerate(found):
        if at in covered:
            continue
        if word.is_number:
            backing = _number_backing(at, found, lemmas, sources, sheet)
        else:
            backing = _word_backing(at, lemmas, sources) or of_categories.get(at)
        if backing is not None:
            cited.add(backing.id)
        elif word.is_number:
            findings.append(_finding("number", word, "matches no amount in the item's facts"))
        elif at in of_traits or (word.lemma in _FREE and word.lemma not in _RISKY):
            continue
        else:
            rule = _rule(word, sentence_start=at == 0 or text[: word.start].rstrip()[-1:] in ".!?:")
            findings.append(_finding(rule, word, "is in no fact of the item"))
    findings += _made_of(found, sheet)
    order = [fact.id for fact in sheet.facts if fact.id in cited]
    return Grounding(tuple(findings), tuple(order))


def _lemmas_of(fact: Fact) -> tuple[str, ...]:
    """The fact's words; an attribute is said with its name ("lavender scent")."""
    key = words.lemmas(str(fact.value)) if fact.kind == "attribute" else ()
    return key + words.lemmas(fact.text) + key


def _finding(kind: str, word: words.Word, why: str) -> Finding:
    return Finding(f"grounding.{kind}", (word.start, word.end), "repair", f'"{word.text}" {why}')


def _rule(word: words.Word, *, sentence_start: bool) -> str:
    if word.lemma in _COLOURS:
        return "colour"
    if word.lemma in _RISKY:
        return "claim" if word.text.lower() not in MATERIALS else "material"
    if word.text[:1].isupper() and not sentence_start:
        return "name"
    return "word"


def _quantities(
    text: str,
    found: tuple[words.Word, ...],
    sheet: FactSheet,
    cited: set[str],
    findings: list[Finding],
) -> set[int]:
    """Indexes of words inside stated amounts; each amount must equal a fact's."""
    backed = [
        (one, fact) for fact in sheet.facts if fact.kind in ("count", "quantity") for one in quantities.parse(fact.text)
    ]
    shapes = {one.dimension for one, _ in backed}
    covered: set[int] = set()
    title = sheet.text_of("title").lower()
    for bound in _BOUND.finditer(text):
        if bound.group().lower() not in title:
            word = words.Word(bound.group(), "", bound.start(), bound.end())
            findings.append(_finding("number", word, "bounds an amount that is stated without"))
    for stated in quantities.parse(text):
        fact = next((fact for one, fact in backed if _same(one, stated, shapes)), None)
        if fact is None:
            why = "states an amount that no fact of the item has"
            word = words.Word(stated.text, "", stated.start, stated.end)
            findings.append(_finding("number", word, why))
        else:
            cited.add(fact.id)
        covered |= {at for at, word in enumerate(found) if word.start < stated.end and word.end > stated.start}
    return covered


def _same(one: quantities.Quantity, stated: quantities.Quantity, shapes: set[str]) -> bool:
    """Whether both are the same amount; "2 count" is no "pack of 2" where a pack holds a count of its own."""
    return one.same_as(stated) and (one.dimension == stated.dimension or not {"count", "pack"} <= shapes)


def _number_backing(
    at: int,
    found: tuple[words.Word, ...],
    lemmas: tuple[str, ...],
    sources: list[tuple[Fact, tuple[str, ...]]],
    sheet: FactSheet,
) -> Fact | None:
    """A fact with this number beside the same word, or a count of a thing the title names."""
    for fact, source in sources:
        if same_neighbour(at, lemmas, source):
            return fact
    low = found[at].text.lower()
    value = words.NUMBER_WORDS.get(low)
    if value is None:
        value = quantities.amount(low) if low.replace(",", "").isdecimal() else None
    counted = lemmas[at + 1] if at + 1 < len(lemmas) else ""
    named = counted not in _FREE and any(counted in source for _, source in sources)
    if value is not None and named:
        for fact in sheet.of_kind("count"):
            if fact.unit == "count" and fact.value == value:
                return fact
    return None


def _word_backing(at: int, lemmas: tuple[str, ...], sources: list[tuple[Fact, tuple[str, ...]]]) -> Fact | None:
    """A fact that says this word beside a word that the pitch says beside it, too."""
    lemma = lemmas[at]
    if lemma in _FREE and lemma not in _RISKY:
        return next((f for f, s in sources if lemma in s and same_neighbour(at, lemmas, s)), None)
    for fact, source in sources:
        if lemma not in source:
            continue
        if lemma in _RISKY:
            short = fact.kind in ("colour", "material", "attribute") and len(source) <= 3
            near = short or same_neighbour(at, lemmas, source)
        else:
            near = near_neighbour(at, lemmas, source)
        if near and keeps_its_binding(at, lemmas, source):
            return fact
    return None


def _category_words(lemmas: tuple[str, ...], sheet: FactSheet) -> dict[int, Fact]:
    """Index of a word -> the category level that the pitch says whole, as a noun phrase."""
    said: dict[int, Fact] = {}
    for fact in sheet.of_kind("category"):
        noun = words.lemmas(spoken_category(fact.text))
        for at in range(len(lemmas) - len(noun) + 1 if noun else 0):
            if lemmas[at : at + len(noun)] == noun:
                said.update(dict.fromkeys(range(at, at + len(noun)), fact))
    return said


def _trait_words(text: str, found: tuple[words.Word, ...], context: Context) -> set[int]:
    """Words of a trait's noun, said whole and without risky words, in a sentence that says "you"."""
    nouns = {
        words.lemmas(spoken_category(trait.value.split(" > ")[-1]))
        for trait in context.traits
        if trait.kind in ("category", "because")
    }
    ends = [at for at, char in enumerate(text) if char in ".!"] + [len(text)]
    sentence = [next(at for at, end in enumerate(ends) if word.start < end) for word in found]
    spoken_to = {sentence[at] for at, word in enumerate(found) if word.lemma in _YOU}
    lemmas = tuple(word.lemma for word in found)
    covered: set[int] = set()
    for noun in nouns:
        if not noun or _RISKY & set(noun):
            continue
        for at in range(len(lemmas) - len(noun) + 1):
            if lemmas[at : at + len(noun)] == noun and sentence[at] in spoken_to:
                covered |= set(range(at, at + len(noun)))
    return covered


def _made_of(found: tuple[words.Word, ...], sheet: FactSheet) -> list[Finding]:
    """What is "made of X" needs X as a material attribute; a title's word may be what the item is for."""
    said = {fact.text for fact in sheet.of_kind("material") if fact.source == "attributes"}
    findings = []
    for at, word in enumerate(found):
        if word.lemma in ("made", "crafted", "built", "constructed", "woven"):
            of, what = (*found[at + 1 : at + 3], word, word)[:2]
            if of.lemma not in _MADE_OF or what.text.lower() not in said:
                findings.append(_finding("material", what, "is no material attribute of the item"))
    return findings
