"""Own files (Parquet, CSV, JSON Lines) through a column mapping in TOML.

A value that cannot be read marks its row as refused; it never becomes a guess. The mapping::

    [log]
    name = "shop"                     # currency, locale, end (an offset date-time) may follow
    [events]
    path = "clicks.csv"               # relative to the mapping; format follows the suffix
    columns = {user_id = "uid", item_id = "sku", event_time = "ts"}
    constants = {event_type = "view"}
    time_unit = "s"                   # s, ms or us since the epoch; or time_format = "%d/%m/%Y %H:%M"
    event_types = {buy = "purchase"}  # own words for our event types
    [items]                           # optional: without it an item is titled by its id
    path = "items.parquet"
    columns = {item_id = "sku", title = "name", category = "path"}
    category_separator = "/"
    attributes = {material = "mat"}   # name in facts = column
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

import ibis
from ibis.backends import BaseBackend
from ibis.expr.types import Column, StringColumn, Table, TimestampColumn

from offline_jobs.datasets import RawLog, read_options, reading
from recsys.errors import ConfigError, DataError, SchemaError
from recsys.schema import EVENT_COLUMNS, ITEM_COLUMNS, PATH_SEPARATOR

FORMATS: Final = {
    ".parquet": "parquet", ".csv": "csv", ".tsv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"
}  # fmt: skip
PER_SECOND: Final = {"s": 1, "ms": 1_000, "us": 1_000_000}
MAPPING_KEYS: Final = {
    "log": ("name", "end", "currency", "locale"),
    "events": ("path", "format", "columns", "constants", "time_unit", "time_format", "event_types"),
    "items": ("path", "format", "columns", "constants", "category_separator", "attributes"),
}
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
READABLE_S: Final = 10_000_000_000.0
"""Seconds from the epoch the table engine can hold as a time: until the year 2286."""


@ibis.udf.scalar.builtin(name="to_json")  # type: ignore[untyped-decorator]  # four times as fast as a cast
def _to_json(row) -> str:  # type: ignore[empty-body, no-untyped-def]
    """A struct as JSON text."""


@dataclass(frozen=True, slots=True)
class TablesOptions:
    """`mapping` names the TOML file; without it the dataset's path does."""

    mapping: str = ""


@ibis.udf.scalar.builtin(name="try_strptime")  # type: ignore[untyped-decorator]  # Spark: try_to_timestamp
def _try_strptime(text: str, pattern: str) -> datetime:  # type: ignore[empty-body]
    """Time of a text, null where it does not match."""


def load(con: BaseBackend, path: Path | None, options: Mapping[str, Any]) -> RawLog:
    """Read the files a mapping names; `path`, where a mapping is given apart, is their folder."""
    chosen = read_options(TablesOptions, "tables", options)
    if not chosen.mapping and path is None:
        raise ConfigError("dataset tables needs --mapping; expected a TOML column mapping")
    file = Path(chosen.mapping) if chosen.mapping else Path(str(path))
    folder = path if chosen.mapping and path is not None else file.parent
    mapping = _read_mapping(file)
    log = mapping.get("log", {})
    end = log.get("end")
    if end is not None and not isinstance(end, datetime):
        raise ConfigError(f"{file}: [log] end is {end!r}; expected a date-time such as 2024-01-31T00:00:00Z")
    with reading(folder / mapping["events"]["path"]):
        source = _source(con, folder, mapping["events"])
        events = _events(con, source, mapping["events"], file)
    if "items" in mapping:
        with reading(folder / mapping["items"]["path"]):
            goods = _source(con, folder, mapping["items"])
            items = con.create_table("table_items", _items(goods, mapping["items"], file))
    else:
        known = events.filter(events.item_id.strip() != "").select("item_id").distinct()
        items = known.select("item_id", title=known.item_id)
    return RawLog(
        name=str(log.get("name", file.stem)),
        events=events,
        items=items,
        end=end.replace(tzinfo=UTC) if end is not None and end.tzinfo is None else end,
        currency=log.get("currency"),
        locale=str(log.get("locale", "en")),
    )


def _read_mapping(file: Path) -> dict[str, Any]:
    try:
        mapping = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"mapping {file} cannot be read: {error}; expected a TOML file") from error
    for section, keys in mapping.items():
        known = MAPPING_KEYS.get(section)
        if known is None or not isinstance(keys, dict):
            raise ConfigError(f"mapping {file} has {section!r}; it knows the sections {', '.join(MAPPING_KEYS)}")
        unknown = [k for k in keys if k not in known]
        if unknown:
            raise ConfigError(f"mapping {file}: [{section}] has {', '.join(unknown)}; it knows {', '.join(known)}")
        for key, value in keys.items():
            _check_kind(value, key, f"mapping {file}: [{section}] {key}")
    for section in ("events", *(["items"] if "items" in mapping else [])):
        if not isinstance(mapping.get(section, {}).get("path"), str):
            raise ConfigError(f"mapping {file}: [{section}] has no path; expected a file name")
    return mapping


def _check_kind(value: Any, key: str, where: str) -> None:
    """A key is a text, or one of the tables of texts; a log's end may be a date, a constant any scalar."""
    if key in ("columns", "constants", "event_types", "attributes"):
        scalars = (str, int, float, bool) if key == "constants" else (str,)
        if not isinstance(value, dict) or not all(isinstance(v, scalars) for v in value.values()):
            raise ConfigError(f'{where} is {value!r}; expected a table of texts such as {{ user_id = "uid" }}')
    elif not isinstance(value, str) and not (key == "end" and isinstance(value, date)):
        raise ConfigError(f"{where} is {value!r}; expected a text")


def _source(con: BaseBackend, folder: Path, section: Mapping[str, Any]) -> Table:
    """Open a file; CSV columns are read as text, so that one odd value cannot fail the file."""
    path = folder / section["path"]
    form = section.get("format", FORMATS.get(path.suffix.lower()))
    if form not in ("parquet", "csv", "jsonl"):
        raise ConfigError(f"{path}: format is {form!r}; expected parquet, csv or jsonl")
    if not path.is_file():
        what = "a folder" if path.is_dir() else "missing"
        raise DataError(f"{path} is {what}; expected a {form} file; check the mapping's path")
    if not path.stat().st_size:
        raise SchemaError(f"{path} is empty; expected a {form} file with rows")
    if form == "parquet":
        return con.read_parquet(path)
    if form == "csv":
        return con.read_csv(path, header=True, all_varchar=True)
    return con.read_json(path, format="newline_delimited")


def _pick(
    source: Table, section: Mapping[str, Any], known: Mapping[str, str], *, file: Path, where: str
) -> dict[str, Column]:
    """Canonical name -> source column or constant; a name or column that is not there raises."""
    columns, constants = section.get("columns", {}), section.get("constants", {})
    unknown = [c for c in (*columns, *constants) if c not in known]
    if unknown:
        raise ConfigError(f"mapping {file}: [{where}] maps {', '.join(unknown)}; it knows {', '.join(known)}")
    wanted = (*columns.values(), *section.get("attributes", {}).values())
    missing = [c for c in wanted if c not in source.columns]
    if missing:
        raise SchemaError(
            f"{section['path']} has no column {', '.join(missing)}; it has "
            f"{', '.join(source.columns)}; correct the mapping {file}"
        )
    same = {c: source[c] for c in known if c in source.columns}
    given = {c: source[name] for c, name in columns.items()}
    return same | given | {c: ibis.literal(v) for c, v in constants.items()}


def _events(con: BaseBackend, source: Table, section: Mapping[str, Any], file: Path) -> Table:
    fields = _pick(source, section, EVENT_COLUMNS, file=file, where="events")
    absent = [c for c in ("user_id", "item_id", "event_type", "event_time") if c not in fields]
    if absent:
        raise SchemaError(
            f"{section['path']} has {', '.join(source.columns)}, none mapped onto "
            f"{', '.join(absent)}; add them to [events] columns or constants in {file}"
        )
    fields["event_time"] = _time(fields["event_time"], section, file)
    kind = fields["event_type"].cast("string")
    words: dict[str, str] = section.get("event_types", {})
    fields["event_type"] = kind.substitute(words) if words else kind
    refusals = [
        _unreadable(fields, name, reason)
        for name, reason in (("price", "bad_price"), ("list_price", "bad_price"), ("quantity", "bad_quantity"))
        if name in fields
    ]
    typed = _typed(fields, EVENT_COLUMNS)
    rows = source.select(
        **typed,
        source_row=_as_json(source),
        refused_as=ibis.cases(*refusals, else_=ibis.null("string")) if refusals else ibis.null("string"),
    )
    if "event_id" in fields:
        return rows
    digest = rows.source_row.hexdigest("md5")
    nth = ibis.row_number().over(group_by=digest, order_by=rows.source_row)
    return con.create_table("table_events", rows.mutate(event_id=digest + "-" + (nth + 1).cast("string")))


def _items(source: Table, section: Mapping[str, Any], file: Path) -> Table:
    fields = _pick(source, section, ITEM_COLUMNS, file=file, where="items")
    if "item_id" not in fields:
        raise SchemaError(
            f"{section['path']} has {', '.join(source.columns)}, none mapped onto item_id; "
            f"add it to [items] columns in {file}"
        )
    fields.setdefault("title", fields["item_id"])
    if "category" in fields and not fields["category"].type().is_array():
        separator = section.get("category_separator", PATH_SEPARATOR.strip())
        path = fields["category"].cast("string").split(separator).map(lambda step: step.strip())
        fields["category"] = path.filter(lambda step: step != "")
    facts = section.get("attributes", {})
    if facts:
        values = ibis.array([source[c].cast("string") for c in facts.values()])
        fields["attributes"] = ibis.map(list(facts), values)
    elif "attributes" in fields and not fields["attributes"].type().is_map():
        del fields["attributes"]
    refusals = [_unreadable(fields, "price", "bad_price")] if "price" in fields else []
    return source.select(
        **_typed(fields, ITEM_COLUMNS),
        source_row=_as_json(source),
        refused_as=ibis.cases(*refusals, else_=ibis.null("string")) if refusals else ibis.null("string"),
    )


def _typed(fields: Mapping[str, Column], known: Mapping[str, str]) -> dict[str, Column]:
    """Cast each field; what cannot be cast becomes null."""
    typed = {}
    for name, column in fields.items():
        dtype = ibis.dtype(known[name])
        same = column.type() == dtype
        typed[name] = column if same else column.try_cast(dtype)
    return typed


def _unreadable(fields: Mapping[str, Column], name: str, reason: str) -> tuple[Any, str]:
    """Condition that a number is given but is none."""
    text = fields[name].cast("string").strip()
    return (text != "") & text.try_cast("float64").isnull(), reason


def _time(column: Column, section: Mapping[str, Any], file: Path) -> TimestampColumn:
    unit, pattern = section.get("time_unit"), section.get("time_format")
    if unit is not None and (unit not in PER_SECOND or pattern is not None):
        raise ConfigError(
            f"mapping {file}: [events] time_unit is {unit!r}; expected one of "
            f"{', '.join(PER_SECOND)}, and no time_format beside it"
        )
    if unit is not None:
        seconds = column.cast("string").try_cast("float64") / PER_SECOND[unit]
        held = seconds.abs() < READABLE_S  # false for NaN, as everywhere
        micros = ibis.cases((held, (seconds * 1_000_000).round()), else_=ibis.null("float64"))
        return ibis.literal(EPOCH) + micros.cast("int64").as_interval("us")
    if pattern is not None:
        return _try_strptime(column.cast("string"), pattern).cast("timestamp('UTC', 6)")
    return column.try_cast("timestamp('UTC', 6)")


def _as_json(source: Table) -> StringColumn:
    """The row as it came; floats as text, for JSON has no NaN."""
    cells = {c: source[c].cast("string") if source[c].type().is_floating() else source[c] for c in source.columns}
    return _to_json(ibis.struct(cells)).cast("string")
