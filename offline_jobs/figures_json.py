"""Every figure as plain numbers: what `slatewright evaluate --json` writes and a bundle's manifest keeps.

Contract: `slate`, `sources.<name>` and `baselines.<name>` hold each metric's mean, `intervals` beside; the same again
under `new`. What has no value is null, never NaN.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from offline_jobs.ablate import Ablation
from offline_jobs.cold_start import ColdStart
from offline_jobs.measure import MOST_BOUGHT, Report
from offline_jobs.recall_curves import Curves
from recsys.metrics import Interval


def as_json(reports: Mapping[str, Report]) -> dict[str, Any]:
    """Plain numbers of the reading "all", and of every other reading under its name."""
    out: dict[str, Any] = {}
    for reading, report in reports.items():
        part = _reading(report)
        out |= part if reading == "all" else {reading: part}
    return out


def extras_json(ablation: Ablation | None, cold_start: ColdStart | None) -> dict[str, Any]:
    """What was asked for beside the figures of every system."""
    out: dict[str, Any] = {}
    if ablation:
        out["ablation"] = _plain(asdict(ablation))
    if cold_start:
        out["cold_start"] = _plain(asdict(cold_start))
    return out


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return number(value) if isinstance(value, float) else value


def number(value: float) -> float | None:
    """The value, or None where there is none."""
    return value if math.isfinite(value) else None


def interval(value: Interval) -> dict[str, float | None]:
    """Mean, low and high by name."""
    return {"mean": number(value.mean), "low": number(value.low), "high": number(value.high)}


def _reading(report: Report) -> dict[str, Any]:
    systems = {
        name: {metric: number(value.mean) for metric, value in figures.items()}
        | {"intervals": {metric: [number(value.low), number(value.high)] for metric, value in figures.items()}}
        for name, figures in report.systems.items()
    }
    return {
        "n_requests": report.n_requests,
        "repeat_share": report.repeat_share,
        "targets": report.targets,
        "candidate_recall@200": report.candidate_recall.mean,
        "slate": systems.pop("slate"),
        "baselines": {MOST_BOUGHT: systems.pop(MOST_BOUGHT)} if MOST_BOUGHT in systems else {},
        "sources": systems,
        "slate_minus": {name: asdict(value) for name, value in report.vs_slate.items()},
        "groups": {
            label: {"n_requests": group.n_requests}
            | {"ndcg@10": {name: interval(value) for name, value in group.systems.items()}}
            for label, group in report.groups.items()
        },
        "recall_curves": _curves(report.curves),
        "score_bins": [
            {"n": part.n, "mean_score": part.mean_score, "wanted": interval(part.wanted)} for part in report.score_bins
        ],
    }


def _curves(curves: Curves) -> dict[str, Any]:
    def plain(curve: Mapping[int, Interval]) -> dict[str, Any]:
        return {f"recall@{k}": interval(value) for k, value in curve.items()}

    return {
        "merged": plain(curves.merged),
        "sources": {name: plain(curve) for name, curve in curves.sources.items()},
        "n_sampled": curves.n_sampled,
        "found_by": curves.found_by,
        "only_found_by": curves.only_found_by,
    }
