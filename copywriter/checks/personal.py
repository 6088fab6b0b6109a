"""What a pitch says of the reader must be one of the reader's traits: habits are facts, too."""

from __future__ import annotations

import re

from copywriter import words
from copywriter.checks.finding import Context, Finding
from copywriter.facts import FactSheet
from copywriter.lexicon import word_set
from copywriter.lexicon.sensitive import is_sensitive
from copywriter.stems import stem

_FAMILIAR = frozenset({"category", "brand", "repeat"})
_HABITS = tuple(
    (re.compile(pattern, re.I), kinds)
    for pattern, kinds in (
        (r"\boften\b|\byou know\b|\byour kind of\b|\byour way around\b", frozenset({"category", "brand"})),
        (r"\b(?:usual|usually|regular|always|familiar|again|favou?rites?|habits?|go-to)\b", _FAMILIAR),
        (r"\bback for\b|\bcome back\b|\bof yours\b|\balready\b", _FAMILIAR),
        (r"\bstill\b", _FAMILIAR | {"because"}),
        (r"\byou(?:'ve| have)? (?:like|love|enjoy|prefer|shop|pick|choose|buy|browse|want|need|keep|get)\b", _FAMILIAR),
        (r"\byou (?:looked at|were browsing|had a look at)\b|\byour interest\b", frozenset({"because"})),
        (r"\bsomething (?:different|new|to explore)\b|\bfor a change\b", frozenset({"explore"})),
    )
)
"""What a phrase tells of the reader, and the kinds of trait of which one must back it."""
_SHOPS = re.compile(
    r"\byou (?:often |usually |always |regularly )?(?:shop(?:ped)? for|look(?:ed)? (?:at|for)"
    r"|were (?:looking at|browsing)|browsed?|go for)"
    r" (?:the |your |some |those |these )?(?P<what>[\w-]+(?: [\w-]+)?)",
    re.I,
)
_PLAIN = frozenset(
    map(stem, word_set("something things anything it them this that often here next list aisle again lately a an"))
)
_CONDITION = re.compile(r"\b(?:if|when|whenever|next time|should) $", re.I)
_ACT = re.compile(
    r"\byou(?:'ve|'d| have| had)?(?: \w+ly| just| once| already)? (?!need\b|looked at\b|had a look at\b)"
    r"(?:\w+ed|had|found|bought|got|took|chose|saw|kept|made|went|been)\b",
    re.I,
)
"""One thing the reader did: true or not, it is not told."""
_SPEAKS_TO = re.compile(r"\b(?:you|your|you're|yours)\b(?:\W+\w+){0,4}", re.I)
_YOU_ARE = re.compile(
    r"\b(?:your (?:age|income|salary|weight|illness|condition|husband|wife|partner|daughter|son|"
    r"mother|mom|dad|church|religion)|at your age|since you (?:are|have) |you bought|you purchased|"
    r"you ordered|you spent|last (?:week|month|year|monday|tuesday|wednesday|thursday|friday|"
    r"saturday|sunday|time you)|we (?:know|noticed|saw))\b",
    re.I,
)


def check(text: str, sheet: FactSheet, context: Context) -> list[Finding]:
    """Habits in `text` that no trait backs, and anything private linked to the reader."""
    findings = _private(text) + _of_another(text, sheet, context)
    backed = {trait.value if trait.kind == "habit" else trait.kind for trait in context.traits}
    for pattern, kinds in _HABITS:
        for match in pattern.finditer(text):
            if not (kinds & backed or _CONDITION.search(text[: match.start()])):
                why = f'"{match.group()}" tells a habit of the reader that no trait backs'
                findings.append(Finding("personal.habit", match.span(), "repair", why))
    return findings


def _of_another(text: str, sheet: FactSheet, context: Context) -> list[Finding]:
    """Habits told of a thing that is neither a trait's nor the item's."""
    known = {stem(w.text) for fact in sheet.facts for w in words.split(fact.text)}
    known |= {stem(w.text) for trait in context.traits for w in words.split(trait.value)} | _PLAIN
    findings = []
    for match in _SHOPS.finditer(text):
        found = words.split(match["what"])
        if found and not any(stem(word.text) in known for word in found):
            why = f'"{match["what"]}" is no trait of the reader'
            findings.append(Finding("personal.habit", match.span(), "repair", why))
    return findings


def _private(text: str) -> list[Finding]:
    findings = [
        Finding("personal.sensitive", match.span(), "block", "links something private to the reader")
        for match in _SPEAKS_TO.finditer(text)
        if is_sensitive(match.group().partition(" ")[2])
    ]
    findings += [
        Finding("personal.creepy", match.span(), "block", "tells what is known of the reader")
        for pattern in (_YOU_ARE, _ACT)
        for match in pattern.finditer(text)
    ]
    return findings
