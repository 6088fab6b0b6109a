"""Known log formats: one adapter a module, chosen by name.

An adapter maps its source onto the canonical columns and may mark rows it refuses; it never drops
one. Checks that hold for every log live in `offline_jobs.validate`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TypeVar

import duckdb
import pyarrow as pa
from ibis.backends import BaseBackend
from ibis.common.exceptions import IbisTypeError
from ibis.expr.types import Table

from recsys.errors import ConfigError, DataError

ADAPTERS: Final[dict[str, str]] = {
    "complete_journey": "offline_jobs.datasets.complete_journey",
    "online_retail": "offline_jobs.datasets.online_retail",
    "sequences": "offline_jobs.datasets.sequences",
    "synthetic": "offline_jobs.datasets.synthetic",
    "tables": "offline_jobs.datasets.tables",
}
"""Name on the command line -> module with `load(con, path, options)`."""

Options = TypeVar("Options")


@dataclass(frozen=True, slots=True)
class RawLog:
    """A source mapped onto the canonical columns, before any check.

    Attributes
    ----------
    name : short name of the log, kept in `log.json`
    events, items : columns of `recsys.schema`; further columns allowed: `refused_as`, the adapter's own
        reason code or null, and `source_row`, JSON of the row as it came (else the canonical row is kept)
    clock : "wall" (event times are real) or "ordinal" (only their order means something)
    end : stated end of the log, exclusive; null where the last event decides
    currency, locale : defaults of items that name none (ISO 4217, BCP 47)
    extras : file stem -> table written beside the log, such as a planted truth
    """

    name: str
    events: Table
    items: Table
    clock: str = "wall"
    end: datetime | None = None
    currency: str | None = None
    locale: str = "en"
    extras: Mapping[str, Table] = field(default_factory=dict)


def load(name: str, con: BaseBackend, path: Path | None, options: Mapping[str, Any] | None = None) -> RawLog:
    """Read the log called `name`; raises `ConfigError` for an unknown name or option."""
    if name not in ADAPTERS:
        raise ConfigError(f"dataset {name!r} is unknown; expected one of {', '.join(ADAPTERS)}")
    log: RawLog = importlib.import_module(ADAPTERS[name]).load(con, path, options or {})
    return log


def read_options(cls: type[Options], dataset: str, options: Mapping[str, Any]) -> Options:
    """Fill a dataclass of scalar options, converting text; unknown or unreadable ones raise."""
    fields = {f.name: f for f in dataclasses.fields(cls)}  # type: ignore[arg-type]
    values: dict[str, Any] = {}
    for key, value in options.items():
        if key not in fields:
            known = ", ".join(fields) or "none"
            raise ConfigError(f"dataset {dataset} has no option {key!r}; it knows {known}")
        kind: Any = type(fields[key].default)
        try:
            values[key] = kind(value)
        except (TypeError, ValueError) as error:
            raise ConfigError(f"option {key} of dataset {dataset} is {value!r}; expected {kind.__name__}") from error
    return cls(**values)


@contextlib.contextmanager
def reading(source: Path | str) -> Iterator[None]:
    """Say in our own words what the table engine could not read in `source`."""
    try:
        yield
    except (duckdb.Error, IbisTypeError, pa.ArrowInvalid) as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        raise DataError(
            f"{source} cannot be read: {' '.join(lines[:2])}; expected a file in the format its "
            "name or mapping declares; check the file"
        ) from error


def need_path(dataset: str, path: Path | None, what: str) -> Path:
    """Return the path a dataset cannot do without, or say what was expected there."""
    if path is None:
        raise ConfigError(f"dataset {dataset} needs --path; expected {what}")
    return path
