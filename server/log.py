"""Structured logs: one JSON object a line on stderr.

Invariant: no product text, no trait, no user id and no message of an unexpected exception is written;
users appear as pseudonyms (`attribution.pseudonym`).
"""

from __future__ import annotations

import json
import logging
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_LOCK = threading.Lock()
_PROCESS: dict[str, object] = {}
_CALL: ContextVar[dict[str, object] | None] = ContextVar("slatewright_call", default=None)


def write(event: str, **fields: object) -> None:
    """One line: time (UTC, seconds), event, fields."""
    line = json.dumps({"time": round(time.time(), 3), "event": event, **_PROCESS, **fields}, default=str)
    with _LOCK:
        sys.stderr.write(f"{line}\n")  # at once: several processes share the stream
        sys.stderr.flush()


def identify(**fields: object) -> None:
    """Put fields into every line of this process from now on."""
    _PROCESS.update(fields)


def begin_call(**fields: object) -> dict[str, object]:
    """Start collecting the fields of the call this task serves; `fields` are those known before."""
    _CALL.set(fields)
    return fields


def note(**fields: object) -> None:
    """Add fields to the line of the call at hand."""
    collected = _CALL.get()
    if collected is not None:
        collected.update(fields)


class _Lines(logging.Handler):
    """What libraries log, Python's warnings among it, as lines of this log.

    An error's words may quote what they must not, so of it only type and place are written.
    """

    def emit(self, record: logging.LogRecord) -> None:
        """One line."""
        said: dict[str, object] = {"logger": record.name, "level": record.levelname}
        if record.name == "py.warnings":  # "file:line: Category: words\n  source"
            said["why"] = record.getMessage().partition("\n")[0][:300]
        elif record.exc_info and record.exc_info[1]:
            said["trace"] = frames(record.exc_info[1])
        write("library_message", at=f"{record.pathname}:{record.lineno}", **said)


@contextmanager
def capturing_libraries() -> Iterator[None]:
    """Inside, what libraries warn of or log goes through `write`: stderr stays one JSON object a line."""
    handler = _Lines(logging.WARNING)
    logging.captureWarnings(True)
    logging.getLogger().addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(handler)
        logging.captureWarnings(False)


def frames(error: BaseException) -> list[str]:
    """Type and place of an error and its causes, without their messages."""
    stack = traceback.extract_tb(error.__traceback__)
    places = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in stack]
    cause = error.__cause__ or error.__context__
    return [type(error).__qualname__, *places, *(frames(cause) if cause else [])]
