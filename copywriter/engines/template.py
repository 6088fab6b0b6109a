"""Pitches without a model: true, readable, varied, the same for the same item and traits.

Every pitch returned has passed the gate; phrasings that do not are skipped, down to a bare
sentence that says nothing about the item.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Final

from copywriter import words
from copywriter.audience import Trait, relevant
from copywriter.facts import FactSheet
from copywriter.gate import review
from copywriter.phrasings import en, language_of
from copywriter.spoken import mid_sentence, net_content, only, pools, repeats_name, rotate, seed_of, stated_size

LANGUAGES: Final[Mapping[str, ModuleType]] = {"en": en}
MODEL: Final = "template"
TEMPLATE_VERSION: Final = "template-3"
MIN_CHARS: Final = 40
MAX_TRIES: Final = 40

_SAID_ATTRIBUTES = ("flavour", "flavor", "scent", "roast", "finish")


@dataclass(frozen=True, slots=True)
class Draft:
    """A template pitch: its text, the facts it rests on, its phrasing and its language."""

    text: str
    fact_ids: tuple[str, ...]
    phrasing: str
    locale: str


def write(
    sheet: FactSheet,
    traits: tuple[Trait, ...] = (),
    *,
    locale: str = "en",
    max_chars: int = 160,
    avoid: Collection[str] = (),
) -> Draft:
    """The first of `drafts` whose phrasing is not in `avoid`; the first of all where every one is."""
    found = list(drafts(sheet, traits, locale=locale, max_chars=max_chars))
    return next((draft for draft in found if draft.phrasing not in avoid), found[0])


def drafts(
    sheet: FactSheet, traits: tuple[Trait, ...] = (), *, locale: str = "en", max_chars: int = 160
) -> Iterator[Draft]:
    """Pitches that pass the gate, one a phrasing, from the most to the least telling; at least one.

    Their order is a hash of item and traits. A language without phrasings gets the neutral English ones. `max_chars`
    below `MIN_CHARS` counts as `MIN_CHARS`; a long wording gives way to a shorter one and is never cut.
    """
    language = language_of(locale)
    known = language in LANGUAGES
    data = LANGUAGES[language] if known else en
    max_chars = max(max_chars, MIN_CHARS)
    used = relevant(sheet, traits) if known else ()
    tries = 0
    told: set[str] = set()
    for phrasing, text in _wordings(sheet, used, data):
        if len(text) > max_chars or phrasing in told:
            continue
        tries += 1
        if tries > MAX_TRIES:
            break
        verdict = review(text, sheet, used, locale="en", max_chars=max_chars)
        if verdict.passed:
            told.add(phrasing)
            yield Draft(text, verdict.fact_ids, phrasing, language if known else "en")
    if not told and sheet.restricted:
        yield Draft(data.RESTRICTED_BARE[0], (), data.RESTRICTED_BARE[0], language if known else "en")
    elif not told:
        yield bare(sheet.item_id, locale=locale)


def bare(item_id: str, *, locale: str = "en") -> Draft:
    """A sentence that says nothing of the item; the gate knows it, so it needs no review."""
    language = language_of(locale)
    if language not in LANGUAGES:
        language = "en"
    choices = LANGUAGES[language].BARE
    text = choices[seed_of(item_id) % len(choices)]
    return Draft(text, (), text, language)


def _wordings(sheet: FactSheet, used: tuple[Trait, ...], data: ModuleType) -> Iterator[tuple[str, str]]:
    """(phrasing, text) from the most to the least telling."""
    if sheet.name and _may_say_name(sheet):
        for pool, noun, brand in pools(sheet, used):
            seed = seed_of(sheet.item_id, pool, noun, brand)
            for phrasing in rotate(data.POOLS[pool], seed):
                if not _fits(phrasing, noun, brand, sheet):
                    continue
                for body in (
                    [mid_sentence(sheet)] if pool == "restricted" else _bodies(sheet, data, brand=brand, seed=seed)
                ):
                    yield phrasing, _fill(phrasing, body=body, noun=noun, brand=brand)
    seed = seed_of(sheet.item_id)
    if sheet.restricted:
        return
    if sheet.noun:
        for phrasing in rotate(data.SENSITIVE_FALLBACKS if sheet.sensitive else data.FALLBACKS, seed):
            yield phrasing, _fill(phrasing, noun=sheet.noun)
    if sheet.text_of("brand"):
        for phrasing in rotate(data.BRAND_FALLBACKS, seed):
            yield phrasing, _fill(phrasing, brand=sheet.text_of("brand"))


def _may_say_name(sheet: FactSheet) -> bool:
    probe = "Listed here" if sheet.restricted else "Worth a look"
    return review(f"{probe}: {sheet.name}.", sheet).passed


def _fits(phrasing: str, noun: str, brand: str, sheet: FactSheet) -> bool:
    """Whether the slots are filled and do not merely repeat the name."""
    if "{noun}" in phrasing.lower() and (not noun or repeats_name(noun, sheet)):
        return False
    return "{brand}" not in phrasing or bool(brand)


def _fill(phrasing: str, *, body: str = "", noun: str = "", brand: str = "") -> str:
    comma = "," if "," in body else ""
    text = phrasing.replace("{Noun}", noun[:1].upper() + noun[1:]).replace("{noun}", noun)
    text = text.replace("{brand}", brand).replace("{body,}", body + comma).replace("{body}", body)
    return text.replace("..", ".").replace(".?", "?")


def _bodies(sheet: FactSheet, data: ModuleType, *, brand: str, seed: int) -> Iterator[str]:
    """The name with ever fewer details; without its leading brand where the phrasing says it."""
    name = mid_sentence(sheet)
    if brand and name.lower().startswith(brand.lower() + " "):
        rest = name[len(brand) + 1 :].strip()
        if len(rest.split()) >= 2 and rest[0].isalnum():
            name = rest
    details = _details(sheet, data, brand=brand)
    if seed % 2 and not brand and name[:1].islower() and sheet.text_of("label"):
        name = f"{sheet.text_of('label')} {name}"
    for kept in range(len(details), -1, -1):
        yield name + "".join(details[:kept])


def _details(sheet: FactSheet, data: ModuleType, *, brand: str) -> list[str]:
    """Details that the name does not already tell, in spoken order, at most three."""
    in_name = set(words.lemmas(sheet.name))
    by_kind: dict[str, str] = {}
    if not brand and not set(words.lemmas(sheet.text_of("brand"))) & in_name:
        by_kind["brand"] = sheet.text_of("brand")
    by_kind["colour"] = only(sheet.of_kind("colour"))
    by_kind["material"] = only(tuple(fact for fact in sheet.of_kind("material") if fact.source == "attributes"))
    for fact in sheet.of_kind("attribute"):
        if fact.value in _SAID_ATTRIBUTES and len(fact.text) <= 25:
            by_kind[str(fact.value)] = fact.text.lower()
    by_kind["size"] = stated_size(sheet)
    if not by_kind["size"]:
        by_kind["quantity"] = net_content(sheet)
        by_kind["count"] = only(tuple(f for f in sheet.of_kind("count") if f.value != 1))
    details = []
    for kind, pattern in data.DETAILS.items():
        value = by_kind.get(kind, "")
        told = set(words.lemmas(value))
        repeats = any(lemma[0].isdigit() for lemma in told & in_name)  # "23-piece kit, 23-count"
        if value and not told <= in_name and not repeats:
            details.append(pattern.replace("{value}", value))
    return details[:3]
