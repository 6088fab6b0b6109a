"""Exposures and feedback as a server would leave them, slate by slate."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow as pa

from recsys import exposure_log
from recsys.secret_key import load_key, pseudonym
from server.store_file import connect
from server.stored_event import StoredEvent

T0 = 1_700_000_000_000
DAY = 86_400_000
BLANK: dict[str, Any] = dict.fromkeys(exposure_log.SCHEMA.names)


def slate(state: Path, token: str, user: str, items: Sequence[str], at: int = T0, **more: Any) -> dict[str, Any]:
    name = pseudonym(load_key(state), user)
    blank = dict.fromkeys(("score", "sources", "pitch_id", "pitch_origin", "prompt_version"))
    slots = [
        {**blank, "position": n, "item_id": item, "propensity": 1.0, "copy_propensity": 1.0}
        for n, item in enumerate(items, start=1)
    ]
    said = {"token_id": exposure_log.token_id(token), "request_id": token, "time": at, "served": at, "user": name}
    layers = {"variants": [("ranking", "control")], "experiments": [], "fallbacks": [], "overridden": []}
    return {**BLANK, **said, **layers, "unit": f"u:{name}" if user else f"r:{token}", "slots": slots, **more}


def happened(  # noqa: PLR0917  a row
    event_id: str, user: str, item: str, kind: str, at: int, token: str = "", **more: Any
) -> StoredEvent:
    return StoredEvent(event_id, user, item, kind, at, attribution_token=token, **more)


def store(state: Path, events: Sequence[StoredEvent]) -> None:
    columns = (
        "event_id, user_id, item_id, event_type, event_time_ms, query, attribution_token, position, quantity, price"
    )
    with closing(connect(state / "events.sqlite")) as db:
        for event in events:
            db.execute(
                f"INSERT OR IGNORE INTO events ({columns}, received_ms) VALUES ({','.join('?' * 11)})",
                event.row(received_ms=T0),
            )


def expose(folder: Path, slates: Sequence[dict[str, Any]]) -> None:
    """Slates into an exposure log."""
    rows = pa.Table.from_pylist(list(slates), exposure_log.SCHEMA)
    exposure_log.add_file(folder, rows, served_ms=T0, writer="0")
