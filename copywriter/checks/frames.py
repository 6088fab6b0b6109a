"""Around names and facts a pitch uses reviewed wording only: what nobody has read cannot be said.

A text is masked (the item's name, its facts, nouns and brand become slots) and cut into sentences. Each sentence left
must be one of `phrasings`: a template, or one of the further frames. Words that claim nothing alone can claim much
together ("here while you can"); a list of sentences closes what a list of words leaves open. A frame that tells
something of the reader counts only with the trait that backs it, and a sensitive item has the sensitive frames only.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

from copywriter import words
from copywriter.checks.finding import Context, Finding
from copywriter.checks.masking import SLOTS, TRAIT_FACT, masked, merged, sentences, tokens, trait_noun
from copywriter.facts import FactSheet
from copywriter.phrasings import en, en_frames

_STORE_BRAND = ("store", "brand")
_SUFFIX = (
    r"(?: ,)? (?:in )?(?:(?:the|a|an) )?SIZE(?: size)?"
    r"|(?: ,)? (?:in )?(?:(?:the|a|an) )?COUNT"
    r"|(?: ,)? in (?:the )?COLOUR(?: and COLOUR)?(?: (?:color|colour|shade))?"
    r"| , COLOUR(?: and COLOUR)?"
    r"|(?: ,)? (?:from|by) BRAND"
    r"|(?: ,)? made of MATERIAL(?: and MATERIAL)?"
    r"|(?: ,)? (?:with )?(?:(?:the|a|an) )?ATTRIBUTE"
    r"| , (?:a )?LABEL| [(] (?:SIZE|COUNT) [)]"
)
_ITEM = re.compile(
    r"(?:(?<= )|^)(?:(?:the|a|an|some|this|these) )?(?:(?:SIZE|COUNT|NUMBER|COLOUR|LABEL|BRAND) )*"
    rf"ITEM(?:{_SUFFIX})*(?: ,)?(?= |$)"
)
_FILLER = re.compile(r"(?:(?<= )|^)(?:maybe|perhaps|also|too|(?:the|a|an|some)(?= NOUN)) ?")


@dataclass(frozen=True, slots=True)
class Reading:
    """The findings, and the facts named whole."""

    findings: tuple[Finding, ...]
    fact_ids: tuple[str, ...]


def check(text: str, sheet: FactSheet, context: Context) -> list[Finding]:
    """The sentences of `text` that are no reviewed frame, or one that the reader's traits do not back."""
    return list(read(text, sheet, context).findings)


def read(text: str, sheet: FactSheet, context: Context) -> Reading:
    """Judge each sentence of `text`."""
    read_as = masked(text, sheet, context)
    findings = []
    for sentence in sentences(read_as):
        span = (sentence[0].start, sentence[-1].end)
        frame = _normal(token.text for token in sentence)
        backing = frames().get(frame, frozenset())
        said = {token.fact_id for token in sentence if token.text == "NOUN"}
        if not backing or (sheet.sensitive and "sensitive" not in backing):
            findings.append(Finding("frames.unknown", span, "repair", "is no reviewed wording"))
        elif not any(_backed(pool, said, sheet, context) for pool in backing):
            findings.append(Finding("frames.trait", span, "repair", "says of the reader what no trait backs"))
    slots = {token.fact_id.partition(":")[0] for token in read_as}
    return Reading(tuple(findings), tuple(fact.id for fact in sheet.facts if fact.id in slots))


def vocabulary() -> frozenset[str]:
    """The lemmas of all frames: the words that need no fact, as the frames say all that is said with them."""
    lemmas = {word for frame in frames() for word in frame.split() if word.isalpha() and not word.isupper()}
    return frozenset(lemmas) | set(
        words.lemmas("the a an some this these and in with from by of also maybe perhaps too")
    )


@cache
def frames() -> Mapping[str, frozenset[str]]:
    """Normal form of a sentence -> the pools it belongs to."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for pool, text in _texts():
        filled = re.sub(r"{(\w+),?}", lambda slot: f" {SLOTS[slot[1].lower()]} ", text)
        for sentence in sentences(tokens(filled)):
            found[_normal(token.text for token in merged(sentence, [(_STORE_BRAND, "LABEL", "")]))].add(pool)
    return {frame: frozenset(of) for frame, of in found.items()}


def _texts() -> Iterable[tuple[str, str]]:
    """(pool, text with slots) of all that may be said."""
    acts = [act.replace("{item}", "{body}") for act in en_frames.ACTS]
    yield from (("neutral", act) for act in acts)
    leads = [(pool, lead) for pool, rows in en_frames.LEADS.items() for lead in rows]
    for pool, rows in en.OPENINGS.items():
        for opening in rows:
            if opening.endswith((",", ":", "so")):
                leads.append((pool, opening.rstrip(",:")))
            else:
                yield pool, opening if opening.endswith("?") else f"{opening} {{body}}"
    for pool, lead in leads:
        yield pool, f"{lead}: {{body}}"
        yield from ((pool, f"{lead}{'' if lead.endswith(' so') else ','} {act}") for act in acts)
    for by_pool in (en.POOLS, en_frames.SENTENCES):
        yield from ((pool, text) for pool, texts in by_pool.items() for text in texts)
    yield from (("neutral", text) for text in (*en.FALLBACKS, *en.BRAND_FALLBACKS, *en.BARE))
    yield from (("sensitive", text) for text in (*en.SENSITIVE_FALLBACKS, *en.BRAND_FALLBACKS, *en.BARE))


def _backed(pool: str, said: set[str], sheet: FactSheet, context: Context) -> bool:
    """Whether the traits include the pool's kind, and the nouns said are that trait's."""
    if pool in ("neutral", "sensitive"):
        return all(not fact_id.startswith(TRAIT_FACT) for fact_id in said)
    if pool in ("repeat", "explore"):
        return any(trait.id == f"habit:{pool}" for trait in context.traits)
    if pool == "store brand":
        return any(trait.id == "brand:store brand" for trait in context.traits) and bool(sheet.text_of("label"))
    own = [trait for trait in context.traits if trait.kind == pool]
    if pool == "brand":
        return any(trait.value.lower() == sheet.text_of("brand").lower() for trait in own)
    told = {words.lemmas(trait_noun(trait)) for trait in own}
    return bool(own) and all(words.lemmas(fact_id.partition(":")[2]) in told for fact_id in said)


def _normal(tokens: Iterable[str]) -> str:
    """One spelling for all harmless variants: the item with its article and details is one slot, fillers go."""
    return " ".join(_FILLER.sub("", _ITEM.sub("ITEM", " ".join(tokens))).split())
