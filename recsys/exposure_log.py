"""The exposure log on disk: what was shown to whom under which variants, as Parquet by day (docs/exposure-log.md).

    exposures/
      day=2026-11-25/
        20261125T101503-0-9f2c51d07a3b.parquet     one worker's slates of some seconds, one row a slate

Invariant: a file appears whole or not at all, and changes only to lose forgotten people's rows. No user id is in it.
"""

from __future__ import annotations

import hashlib
import os
import time
import uuid
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from recsys.errors import ConfigError, DataError
from recsys.files import sync_path

VERSION: Final = b"1"
VERSION_KEY: Final = b"slatewright.exposures"
_TIME: Final = pa.timestamp("ms", "UTC")
_LAYERS: Final = pa.map_(pa.string(), pa.string())
SLOT: Final = pa.struct(
    {
        "position": pa.int32(),
        "item_id": pa.string(),
        "score": pa.float64(),
        "propensity": pa.float64(),
        "sources": pa.list_(pa.string()),
        "pitch_id": pa.string(),
        "pitch_origin": pa.string(),
        "prompt_version": pa.string(),
        "copy_propensity": pa.float64(),
    }
)
SCHEMA: Final = pa.schema(
    {
        "token_id": pa.string(),
        "request_id": pa.string(),
        "call": pa.string(),
        "time": _TIME,
        "served": _TIME,
        "user": pa.string(),
        "unit": pa.string(),
        "user_status": pa.string(),
        "placement": pa.string(),
        "country": pa.string(),
        "locale": pa.string(),
        "device": pa.string(),
        "variants": _LAYERS,
        "experiments": _LAYERS,
        "fallbacks": _LAYERS,
        "overridden": pa.list_(pa.string()),
        "bundle": pa.string(),
        "copy_mode": pa.string(),
        "page_size": pa.int32(),
        "slots": pa.list_(SLOT),
    },
    metadata={VERSION_KEY: VERSION},
)
"""docs/exposure-log.md says what each column holds."""
SIMULATED: Final = "SIMULATED"
"""A file of this name in the folder says that nobody was shown any of it."""
_DRAFT: Final = ".draft-"
_STALE_S: Final = 3_600.0


def token_id(token: str) -> str:
    """How the log names an attribution token: nobody can send feedback with what stands in the log. SHA-256, cut."""
    return hashlib.sha256(token.encode()).hexdigest()[:32]


def make_folder(folder: Path) -> None:
    """Create the folder and clear it of what killed writers left. `ConfigError` where it cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for draft in folder.glob(f"{_DRAFT}*"):
            if time.time() - draft.stat().st_mtime > _STALE_S:
                draft.unlink(missing_ok=True)
        probe = folder / f"{_DRAFT}{uuid.uuid4().hex}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise ConfigError(
            f"exposures {folder} cannot be written ({error.strerror}); name a folder that can, or leave it out"
        ) from error


def add_file(folder: Path, rows: pa.Table, *, served_ms: int, writer: str) -> Path:
    """Write rows of one day (`SCHEMA`), durably; `served_ms` is one of theirs.

    Raises OSError where the disk does not take them.
    """
    served = datetime.fromtimestamp(served_ms / 1_000, UTC)
    day = folder / f"day={served:%Y-%m-%d}"
    if not day.exists():
        day.mkdir(parents=True, exist_ok=True)
        sync_path(folder)
    path = day / f"{served:%Y%m%dT%H%M%S}-{writer}-{uuid.uuid4().hex[:12]}.parquet"
    _write(folder, path, rows)
    return path


def files(folder: Path) -> list[Path]:
    """Every file of a log, by day and time. `DataError` where the folder is none."""
    if not folder.is_dir():
        raise DataError(f"{folder} is no folder of exposures; name what `slatewright serve --exposures` was given")
    return sorted(folder.glob("day=*/*.parquet"))


def checked(folder: Path) -> list[Path]:
    """Every file of a log. `DataError` where one is damaged or of another version."""
    found = files(folder)
    for path in found:
        try:
            schema = pq.read_schema(path)
        except (OSError, pa.ArrowInvalid) as error:
            raise DataError(f"exposures {path} cannot be read ({error}); restore or remove it") from error
        version = (schema.metadata or {}).get(VERSION_KEY)
        if version != VERSION or not schema.equals(SCHEMA):
            raise DataError(
                f"exposures {path} have version {version!r}; expected {VERSION!r}; read them with that slatewright"
            )
    return found


def erase(path: Path, users: frozenset[str]) -> Counter[str]:
    """Remove the rows of these pseudonyms from one file; how many of each. A file without rows is removed."""
    wanted = pa.array(sorted(users), pa.string())
    whose = pq.read_table(path, columns=["user"], partitioning=None)["user"]
    removed = Counter(whose.filter(pc.is_in(whose, wanted)).to_pylist())
    if removed.total() == len(whose):
        path.unlink()
        sync_path(path.parent)
    elif removed:
        table = pq.read_table(path, partitioning=None)
        _write(path.parent.parent, path, table.filter(pc.invert(pc.is_in(table["user"], wanted))))
    return removed


def _write(folder: Path, path: Path, table: pa.Table) -> None:
    draft = folder / f"{_DRAFT}{uuid.uuid4().hex}"
    try:
        pq.write_table(table, draft, compression="zstd")
        sync_path(draft)
        os.replace(draft, path)  # noqa: PTH105  both are ours
    finally:
        draft.unlink(missing_ok=True)
    sync_path(path.parent)
