"""Read a written log: ids become dense rows, times epoch milliseconds, and nothing later leaks in.

Rows of users and items are the positions of their ids in ascending order, so the same log always
gives the same rows.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from recsys.errors import DataError, SchemaError
from recsys.ids import IdMap
from recsys.schema import EVENT_TYPES, REQUIRED_EVENT_COLUMNS

EVENTS_FILE: Final = "events.parquet"
ITEMS_FILE: Final = "items.parquet"
QUARANTINE_FILE: Final = "quarantine.parquet"
LOG_FILE: Final = "log.json"
CLOCKS: Final = ("wall", "ordinal")
MAX_SPAN_MS: Final = 10_000 * 365 * 86_400_000
_TIME: Final = pa.timestamp("us", "UTC")
NEVER_MS: Final = 2**50
"""Later than any time a log may hold: an event with this `cancelled_ms` was never cancelled."""


@dataclass(frozen=True, slots=True)
class LogInfo:
    """What `log.json` says; times are epoch milliseconds, `end_ms` exclusive.

    `n_read` counts the source's rows by table: kept plus quarantined.
    """

    name: str
    start_ms: int
    end_ms: int
    clock: str
    currency: str | None
    locale: str
    n_events: int
    n_items: int
    n_users: int
    quarantined: Mapping[str, int]
    n_read: Mapping[str, int]
    tombstones: Mapping[str, int] = field(default_factory=dict)
    """List of tombstones -> number of the newest one this log holds nothing of (recsys.tombstones)."""

    def to_json(self) -> str:
        """Stable JSON text."""
        return json.dumps(asdict(self), indent=2, sort_keys=True) + "\n"


@dataclass(frozen=True, slots=True)
class Log:
    """A log on disk: where it is and what it says of itself."""

    directory: Path
    info: LogInfo


@dataclass(frozen=True, slots=True)
class Events:
    """Aligned arrays of n events, sorted by (user_row, time_ms, event_id).

    Attributes
    ----------
    user_row : int32, row in `users`
    item_row : int32, row in `items`, -1 for a search
    time_ms : int64, epoch milliseconds
    cancelled_ms : int64, from when on the event counts as never done; `NEVER_MS` for nearly all
    type_code : int8, position in `EVENT_TYPES`
    quantity : float32, units
    price, list_price : float32 per unit in the log's currency, NaN where unknown
    search_at : int64 (n_searches,), positions of the search events, ascending
    search_query : their queries, aligned with `search_at`
    """

    users: IdMap
    items: IdMap
    user_row: NDArray[np.int32]
    item_row: NDArray[np.int32]
    time_ms: NDArray[np.int64]
    cancelled_ms: NDArray[np.int64]
    type_code: NDArray[np.int8]
    quantity: NDArray[np.float32]
    price: NDArray[np.float32]
    list_price: NDArray[np.float32]
    search_at: NDArray[np.int64]
    search_query: Sequence[str]

    def __len__(self) -> int:
        return len(self.user_row)

    def visible(self, as_of_ms: int) -> NDArray[np.bool_]:
        """Mask of the events somebody could know at `as_of_ms`: done before it and not yet cancelled."""
        mask: NDArray[np.bool_] = (self.time_ms < as_of_ms) & (self.cancelled_ms >= as_of_ms)
        return mask


def read_log(log_dir: Path | str) -> Log:
    """Open a log; raises `DataError` where there is none or its `log.json` is damaged."""
    directory = Path(log_dir)
    path = directory / LOG_FILE
    try:
        fields: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        info = LogInfo(**fields)
        if not 0 < info.end_ms - info.start_ms < MAX_SPAN_MS or not -MAX_SPAN_MS < info.end_ms < MAX_SPAN_MS:
            raise ValueError(f"start_ms {info.start_ms} and end_ms {info.end_ms} are no span of time")
    except FileNotFoundError as error:
        raise DataError(f"no log at {directory}: {LOG_FILE} is missing; write one with `slatewright ingest`") from error
    except (OSError, ValueError, TypeError) as error:
        raise DataError(f"{path} is not a readable log description: {error}; ingest again") from error
    if info.clock not in CLOCKS:
        raise DataError(f"{path}: clock is {info.clock!r}; expected {' or '.join(CLOCKS)}")
    return Log(directory, info)


def read_columns(path: Path, columns: Sequence[str], **options: Any) -> pa.Table:
    """Read columns of a log's table; a missing or broken file, or column, raises `DataError`."""
    require_columns(path, columns)
    try:
        return pq.read_table(path, columns=list(columns), **options)
    except (OSError, pa.ArrowInvalid) as error:
        raise DataError(f"cannot read {path}: {error}; ingest the log again") from error


def require_columns(path: Path, columns: Sequence[str]) -> None:
    """Raise `SchemaError` where a log's table lacks columns, `DataError` where it cannot be read."""
    try:
        have = pq.read_schema(path).names
    except (OSError, pa.ArrowInvalid) as error:
        raise DataError(f"cannot read {path}: {error}; ingest the log again") from error
    missing = [c for c in columns if c not in have]
    if missing:
        raise SchemaError(f"{path} lacks {', '.join(missing)}; it has {', '.join(have)}; ingest again")


def load_events(log_dir: Path | str, *, before_ms: int | None = None, from_ms: int | None = None) -> Events:
    """Load the events in `[from_ms, before_ms)` as arrays, as they looked at `before_ms`.

    An event cancelled by then is left out; one cancelled later is still there, for nobody could
    know. Without `before_ms` every event is loaded: use `Events.visible` before learning from it.
    Users and items are those of the whole log, so that rows mean the same whatever the window.
    """
    directory = Path(log_dir)
    path = directory / EVENTS_FILE
    wanted = [*REQUIRED_EVENT_COLUMNS, "quantity", "price", "list_price", "query", "cancelled_time"]
    require_columns(path, [c for c in wanted if c != "event_id"])

    def column(name: str) -> pa.ChunkedArray:
        return read_columns(path, [name])[name]  # one at a time: a long log's table would not fit beside its arrays

    def encoded(name: str) -> pa.ChunkedArray:
        return read_columns(path, [name], read_dictionary=[name]).unify_dictionaries()[name]

    item_ids = read_columns(directory / ITEMS_FILE, ["item_id"])["item_id"].to_numpy()
    users, user_row = _rows(encoded("user_id"))
    time_ms = _epoch_ms(column("event_time"))
    cancelled_ms = _epoch_ms(column("cancelled_time").fill_null(pa.scalar(NEVER_MS * 1000, _TIME)))
    keep = np.ones(len(time_ms), bool)
    if before_ms is not None:
        keep &= (time_ms < before_ms) & (cancelled_ms >= before_ms)
    if from_ms is not None:
        keep &= time_ms >= from_ms
    at = np.flatnonzero(keep)
    at = at[np.argsort(user_row[at], kind="stable")]  # the file is sorted by (event_time, event_id)

    user_row, time_ms, cancelled_ms = user_row[at], time_ms[at], cancelled_ms[at]
    item_row = _rows_in(encoded("item_id"), np.asarray(item_ids, object))[at]
    codes = pc.index_in(column("event_type"), pa.array(EVENT_TYPES)).to_numpy()
    code = codes.astype(np.int8)[at]
    search_at = np.flatnonzero(code == EVENT_TYPES.index("search"))
    queries = column("query").take(pa.array(at[search_at])).fill_null("").to_pylist()
    return Events(
        users=users,
        items=IdMap.build(item_ids.tolist()),
        user_row=user_row,
        item_row=item_row,
        time_ms=time_ms,
        cancelled_ms=cancelled_ms,
        type_code=code,
        quantity=_floats(column("quantity"))[at],
        price=_floats(column("price"))[at],
        list_price=_floats(column("list_price"))[at],
        search_at=search_at,
        search_query=queries,
    )


def visible_events(events: Any, as_of: datetime) -> Any:
    """Ibis expression: the rows of an events table that `Events.visible` marks, at an aware `as_of`."""
    kept = events.cancelled_time.isnull() | (events.cancelled_time >= as_of)
    return events.filter((events.event_time < as_of) & kept)


def _epoch_ms(column: pa.ChunkedArray) -> NDArray[np.int64]:
    millis: NDArray[np.int64] = column.cast(_TIME).cast(pa.int64()).to_numpy() // 1000
    return millis


def _floats(column: pa.ChunkedArray) -> NDArray[np.float32]:
    return column.cast(pa.float32()).fill_null(float("nan")).to_numpy()  # type: ignore[no-any-return]


def _dictionary(column: pa.ChunkedArray) -> tuple[NDArray[np.object_], NDArray[np.int64]]:
    """Distinct values and, per row, their position (-1 for null)."""
    array = column.combine_chunks()
    if isinstance(array, pa.ChunkedArray):  # no chunk, or a dictionary that was not unified
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], array.type)
    codes = array.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    return np.asarray(array.dictionary.to_pylist(), object), codes


def _rows(column: pa.ChunkedArray) -> tuple[IdMap, NDArray[np.int32]]:
    """Ids in ascending order, and each row's position among them."""
    values, codes = _dictionary(column)
    order = np.argsort(values) if len(values) else np.empty(0, np.int64)
    rank = np.empty(len(values), np.int32)
    rank[order] = np.arange(len(values), dtype=np.int32)
    return IdMap.build(values[order].tolist()), rank[codes]


def _rows_in(column: pa.ChunkedArray, ids: NDArray[np.object_]) -> NDArray[np.int32]:
    """Position of each value among the ascending `ids`, -1 for null."""
    values, codes = _dictionary(column)
    row_of = np.full(len(values) + 1, -1, np.int32)  # the last entry answers code -1
    if len(values):
        row_of[:-1] = np.searchsorted(ids, values)
    rows: NDArray[np.int32] = row_of[codes]
    return rows
