"""Ordered logs without times: a line is `user item item …`, oldest first (Amazon Beauty, Office).

Pseudo-times are right-aligned on a fixed calendar: every user's last event lies at `END` - 1 day, the
one before it a day earlier, and so on. They say which came first and nothing else (clock "ordinal").
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import ibis
import pyarrow as pa
import pyarrow.parquet as pq
from ibis.backends import BaseBackend
from ibis.expr.types import Table

from offline_jobs.datasets import RawLog, need_path, read_options, reading
from recsys.errors import DataError, SchemaError
from recsys.schema import PATH_SEPARATOR

END: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""Exclusive end of every ordinal log."""

NEVER_IN_TEXT: Final = "\x1f"
"""Column separator that makes the reader take each line whole."""


@dataclass(frozen=True, slots=True)
class SequencesOptions:
    """`event_type` of every event, `locale` of the items' texts."""

    event_type: str = "purchase"
    locale: str = "en-US"


def load(con: BaseBackend, path: Path | None, options: Mapping[str, Any]) -> RawLog:
    """Read `sequences.txt` and, beside it, `items.parquet` where there is one.

    Without a catalogue, or where it has no title, an item is titled "Item <id>".
    """
    chosen = read_options(SequencesOptions, "sequences", options)
    source = need_path("sequences", path, "sequences.txt or the folder holding it")
    file = source / "sequences.txt" if source.is_dir() else source
    if not file.is_file():
        raise DataError(f"{file} is missing; expected lines of `user item item …`; check --path")
    with reading(file):
        lines = con.read_csv(file, header=False, sep=NEVER_IN_TEXT, quote="", escape="", columns={"line": "VARCHAR"})
        events = con.create_table("sequence_events", _events(lines, chosen.event_type))
    catalogue = file.parent / "items.parquet"
    return RawLog(
        name=file.parent.name if file.name == "sequences.txt" else file.stem,
        events=events,
        items=_catalogue(con, catalogue) if catalogue.is_file() else _bare_items(events),
        clock="ordinal",
        end=END,
        locale=chosen.locale,
    )


def _events(lines: Table, event_type: str) -> Table:
    """One row per (line, position); a line with a user alone is kept, to be refused."""
    words = lines.line.strip().re_split(r"\s+")
    split = lines.filter(lines.line.strip() != "").select(words=words)
    split = split.mutate(user_id=split.words[0], n_items=split.words.length() - 1)
    split = split.mutate(word=split.words).drop("words").unnest("word", offset="at")
    steps = split.filter((split["at"] > 0) | (split.n_items == 0))
    from_end = steps.n_items - steps["at"] + 1
    days_before_end = ibis.cases((steps.n_items == 0, 1), else_=from_end)
    time = ibis.literal(END) - days_before_end.as_interval("D")
    position = steps["at"].cast("string").lpad(6, "0")
    return steps.select(
        "user_id",
        event_id=steps.user_id + "-" + position,
        item_id=ibis.cases((steps["at"] == 0, ibis.null("string")), else_=steps.word),
        event_type=ibis.literal(event_type),
        event_time=time.cast("timestamp('UTC', 6)"),
    )


def _bare_items(events: Table) -> Table:
    known = events.filter(events.item_id.notnull()).select("item_id").distinct()
    return known.select("item_id", title=ibis.literal("Item ") + known.item_id)


def _catalogue(con: BaseBackend, path: Path) -> Table:
    """Item texts with their HTML entities and tags resolved; of several paths the first counts."""
    with reading(path):
        rows = pq.read_table(path)
    if "item_id" not in rows.column_names:
        raise SchemaError(f"{path} lacks item_id; it has {', '.join(rows.column_names)}; rename its key column")
    ids = [None if i is None else str(i) for i in rows["item_id"].to_pylist()]
    texts = {c: _texts(rows, c) for c in ("title", "brand", "description")}
    titles = [t or (f"Item {i}" if i else None) for t, i in zip(texts["title"], ids, strict=True)]
    table = pa.table(
        {
            "item_id": pa.array(ids, pa.string()),
            "title": pa.array(titles, pa.string()),
            "brand": pa.array(texts["brand"], pa.string()),
            "description": pa.array(texts["description"], pa.string()),
            "category": pa.array(_paths(rows), pa.list_(pa.string())),
        }
    )
    return con.create_table("sequence_items", table)


def _texts(rows: pa.Table, column: str) -> list[str | None]:
    if column not in rows.column_names:
        return [None] * len(rows)
    return [_plain(v) for v in rows[column].to_pylist()]


def _paths(rows: pa.Table) -> list[list[str]]:
    """Category paths: a list of "A > B" texts (its first), one such text, or a list of names."""
    column = next((c for c in ("categories", "category") if c in rows.column_names), None)
    if column is None:
        return [[] for _ in range(len(rows))]
    paths = []
    for value in rows[column].to_pylist():
        given = [value] if isinstance(value, str) else list(value or [])
        nested = column == "categories" or len(given) == 1
        steps = (given[0].split(PATH_SEPARATOR.strip()) if given else []) if nested else given
        paths.append([plain for s in steps if (plain := _plain(s))])
    return paths


def _plain(text: str | None) -> str | None:
    """Text without HTML comments, tags and entities, its white space collapsed; null if empty."""
    if not text:
        return None
    text = re.sub(r"<!--.*?-->|</?[a-zA-Z][^<>]*>", " ", html.unescape(text), flags=re.DOTALL)
    return re.sub(r"\s+", " ", text).strip() or None
