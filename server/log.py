"""Structured logs: one JSON object a line on stderr.

Invariant: no product text, no trait, no user id and no message of an unexpected exception is written;
users appear as pseudonyms (`attribution.pseudonym`).
"""

from __future__ import annotations

import json
import sys
import threading
import time
import traceback
from contextvars import ContextVar

_LOCK = threading.Lock()
_CALL: ContextVar[dict[str, object] | None] = ContextVar("slatewright_call", default=None)


def write(event: str, **fields: object) -> None:
    """One line: time (UTC, seconds), event, fields."""
    line = json.dumps({"time": round(time.time(), 3), "event": event, **fields}, default=str)
    with _LOCK:
        print(line, file=sys.stderr, flush=True)


def begin_call() -> dict[str, object]:
    """Start collecting the fields of the call this task serves."""
    fields: dict[str, object] = {}
    _CALL.set(fields)
    return fields


def note(**fields: object) -> None:
    """Add fields to the line of the call at hand."""
    collected = _CALL.get()
    if collected is not None:
        collected.update(fields)


def frames(error: BaseException) -> list[str]:
    """Type and place of an error and its causes, without their messages."""
    stack = traceback.extract_tb(error.__traceback__)
    places = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in stack]
    cause = error.__cause__ or error.__context__
    return [type(error).__qualname__, *places, *(frames(cause) if cause else [])]
