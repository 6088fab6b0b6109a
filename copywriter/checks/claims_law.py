"""Claims that need proof a catalogue cannot give: superlatives, guarantees, health, environment, praise.

The patterns are data of one `POLICY_VERSION`; cached copy of another version is not served.
"""

from __future__ import annotations

import re
from typing import Final

from copywriter import words
from copywriter.checks.finding import Context, Finding, Severity
from copywriter.facts import FactSheet
from copywriter.lexicon.en import FIRST_PERSON

POLICY_VERSION: Final = "us-2026.11.2"

_PATTERNS: tuple[tuple[str, Severity, str], ...] = (
    (
        "superlative",
        "repair",
        r"\b(?:best|greatest|finest|ultimate|perfect|perfectly|unbeatable|unmatched|unrivall?ed|"
        r"incomparable|leading|top[- ]?(?:rated|quality|seller|selling|notch|choice)|world[- ]?class|"
        r"number (?:one|1)|no\. ?1\b|#\s?1\b|most \w+|cheapest|fastest|strongest|softest|longest|"
        r"smoothest|purest|safest|healthiest|freshest|tastiest|favou?rite in|must[- ]have|"
        r"revolutionary|miracle|state[- ]of[- ]the[- ]art|one of a kind|unique|only one)\b",
    ),
    (
        "guarantee",
        "block",
        r"\b(?:guarantee[ds]?|warrant(?:y|ies|ed)|risk[- ]free|money[- ]back|100 ?% (?!cotton|wool)|"
        r"proven|promise[sd]?|never fails?|always works?|lasts? forever|lifetime|refund)",
    ),
    (
        "health",
        "block",
        r"\b(?:cures?|cured|heals?|healing|healthy|healthier|healthiest|prevents?|reliev\w+|relief|"
        r"detox\w*|slimming|weight loss|lose weight|fat[- ]burn\w*|immun\w+|anti[- ]?ag(?:e|ing)|"
        r"anti[- ]?wrinkle|wrinkles?|clinical\w*|dermatolog\w+|doctors?|physicians? recommended|"
        r"medical[- ]grade|therapeutic|therapy|fda|antibacterial|antimicrobial|kills? (?:germs|99)|"
        r"botox|boost(?:s|ing)? (?:your )?(?:energy|collagen|metabolism|immun\w+)|nutritious|"
        r"good for (?:your )?(?:health|skin|heart|you)|better for you|reduces? (?:risk|stress|pain)|"
        r"acne|eczema|psoriasis|cellulite|stretch marks?|regrow\w*|hair loss|pain)\b",
    ),
    (
        "environment",
        "repair",
        r"\b(?:eco[- ]?friendly|environment\w*|sustainabl\w+|carbon[- ]neutral|climate|planet|"
        r"biodegradable|compostable|green choice|earth[- ]friendly|zero[- ]waste|non[- ]?toxic|"
        r"chemical[- ]free|ethical\w*|responsibl[ey] sourced)\b",
    ),
    (
        "endorsement",
        "block",
        r"\b(?:award|awards|award[- ]winning|endorsed|recommended by|trusted by|loved by|"
        r"voted|experts? (?:say|agree|recommend)|as seen on|celebrity|"
        r"(?:customers?|shoppers?|people|everyone|everybody|reviewers?|users?) "
        r"(?:love|loves|say|says|agree|rave|trust|prefer|choose)|best[- ]?sell\w+|popular|trending)\b",
    ),
    (
        "comparison",
        "repair",
        r"\b(?:better|cheaper|faster|stronger|softer|lighter|longer|safer|smarter|superior|"
        r"more \w+ than|less \w+ than|than (?:any|other|the))\b",
    ),
)  # fmt: skip
_COMPILED = tuple((rule, severity, re.compile(pattern, re.I)) for rule, severity, pattern in _PATTERNS)


def check(text: str, sheet: FactSheet, context: Context) -> list[Finding]:
    """Claims in `text`, less names: a superlative in the brand, a health word in the category's name."""
    brand = sheet.text_of("brand").lower()
    findings = []
    for rule, severity, pattern in _COMPILED:
        for match in pattern.finditer(text):
            said = match.group().lower()
            named = rule == "superlative" and said in brand and brand in text.lower()
            named = named or (rule == "health" and _names_the_kind(text, match, sheet.noun))
            if not named:
                why = f'"{match.group()}" is a claim of kind {rule} that the facts cannot prove'
                findings.append(Finding(f"claims_law.{rule}", match.span(), severity, why))
    own_name = {word.text for word in words.split(sheet.name)}
    for word in words.split(text):
        if word.text.lower() in FIRST_PERSON and word.text not in own_name:
            why = f'"{word.text}" speaks as a person who used the item'
            findings.append(Finding("claims_law.testimonial", (word.start, word.end), "block", why))
    return findings


def _names_the_kind(text: str, match: re.Match[str], noun: str) -> bool:
    """Whether the words only say, whole, what kind of thing the catalogue files the item under."""
    return bool(noun) and any(
        kind.start() <= match.start() and match.end() <= kind.end()
        for kind in re.finditer(rf"\b{re.escape(noun)}\b", text, re.I)
    )
