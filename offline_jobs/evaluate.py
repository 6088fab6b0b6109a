"""`slatewright evaluate`: how good the slate is on a held-out window, beside every source alone."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import lightgbm as lgb

from offline_jobs import config as config_of
from offline_jobs import source_log
from offline_jobs.config import BuildConfig
from offline_jobs.figures_json import as_json
from offline_jobs.measure import Report, measure, text_vectors
from offline_jobs.progress import Steps
from offline_jobs.tables import print_details, print_report
from offline_jobs.train_candidates import FitInput, fit
from offline_jobs.train_ranker import sample, train
from recsys.errors import ConfigError, EmptyWindowError
from recsys.profiles.build import build_histories
from recsys.profiles.store import Histories
from recsys.rerank.prepare import Model
from recsys.rerank.training_set import PastRequest, past_requests
from recsys.split import Window, Windows, windows

__all__ = ["HeldOut", "as_json", "evaluate", "held_out", "measured", "run", "windows_of"]

HELP: Final = "train on the past, measure on the held-out end of a log, compare with every source"
EXAMPLE: Final = "slatewright evaluate --dataset complete_journey --json figures.json --html report.html"
N_DEEP: Final = 2_000
"""Requests asked for every source's longest list, for the recall curves of `slatewright evaluate`."""

_CLOCK_OF: Final = {"leave-one-out": "ordinal", "temporal": "wall"}


@dataclass(frozen=True, slots=True)
class HeldOut:
    """A fit that ends where a window begins, the events of the window, and its requests."""

    model: Model
    earlier: Histories
    later: Histories
    requests: list[PastRequest]


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
        split = windows_of(source, config, protocol=args.protocol)
        _, reports = evaluate(source, split, config, steps, n_deep=N_DEEP)
    if args.json:
        args.json.write_text(json.dumps(as_json(reports), indent=1, allow_nan=False) + "\n", encoding="utf-8")
    print_report(source.log.info.name, reports)
    print_details(source.log.info.name, reports)
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


def held_out(source: FitInput, window: Window, config: BuildConfig, steps: Steps) -> HeldOut:
    """Fit at the window's `as_of`, and make its requests: all of them, or a seeded sample of `max_measured`."""
    model, earlier = fit(source, as_of_ms=window.as_of_ms, config=config.candidates, steps=steps)
    later = build_histories(source.events, model.items, as_of_ms=window.until_ms, from_ms=window.as_of_ms)
    requests = past_requests(
        later,
        model.items.taken_types,
        times_ms=window.times_ms,
        horizon_ms=window.horizon_ms,
        until_ms=window.until_ms,
    )
    if not requests:
        raise EmptyWindowError(
            f"{source.log.info.name}: no user wants anything in the test window; expected some; give a longer log"
        )
    return HeldOut(model, earlier, later, sample(requests, config.ranking.max_measured, config.ranking.seed))


def measured(
    source: FitInput, held: HeldOut, booster: lgb.Booster, steps: Steps, *, n_deep: int = 0
) -> dict[str, Report]:
    """A report for "all", and one for "new" where anybody wanted an item again."""
    model, earlier, later, requests = held.model, held.earlier, held.later, held.requests
    vectors = text_vectors(source.catalogue.texts)
    reports = {}
    with steps.step("measure: as served") as advance:
        reports["all"] = measure(
            model, booster, earlier, later, requests, vectors=vectors, n_deep=n_deep, progress=advance
        )
    if reports["all"].repeat_share > 0:
        with steps.step("measure: new items only") as advance:
            new = measure(
                model, booster, earlier, later, requests,
                purchased="exclude", vectors=vectors, n_deep=n_deep, progress=advance,
            )  # fmt: skip
        if new.n_requests:
            reports["new"] = new
    return reports


def evaluate(
    source: FitInput, split: Windows, config: BuildConfig, steps: Steps, *, n_deep: int = 0
) -> tuple[lgb.Booster, Mapping[str, Report]]:
    """Train in the train window, measure in the test window: the ranker, and a report for "all" and "new"."""
    booster = train(source, split.train, candidates=config.candidates, config=config.ranking, steps=steps)
    with steps.under("test"):
        held = held_out(source, split.test, config, steps)
        return booster, measured(source, held, booster, steps, n_deep=n_deep)
