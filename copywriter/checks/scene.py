"""Where everyday words may stand: in the scene around an item, never in what is said of the item.

A pitch asks ("Button gone?"), opens ("Kettle on: ..."), names a use ("for soups and sauces", "to carry it"), a place
("on the kitchen table") or a moment ("when the leaves are down"). There an everyday word says nothing of the item.
After "with", "is", "has", "made", "that" and the like the sentence says what the item is, and every word needs a fact
again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from copywriter import words
from copywriter.lexicon import everyday as ev
from copywriter.lexicon import word_set
from copywriter.lexicon.concrete import CONCRETE, GROWN
from copywriter.lexicon.plain import STATED, TALK
from copywriter.stems import stem

FOODS: Final = ev.FOODS | GROWN
NOUNS: Final = ev.PLACES | ev.TIMES | ev.EVENTS | ev.THINGS | ev.PEOPLE | ev.FEELINGS | ev.TABLE | CONCRETE | FOODS
_MOMENTS: Final = ev.PLACES | ev.TIMES | ev.EVENTS | ev.PEOPLE | ev.FEELINGS
_VERB_STEMS: Final = frozenset(map(stem, ev.VERBS))
_NOUN_STEMS: Final = frozenset(stem(noun) for noun in NOUNS if not noun.endswith(("ing", "ings", "ed")))
_SIGNS: Final = re.compile(r"[,;:–—()\"]|\s-\s")
_PLACING: Final = word_set(
    "on at in over under beside near into onto through around across between behind along by of upon"
)
_OWN: Final = word_set("the your this that these those")
_WHEN: Final = word_set("when whenever while if as before after during where wherever since")
_SPANS: Final = word_set("year month week decade season lifetime while night summer winter day")
_EATING: Final = word_set("drink drinking eat eating taste tasting sip sipping nibble chew chewing swallow")
_PREDICATES: Final = word_set("ahead away done down gone off over past ready")
_DURATIONS: Final = word_set("hours days weeks months years minutes seasons decades nights")
_MAX_OPENING: Final = 8
_QUALITY: Final = re.compile(r"(?:able|ible|proof|free|less|ful|ous|ive|est|ier|ic|al|ish|ant|ent|est|ed|ary|some|y)$")
_NO_MOMENT: Final = re.compile(
    r"\b(?:before|until|till|by|while) (?:noon|midnight|it|they|you can|(?:the )?(?:end|close)|(?:mon|tues"
    r"|wednes|thurs|fri|satur|sun)day|supplies|stocks?|today|tomorrow)\b",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Token:
    """A word of a pitch: its stem, its sentence, what zone it stands in ("" where it speaks of the item)."""

    text: str
    low: str
    stem: str
    start: int
    end: int
    sentence: int
    gap: str
    """What stands between the word before and this one."""
    zone: str = ""


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence's words, its end sign, and the index of the first word behind its opening (0: no opening)."""

    first: int
    last: int
    end: str
    opening: int


def read(text: str) -> tuple[list[Token], list[Sentence]]:
    """The words of `text` with the zone of each."""
    found = words.split(text)
    plain: list[Token] = []
    sentences: list[Sentence] = []
    begin = 0
    for at, word in enumerate(found):
        gap = text[found[at - 1].end : word.start] if at else text[: word.start]
        if at and re.search(r"[.!?]+[\"'”)]*\s", gap) and not _abbreviated(text, found[at - 1]):
            sentences.append(_sentence(text, plain, begin, at, gap))
            begin = at
        plain.append(
            Token(
                word.text,
                word.text.lower().replace("’", "'"),
                stem(word.text),
                word.start,
                word.end,
                len(sentences),
                gap,
            )
        )
    if found:
        sentences.append(_sentence(text, plain, begin, len(found), text[found[-1].end :]))
    zoned: list[Token] = []
    for sentence in sentences:
        zoned += _zoned(plain, sentence, text)
    return zoned, sentences


def _abbreviated(text: str, word: words.Word) -> bool:
    low, rest = word.text.lower(), text[word.end :]
    if not rest.startswith("."):
        return False
    return low in ("no", "st", "dr", "vol") or (
        low in ("fl", "oz", "approx", "in", "lb", "ft", "w") and rest[1:].lstrip()[:1].islower()
    )


def _sentence(text: str, plain: list[Token], first: int, last: int, gap: str) -> Sentence:
    end = next((sign for sign in gap.strip() if sign in ".!?"), "")
    opening = 0
    for at in range(first + 1, min(last, first + _MAX_OPENING + 1)):
        if ":" in plain[at].gap or re.search(r"\s[–—-]\s", plain[at].gap):
            opening = at
            break
    return Sentence(first, last, end, opening)


def _zoned(plain: list[Token], sentence: Sentence, text: str) -> list[Token]:
    row = plain[sentence.first : sentence.last]
    if sentence.end == "?":
        return [_at(token, "question") for token in row]
    zone, found = "", []
    short = sentence.end == "!" and len(row) <= 4 and all(map(is_verb, row))
    if short or (sentence.opening and _is_opening(row[: sentence.opening - sentence.first])):
        zone = "opening"
    elif row and is_verb(row[0]) and row[0].low not in _NOT_ORDERS:
        zone = "order"
    until = sentence.opening - sentence.first if sentence.opening and zone == "opening" else len(row)
    for at, token in enumerate(row):
        after = row[at + 1] if at + 1 < len(row) else None
        if zone == "opening":
            if at >= until or (
                token.low in ("with", "plus", "featuring", "including") and at and not _in_company(token, after)
            ):
                zone = ""
        elif zone and at and _SIGNS.search(token.gap) and not _continues(row, at, zone):
            zone = ""
        elif zone == "order" and _in_company(token, after):
            pass
        elif (
            zone
            and zone != "opening"
            and token.low in STATED
            and (
                token.low not in ("of", "by", "that", "from")
                or (token.low == "that" and zone == "use" and not _needs(after))
            )
        ):
            zone = ""
        if zone in ("", "order", "use", "place", "moment") or token.low in ("for", "to"):
            zone = _opened(token, after, row, at, zone)
        found.append(_at(token, zone))
    return found


def _needs(after: Token | None) -> bool:
    """Whether "that" goes on with the reader's need ("joints that need joining") and not with the item's ability."""
    return after is not None and after.low in (
        "you",
        "your",
        "need",
        "needs",
        "want",
        "wants",
        "is",
        "are",
        "has",
        "have",
        "often",
        "starts",
    )


def _in_company(token: Token, after: Token | None) -> bool:
    """Whether "with" tells of the reader's things ("toss them in with the towels") and not of the item's."""
    return token.low == "with" and after is not None and after.low in ("the", "your")


_NOT_ORDERS: Final = word_set("order get have go made")


def _opened(token: Token, after: Token | None, row: list[Token], at: int, zone: str) -> str:  # noqa: PLR0911  one return a rule
    """The zone from `token` on."""
    if token.low == "for":
        return "use"
    if token.low == "to" and after is not None:
        if (
            is_verb(after)
            or after.low in ("be", "go", "have", "see", "look", "put", "come")
            or (after.low in ev.ADVERBS)
        ):
            return "act"
        return "place" if after.low in _OWN else zone
    if token.low in _WHEN and not zone:
        return "moment"
    if token.low in _PLACING and after is not None and after.low in _OWN and not zone:
        return "place"
    if token.low in ("on", "at", "in", "over") and after is not None and after.low in ev.PLACES | ev.TIMES and not zone:
        return "place"
    if zone == "act" and token.low in ("and", "or") and after is not None and after.low in ("a", "an"):
        return ""
    if (
        zone
        and token.low in ("and", "plus")
        and after is not None
        and (after.low in ("a", "an", "its") or after.text[:1].isdigit())
    ):
        return ""
    return zone


def _continues(row: list[Token], at: int, zone: str) -> bool:
    """Whether a comma stands in a list of uses: "for remotes, clocks and flashlights"."""
    if row[at].gap.strip() != "," or zone not in ("use", "act", "order"):
        return False
    if zone != "use":
        return row[at].low in ("then", "and") or (is_verb(row[at]) and zone == "order")
    run = [token for token in row[at : at + 4] if token.low not in ("and", "or")]
    listed = row[at - 1].low.endswith("s") and (row[at - 1].stem in _NOUN_STEMS or row[at - 1].low in TALK)
    return listed and bool(run) and run[0].stem in _NOUN_STEMS and (run[0].low.endswith("s") or run[0].low in FOODS)


def _is_opening(row: list[Token]) -> bool:
    """Whether an opening only sets a scene: no bare list of things that the item could be taken to come with."""
    parts: list[list[Token]] = [[]]
    for token in row:
        if "," in token.gap and parts[-1]:
            parts.append([])
        parts[-1].append(token)
    bare = [part for part in parts if all(token.stem in _NOUN_STEMS and token.low not in _MOMENTS for token in part)]
    risky = ev.ACCESSORIES | ev.HAZARDS | ev.TABLE
    return not any(token.low in risky for part in bare for token in part)


def is_verb(token: Token) -> bool:
    """Whether the word is an everyday verb in its base form or with -ing."""
    return token.low in ev.VERBS or (token.low.endswith("ing") and token.stem in _VERB_STEMS)


def licensed(token: Token, row: list[Token], at: int, *, edible: bool, culinary: bool, implied: bool) -> bool:  # noqa: PLR0911, PLR0912  one rule a line
    """Whether an everyday word may stand where it does.

    `edible`: the item is eaten, smelled or worn on the skin; `culinary`: it is that or serves food; `implied`: the
    kind of the item implies the word.
    """
    if not token.zone:
        return False
    low = token.low
    adjective = low in ev.ADJECTIVES or low in ev.ADVERBS
    noun = low in NOUNS or (token.stem in _NOUN_STEMS and not low.endswith(("ing", "ed")))
    verb = is_verb(token)
    if token.zone == "question":
        return adjective or noun or verb or low in ev.ACCESSORIES or low in ev.HAZARDS or _past(token) or _asks(low)
    if _lasts(row, at):
        return False
    if token.zone in ("use", "act") and not culinary and (low in FOODS or low in _EATING) and low not in _MOMENTS:
        return False
    if edible and low in ev.PLACES and any(token.low == "from" for token in row[max(0, at - 3) : at]):
        return False  # "from the orchard": an origin
    if token.zone in ("use", "act", "order") and low in ev.HEATING and not culinary and not implied:
        return False
    if low in ev.HAZARDS and not implied and token.zone in ("use", "place", "moment"):
        return False
    if adjective and not noun and not verb and token.zone != "moment":
        return _attributive(row, at)
    if token.zone == "opening" and edible and low in FOODS and low not in _MOMENTS | ev.TABLE and not verb:
        return False
    if token.zone == "use" and low.endswith("s") and (token.stem in _VERB_STEMS or low in ev.ACCESSORIES):
        return True
    if low in ev.ACCESSORIES and low not in ev.PLACES:
        return verb and (token.zone in ("order", "act", "opening") or (token.zone == "use" and low.endswith("ing")))
    if token.zone == "moment" and _past(token):
        return True
    if token.zone in ("place", "opening") and low in ev.BODY:
        return True
    return adjective or noun or verb


def _lasts(row: list[Token], at: int) -> bool:
    """Whether a time tells how long something lasts: "for weeks", "for a year", but not "for a day at the beach"."""
    low = row[at].low
    if low in _DURATIONS:
        return row[at - 1].low == "for"
    if low not in _SPANS or at < 2 or row[at - 1].low not in ("a", "an", "one") or row[at - 2].low != "for":
        return False
    return (
        low != "day"
        or at + 1 >= len(row)
        or row[at + 1].low not in ("at", "in", "on", "of", "out", "with", "off", "by")
    )


def _attributive(row: list[Token], at: int) -> bool:
    """Whether a quality is one of a thing in the scene ("on a long day") and no effect of the item ("keeps it hot").

    The size or age of people and animals is no scene: it tells for whom the item is.
    """
    low = row[at].low
    if low in ev.ADVERBS or low in _PREDICATES:
        return True
    after = row[at + 1] if at + 1 < len(row) else None
    if after is None or after.gap != " " or after.sentence != row[at].sentence:
        return False
    if after.low in ev.HAZARDS:
        return False
    return after.low in NOUNS or after.low in ev.ADJECTIVES or after.stem in _NOUN_STEMS


def _asks(low: str) -> bool:
    """Whether a question may hold the word though no list has it: a question says nothing of the item.

    Words that look like a quality stay out: an asked-for quality is read as one the item has.
    """
    return low.isalpha() and not _QUALITY.search(low)


def _past(token: Token) -> bool:
    """Whether it is an everyday verb in its past form: of the reader's things, in a question or a "when"."""
    return token.low.endswith("ed") and token.stem in _VERB_STEMS


def urges(text: str) -> re.Match[str] | None:
    """A moment that is a deadline ("before noon", "while you can")."""
    return _NO_MOMENT.search(text)


def _at(token: Token, zone: str) -> Token:
    return Token(token.text, token.low, token.stem, token.start, token.end, token.sentence, token.gap, zone)
