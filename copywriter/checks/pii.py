"""Nothing that identifies or reaches a person: addresses, phone, card and account numbers."""

from __future__ import annotations

import re

from copywriter.checks.finding import Context, Finding
from copywriter.facts import FactSheet

_PATTERNS = (
    ("email", re.compile(r"[\w.+-]+\s?(?:@|\(at\)|\[at\])\s?[\w-]+\s?(?:\.|\(dot\))\s?\w+", re.I)),
    ("phone", re.compile(r"(?<![\w.])(?:\+?\d{1,3}[\s.-]?)?(?:\(\d{2,4}\)|\d{3})[\s.-]\d{3,4}[\s.-]?\d{3,4}(?!\w)")),
    ("card", re.compile(r"(?<!\w)(?:\d[ -]?){13,19}(?!\w)")),
    ("ssn", re.compile(r"(?<!\w)\d{3}-\d{2}-\d{4}(?!\w)")),
    ("street", re.compile(r"\b\d{1,5} [A-Z]\w+ (?:Street|St|Avenue|Ave|Road|Rd|Lane|Blvd)\b")),
    ("handle", re.compile(r"(?<!\w)@\w{3,}")),
    ("greeting", re.compile(r"\b(?:dear|hello|hi|hey),? (?!there\b)[A-Z]\w+|\b(?:dr|mr|mrs|ms)\. [A-Z]\w+")),
)  # fmt: skip


def check(text: str, sheet: FactSheet, context: Context) -> list[Finding]:
    """Personal data in `text`."""
    return [
        Finding(f"pii.{rule}", match.span(), "block", f'"{match.group()}" looks like {rule}')
        for rule, pattern in _PATTERNS
        for match in pattern.finditer(text)
        if match.group() not in sheet.name
    ]
