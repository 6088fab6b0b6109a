"""Slates as a table of the exposure log, column by column: row by row costs ten times as much.

Invariant: users leave as pseudonyms only.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from typing import Any, Literal

import pyarrow as pa

from copywriter.writer import Pitch
from recsys.exposure_log import SCHEMA, SLOT, token_id
from recsys.secret_key import pseudonym
from recsys.slate import Slate
from server.convert import SlateCall
from server.variants import Choice

Call = Literal["recommend", "stream", "similar"]


@dataclass(frozen=True, slots=True)
class Shown:
    """One slate as it left: `time_ms` on the request's clock, `served_ms` on the wall's; pitches come beside it."""

    kind: Call
    call: SlateCall
    choice: Choice
    slate: Slate
    token: str
    user: str
    copy_mode: str
    time_ms: int
    served_ms: int


def table(slates: Sequence[tuple[Shown, Sequence[Pitch | None]]], key: bytes) -> pa.Table:
    """One row a slate, columns as `recsys.exposure_log.SCHEMA` has them."""
    shown = [entry for entry, _ in slates]
    columns: dict[str, Any] = {
        "token_id": [token_id(s.token) for s in shown],
        "request_id": [s.call.request_id for s in shown],
        "call": [s.kind for s in shown],
        "time": [s.time_ms for s in shown],
        "served": [s.served_ms for s in shown],
        "user": [s.user for s in shown],
        "unit": [_unit(s, key) for s in shown],
        "user_status": [s.slate.user_status for s in shown],
        "placement": [s.call.placement for s in shown],
        "country": [s.call.country for s in shown],
        "locale": [s.call.context_locale for s in shown],
        "device": [s.call.device for s in shown],
        "variants": _maps(s.choice.names for s in shown),
        "experiments": _maps(s.choice.experiments for s in shown),
        "fallbacks": _maps(s.choice.fallbacks for s in shown),
        "overridden": [sorted(s.call.variant_overrides) for s in shown],
        "bundle": [s.slate.bundle_version for s in shown],
        "copy_mode": [s.copy_mode for s in shown],
        "page_size": [s.call.page_size for s in shown],
        "slots": _slots(slates),
    }
    return pa.table(
        [
            values if isinstance(values, pa.Array) else pa.array(values, of.type)
            for of, values in zip(SCHEMA, (columns[name] for name in SCHEMA.names), strict=True)
        ],
        schema=SCHEMA,
    )


def _slots(slates: Sequence[tuple[Shown, Sequence[Pitch | None]]]) -> pa.Array:
    items = [item for shown, _ in slates for item in shown.slate.items]
    pitches = [pitch for _, several in slates for pitch in several]
    columns: dict[str, Any] = {
        "position": [item.rank for item in items],
        "item_id": [item.item_id for item in items],
        "score": [item.score for item in items],
        "propensity": [item.propensity for item in items],
        "sources": [item.sources for item in items],
        "pitch_id": ["" if pitch is None else _pitch_id(pitch) for pitch in pitches],
        "pitch_origin": ["" if pitch is None else pitch.origin for pitch in pitches],
        "prompt_version": ["" if pitch is None else pitch.prompt_version for pitch in pitches],
        "copy_propensity": [1.0] * len(items),  # which pitch an item gets is not drawn
    }
    arrays = [pa.array(columns[of.name], of.type) for of in SLOT]
    return pa.ListArray.from_arrays(
        _offsets(len(shown.slate.items) for shown, _ in slates), pa.StructArray.from_arrays(arrays, fields=list(SLOT))
    )


def _maps(maps: Iterable[Mapping[str, str]]) -> pa.Array:
    known = list(maps)
    keys = [key for each in known for key in each]
    values = [value for each in known for value in each.values()]
    return pa.MapArray.from_arrays(
        _offsets(len(each) for each in known), pa.array(keys, pa.string()), pa.array(values, pa.string())
    )


def _offsets(lengths: Iterable[int]) -> pa.Array:
    return pa.array(accumulate(lengths, initial=0), pa.int32())


def _unit(shown: Shown, key: bytes) -> str:
    """What variants stick to, as a pseudonym; the letter says user, session or request."""
    call = shown.call
    if call.user_id:
        return f"u:{shown.user}"
    kind, name = ("s", call.session_id) if call.session_id else ("r", call.request_id)
    return f"{kind}:" + pseudonym(key, f"{kind}\0{name}")


@lru_cache(maxsize=20_000)
def _pitch_id(pitch: Pitch) -> str:
    """Equal for equal texts of equal provenance."""
    parts = (pitch.model, pitch.prompt_version, pitch.policy_version, pitch.locale, pitch.text)
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=8).hexdigest()
