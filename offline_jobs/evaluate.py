"""`slatewright evaluate`: how good the slate is on a held-out window, beside every source alone."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import lightgbm as lgb

from offline_jobs import config as config_of
from offline_jobs import source_log
from offline_jobs.config import BuildConfig
from offline_jobs.measure import MOST_BOUGHT, Report, measure
from offline_jobs.progress import Steps
from offline_jobs.tables import print_report
from offline_jobs.train_candidates import FitInput, fit
from offline_jobs.train_ranker import sample, train
from recsys.errors import ConfigError, EmptyWindowError
from recsys.profiles.build import build_histories
from recsys.rerank.training_set import past_requests
from recsys.split import Windows, windows

HELP: Final = "train on the past, measure on the held-out end of a log, compare with every source"
EXAMPLE: Final = "slatewright evaluate --dataset complete_journey --json figures.json"

_CLOCK_OF: Final = {"leave-one-out": "ordinal", "temporal": "wall"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `slatewright evaluate`."""
    source_log.add_arguments(parser)
    parser.add_argument("--protocol", choices=sorted(_CLOCK_OF), help="default: what the log's clock allows")
    config_of.add_arguments(parser)
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write every figure there")
    parser.add_argument("--quiet", action="store_true", help="no progress on standard error")


def run(args: argparse.Namespace) -> int:
    """Evaluate and print the tables."""
    steps = Steps(quiet=args.quiet)
    config = config_of.of(args)
    if args.json and not os.access(args.json.absolute().parent, os.W_OK):
        raise ConfigError(f"--json is {args.json}; its folder cannot be written; name one that can")
    with source_log.opened(args, steps) as source:
        reports = evaluate(source, windows_of(source, config, protocol=args.protocol), config, steps)[1]
    if args.json:
        args.json.write_text(json.dumps(as_json(reports), indent=1, allow_nan=False) + "\n", encoding="utf-8")
    print_report(source.log.info.name, reports)
    return 0


def windows_of(source: FitInput, config: BuildConfig, *, protocol: str | None = None) -> Windows:
    """The log's windows; a protocol its clock does not allow raises `ConfigError`."""
    info = source.log.info
    if protocol and _CLOCK_OF[protocol] != info.clock:
        fitting = next(p for p, clock in _CLOCK_OF.items() if clock == info.clock)
        raise ConfigError(
            f"--protocol {protocol} needs a log with {_CLOCK_OF[protocol]} times; {info.name} has {info.clock} times; "
            f"use --protocol {fitting}"
        )
    return windows(start_ms=info.start_ms, end_ms=info.end_ms, clock=info.clock, holdout_days=config.holdout_days)


def evaluate(
    source: FitInput, split: Windows, config: BuildConfig, steps: Steps
) -> tuple[lgb.Booster, Mapping[str, Report]]:
    """Train in the train window, measure in the test window: the ranker, and a report for "all" and "new"."""
    booster = train(source, split.train, candidates=config.candidates, config=config.ranking, steps=steps)
    with steps.under("test"):
        model, earlier = fit(source, as_of_ms=split.test.as_of_ms, config=config.candidates, steps=steps)
        later = build_histories(source.events, model.items, as_of_ms=split.test.until_ms, from_ms=split.test.as_of_ms)
        requests = past_requests(
            later,
            model.items.taken_types,
            times_ms=split.test.times_ms,
            horizon_ms=split.test.horizon_ms,
            until_ms=split.test.until_ms,
        )
        if not requests:
            raise EmptyWindowError(
                f"{source.log.info.name}: no user wants anything in the test window; expected some; give a longer log"
            )
        requests = sample(requests, config.ranking.max_measured, config.ranking.seed)
        reports = {}
        with steps.step("measure: as served") as advance:
            reports["all"] = measure(model, booster, earlier, later, requests, progress=advance)
        if reports["all"].repeat_share > 0:
            with steps.step("measure: new items only") as advance:
                new = measure(model, booster, earlier, later, requests, purchased="exclude", progress=advance)
            if new.n_requests:
                reports["new"] = new
    return booster, reports


def as_json(reports: Mapping[str, Report]) -> dict[str, Any]:
    """Plain numbers: `slate`, `sources.<name>`, `baselines.<name>`, intervals beside; the same again under `new`."""
    out: dict[str, Any] = {}
    for reading, report in reports.items():
        systems = {
            name: {metric: value.mean for metric, value in figures.items()}
            | {"intervals": {metric: [value.low, value.high] for metric, value in figures.items()}}
            for name, figures in report.systems.items()
        }
        part = {
            "n_requests": report.n_requests,
            "repeat_share": report.repeat_share,
            "candidate_recall@200": report.candidate_recall.mean,
            "slate": systems.pop("slate"),
            "baselines": {MOST_BOUGHT: systems.pop(MOST_BOUGHT)} if MOST_BOUGHT in systems else {},
            "sources": systems,
            "slate_minus": {name: asdict(value) for name, value in report.vs_slate.items()},
        }
        out |= part if reading == "all" else {reading: part}
    return out
