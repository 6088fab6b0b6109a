"""`slatewright build`: from a log to a published bundle.

Train the ranker in one past window, measure it in the next, refit profiles and candidates on the whole log, publish.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import lightgbm as lgb

from offline_jobs import config as config_of
from offline_jobs import source_log
from offline_jobs.config import BuildConfig
from offline_jobs.evaluate import as_json, evaluate, windows_of
from offline_jobs.measure import Report
from offline_jobs.progress import Steps
from offline_jobs.publish import publish
from offline_jobs.tables import print_report
from offline_jobs.train_candidates import FitInput, fit
from recsys.bundle import Bundle, make_folder
from recsys.profiles.store import Histories
from recsys.rerank.prepare import Model
from recsys.schema import PATH_SEPARATOR

HELP: Final = "train, measure and publish a bundle from a log"
EXAMPLE: Final = "slatewright build --dataset complete_journey --out var/bundles"

LABELS: Final = "train: labels"
"""The note of `train_ranker.labelled_rows` when called by `train`."""
_PACKAGES: Final = ("numpy", "scipy", "implicit", "lightgbm", "scikit-learn", "sparse-dot-topn", "pyarrow")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `slatewright build`."""
    source_log.add_arguments(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="the folder of bundles")
    config_of.add_arguments(parser)
    parser.add_argument("--force", action="store_true", help="publish even a model that measures worse")
    parser.add_argument("--json", action="store_true", help="print version and figures as JSON, no tables")
    parser.add_argument("--quiet", action="store_true", help="no progress on standard error")


def run(args: argparse.Namespace) -> int:
    """Build, publish, print what was measured."""
    steps = Steps(quiet=args.quiet)
    config = config_of.of(args)
    make_folder(args.out)
    with source_log.opened(args, steps, bundles=args.out) as source:
        bundle, reports = built(source, config, steps)
        with steps.step("publish"):
            directory = publish(bundle, args.out, force=args.force)
    if args.json:
        sys.stdout.write(
            json.dumps(
                {"bundle": str(directory), "labels": steps.notes[LABELS], "metrics": as_json(reports)},
                indent=1,
                allow_nan=False,
            )
            + "\n"
        )
    else:
        print_report(source.log.info.name, reports)
        sys.stdout.write(f"ranker learned from {steps.notes[LABELS]}\n")
        sys.stdout.write(f"published {directory}\nserve it: slatewright serve --bundles {args.out} --port 50051\n")
    return 0


def built(source: FitInput, config: BuildConfig, steps: Steps) -> tuple[Bundle, Mapping[str, Report]]:
    """A bundle fitted on the whole log, and what the same settings measured on its held-out end."""
    split = windows_of(source, config)
    booster, reports = evaluate(source, split, config, steps, limit=config.ranking.max_checked)
    with steps.under("refit"):
        model, histories = fit(source, as_of_ms=split.as_of_ms, config=config.candidates, steps=steps)
    metrics, labels = as_json(reports), steps.notes[LABELS]
    return assemble(source, model, histories, booster, metrics=metrics, config=config, labels=labels), reports


def assemble(
    source: FitInput,
    model: Model,
    histories: Histories,
    booster: lgb.Booster,
    *,
    metrics: dict[str, Any],
    config: BuildConfig,
    labels: str,
) -> Bundle:
    """A bundle in memory, ready to publish; `labels` says what its ranker learned from, and why."""
    info = source.log.info
    manifest = {
        "name": info.name,
        "clock": info.clock,
        "currency": info.currency,
        "locale": info.locale,
        "n_users": info.n_users,
        "n_items": info.n_items,
        "n_events": info.n_events,
        "quarantined": dict(info.quarantined),
        "tombstones": dict(info.tombstones),
        "config": asdict(config),
        "labels": labels,
        "packages": {name: version(name) for name in _PACKAGES},
        "metrics": metrics,
    }
    return Bundle(
        manifest=manifest,
        model=model,
        histories=histories,
        users=source.events.users,
        item_ids=source.catalogue.ids,
        catalogue=source.catalogue.table,
        category_names=[PATH_SEPARATOR.join(path) for path in source.catalogue.category_paths],
        brands=source.catalogue.brands,
        ranker_text=booster.model_to_string(),
    )
