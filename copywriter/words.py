"""Words of a text with their places, compared by lemma so that singular meets plural."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

WORD = re.compile(r"\d+(?:[.,/]\d+)*(?![^\W_])|[^\W_]+(?:'[^\W\d_]+)*")
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z0-9\"'])")

TO_TWENTY = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen"),
    *("nineteen", "twenty"),
)
NUMBER_WORDS: dict[str, float] = {
    **{word: float(value) for value, word in enumerate(TO_TWENTY)},
    **{"thirty": 30.0, "forty": 40.0, "fifty": 50.0, "sixty": 60.0, "seventy": 70.0},
    **{"eighty": 80.0, "ninety": 90.0, "hundred": 100.0, "thousand": 1000.0, "million": 1e6},
    **{"dozen": 12.0, "dozens": 12.0, "half": 0.5, "quarter": 0.25, "third": 1 / 3, "pair": 2.0},
    **{"double": 2.0, "twice": 2.0, "triple": 3.0, "twin": 2.0, "hundreds": 100.0, "couple": 2.0},
    **{"once": 1.0, "single": 1.0, "thousands": 1000.0, "millions": 1e6, "several": 3.0},
}
"""Spelled-out numbers; each needs a fact just as digits do."""


@dataclass(frozen=True, slots=True)
class Word:
    """One word: its `lemma`, and its text `[start, end)`."""

    text: str
    lemma: str
    start: int
    end: int

    @property
    def is_number(self) -> bool:
        """Whether it counts something, in digits or in letters."""
        return any(char.isnumeric() for char in self.text) or self.text.lower() in NUMBER_WORDS


@lru_cache(maxsize=65_536)
def lemma(word: str) -> str:
    """Lower case, without possessive or regular plural ending."""
    low = word.lower()
    if low.endswith("'s"):
        low = low[:-2]
    if len(low) > 4 and low.endswith("ies"):
        return low[:-3] + "y"
    if len(low) > 4 and low.endswith(("ches", "shes", "sses", "xes", "zes")):
        return low[:-2]
    if len(low) > 3 and low.endswith("s") and not low.endswith(("ss", "us", "is")):
        return low[:-1]
    return low


@lru_cache(maxsize=16_384)
def split(text: str) -> tuple[Word, ...]:
    """The words of `text`; hyphens, slashes and punctuation separate."""
    return tuple(Word(match.group(), lemma(match.group()), match.start(), match.end()) for match in WORD.finditer(text))


def lemmas(text: str) -> tuple[str, ...]:
    """The lemmas of `text`, in order."""
    return tuple(word.lemma for word in split(text))


def sentences(text: str) -> tuple[str, ...]:
    """`text` cut after sentence ends."""
    return tuple(part.strip() for part in _SENTENCE.split(text) if part.strip())


def contains_run(run: tuple[str, ...], within: tuple[str, ...]) -> bool:
    """Whether `run` occurs in `within` without a gap."""
    size = len(run)
    return size > 0 and any(within[at : at + size] == run for at in range(len(within) - size + 1))
