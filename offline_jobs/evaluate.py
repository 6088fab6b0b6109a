"""`slatewright evaluate`: how good the slate is on a held-out window, beside every source alone."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import lightgbm as lgb

from offline_jobs import ablate as ablation
from offline_jobs import config as config_of
from offline_jobs import source_log
from offline_jobs.ablate import Ablation
from offline_jobs.cold_start import measure_cold_start
from offline_jobs.config import BuildConfig
from offline_jobs.figures_json import as_json, extras_json
from offline_jobs.held_out import held_out
from offline_jobs.measure import Report, measure, text_vectors
from offline_jobs.progress import Steps
from offline_jobs.tables import print_ablation, print_cold_start, print_details, print_report
from offline_jobs.train_candidates import FitInput
from offline_jobs.train_ranker import HeldOut, train
from recsys.errors import ConfigError
from recsys.files import replace_text
from recsys.rerank.groups import feature_groups
from recsys.split import Windows, windows

__all__ = ["as_json", "evaluate", "measured", "run", "windows_of"]

HELP: Final = "train on the past, measure on the held-out end of a log, compare with every source"
EXAMPLE: Final = "slatewright evaluate --dataset complete_journey --json figures.json --html report.html"
N_DEEP: Final = 2_000
"""Requests asked for every source's longest list, for the recall curves of `slatewright evaluate`."""

_CLOCK_OF: Final = {"leave-one-out": "ordinal", "temporal": "wall"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `slatewright evaluate`."""
    source_log.add_arguments(parser)
    parser.add_argument("--protocol", choices=sorted(_CLOCK_OF), help="default: what the log's clock allows")
    config_of.add_arguments(parser)
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write every figure there")
    parser.add_argument("--html", type=Path, metavar="FILE", help="also write one self-contained page with plots there")
    parser.add_argument("--ablate", action="store_true", help="also retrain without each group of features")
    parser.add_argument("--cold-start", action="store_true", help="also measure users and items hidden from every fit")
    parser.add_argument("--quiet", action="store_true", help="no progress on standard error")


def run(args: argparse.Namespace) -> int:
    """Evaluate and print the tables."""
    steps = Steps(quiet=args.quiet)
    config = config_of.of(args)
    for option, path in (("--json", args.json), ("--html", args.html)):
        if path and not os.access(path.absolute().parent, os.W_OK):
            raise ConfigError(f"{option} is {path}; its folder cannot be written; name one that can")
    ablated, cold = None, None
    with source_log.opened(args, steps) as source:
        split = windows_of(source, config, protocol=args.protocol)
        booster = train(source, split.train, candidates=config.candidates, config=config.ranking, steps=steps)
        with steps.under("test"):
            held = held_out(source, split.test, config, steps)
            reports = measured(source, held, booster, config, steps, n_deep=N_DEEP)
        if args.ablate:
            ablated = ablated_groups(source, split, held, config, steps)
        if args.cold_start:
            cold = measure_cold_start(source, split, config, steps)
    if args.json:
        figures = as_json(reports) | extras_json(ablated, cold)
        replace_text(args.json, json.dumps(figures, indent=1, allow_nan=False) + "\n")
    if args.html:
        from offline_jobs.reports.ranking import ranking_page  # noqa: PLC0415 - matplotlib only where a page is asked for

        page = ranking_page(source, split, config, reports, ablation=ablated, cold_start=cold)
        replace_text(args.html, page)
    print_report(source.log.info.name, reports)
    print_details(source.log.info.name, reports)
    if ablated:
        print_ablation(ablated)
    if cold:
        print_cold_start(cold)
    return 0


def ablated_groups(source: FitInput, split: Windows, held: HeldOut, config: BuildConfig, steps: Steps) -> Ablation:
    """What each group of features is worth."""
    with steps.under("ablation"):
        rows = ablation.training_rows(source, split, config, steps)
        with steps.step("test rows"):
            prepared, wanted = ablation.measured_rows(held, config)
        return ablation.ablate(
            rows,
            prepared,
            wanted,
            items=held.model.items,
            config=config.ranking.ranker,
            groups=feature_groups(),
            steps=steps,
        )


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


def measured(
    source: FitInput, held: HeldOut, booster: lgb.Booster, config: BuildConfig, steps: Steps, *, n_deep: int = 0
) -> dict[str, Report]:
    """A report for "all", and one for "new" where anybody wanted an item again."""
    model, earlier, later, requests = held.model, held.earlier, held.later, held.requests
    vectors = text_vectors(source.catalogue.texts)
    reports = {}
    with steps.step("measure: as served") as advance:
        reports["all"] = measure(
            model, booster, earlier, later, requests,
            diversity=config.slate.diversity, vectors=vectors, n_deep=n_deep, progress=advance,
        )  # fmt: skip
    if reports["all"].repeat_share > 0:
        with steps.step("measure: new items only") as advance:
            new = measure(
                model, booster, earlier, later, requests,
                purchased="exclude", diversity=config.slate.diversity, vectors=vectors, n_deep=n_deep, progress=advance,
            )  # fmt: skip
        if new.n_requests:
            reports["new"] = new
    return reports


def evaluate(
    source: FitInput, split: Windows, config: BuildConfig, steps: Steps, *, n_deep: int = 0, limit: int | None = None
) -> tuple[lgb.Booster, Mapping[str, Report]]:
    """Train in the train window, measure in the test window: the ranker, and a report for "all" and "new".

    At most `limit` requests (`max_measured`) are made.
    """
    booster = train(source, split.train, candidates=config.candidates, config=config.ranking, steps=steps)
    with steps.under("test"):
        held = held_out(source, split.test, config, steps, limit=limit)
        return booster, measured(source, held, booster, config, steps, n_deep=n_deep)
