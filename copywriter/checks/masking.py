"""A text with the item's name, its facts, nouns and amounts each as one slot; what is left is wording."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Final

from copywriter import quantities, words
from copywriter.audience import PATH_SEPARATOR, Trait
from copywriter.checks.finding import Context
from copywriter.facts import FactSheet
from copywriter.naming import spoken_category
from copywriter.phrasings import en

MIN_NAME_SHARE: Final = 0.6
"""A name said up to a joint is at least this share of it."""
SLOTS: Final = {"body": "ITEM", "item": "ITEM", "noun": "NOUN", "brand": "BRAND", "colour": "COLOUR"}
"""Slot of a phrasing -> token."""
TRAIT_FACT: Final = "trait."
"""Stands for the fact of a noun that only a trait says."""

_TOKEN = re.compile(rf"{words.WORD.pattern}|[^\s\w\-–/'\"#+%®]|_")
_SAID_BY_KEY = frozenset(en.DETAILS) - {"brand", "colour", "material", "quantity", "count"}
"""Attributes that are said as they stand ("lavender scent"); the others have a kind of their own."""
_TAILS = frozenset(("for", "with"))
"""A name may be said up to one of these."""
_SIGNS = frozenset(".,:;?!()&")
_SENTENCE_END = frozenset(".?!")


@dataclass(frozen=True, slots=True)
class Token:
    """A word's lemma, a sign, or a slot in capitals; `fact_id` is what a slot says."""

    text: str
    start: int
    end: int
    fact_id: str = ""


def tokens(text: str) -> list[Token]:
    """The words and signs of `text`; a slot keeps its capitals, "&" is said "and"."""
    found = []
    for match in _TOKEN.finditer(text):
        said = match.group()
        slot = said.isupper() and said in SLOTS.values()
        found.append(Token(said if slot else "and" if said == "&" else words.lemma(said), match.start(), match.end()))
    return found


def masked(text: str, sheet: FactSheet, context: Context) -> list[Token]:
    """The tokens of `text`, the item's name, facts, nouns and amounts each as one."""
    found = [Token(token.text.lower(), token.start, token.end) for token in tokens(text)]
    phrases = [(run, "ITEM", "title") for run in _names(sheet)]
    for fact in sheet.facts:
        own = tuple(token.text.lower() for token in tokens(fact.text))
        if fact.kind in ("colour", "brand", "label") or (fact.kind == "material" and fact.source == "attributes"):
            phrases.append((own, fact.kind.upper(), fact.id))
        elif fact.kind == "attribute" and fact.value in _SAID_BY_KEY and not _is_amount(fact.text):
            key = words.lemmas(str(fact.value))
            phrases += [(run, "ATTRIBUTE", fact.id) for run in (own, own + key, key + own)]
    found = _amounts(merged(found, phrases), text)
    levels = [(spoken_category(fact.text), fact.id) for fact in sheet.of_kind("category")]
    levels += [(noun, TRAIT_FACT) for trait in context.traits if (noun := trait_noun(trait))]
    nouns = [
        (tuple(token.text.lower() for token in tokens(noun)), "NOUN", f"{fact_id}:{noun}") for noun, fact_id in levels
    ]
    return merged(found, nouns)


def _names(sheet: FactSheet) -> list[tuple[str, ...]]:
    """The runs that name the item: its name to the end or to a joint, with or without its leading brand."""
    name = tuple(token.text.lower() for token in tokens(sheet.name))
    brand = tuple(token.text.lower() for token in tokens(sheet.text_of("brand")))
    least = math.ceil(MIN_NAME_SHARE * len(name))
    ends = [len(name), *(at for at in range(least, len(name)) if name[at] in _TAILS)]
    starts = (0, len(brand)) if brand and name[: len(brand)] == brand else (0,)
    return [run for start in starts for end in ends if (run := name[start:end]) and run[0] not in _SIGNS]


def merged(row: list[Token], phrases: list[tuple[tuple[str, ...], str, str]]) -> list[Token]:
    """`row` with every run that is one of `phrases` as one slot, longer phrases first."""
    for run, slot, fact_id in sorted(phrases, key=lambda phrase: -len(phrase[0])):
        at = 0
        while run and at <= len(row) - len(run):
            if tuple(token.text for token in row[at : at + len(run)]) == run:
                merged = Token(slot, row[at].start, row[at + len(run) - 1].end, fact_id)
                row = [*row[:at], merged, *row[at + len(run) :]]
            at += 1
    return row


def _is_amount(text: str) -> bool:
    found = quantities.parse(text)
    return len(found) == 1 and found[0].text == text


def _amounts(row: list[Token], text: str) -> list[Token]:
    """`row` with stated amounts as slots; whether they are true is grounding's business."""
    for one in quantities.parse(text):
        inside = [token for token in row if one.start <= token.start and token.end <= one.end]
        if inside and not any(token.text.isupper() for token in inside):
            slot = "COUNT" if one.dimension in ("count", "pack") else "SIZE"
            at = row.index(inside[0])
            row = [*row[:at], Token(slot, one.start, one.end), *row[at + len(inside) :]]
    return [Token("NUMBER", t.start, t.end) if words.Word(t.text, t.text, t.start, t.end).is_number else t for t in row]


def sentences(row: list[Token]) -> list[list[Token]]:
    """The tokens of each sentence, without its end sign."""
    found: list[list[Token]] = [[]]
    for token in row:
        if token.text in _SENTENCE_END:
            found.append([])
        else:
            found[-1].append(token)
    return [sentence for sentence in found if sentence]


def trait_noun(trait: Trait) -> str:
    """What a category trait or a reason is about, or ""."""
    if trait.kind not in ("category", "because"):
        return ""
    return spoken_category(trait.value.rsplit(PATH_SEPARATOR, maxsplit=1)[-1])
