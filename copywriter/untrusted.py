"""Product and user text is untrusted: nothing reaches a fact sheet or a prompt before `clean`.

`clean` removes what is never wording (markup, control and special tokens, addresses);
`is_quotable` judges whether what is left may be repeated to a shopper as it stands.
"""

from __future__ import annotations

import html
import math
import re
import unicodedata

MAX_SCAN_CHARS = 20_000
MAX_TITLE_SCAN = 1_000

_BLOCKS = re.compile(r"<(script|style)\b.*?(?:</\1\s*>|\Z)", re.I | re.S)
_CSS = re.compile(r"\{[^{}]{0,2000}\}")
_TAG = re.compile(r"<[^<>]{0,500}>")
_SPECIAL = re.compile(
    r"<\|[^|<>]{0,40}\|>|</?s>|\[/?INST\]|<</?SYS>>|<(?:pad|unk|bos|eos|mask)>|\[(?:CLS|SEP|MASK)\]",
    re.I,
)
_URL = re.compile(r"(?:https?://|ftp://|www\.)\S+|\b[\w-]{1,63}\.(?:com|net|org|info|biz|shop|io|ru|cn)\b\S*", re.I)
_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+")
_MARKS = str.maketrans({"™": " ", "®": " ", "©": " ", "℠": " ", "’": "'", "‘": "'", "“": '"', "”": '"', "″": '"'})
_FRACTION = re.compile(r"(?<=\d)[\u00bc-\u00be\u2150-\u215e]")
_INSTRUCTION = re.compile(
    r"\b(?:ignore|disregard|forget|override|bypass)\b.{0,40}\b(?:instruct|previous|above|prior|rule|prompt|all)"
    r"|\b(?:system|developer|user|assistant)\s*(?:prompt|message|:)|\bprompt\b.{0,20}\binject"
    r"|\byou (?:are|must|should|will) (?:now|always|never|say|reply|respond|write|output|act)\b"
    r"|\b(?:say|reply|respond|write|output|print|repeat|reveal|translate|pretend)\b[\s:\"']+"
    r"(?:only|exactly|this|that|the (?:following|word|words|rules?)|free|your|with|after me)\b"
    r"|\bnew (?:instructions?|rules?|task)\b|\bact as\b|\bjailbreak|\bas an ai\b|\blanguage model\b"
    r"|\bclick here\b|\bcall now\b|\bvisit (?:us|our|my)\b|\bsubscribe\b"
    r"|(?:^|\s)(?:###|```|---+\s*end)",
    re.I,
)
_NOISE = re.compile(r"([!?$*#=~_^|\\<>{}\[\]@])\1{1,}|[<>{}\\`|^~@]|(\D)\2{4,}")


def clean(text: object, *, max_chars: int = 500) -> str:
    """`text` as one plain line of at most `max_chars`, cut between words; "" when it has none.

    Removes HTML, CSS, scripts, model control tokens, URLs, e-mail addresses, control, zero-width
    and bidirectional characters; decodes entities; folds compatibility forms (NFKC).
    """
    if text is None or (isinstance(text, float) and math.isnan(text)):
        return ""
    raw = str(text)[: min(MAX_SCAN_CHARS, 8 * max_chars + 200)]
    raw = html.unescape(html.unescape(raw)).translate(_MARKS)
    raw = _FRACTION.sub(r" \g<0>", raw)
    raw = unicodedata.normalize("NFKC", raw).replace("\u2044", "/").translate(_MARKS)
    kept = []
    for char in raw:
        kind = unicodedata.category(char)
        if kind[0] == "Z" or char in "\t\n\r\v\f":
            kept.append(" ")
        elif kind[0] != "C" and not (kind == "Mn" and kept and _is_mark(kept[-1])):
            kept.append(char)
    raw = "".join(kept)
    for pattern in (_BLOCKS, _SPECIAL, _TAG, _CSS, _EMAIL, _URL):
        raw = pattern.sub(" ", raw)
    raw = " ".join(raw.split())
    if len(raw) <= max_chars:
        return raw
    head = raw[: max_chars + 1]
    return head.rsplit(" ", 1)[0].strip() if " " in head else ""


def _is_mark(char: str) -> bool:
    return unicodedata.category(char) == "Mn"


def has_instruction(text: str) -> bool:
    """Whether `text` talks to a model or a reader instead of naming a thing."""
    return _INSTRUCTION.search(text) is not None


def has_address(text: str) -> bool:
    """Whether `text` holds a URL or an e-mail address."""
    return _URL.search(text) is not None or _EMAIL.search(text) is not None


def has_special_token(text: str) -> bool:
    """Whether `text` holds markup or a model's control token."""
    return _SPECIAL.search(text) is not None or _TAG.search(text) is not None


def is_hostile(text: object) -> bool:
    """Whether raw text carries an order, an address or a control token, hidden or not."""
    raw = html.unescape(str(text)[:MAX_TITLE_SCAN]) if isinstance(text, str) else ""
    found = has_address(raw) or _SPECIAL.search(raw) is not None
    return found or has_instruction(clean(raw, max_chars=MAX_TITLE_SCAN))


def is_quotable(text: str) -> bool:
    """Whether a title or name may be shown as it stands: plain words, no orders, no noise."""
    letters = sum(char.isalpha() for char in text)
    return (
        letters >= 3
        and letters >= 0.5 * len(text.replace(" ", ""))
        and not has_instruction(text)
        and not has_address(text)
        and not has_special_token(text)
        and _NOISE.search(text) is None
    )
