"""Every content word of a pitch comes from a fact, claims nothing, or stands in the scene around the item.

A word passes when it (1) stands in a fact and keeps what binds it there, (2) follows from one, (3) is grammar or
small talk (`lexicon/plain.py`), (4) is an everyday word in a scene (`scene.py`), or (5) is the noun of a trait the
reader has. All others are unsupported. Denials ("no", "without", "-free") need a fact that denies the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from copywriter.checks import amounts, asides, scene
from copywriter.checks.backing import COLOUR_STEMS, MATERIAL_STEMS, RISKY_STEMS, backing
from copywriter.checks.evidence import Evidence, evidence
from copywriter.checks.finding import Context, Finding
from copywriter.checks.licence import is_free
from copywriter.checks.scene import Token
from copywriter.facts import FactSheet
from copywriter.lexicon.plain import DENYING


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
    known = evidence(sheet)
    told = amounts.check(text, sheet, known)
    findings = list(told.findings)
    cited = set(told.fact_ids)
    row, _sentences = scene.read(text)
    stems = tuple(token.stem for token in row)
    of_traits = asides.trait_words(row, stems, context)
    aside = asides.clauses(row, of_traits, known)
    for at, token in enumerate(row):
        if any(start < token.end and token.start < end for start, end in told.spans):
            continue
        denied_trait = token.low in DENYING and bool(of_traits & {at + 1, at + 2})
        if denied_trait or (at in aside and (at in of_traits or asides.is_aside(at, row))):
            continue
        fact_id, why = backing(at, row, stems, known)
        if fact_id:
            cited |= {fact_id, *_label(token.stem, known)}
        elif at in of_traits:
            continue
        elif why:
            findings.append(_finding(_rule(token, at, row, text), token, why))
        elif is_free(at, row, known, told.spans, context):
            continue
        else:
            findings.append(_finding(_rule(token, at, row, text), token, "is in no fact of the item"))
    if deadline := scene.urges(text):
        findings.append(
            Finding("grounding.deadline", deadline.span(), "repair", f'"{deadline.group()}" sets a deadline')
        )
    return Grounding(tuple(findings), tuple(fact.id for fact in sheet.facts if fact.id in cited))


def _label(name: str, known: Evidence) -> set[str]:
    """The id of the label that says the word ("store brand"), which a title may say as well."""
    facts = (known.sources[place.source].fact for place in known.places.get(name, ()))
    return {fact.id for fact in facts if fact.kind == "label"}


def _finding(kind: str, token: Token, why: str) -> Finding:
    return Finding(f"grounding.{kind}", (token.start, token.end), "repair", f'"{token.text}" {why}')


def _rule(token: Token, at: int, row: Sequence[Token], text: str) -> str:
    if token.stem in COLOUR_STEMS:
        return "colour"
    if token.stem in MATERIAL_STEMS:
        return "material"
    if token.low in DENYING:
        return "denial"
    if token.stem in RISKY_STEMS:
        return "claim"
    starts = at == 0 or row[at - 1].sentence != token.sentence or text[: token.start].rstrip()[-1:] in ":"
    return "name" if token.text[:1].isupper() and not starts else "word"
