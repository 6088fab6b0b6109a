"""Checks of single request fields; each raises InvalidFieldError naming field, value and remedy."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final, TypeVar

from google.protobuf.timestamp_pb2 import Timestamp

from server.clock import MAX_TIME_MS
from server.errors import InvalidFieldError

MAX_ID_CHARS: Final = 256
MAX_LIST: Final = 100
MAX_PRICE: Final = 1e9
MAX_QUANTITY: Final = 1e6
_HIDDEN: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]")
_HIDDEN_IN_PROSE: Final = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_LANGUAGE_TAG: Final = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*")
_COUNTRY: Final = re.compile(r"[A-Za-z]{2}")
_CURRENCY: Final = re.compile(r"[A-Za-z]{3}")

T = TypeVar("T")


def text(field: str, value: str, *, max_chars: int = MAX_ID_CHARS, prose: bool = False) -> str:
    """A name or id: short, without control or direction-changing characters; `prose` allows line breaks."""
    if len(value) > max_chars:
        raise InvalidFieldError(field, value, expected=f"at most {max_chars} characters", remedy="send a shorter one")
    if (_HIDDEN_IN_PROSE if prose else _HIDDEN).search(value):
        raise InvalidFieldError(
            field,
            value,
            expected="no control or direction-changing characters",
            remedy="remove them",
        )
    return value


def required(field: str, value: str, *, max_chars: int = MAX_ID_CHARS) -> str:
    """A `text` that must be there."""
    if not value.strip():
        raise InvalidFieldError(field, value, expected="a non-empty text", remedy="fill it in")
    return text(field, value, max_chars=max_chars)


def texts(field: str, values: Iterable[str], *, limit: int = MAX_LIST) -> tuple[str, ...]:
    """Several non-empty texts, repeats dropped; at most `limit`."""
    listed = list(values)
    if len(listed) > limit:
        raise InvalidFieldError(field, len(listed), of="length of ", expected=f"at most {limit}", remedy="send fewer")
    checked = (required(f"{field}[{place}]", value) for place, value in enumerate(listed))
    return tuple(dict.fromkeys(checked))


def locale(field: str, value: str) -> str:
    """Empty, or the shape of a BCP 47 tag."""
    if value and not (len(value) <= 35 and _LANGUAGE_TAG.fullmatch(value)):
        raise InvalidFieldError(field, value, expected="a BCP 47 tag such as de-DE", remedy="use hyphens, no spaces")
    return value


def country(field: str, value: str) -> str:
    """Empty, or two letters."""
    if value and not _COUNTRY.fullmatch(value):
        raise InvalidFieldError(field, value, expected="two letters such as DE", remedy="send ISO 3166-1 alpha-2")
    return value.upper()


def currency(field: str, value: str) -> str | None:
    """None when empty, else three letters in upper case."""
    if value and not _CURRENCY.fullmatch(value):
        raise InvalidFieldError(field, value, expected="three letters such as EUR", remedy="send an ISO 4217 code")
    return value.upper() or None


def amount(field: str, value: float, *, at_most: float, positive: bool = False) -> float:
    """A number from 0 to `at_most`, with `positive` more than 0; so that sums of amounts stay finite."""
    if not 0 <= value <= at_most or (positive and value == 0):  # NaN is in no range
        wanted = f"more than 0, at most {at_most:,.0f}" if positive else f"0 to {at_most:,.0f}"
        raise InvalidFieldError(field, value, expected=f"a number, {wanted}", remedy="correct it")
    return value


def choice(field: str, value: int, known: Mapping[int, T], names: Iterable[str]) -> T:
    """The meaning of an enum's number. Open enums let any number in: unknown ones are refused here."""
    if value not in known:
        raise InvalidFieldError(field, value, expected=f"one of {', '.join(names)}", remedy="choose one of these")
    return known[value]


def time_ms(field: str, value: Timestamp) -> int:
    """UTC epoch milliseconds of a well-formed time between 1970 and 2100."""
    in_range = 0 <= value.seconds <= MAX_TIME_MS // 1_000 and 0 <= value.nanos <= 999_999_999
    if not in_range:
        raise InvalidFieldError(
            field,
            f"{value.seconds} s {value.nanos} ns",
            expected="a time from 1970 to 2100 with 0 to 999999999 nanos",
            remedy="correct it, or leave it out for now",
        )
    return value.seconds * 1_000 + value.nanos // 1_000_000
