"""What users were shown and what they did next, out of a log, as compact arrays.

Invariant: only what somebody could know at `before_ms` is read. The events file is streamed and no text is kept: an
impression costs 29 bytes, a response 25.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from recsys.errors import DataError
from recsys.events import EVENTS_FILE, Events, require_columns
from recsys.ids import IdMap, hash_id
from recsys.schema import EVENT_TYPES

RESPONSES: Final = ("view", "click", "add_to_cart", "purchase")
"""Event types that answer an impression."""
_COLUMNS: Final = (
    *("user_id", "item_id", "event_type", "event_time", "placement", "position", "attribution_token", "cancelled_time"),
)
_BATCH: Final = 65_536
_TIME: Final = pa.timestamp("us", "UTC")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Acts:
    """n events in the log's order; all arrays (n,).

    Attributes
    ----------
    user_row, item_row : int32, rows of the log's users and items
    time_ms : int64, epoch milliseconds
    type_code : int8, position in `EVENT_TYPES`
    request : uint64, equal for the events of one request: a hash of user and attribution token. Without a token it is,
        for an impression, a hash of user, time and placement; for any other event 0
    """

    user_row: NDArray[np.int32]
    item_row: NDArray[np.int32]
    time_ms: NDArray[np.int64]
    type_code: NDArray[np.int8]
    request: NDArray[np.uint64]

    def __len__(self) -> int:
        return len(self.user_row)


@dataclass(frozen=True, slots=True)
class Shown:
    """Impressions, the `position` of each (int32, from 1; 0 where the log does not say), and the responses."""

    impressions: Acts
    position: NDArray[np.int32]
    responses: Acts


def read_shown(log_dir: Path, events: Events, *, from_ms: int, before_ms: int) -> Shown:
    """Impressions in [from_ms, before_ms) and the views, clicks, carts and purchases of that time, as of its end.

    `events` gives the rows of users and items. Responses are read only where there are impressions. Raises `DataError`
    for a negative position or an unreadable file.
    """
    path = log_dir / EVENTS_FILE
    try:
        require_columns(path, _COLUMNS)
        batches = list(_batches(path, ("impression",), from_ms, before_ms, events))
        answers = list(_batches(path, RESPONSES, from_ms, before_ms, events)) if batches else []
    except (OSError, pa.ArrowInvalid) as error:
        raise DataError(f"cannot read {path}: {error}; ingest the log again") from error
    position = np.concatenate([np.empty(0, np.int32), *(places for _, places in batches)])
    if (position < 0).any():
        raise DataError(
            f"{path}: {int((position < 0).sum())} of {len(position)} impressions have a negative position, the first "
            f"{int(position[position < 0][0])}; expected 1 for the first place; correct the position column and ingest"
        )
    return Shown(_joined([acts for acts, _ in batches]), position, _joined([acts for acts, _ in answers]))


def _batches(
    path: Path, types: Sequence[str], from_ms: int, before_ms: int, events: Events
) -> Iterator[tuple[Acts, NDArray[np.int32]]]:
    """Events of these types and their positions, batch by batch; row groups outside the window are skipped."""
    start, stop = (_EPOCH + timedelta(milliseconds=ms) for ms in (from_ms, before_ms))
    with pq.ParquetFile(path) as file:
        time_at = file.schema_arrow.get_field_index("event_time")
        groups = []
        for group in range(file.num_row_groups):
            span = file.metadata.row_group(group).column(time_at).statistics
            if span is None or not span.has_min_max or (span.max >= start and span.min < stop):
                groups.append(group)
        for batch in file.iter_batches(_BATCH, row_groups=groups, columns=list(_COLUMNS), use_threads=False):
            time, cancelled = (batch[name].cast(_TIME) for name in ("event_time", "cancelled_time"))
            within = pc.and_(pc.greater_equal(time, pa.scalar(start, _TIME)), pc.less(time, pa.scalar(stop, _TIME)))
            gone = pc.less(cancelled, pa.scalar(stop, _TIME)).fill_null(False)
            chosen = pc.and_(pc.is_in(batch["event_type"], pa.array(types)), pc.and_not(within, gone))
            kept = batch.filter(chosen)
            if kept.num_rows:
                yield _acts(kept, events), kept["position"].fill_null(0).to_numpy().copy()


def _acts(batch: pa.RecordBatch, events: Events) -> Acts:
    micros = batch["event_time"].cast(_TIME).cast(pa.int64())
    codes = pc.index_in(batch["event_type"], pa.array(EVENT_TYPES))
    tokens = batch["attribution_token"]
    tokens = pc.if_else(pc.equal(tokens, ""), None, tokens)
    place = batch["placement"].fill_null("")
    joint = pc.binary_join_element_wise(micros.cast(pa.string()), place, "\0")
    alone = pc.if_else(pc.equal(batch["event_type"], "impression"), joint, None)
    request = pc.binary_join_element_wise(batch["user_id"], pc.coalesce(tokens, alone), "\0")  # null where neither is
    return Acts(
        _rows(batch["user_id"], events.users),
        _rows(batch["item_id"], events.items),
        micros.to_numpy() // 1000,
        codes.to_numpy().astype(np.int8),
        _hashes(request),
    )


def _rows(column: pa.Array, ids: IdMap) -> NDArray[np.int32]:
    coded = column.dictionary_encode()
    rows: NDArray[np.int32] = ids.rows_of(coded.dictionary.to_pylist())[coded.indices.to_numpy()]
    return rows


def _hashes(column: pa.Array) -> NDArray[np.uint64]:
    """64-bit hash of each text, 0 for null."""
    coded = column.dictionary_encode()
    values = [hash_id(text) for text in coded.dictionary.to_pylist()]
    found: NDArray[np.uint64] = np.array([*values, 0], np.uint64)[coded.indices.fill_null(-1).to_numpy()]
    return found


def _joined(parts: Sequence[Acts]) -> Acts:
    empty = Acts(*(np.empty(0, dtype) for dtype in (np.int32, np.int32, np.int64, np.int8, np.uint64)))  # type: ignore[arg-type]
    return Acts(
        *(
            np.concatenate([getattr(part, name) for part in (empty, *parts)])
            for name in ("user_row", "item_row", "time_ms", "type_code", "request")
        )
    )
