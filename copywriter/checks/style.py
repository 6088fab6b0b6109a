"""A pitch is one or two finished, fluent sentences that name the item and respect the reader."""

from __future__ import annotations

import math
import re
from collections import Counter
from itertools import pairwise

from copywriter import words
from copywriter.checks.finding import Context, Finding
from copywriter.facts import FactSheet
from copywriter.lexicon import word_set
from copywriter.lexicon.en import FUNCTION
from copywriter.phrasings.en import nameless

MIN_CHARS = 12
MAX_SENTENCES = 3
NAME_SHARE = 0.6
"""A pitch says at least this share of the name's words."""

_REFUSAL = re.compile(
    r"\b(?:i'm sorry|i am sorry|i cannot|i can't|as an ai|language model|sorry, |unable to|here(?:'s| is) "
    r"(?:a|the|your) (?:pitch|short|sentence|product))\b",
    re.I,
)
_ENDS = re.compile(r"[.!?]$")
_BROKEN = re.compile(
    r"\b(?:a|an) \d[\d./,]*[ -]?(?:oz|fl oz|ml|l|g|kg|lb|mm|cm|in|ct|count)\b(?=[,.!?]|$)"
    r"|\b(?:a|an) (?:black|white|blue|red|green|clear|assorted)\b(?=[,.!?]|$)"
    r"|,[^\W\d]|[:?][^\W\d]|\b(?:a|an|the|your) (?:a|an|the|and|is|your)\b"
    r"|\b(?:for|of|at) (?:and|is|or|for)\b"
    r"|^(?:(?!\bkeep\b).)*\bin mind\b",
    re.I,
)
_LAST_WORDS = word_set("a an the and or for with of in on at to by from your is are this that")


def check(text: str, sheet: FactSheet, context: Context) -> list[Finding]:
    """Faults of form in `text`: length, loops, language, refusals, unfinished sentences."""
    found = words.split(text)
    n_chars, n_sentences = len(text), len(words.sentences(text))
    odd = text.count('"') % 2 == 1 or text.count("(") != text.count(")")
    faults = (
        ("long", n_chars > context.max_chars, f"{n_chars} characters; at most {context.max_chars}"),
        ("short", n_chars < MIN_CHARS or len(found) < 3, f"{n_chars} characters"),
        ("unfinished", not _ENDS.search(text) or _dangles(text, found), "has no sentence end"),
        ("start", _starts_low(text, sheet), "does not begin as a sentence"),
        ("sentences", n_sentences > MAX_SENTENCES, f"more than {MAX_SENTENCES} sentences"),
        ("unbalanced", odd, "an opened quote or bracket is not closed"),
        ("loop", _loops(found, sheet), "repeats itself"),
        ("grammar", _is_broken(text, sheet), "is no English"),
        ("unnamed", not _names_item(text, found, sheet), "does not name the item in a sentence"),
    )
    findings = [Finding(f"style.{rule}", (0, n_chars), "repair", why) for rule, broken, why in faults if broken]
    if refused := _REFUSAL.search(text):
        why = "is a reply, not a pitch"
        findings.append(Finding("style.refusal", refused.span(), "block", why))
    if context.locale.lower().startswith("en") and _is_foreign(text, sheet):
        findings.append(Finding("style.language", (0, n_chars), "review", "is not English"))
    return findings


def _starts_low(text: str, sheet: FactSheet) -> bool:
    return text[:1].islower() and not (sheet.name and text.startswith(sheet.name[:4]))


def _is_broken(text: str, sheet: FactSheet) -> bool:
    """Whether English is broken outside the item's own name."""
    own = re.compile(re.escape(sheet.name), re.I)
    return _BROKEN.search(own.sub("Thing", text) if sheet.name else text) is not None


def _dangles(text: str, found: tuple[words.Word, ...]) -> bool:
    if not found or found[-1].text.lower() not in _LAST_WORDS:
        return False
    return text[found[-1].start - 1 : found[-1].start] != "-"


def _loops(found: tuple[words.Word, ...], sheet: FactSheet) -> bool:
    lemmas = [word.lemma for word in found]
    own = Counter(words.lemmas(sheet.name))
    counts = Counter(lemma for lemma in lemmas if lemma not in FUNCTION and len(lemma) > 2)
    if any(count > max(2, own[lemma] + 1) for lemma, count in counts.items()):
        return True
    runs = Counter(tuple(lemmas[at : at + 3]) for at in range(len(lemmas) - 2))
    doubled = any(a == b and a.isalpha() for a, b in pairwise(lemmas))
    own_doubled = any(a == b for a, b in pairwise(words.lemmas(sheet.name)))
    return any(count > 1 for count in runs.values()) or (doubled and not own_doubled)


def _is_foreign(text: str, sheet: FactSheet) -> bool:
    own = set(sheet.name)
    letters = [char for char in text if char.isalpha() and char not in own]
    return sum(ord(char) > 0x24F for char in letters) > 0


def _names_item(text: str, found: tuple[words.Word, ...], sheet: FactSheet) -> bool:
    """Whether the pitch says most of the item's name.

    An item whose name or kind may not be spoken has only the nameless sentences of the templates.
    """
    lemmas = tuple(word.lemma for word in found)
    name = words.lemmas(sheet.name)
    told = (Counter(name) & Counter(lemmas)).total()
    if name and told >= math.ceil(NAME_SHARE * len(name)):
        return True
    return text in nameless(sheet.noun, sheet.text_of("brand"))
