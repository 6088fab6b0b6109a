"""What a pitch says of the reader must be one of the reader's traits: habits are facts, too."""

from __future__ import annotations

import re

from copywriter import words
from copywriter.checks.finding import Context, Finding
from copywriter.facts import FactSheet
from copywriter.lexicon.sensitive import is_sensitive
from copywriter.naming import spoken_category

_HABIT = re.compile(
    r"\byou(?:'ve| have)? (?:often|usually|always|already|still|know|like|love|enjoy|prefer|shop|"
    r"pick|picked|choose|chose|chosen|buy|bought|look|looked|browse|browsed|were|had|want|need|"
    r"tried|get|keep|found|recommend)\b"
    r"|\byour (?:usual|regular|familiar|favou?rites?|kind of|habits?|interest|habitual|go-to|name|brand)\b"
    r"|\bas usual\b|\bof yours\b|\bback for\b|\bagain\b|\ba familiar\b|\bcome back\b|\bstill\b",
    re.I,
)
_ABOUT = re.compile(
    r"\b(?:(?:shop|shopping|look|looked|looking|browse|browsed|browsing|were browsing) (?:for|at|in)"
    r"|often (?:shop for|look for|choose|pick|get|like)|browsing|back for|around|interest in|round of)"
    r" (?:the )?(?P<what>[^,.?!;:]+)",
    re.I,
)
_CONDITION = re.compile(r"\b(?:if|when|whenever|next time|should) $", re.I)

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
    findings = _private(text)
    nouns = [
        words.lemmas(spoken_category(trait.value.split(" > ")[-1]))
        for trait in context.traits
        if trait.kind in ("category", "because")
    ]
    brands = [words.lemmas(trait.value) for trait in context.traits if trait.kind == "brand"]
    for match in _HABIT.finditer(text):
        if _CONDITION.search(text[: match.start()]) or context.traits:
            continue
        why = f'"{match.group()}" tells a habit of the reader that no trait backs'
        findings.append(Finding("personal.habit", match.span(), "repair", why))
    known = [noun for noun in (*nouns, *brands) if noun]
    if not _HABIT.search(text):
        return findings
    for match in _ABOUT.finditer(text):
        said = words.lemmas(match["what"])
        tells = _HABIT.search(text[max(0, match.start() - 4) : match.end()]) or _tells(text, match)
        if tells and not any(said[: len(noun)] == noun for noun in known):
            why = f'"{match.group()}" is no habit of the reader'
            findings.append(Finding("personal.subject", match.span(), "repair", why))
    return findings


def _private(text: str) -> list[Finding]:
    findings = [
        Finding("personal.sensitive", match.span(), "block", "links something private to the reader")
        for match in _SPEAKS_TO.finditer(text)
        if is_sensitive(match.group().partition(" ")[2])
    ]
    findings += [
        Finding("personal.creepy", match.span(), "block", "tells what is known of the reader")
        for match in _YOU_ARE.finditer(text)
    ]
    return findings


def _tells(text: str, match: re.Match[str]) -> bool:
    """Whether the sentence up to the match says "you" and states, not proposes."""
    before = re.split(r"[.?!]", text[: match.start()])[-1].lower()
    after = re.split(r"[.!]", text[match.end() :])[0]
    return bool(re.search(r"\byou\b[^,]*$", before)) or after.startswith(" again")
