"""The prompt in segments, shared prefix first and the item last, and how its answer is read.

Untrusted text enters only cleaned, quoted and inside the item segment. `PROMPT_VERSION` is part of
every cache key: change it with the wording.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from copywriter import words
from copywriter.audience import Trait
from copywriter.facts import FactSheet
from copywriter.phrasings import en
from copywriter.spoken import mid_sentence, net_content, only, pools, repeats_name, rotate, seed_of

PROMPT_VERSION: Final = "pitch-3"
MAX_NEW_TOKENS: Final = 32

RULES: Final = """Lines from a shop's newsletter. Each line names one item and says only what is listed.

Item: oat cookies; 12 oz
Line: Since you often shop for cookies, take a look at the oat cookies in the 12 oz size.

Item: Ridgeline Desk Lamp; black
Line: A simple pick for your list: the Ridgeline Desk Lamp in black.

Item: green olives
Line: Back for olives? Consider green olives for your next order.

Item: Sunvale Hand Lotion; 8 oz
Line: Looking for lotions? Try the Sunvale Hand Lotion, 8 oz.

Item: Halden Gel Pens; pack of 6
Line: For your next order, consider the Halden Gel Pens, pack of 6.
"""
"""Invented items only. Ends before the blank line, so that tokens do not merge across segments."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """Segment texts in order of how widely they are shared: all requests, one audience, one item.

    `opening` is how the answer begins: part of the prompt, and of the pitch.
    """

    rules: str
    audience: str
    item: str
    opening: str = ""
    stop: tuple[str, ...] = ("\n",)
    version: str = PROMPT_VERSION

    @property
    def segments(self) -> tuple[str, str, str]:
        """The texts to send to an engine; the first holds nothing of any user or item."""
        return self.rules, self.audience, self.item + self.opening

    @property
    def text(self) -> str:
        """The whole prompt."""
        return "".join(self.segments)


def pitch_prompt(sheet: FactSheet, traits: tuple[Trait, ...]) -> Prompt:
    """The prompt for one item's pitch; the opening carries what the reader is known to like."""
    listed = [mid_sentence(sheet), only(sheet.of_kind("colour")), net_content(sheet)]
    listed.append(only(tuple(fact for fact in sheet.of_kind("count") if fact.value != 1)))
    facts = "; ".join(part.replace(";", ",") for part in listed if part)
    return Prompt(RULES, "", f"\nItem: {facts}\nLine: ", opening(sheet, traits))


def opening(sheet: FactSheet, traits: tuple[Trait, ...]) -> str:
    """The first words of the pitch, chosen by trait and item."""
    for pool, noun, brand in pools(sheet, traits):
        seed = seed_of(sheet.item_id, pool, noun, brand, "opening")
        for text in rotate(en.OPENINGS.get(pool, en.OPENINGS["neutral"]), seed):
            if "noun}" in text.lower() and (not noun or repeats_name(noun, sheet)):
                continue
            filled = text.replace("{Noun}", noun[:1].upper() + noun[1:]).replace("{noun}", noun)
            return filled.replace("{brand}", brand)
    return ""


def read_answer(text: str, *, opening: str = "", max_chars: int = 160) -> str:
    """`opening` and the usable part of a model's answer: its first line, unquoted, up to the last full sentence.

    A line that the model ended itself (a line break follows) gets the full stop it may lack.
    """
    first, broken, _ = text.lstrip().partition("\n")
    line = " ".join(f"{opening} {first}".split())
    if len(line) > 1 and line[0] in "\"'“" and line[-1] in "\"'”":
        line = line[1:-1].strip()
    if broken and line[-1:].isalnum():
        line += "."
    kept = ""
    for sentence in words.sentences(line):
        longer = f"{kept} {sentence}".strip()
        if len(longer) > max_chars or sentence[-1:] not in ".!?":
            break
        kept = longer
    return kept or line[: 2 * max_chars]
