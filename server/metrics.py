"""What a worker counts and times, for Prometheus; `docs/operations.md` says what each means.

Invariant: no label has a value that a caller can choose, so the number of series is bounded. Where the supervisor
serves metrics, `PROMETHEUS_MULTIPROC_DIR` is set before this is imported, and the values live in mapped files that it
adds up.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Final, TypeVar

from prometheus_client import Counter, Gauge, Histogram

M = TypeVar("M", Counter, Histogram)
K = TypeVar("K", bound=str)

_FINE: Final = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5)
_COARSE: Final = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.25, 0.5, 1, 2.5, 10)
STAGES: Final = (
    "validate",
    "variants",
    "recent",
    "wait",
    "history",
    "prepare",
    "rank",
    "page",
    "reasons",
    "copy",
    "encode",
)
"""Of a Recommend, in their order; `history` to `reasons` are laps of the library."""

CALLS: Final = Counter("slatewright_calls", "Calls answered.", ["rpc", "code"])
CALL_SECONDS: Final = Histogram("slatewright_call_seconds", "Time of a call in the worker.", ["rpc"], buckets=_COARSE)
STAGE_SECONDS: Final = Histogram("slatewright_stage_seconds", "Time of a stage.", ["stage"], buckets=_FINE)
PITCHES: Final = Counter("slatewright_pitches", "Pitches served.", ["origin"])
VERDICTS: Final = Counter("slatewright_gate_verdicts", "What the gate said of generated texts, by rule.", ["rule"])
COPY_CACHE: Final = Counter("slatewright_copy_cache", "Items looked up in the approved copy.", ["result"])
COPY_SHED: Final = Counter("slatewright_copy_shed", "Slates whose copy gave way to other slates.")
QUEUE: Final = Gauge("slatewright_queue_depth", "Work that waits or runs.", multiprocess_mode="livesum")
BUNDLE: Final = Gauge("slatewright_bundle_workers", "Workers on a bundle.", ["version"], multiprocess_mode="livesum")
BUNDLE_AS_OF: Final = Gauge("slatewright_bundle_as_of_seconds", "End of its log.", multiprocess_mode="livemin")
BUNDLE_LOADED: Final = Gauge("slatewright_bundle_loaded_seconds", "When loaded.", multiprocess_mode="livemin")
BUNDLES_REFUSED: Final = Counter("slatewright_bundles_refused", "Bundles that a worker would not serve.")
EVENTS: Final = Counter("slatewright_events_accepted", "Events acknowledged, repeats among them.", ["type"])
EVENTS_REJECTED: Final = Counter("slatewright_events_rejected", "Events refused as invalid.")
ITEMS: Final = Counter("slatewright_items_updated", "Item updates acknowledged.")
STORE_UNREADABLE: Final = Counter("slatewright_store_unreadable", "Looks at the store that failed.")

VARIANT_FALLBACKS: Final = Counter(
    "slatewright_variant_fallbacks", "Layers served by the control.", ["layer", "reason"]
)
FEATURES_REFUSED: Final = Counter("slatewright_features_refused", "Features files that a worker would not take.")
EXPOSURES_WRITTEN: Final = Counter("slatewright_exposures_written", "Slates in the exposure log.")
EXPOSURES_DROPPED: Final = Counter("slatewright_exposures_dropped", "Slates missing in the exposure log.", ["reason"])

_STAGE: Final = {stage: STAGE_SECONDS.labels(stage) for stage in STAGES}


@cache
def _of(metric: M, *values: str) -> M:
    """The series of these label values; looking it up in the library costs more than counting."""
    return metric.labels(*values)


class Laps:
    """Time from lap to lap, within one thread."""

    def __init__(self) -> None:
        self._last_s = 0.0

    def start(self) -> None:
        """The first lap begins now."""
        self._last_s = time.perf_counter()

    def lap(self, stage: str) -> None:
        """A stage ends now, and the next one begins."""
        now_s = time.perf_counter()
        _STAGE[stage].observe(now_s - self._last_s)
        self._last_s = now_s


SLATE_LAPS: Final = Laps()
"""Of the slate that the CPU thread is at; that thread's alone."""


@contextmanager
def timed(stage: str) -> Iterator[None]:
    """Time what is inside as a stage, unless it fails."""
    started_s = time.perf_counter()
    yield
    _STAGE[stage].observe(time.perf_counter() - started_s)


def observe(stage: str, seconds: float) -> None:
    """A stage timed elsewhere."""
    _STAGE[stage].observe(seconds)


def call_ended(rpc: str, code: str, seconds: float) -> None:
    """One call; `rpc` must be a method that is served, or a fixed word."""
    _of(CALLS, rpc, code).inc()
    _of(CALL_SECONDS, rpc).observe(seconds)


def counted(counter: Counter, counts: Mapping[K, int]) -> None:
    """Add several label values at once."""
    for value, n in counts.items():
        if n:
            _of(counter, value).inc(n)


def fell_back(layer: str, reason: str) -> None:
    """A layer's control serves though another variant should."""
    _of(VARIANT_FALLBACKS, layer, reason).inc()


def bundle_serves(version: str, *, as_of_ms: int, before: str | None) -> None:
    """The worker serves another bundle now."""
    if before is not None:
        BUNDLE.labels(before).set(0)
    BUNDLE.labels(version).set(1)
    BUNDLE_AS_OF.set(as_of_ms / 1_000)
    BUNDLE_LOADED.set(time.time())
