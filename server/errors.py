"""Every error the server raises on purpose; `status.py` says how callers see it.

ServerError
├── InvalidFieldError     a field of the request is out of its range
├── UndecodableError      the request is not the message it should be
├── UnservedMethodError   the method is not served here
├── UnauthenticatedError  nobody we know calls
├── PermissionDeniedError a caller we know asks for more than it may
├── RequestTooLargeError  a request is larger than its caller's may be
├── UnknownItemError      the item asked about is not in the bundle
├── OverloadedError       there is more work waiting than can be done in time
│   └── QuotaExceededError    a caller calls more often than it may
├── NoBundleError         nothing can be recommended yet
├── SlateTimeoutError     not even a slate fits into the caller's deadline
└── StoreError            events or updates could not be made durable

A message states subject, actual value, expectation and remedy, and is written for the caller.
"""

from __future__ import annotations

_SHOWN = 40


class ServerError(Exception):
    """Base of all deliberate errors of the server."""


class InvalidFieldError(ServerError):
    """A field of the request is out of its range; `field` is its path, as `filter.min_price`.

    `of` says what of the field is wrong when it is not the value itself, such as "length of ".
    """

    def __init__(self, field: str, value: object, *, expected: str, remedy: str, of: str = "") -> None:
        super().__init__(f"{of}{field} is {shown(value)}; expected {expected}; {remedy}")
        self.field = field


class UndecodableError(ServerError):
    """The bytes of the request are not the message of this method."""


class UnservedMethodError(ServerError):
    """Nobody serves this method here."""


class UnauthenticatedError(ServerError):
    """The credentials are missing, wrong or out of date; never quotes them."""


class PermissionDeniedError(ServerError):
    """The caller is known and may not do this."""


class RequestTooLargeError(ServerError):
    """The request is larger than this caller's may be."""


class UnknownItemError(ServerError):
    """The item asked about is not in the bundle."""


class OverloadedError(ServerError):
    """More work is waiting than can be done in time; try again after `retry_after_ms`."""

    def __init__(self, message: str, *, retry_after_ms: int = 100) -> None:
        super().__init__(message)
        self.retry_after_ms = retry_after_ms


class QuotaExceededError(OverloadedError):
    """The caller has used up its quota; the server itself may have time."""


class NoBundleError(ServerError):
    """Nothing has been published where this server looks."""


class SlateTimeoutError(ServerError):
    """Not even a slate fits into the caller's deadline."""


class StoreError(ServerError):
    """Events or updates could not be made durable; nothing was acknowledged."""


def shown(value: object) -> str:
    """`value` for a message: quoted, plain ASCII, cut to 40 characters with its true length."""
    if not isinstance(value, str):
        text = str(value)
        return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
    quoted = ascii(value[:_SHOWN])
    return quoted if len(value) <= _SHOWN else f"{quoted}… ({len(value)} characters)"
