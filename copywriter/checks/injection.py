"""A pitch is wording, not a channel: no orders, no addresses, no control tokens, no prompt."""

from __future__ import annotations

import re

from copywriter.checks.finding import Context, Finding
from copywriter.facts import FactSheet
from copywriter.untrusted import has_address, has_instruction, has_special_token

_ECHO = re.compile(
    r"\b(?:item|facts?|rules?|shopper|pitch|title|brand|category|size|colou?r|name|description|"
    r"output|input|answer|instructions?|notes?|example|response|sentence|traits?)\s*:\s"
    r"|\bas instructed\b|\bthe (?:prompt|rules|instructions|facts?)\b|\bproduct pitch\b"
    r"|\bone (?:short )?sentence\b|\bshort pitch\b|\bwrite (?:a|one|the)\b",
    re.I,
)
_MARKUP = re.compile(r"[<>{}\[\]|\\`^~*_#]|[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]|[\x00-\x1f\x7f]")


def check(text: str, sheet: FactSheet, context: Context) -> list[Finding]:
    """Traces in `text` of a prompt, of an order to someone, or of anything but plain wording."""
    everywhere = (0, len(text))
    findings = []
    if has_instruction(text):
        findings.append(Finding("injection.order", everywhere, "block", "gives or repeats orders"))
    if has_address(text):
        findings.append(Finding("injection.address", everywhere, "block", "holds an address"))
    if has_special_token(text):
        findings.append(Finding("injection.token", everywhere, "block", "holds markup or a token"))
    for rule, pattern in (("echo", _ECHO), ("markup", _MARKUP)):
        for match in pattern.finditer(text):
            if rule == "markup" and match.group() in sheet.name:
                continue
            why = f'"{match.group()}" is no wording of a pitch'
            findings.append(Finding(f"injection.{rule}", match.span(), "block", why))
    return findings
