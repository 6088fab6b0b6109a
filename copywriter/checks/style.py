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
from copywriter.phrasings.en import RESTRICTED_BARE, nameless
from copywriter.stems import stem
from copywriter.untrusted import is_hostile

MIN_CHARS = 12
MAX_SENTENCES = 3
MAX_SAID = 3
"""A content word that the name has once at most is said no oftener."""
MIN_TOLD = 2
"""Or this many of them, where the name is long."""
NAME_SHARE = 0.5
"""Without the item's kind or brand, a pitch says at least this share of the name's words."""

_REFUSAL = re.compile(
    r"\b(?:i'm sorry|i am sorry|i cannot|i can't|as an ai|language model|sorry, |unable to|here(?:'s| is) "
    r"(?:a|the|your) (?:pitch|short|sentence|product))\b",
    re.I,
)
_ENDS = re.compile(r"[.!?]$")
_BROKEN = re.compile(
    r"\b(?:a|an) \d[\d./,]*[ -]?(?:oz|fl oz|ml|l|g|kg|lb|mm|cm|in|ct|count)\b(?=[,.!?]|$)"
    r"|\b(?:a|an) (?:black|white|blue|red|green|clear|assorted)\b(?=[.!?]|$)"
    r"|,[^\W\d]|[:?][^\W\d]|\b(?:a|an|the|your) (?:a|an|the|and|is|your)\b"
    r"|\b(?:for|of|at) (?:and|is|or|for)\b"
    r"|^(?:(?!\bkeep\b).)*\bin mind\b(?!\?)",
    re.I,
)
_ODD = re.compile(r"[^\w\s.,;:!?'’‘\"“”()/&+%°$€£¥×–—\-…]")
_PICTURES = frozenset("✏✍📚📖📓☕🍵🎨🧵🧶🖊🖋📎🔧🔨🛠🐶🐱🌷🪴🍪🍝🎲🧩🎸📷🛏🛁🧴🧼👟🧦🧢🕯\ufe0f")
"""Pictures of things; what stands for praise, nature or a bargain is not here."""
_QUESTION = re.compile(r"[^.!?]*\?")
_VAGUE = frozenset(("accessory", "supply", "item", "other", "care", "tool"))
NUMBERS = frozenset(words.NUMBER_WORDS)
_INCHES = re.compile(r'(?<=\d)"')
_LAST_WORDS = word_set("a an the and or your is are this that of from")
_HANGING = word_set("for with in on at to by")
_CUT_SHORT = _LAST_WORDS | _HANGING
"""`_HANGING` may end a sentence ("a bag to keep them in."), but not a text that has no end."""


def check(text: str, sheet: FactSheet, context: Context) -> list[Finding]:
    """Faults of form in `text`: length, loops, language, refusals, unfinished sentences."""
    found = words.split(text)
    n_chars, n_sentences = len(text), len(words.sentences(text))
    odd = _INCHES.sub("", text).count('"') % 2 == 1 or text.count("(") != text.count(")")
    faults = (
        ("long", n_chars > context.max_chars, f"{n_chars} characters; at most {context.max_chars}"),
        ("short", n_chars < MIN_CHARS or len(found) < 3, f"{n_chars} characters"),
        (
            "unfinished",
            (not context.headline and not _ENDS.search(text)) or _dangles(text, found),
            "has no sentence end",
        ),
        ("start", not context.headline and _starts_low(text, sheet), "does not begin as a sentence"),
        ("bare", not context.headline and text.strip(" .!") == sheet.name, "is the item's name and no sentence"),
        ("signs", _odd(text, sheet), "holds a sign that is no punctuation of a sentence"),
        ("repeats", _asks_for_the_name(text, sheet), "asks for what it then merely names"),
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
    if not found or found[-1].text.lower() not in (_LAST_WORDS if _ENDS.search(text) else _CUT_SHORT):
        return False
    return text[found[-1].start - 1 : found[-1].start] != "-"


def _loops(found: tuple[words.Word, ...], sheet: FactSheet) -> bool:
    lemmas = [word.lemma for word in found]
    own = Counter(words.lemmas(sheet.name))
    counts = Counter(
        word.lemma for word in found if word.lemma not in FUNCTION and len(word.lemma) > 2 and not word.is_number
    )
    if any(count > max(MAX_SAID, own[lemma] + 1) for lemma, count in counts.items()):
        return True
    runs = Counter(
        run for at in range(len(lemmas) - 2) if not set(run := tuple(lemmas[at : at + 3])) <= FUNCTION | NUMBERS
    )
    doubled = any(a == b and a.isalpha() for a, b in pairwise(lemmas))
    own_doubled = any(a == b for a, b in pairwise(words.lemmas(sheet.name)))
    return any(count > 1 for count in runs.values()) or (doubled and not own_doubled)


def _is_foreign(text: str, sheet: FactSheet) -> bool:
    own = set(sheet.name)
    letters = [char for char in text if char.isalpha() and char not in own]
    return sum(ord(char) > 0x24F for char in letters) > 0


def _odd(text: str, sheet: FactSheet) -> bool:
    """Whether a star, a hash or the like praises where words may not."""
    own = {char for fact in sheet.facts for char in fact.text}
    return any(char not in own and char not in _PICTURES and _ODD.match(char) for char in text)


def _asks_for_the_name(text: str, sheet: FactSheet) -> bool:
    """Whether a question names the whole item, and what follows only names it again."""
    question, asked, answer = text.partition("?")
    if re.search(r"[.!:]\s", question) or not answer.strip():
        return False
    name = set(words.lemmas(sheet.name))
    if not asked or not name or not name <= set(words.lemmas(question)):
        return False
    told = {word.lemma for word in words.split(answer) if not word.is_number and word.lemma not in FUNCTION}
    backed = {lemma for fact in sheet.facts if fact.kind != "category" for lemma in words.lemmas(fact.text)} - name
    return not told & {lemma for lemma in backed if lemma.isalpha() and len(lemma) > 2}


def _names_item(text: str, found: tuple[words.Word, ...], sheet: FactSheet) -> bool:
    """Whether the pitch says outside questions what the item is: its kind, its brand, or most of its name.

    An item whose name or kind may not be spoken has only the nameless sentences of the templates.
    """
    if text in nameless(sheet.noun, sheet.text_of("brand")) or text in RESTRICTED_BARE:
        return True
    if not sheet.name and is_hostile(sheet.text_of("title")):
        return False
    told = _QUESTION.sub(" ", text)
    said = {stem(word.text) for word in words.split(told if told.strip() else text)}
    brand = {stem(word.text) for word in words.split(sheet.text_of("brand"))}
    if brand and brand <= said:
        return True
    name = [stem(word.text) for word in words.split(sheet.name or sheet.text_of("title"))]
    kinds = {stem(word.text) for level in sheet.path[-2:] for word in words.split(level)} - _VAGUE
    if kinds & said and set(name) & said:
        return True
    n_told = sum(word in said for word in name)
    return (
        n_told >= min(MIN_TOLD, math.ceil(NAME_SHARE * max(len(name), 1)))
        or name[-1:] == [n for n in name[-1:] if n in said]
        or bool(kinds & said & set(name))
    )
