"""Price, stock, discount and delivery change between writing and reading: copy never states them."""

from __future__ import annotations

import re
from typing import Final

from copywriter import words
from copywriter.checks.finding import Context, Finding
from copywriter.facts import FactSheet
from copywriter.stems import stem

_ALWAYS = re.compile(
    r"[$€£¥₹]\s?\d|\d\s?(?:[$€£¥₹]|(?:usd|eur|gbp|dollars?|euros?|pounds? sterling|cents?|bucks)\b)"
    r"|\d+\s?% (?:off|discount|less|savings?)|\b(?:percent off|half[- ]?price|half off|buy (?:one|1|2|two)|"
    r"bogo|free (?:shipping|delivery|gift|sample|trial|returns?)|for free|"
    r"(?:on|for) (?:sale|clearance|offer|promotion)|now (?:on|only|in stock|half)|sale (?:price|ends|now)"
    r"|marked down|price (?:slashed|drop|cut|match)"
    r"|(?:slashed|reduced|dropped) (?:price|prices)|at a discount|free (?:mug|bag|gift|case|sample|box|with)"
    r"|gift[- ]wrapped for|special offer|limited[- ](?:time|offer|stock|edition offer)|"
    r"in stock|out of stock|sold out|back again soon|few left|almost gone|back in stock|only \w+ left"
    r"|while (?:supplies|stocks?) last|"
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


_GOODS: Final = frozenset(
    ("shipping", "delivery", "stock", "save", "sale", "clearance", "price", "pricing", "value", "cost", "free")
)
_DENIED: Final = re.compile(
    r"[^\W\d_]+(?:[- ]free| free of| free from)\b|\bfree (?:of|from|time|weekend|hand|hands|day|evening|moment)\b", re.I
)
_TERMS: Final = re.compile(
    r"\b(?:to (?:you|your door)|your (?:door|home)|on us|included free|at checkout|today|now)\b", re.I
)


def _names_goods(word: str, text: str, at: int, sheet: FactSheet) -> bool:
    """Whether the word is the item's own ("shipping boxes", "chicken stock", "sale signs") or no commercial one."""
    if word.lower() in ("deal", "deals"):
        return re.match(r"deals? (?:the|out|them|a hand|your|another)\b", text[at:], re.I) is not None
    if word.lower() == "free":
        return any(found.start() <= at < found.end() for found in _DENIED.finditer(text))
    facts = [fact for fact in sheet.facts if fact.kind in ("title", "category", "attribute")]
    own = {stem(found.text) for fact in facts for found in words.split(fact.text)}
    return word.lower() in _GOODS and stem(word) in own and not _TERMS.search(text)


def check(text: str, sheet: FactSheet, context: Context) -> list[Finding]:
    """Commercial terms in `text`; a single word is allowed where the item's facts have it ("price tags")."""
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
        if _names_goods(match.group(), text, match.start(), sheet):
            continue
        if not any(len(pair) == 2 and words.contains_run(pair, name) for pair in pairs):
            why = f'"{match.group()}" speaks of price, stock or delivery'
            findings.append(Finding("pricing.word", match.span(), "block", why))
    return findings
