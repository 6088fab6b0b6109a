"""Price, stock, discount and delivery change between writing and reading: copy never states them."""

from __future__ import annotations

import re

from copywriter import words
from copywriter.checks.finding import Context, Finding
from copywriter.facts import FactSheet

_ALWAYS = re.compile(
    r"[$€£¥₹]\s?\d|\d\s?(?:[$€£¥₹]|(?:usd|eur|gbp|dollars?|euros?|pounds? sterling|cents?|bucks)\b)"
    r"|\d+\s?% (?:off|discount|less|savings?)|\b(?:percent off|half[- ]?price|half off|buy (?:one|1|2|two)|"
    r"bogo|free (?:shipping|delivery|gift|sample|trial|returns?)|for free|"
    r"(?:on|for) sale|sale (?:price|ends|now)|special offer|limited[- ](?:time|offer|stock|edition offer)|"
    r"in stock|out of stock|sold out|back in stock|only \w+ left|while (?:supplies|stocks?) last|"
    r"last chance|hurry|act (?:now|fast)|order (?:now|today|by)|buy now|today only|"
    r"ships? (?:today|tomorrow|free|fast|same|in|within)|next[- ]day|same[- ]day|"
    r"(?:fast|free|quick|express) (?:shipping|delivery)|arrives? (?:by|in|on|today|tomorrow)|"
    r"sav(?:e|es|ing|ings) (?:up|big|more|on|\d|money|you)|units? sold|value for money|"
    r"great (?:price|value|deal)|low(?:er|est)? price)\b",
    re.I,
)
_NAMED_ONLY = re.compile(
    r"\b(?:free|prices?|priced|pricing|cheap|affordable|inexpensive|budget|bargains?|deals?|"
    r"discount\w*|coupons?|sale|sales|save|saves|saving|savings|clearance|promo\w*|rebate|"
    r"shipping|delivery|delivered|stock|available|availability|refund\w*|dollars?|cents?|"
    r"value|cost|costs|economical)\b",
    re.I,
)


def check(text: str, sheet: FactSheet, context: Context) -> list[Finding]:
    """Commercial terms in `text`; a single word is allowed inside the item's own name ("price tags")."""
    findings = [
        Finding("pricing.offer", m.span(), "block", f'"{m.group()}" states price, stock or delivery')
        for m in _ALWAYS.finditer(text)
    ]
    found = words.split(text)
    lemmas = tuple(word.lemma for word in found)
    name = words.lemmas(sheet.name)
    for match in _NAMED_ONLY.finditer(text):
        at = next(i for i, word in enumerate(found) if word.end > match.start())
        pairs = (lemmas[max(0, at - 1) : at + 1], lemmas[at : at + 2])
        if not any(len(pair) == 2 and words.contains_run(pair, name) for pair in pairs):
            why = f'"{match.group()}" speaks of price, stock or delivery'
            findings.append(Finding("pricing.word", match.span(), "block", why))
    return findings
