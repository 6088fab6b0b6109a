"""Goods under advertising bans are listed in a plain line and nothing else: no use, no detail, no word to a reader."""

from __future__ import annotations

from copywriter.checks.finding import Context, Finding
from copywriter.facts import FactSheet
from copywriter.phrasings.en import RESTRICTED_BARE, restricted_lines


def check(text: str, sheet: FactSheet, context: Context) -> list[Finding]:
    """A finding where `text` says more of a restricted item than one of the plain lines."""
    if not sheet.restricted or text in RESTRICTED_BARE:
        return []
    if text in restricted_lines(sheet.name, sheet.noun):
        return []
    why = "promotes goods that may only be listed (tobacco, alcohol and the like)"
    return [Finding("restricted.promotion", (0, len(text)), "block", why)]
