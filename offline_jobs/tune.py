"""`slatewright tune`: settings chosen on the window before the test window, written as a file that `build` takes.

Invariant: no event at or after the start of the test window is looked at.
"""

from __future__ import annotations

import argparse
import hashlib
import math
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from optuna.trial import FrozenTrial

from offline_jobs import config as config_of
from offline_jobs import source_log
from offline_jobs.config import BuildConfig, flat
from offline_jobs.evaluate import windows_of
from offline_jobs.progress import Steps
from offline_jobs.search_space import Range, search_space, suggested
from offline_jobs.study import best_trial, default_trial, finished, open_study, search
from offline_jobs.train_candidates import FitInput
from offline_jobs.tune_report import print_tuned, tuned, written
from offline_jobs.tune_task import asked_once, ndcg
from recsys.errors import ConfigError
from recsys.rerank.features import feature_hash
from recsys.split import Windows, tuning_windows

HELP: Final = "choose quotas, weights and the ranker's settings on the window before the test window"
EXAMPLE: Final = "slatewright tune --dataset complete_journey --study tune.db --minutes 30 --out best.toml"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `slatewright tune`."""
    source_log.add_arguments(parser)
    config_of.add_arguments(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the best settings, for build --config")
    parser.add_argument("--study", type=Path, required=True, metavar="FILE", help="SQLite; an existing one goes on")
    parser.add_argument("--minutes", type=float, default=10.0, metavar="M", help="no trial starts later (default 10)")
    parser.add_argument("--trials", type=int, metavar="N", help="stop once the study has N trials")
    parser.add_argument(
        "--requests", type=int, default=2_000, metavar="K", help="requests that train, and that measure (default 2000)"
    )
    parser.add_argument("--quiet", action="store_true", help="no progress on standard error")


def run(args: argparse.Namespace) -> int:
    """Search, write the best settings, print what they are worth; Ctrl-C ends the search and keeps what it found."""
    _check(args)
    steps, base = Steps(quiet=args.quiet), config_of.of(args)
    with source_log.opened(args, steps) as source:
        name = source.log.info.name
        split = tuning_windows(windows_of(source, base), start_ms=source.log.info.start_ms)
        space = search_space(base)
        study = open_study(args.study, about(source, split, base, space, n_requests=args.requests))
        task = asked_once(source, split, base, space, steps, n_requests=args.requests)
    interrupted = False
    with steps.step("trials") as advance:
        try:
            search(
                study,
                lambda trial: ndcg(task, suggested(trial, base, space)),
                {setting: value for setting, value in flat(base).items() if setting in space},
                seed=base.ranking.seed,
                minutes=args.minutes,
                n_trials=args.trials,
                after=lambda trials, share: _tell(steps, advance, trials, share),
            )
        except KeyboardInterrupt:
            interrupted = True
    trials = finished(study)
    default = default_trial(trials)
    if default is None:
        return 130
    found = tuned(trials, default)
    args.out.write_text(written(found, base, space, name=name), encoding="utf-8")
    print_tuned(found, base, name=name)
    if interrupted:
        sys.stdout.write("interrupted; the same command goes on from here\n")
    sys.stdout.write(f"wrote {args.out}; see what it is worth: slatewright evaluate --config {args.out} …\n")
    return 130 if interrupted else 0


def _check(args: argparse.Namespace) -> None:
    for option, value in (("--minutes", args.minutes), ("--trials", args.trials), ("--requests", args.requests)):
        if value is not None and not (math.isfinite(value) and value > 0):
            raise ConfigError(f"{option} is {value}; expected a number above 0")
    for option, path in (("--out", args.out), ("--study", args.study)):
        if path.is_dir() or not os.access(path.absolute().parent, os.W_OK):
            raise ConfigError(f"{option} is {path}; it cannot be written; name a file in a folder that can")


def about(
    source: FitInput, split: Windows, base: BuildConfig, space: Mapping[str, Range], *, n_requests: int
) -> dict[str, str]:
    """Everything that the trials of a search depend on, by name."""
    events, info = source.events, source.log.info
    seen = events.time_ms < split.as_of_ms
    digest = hashlib.blake2b(digest_size=8)
    for column in (events.time_ms, events.user_row, events.item_row, events.type_code):
        digest.update(column[seen].tobytes())
    return {
        "data set": info.name,
        "clock": info.clock,
        "validation window": f"[{split.test.as_of_ms}, {split.test.until_ms}) ms",
        "log before the test window": f"{int(seen.sum())} events {digest.hexdigest()}",
        "--requests": str(n_requests),
        "features": feature_hash(),
        **{setting: str(value) for setting, value in flat(base).items()},
        **{f"range of {setting}": f"{bounds.low:g} to {bounds.high:g}" for setting, bounds in space.items()},
    }


def _tell(steps: Steps, advance: Callable[[float], None], trials: list[FrozenTrial], share: float) -> None:
    """Move the bar; a line where the newest trial is the best."""
    advance(share)
    default = default_trial(trials)
    if default is not None and best_trial(trials) is trials[-1]:
        steps.say(f"trial {trials[-1].number}: NDCG@10 {trials[-1].values[0]:.4f} (before: {default.values[0]:.4f})")
