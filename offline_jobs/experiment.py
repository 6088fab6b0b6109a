"""The figures of one experiment, out of the tables of `slatewright attribute`.

Invariant: the unit is what was randomised; a unit that was served several variants of the layer is in no arm, and is
counted. Effects are of a treatment against the control.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from numpy.typing import NDArray

from offline_jobs.analysis import LAYERS, OUTCOMES
from offline_jobs.attribution import INFO_FILE, PLACES_FILE, UNITS_FILE
from recsys.errors import ConfigError, DataError
from recsys.experiments import correction, effects, moments, sequential
from recsys.experiments.assignment import SampleRatio, sample_ratio
from recsys.experiments.effects import Effect
from recsys.experiments.moments import Moments
from recsys.experiments.segments import Segments, by_segment
from recsys.experiments.sequential import Looks
from recsys.metrics import Interval
from recsys.schema import MS_PER_DAY

SEGMENTED_BY: Final = ("user_status", "placement", "country", "device")
MAX_SEGMENTS: Final = 8
METRICS: Final[dict[str, tuple[str, str]]] = {
    "clicks per place shown": ("clicks", "n_places"),
    "units that clicked": ("clicked", ""),
    "clicks per unit": ("clicks", ""),
    "units that bought": ("bought", ""),
    "purchases per unit": ("purchases", ""),
    "revenue per unit": ("revenue", ""),
}
"""Metric -> numerator and denominator among a unit's columns; a mean over units without one. The first decides."""


@dataclass(frozen=True, slots=True)
class Arm:
    """One variant: units, slates, and the first metric's moments by place, by position."""

    name: str
    n_units: int
    n_slates: int
    values: Mapping[str, Moments]
    by_place: Mapping[int, Interval]


@dataclass(frozen=True, slots=True)
class Comparison:
    """A treatment against the control; `p` is corrected for the number of metrics (Holm)."""

    arm: str
    lifts: Mapping[str, Effect]
    p: Mapping[str, float]
    days: Sequence[float]
    looks: Looks
    segments: Mapping[str, tuple[Sequence[str], Segments]]


@dataclass(frozen=True, slots=True)
class Experiment:
    """All of it; arms have the control first."""

    key: str
    layer: str
    simulated: bool
    window_days: float
    split: SampleRatio
    arms: Sequence[Arm]
    comparisons: Sequence[Comparison]
    n_mixed: int
    share_complete: float
    first_ms: int
    last_ms: int


def read_experiment(folder: Path, key: str, *, control: str = "control", weights: Sequence[float] = ()) -> Experiment:
    """One experiment's figures; `weights` are the planned ones, of the control and then of the others by name.

    Raises DataError where the tables do not hold it, ConfigError for settings that do not fit it.
    """
    try:
        info = json.loads((folder / INFO_FILE).read_text(encoding="utf-8"))
        units = pq.read_table(folder / UNITS_FILE).to_pandas()
        layer = _layer(units, key)
        places = pq.read_table(folder / PLACES_FILE, filters=[(f"{layer}_experiment", "=", key)]).to_pandas()
    except (OSError, ValueError) as error:
        raise DataError(f"{folder} holds no tables of `slatewright attribute` ({error}); name its --out") from error
    mine = units[units[f"{layer}_experiment"] == key]
    variants = mine.groupby("unit")[f"{layer}_variant"].nunique()
    mixed = variants.index[variants > 1]
    table = _by_unit(mine[~mine.unit.isin(mixed)], layer)
    names = sorted(table.variant.unique(), key=lambda name: (name != control, name))
    if len(names) < 2 or names[0] != control:
        raise DataError(f"experiment {key} has the variants {', '.join(names)}; expected {control} and another one")
    planned = list(weights) or [1.0] * len(names)
    if len(planned) != len(names):
        raise ConfigError(f"{len(planned)} weights and {len(names)} variants ({', '.join(names)}); give one of each")
    places = places[places.unit.isin(table.index)]
    arms = [_arm(name, table[table.variant == name], places) for name in names]
    return Experiment(
        key=key,
        layer=layer,
        simulated=bool(info.get("simulated")),
        window_days=float(info["window_days"]),
        split=sample_ratio([arm.n_units for arm in arms], planned),
        arms=arms,
        comparisons=[_compared(table, places, base=arms[0], arm=arm) for arm in arms[1:]],
        n_mixed=len(mixed),
        share_complete=float(table.complete.mean()),
        first_ms=int(table.first_time.min().timestamp() * 1_000),
        last_ms=int(table.last_time.max().timestamp() * 1_000),
    )


def _layer(units: pd.DataFrame, key: str) -> str:
    known = {layer: sorted(set(units[f"{layer}_experiment"]) - {""}) for layer in LAYERS}
    found = [layer for layer, keys in known.items() if key in keys]
    if len(found) != 1:
        every = sorted({each for keys in known.values() for each in keys})
        where = (
            f"is in the layers {', '.join(found)}" if found else f"is not there; known are {', '.join(every) or 'none'}"
        )
        raise DataError(f"experiment {key} {where}; name an experiment of one layer")
    return found[0]


def _by_unit(rows: pd.DataFrame, layer: str) -> pd.DataFrame:
    """One row a unit: other layers' variants split them further."""
    sums = {name: (name, "sum") for name in ("n_slates", "n_places", *OUTCOMES)}
    table = rows.groupby("unit").agg(
        variant=(f"{layer}_variant", "first"),
        first_time=("first_time", "min"),
        last_time=("last_time", "max"),
        complete=("complete", "all"),
        **sums,
    )
    return table.assign(clicked=(table.clicks > 0) * 1.0, bought=(table.purchases > 0) * 1.0)


def _columns(table: pd.DataFrame, metric: str) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
    numerator, denominator = METRICS[metric]
    below = table[denominator].to_numpy(np.float64) if denominator else None
    return table[numerator].to_numpy(np.float64), below


def _moments(table: pd.DataFrame, metric: str) -> Moments:
    above, below = _columns(table, metric)
    return moments.of_values(above) if below is None else moments.of_ratio(above, below)


def _arm(name: str, table: pd.DataFrame, places: pd.DataFrame) -> Arm:
    mine = places[places.unit.isin(table.index)]
    by_place = {}
    for position in sorted(set(mine.position)):
        rows = mine[mine.position == position]
        per_unit = rows.groupby("unit").agg(clicks=("clicks", "sum"), shown=("clicks", "size"))
        if len(per_unit) >= 2:
            of = moments.of_ratio(per_unit.clicks.to_numpy(np.float64), per_unit.shown.to_numpy(np.float64))
            reach = 1.96 * float(np.sqrt(of.mean_variance))
            by_place[int(position)] = Interval(float(of.mean), float(of.mean) - reach, float(of.mean) + reach)
    return Arm(name, len(table), int(table.n_slates.sum()), {m: _moments(table, m) for m in METRICS}, by_place)


def _compared(table: pd.DataFrame, places: pd.DataFrame, *, base: Arm, arm: Arm) -> Comparison:
    lifts = {metric: effects.lift(base.values[metric], arm.values[metric]) for metric in METRICS}
    p = correction.corrected(np.array([float(effect.p) for effect in lifts.values()]))
    both = table[table.variant.isin([base.name, arm.name])]
    days, looks = _over_time(both, arm.name)
    return Comparison(
        arm.name, lifts, dict(zip(METRICS, p.tolist(), strict=True)), days, looks, _segments(both, places, arm.name)
    )


def _over_time(table: pd.DataFrame, treated: str) -> tuple[list[float], Looks]:
    """The first metric at the end of every day, over the units that had come by then."""
    metric = next(iter(METRICS))
    since = table.first_time.min()
    day = np.asarray((table.first_time - since) / pd.Timedelta(milliseconds=MS_PER_DAY), np.float64)
    ends = np.arange(1.0, np.floor(day.max()) + 2)
    arms: list[list[Moments]] = [[], []]
    for end in ends:
        for arm, chosen in zip(arms, (table.variant != treated, table.variant == treated), strict=True):
            part = table[chosen.to_numpy() & (day < end)]
            arm.append(
                _moments(part, metric) if len(part) > 1 else Moments(np.array(2.0), np.array(0.0), np.array(0.0))
            )
    stacked = [
        Moments(*(np.array([float(getattr(one, f)) for one in arm]) for f in ("n", "mean", "variance"))) for arm in arms
    ]
    return ends.tolist(), sequential.always_valid(stacked[0], stacked[1], n_planned=float(len(table)))


def _segments(table: pd.DataFrame, places: pd.DataFrame, treated: str) -> dict[str, tuple[list[str], Segments]]:
    """The first metric by what was known of a unit at its first slate, where that tells units apart."""
    metric = next(iter(METRICS))
    first = places.sort_values(["time", "token_id"]).groupby("unit").first().reindex(table.index)
    above, below = _columns(table, metric)
    found: dict[str, Any] = {}
    for column in SEGMENTED_BY:
        rows, names = pd.factorize(first[column].fillna(""), sort=True)
        if 2 <= len(names) <= MAX_SEGMENTS:
            is_treated = (table.variant == treated).to_numpy()
            segments = by_segment(
                above, below, treated=is_treated, segment_rows=rows.astype(np.int64), n_segments=len(names)
            )
            found[column] = [str(name) or "(none)" for name in names], segments
    return found
