"""Whether a word of a pitch keeps the company it has in its source.

A title's words mean something together: "oil free lotion" backs "oil free" but not "oil", "ink for
HP" backs "for HP" but not "HP ink", and a word said apart from all its neighbours rests on nothing.
All functions compare lemmas: `lemmas` are the pitch's, `at` a place in it, `source` a fact's.
"""

from __future__ import annotations

from copywriter import words
from copywriter.lexicon.en import FUNCTION, NEGATING_AFTER, NEGATING_BEFORE, TARGETING

_NEAR = 3
_TARGET_REACH = 6


def near_neighbour(at: int, lemmas: tuple[str, ...], source: tuple[str, ...]) -> bool:
    """Whether the pitch says the word next to one that stands near it, in the same order.

    "retractable pens" rests on "Retractable Ballpoint Pens"; a title's word said apart from all its
    company ("here in a clipboard") rests on nothing. Content neighbours only.
    """
    lemma = lemmas[at]
    if source == (lemma,):
        return True
    before = [other for other in lemmas[max(0, at - _NEAR) : at] if other not in FUNCTION][-1:]
    after = [other for other in lemmas[at + 1 : at + 1 + _NEAR] if other not in FUNCTION][:1]
    for place, other in enumerate(source):
        if other != lemma:
            continue
        if set(before) & set(source[max(0, place - _NEAR) : place]):
            return True
        if set(after) & set(source[place + 1 : place + 1 + _NEAR]):
            return True
        if same_neighbour(at, lemmas, source) and _in_longer_run(at, lemmas, source):
            return True
    return False


def _in_longer_run(at: int, lemmas: tuple[str, ...], source: tuple[str, ...]) -> bool:
    """Whether a run of three words around the word is in the source ("body and face")."""
    return any(
        words.contains_run(lemmas[start : start + 3], source)
        for start in range(max(0, at - 2), at + 1)
        if start + 3 <= len(lemmas)
    )


def same_neighbour(at: int, lemmas: tuple[str, ...], source: tuple[str, ...]) -> bool:
    """Whether `source` holds the word beside the same word as `lemmas` does (or is that word)."""
    lemma = lemmas[at]
    if source == (lemma,):
        return True
    before = lemmas[at - 1] if at else None
    after = lemmas[at + 1] if at + 1 < len(lemmas) else None
    for place, other in enumerate(source):
        if other != lemma:
            continue
        if place and source[place - 1] == before and before is not None:
            return True
        if place + 1 < len(source) and source[place + 1] == after and after is not None:
            return True
    return False


def keeps_its_binding(at: int, lemmas: tuple[str, ...], source: tuple[str, ...]) -> bool:
    """Whether some place of the word in `source` means the same in `lemmas`.

    "oil free lotion" backs "oil free" but not "oil"; "ink for HP" backs "for HP" but not "HP ink".
    """
    lemma = lemmas[at]
    for place, other in enumerate(source):
        if other != lemma:
            continue
        before = source[place - 1] if place else ""
        after = source[place + 1] if place + 1 < len(source) else ""
        if before in NEGATING_BEFORE and (at == 0 or lemmas[at - 1] != before):
            continue
        if after in NEGATING_AFTER and (at + 1 >= len(lemmas) or lemmas[at + 1] != after):
            continue
        joint = next((j for j in range(place - 1, -1, -1) if source[j] in TARGETING), None)
        if joint is not None and joint > 0 and place - joint <= _TARGET_REACH:
            run = source[joint : place + 1]
            if at + 1 < len(run) or lemmas[at + 1 - len(run) : at + 1] != run:
                continue
        return True
    return False
