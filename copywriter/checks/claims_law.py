"""Claims that need proof a catalogue cannot give: superlatives, guarantees, health, environment, praise.

The patterns are the pack of a region (`copywriter/policies`). What a fact of the item says is no claim of the pitch: a
superlative of a name, a test the attributes state. Such an excuse needs the same words side by side in one fact.
"""

from __future__ import annotations

import re
from typing import Final

from copywriter import words
from copywriter.checks.evidence import Evidence, evidence
from copywriter.checks.finding import Context, Finding
from copywriter.facts import FactSheet
from copywriter.lexicon.en import FIRST_PERSON
from copywriter.policies import pack
from copywriter.stems import stem

POLICY_VERSION: Final = "us-2026.11.3"
"""The version of the pack that judges served copy, and of the gate's word lists: part of every cache key."""
_REACH: Final = 3
_NEAR: Final = 2
_JOINTS: Final = frozenset(("by", "of", "for", "and", "the", "a", "in", "with", "from"))


def check(text: str, sheet: FactSheet, context: Context) -> list[Finding]:
    """Claims of `text` that the pack of `context.policy` forbids, less what a fact excuses."""
    known = evidence(sheet)
    law = pack(context.policy)
    read = law.spared.sub(lambda spared: " " * len(spared.group()), text) if law.spared else text
    findings = []
    for rule in law.rules:
        for match in rule.pattern.finditer(read):
            if rule.excuse == "fact" and _is_fact(text, match, known):
                continue
            if rule.excuse == "kind" and _names_the_kind(text, match, sheet.noun):
                continue
            if _in_brand(match, text, sheet):
                continue
            why = f'"{match.group()}" is a claim of kind {rule.name} that the facts cannot prove'
            findings.append(Finding(f"claims_law.{rule.name}", match.span(), rule.severity, why))
    own_name = {word.text for word in words.split(sheet.text_of("title"))}
    for word in words.split(text):
        if word.text.lower() in FIRST_PERSON and word.text not in own_name and word.text != "US":
            why = f'"{word.text}" speaks as a person who used the item'
            findings.append(Finding("claims_law.testimonial", (word.start, word.end), "block", why))
    return findings


def _names_the_kind(text: str, match: re.Match[str], noun: str) -> bool:
    """Whether the words only say, whole, what kind of thing the catalogue files the item under."""
    return bool(noun) and any(
        kind.start() <= match.start() and match.end() <= kind.end()
        for kind in re.finditer(rf"\b{re.escape(noun)}\b", text, re.I)
    )


def _in_brand(match: re.Match[str], text: str, sheet: FactSheet) -> bool:
    brand = sheet.text_of("brand").lower()
    if not brand:
        return False
    return any(
        found.start() <= match.start() and match.end() <= found.end()
        for found in re.finditer(re.escape(brand), text.lower())
    )


def _is_fact(text: str, match: re.Match[str], known: Evidence) -> bool:
    """Whether one fact says the words, side by side with a word that the pitch says beside them.

    An attribute's words may change places ("tested by dermatologists"); a title's and a category's may not.
    """
    found = words.split(text)
    inside = [at for at, word in enumerate(found) if word.start < match.end() and match.start() < word.end]
    if not inside:
        return False
    stems = [stem(word.text) for word in found]
    said = [stems[at] for at in inside if found[at].text.lower() not in _JOINTS]
    before = [w for w in stems[max(0, inside[0] - _REACH) : inside[0]] if w not in _JOINTS]
    after = [w for w in stems[inside[-1] + 1 : inside[-1] + 1 + _REACH] if w not in _JOINTS]
    for source in known.sources:
        row = [word for word in source.stems if word not in _JOINTS]
        for at in range(len(row) - len(said) + 1):
            if row[at : at + len(said)] != said:
                continue
            ahead, behind = row[at + len(said) : at + len(said) + _NEAR], row[max(0, at - _NEAR) : at]
            if source.fact.kind == "attribute" and source.short:
                return True
            if source.fact.kind in ("attribute", "title"):
                if {*ahead, *behind} & {*before, *after}:
                    return True
            elif (ahead[:1] and ahead[:1] == after[:1]) or (behind[-1:] and behind[-1:] == before[-1:]):
                return True
    return False
