"""Which data sets are measured, and how each becomes a log."""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.ranking import export
from offline_jobs.config import BuildConfig
from offline_jobs.evaluate import windows_of
from offline_jobs.ingest import ingest
from offline_jobs.progress import Steps
from offline_jobs.train_candidates import FitInput
from recsys.events import LOG_FILE

DENSE = "irspack_ease"
ONLINE_RETAIL_DAYS = 38.5347222338
"""From 2011-11-01 to the log's last line: the split the benchmark names."""
OFTEN = 20


@dataclass(frozen=True, slots=True)
class DataSet:
    """A data set to measure: its figure name, adapter, path, holdout, and what is left out or restricted."""

    name: str
    adapter: str
    path: Path | None
    holdout_days: float | None = None
    without: tuple[str, ...] = ()
    at_least: int | None = None


def datasets(args: argparse.Namespace) -> list[DataSet]:
    """The data sets that were given a path; the others are named on standard error."""
    every = [
        ("--beauty DIR", args.beauty, [DataSet("beauty", "sequences", args.beauty)]),
        ("--office DIR", args.office, [DataSet("office", "sequences", args.office)]),
        (
            "--online-retail FILE",
            args.online_retail,
            [DataSet("online_retail", "online_retail", args.online_retail, ONLINE_RETAIL_DAYS)],
        ),
        (
            "--complete-journey",
            args.complete_journey,
            [
                DataSet("complete_journey", "complete_journey", None, without=(DENSE,)),
                DataSet("complete_journey_items20", "complete_journey", None, at_least=OFTEN),
            ],
        ),
    ]
    found: list[DataSet] = []
    for option, given, sets in every:
        if given:
            found += sets
        else:
            say(f"skipped: {', '.join(s.name for s in sets)} ({option} not given)")
    return found


def source_of(data: DataSet, work: Path, config: BuildConfig, steps: Steps) -> FitInput:
    """The data set's log, ingested once a work folder, cut to often-bought items where the data set says so."""
    log = work / "logs" / data.adapter / (data.name if data.path else "log")
    if not (log / LOG_FILE).is_file():
        with steps.step("ingest"):
            ingest(data.adapter, data.path, log)
    with steps.step("read the log"):
        source = export.read_source(log)
    if data.at_least is None:
        return source
    cut = work / data.name / "log"
    with steps.step(f"keep items bought at least {data.at_least} times before the test window"):
        before_ms = windows_of(source, config).test.as_of_ms
        return export.often_bought(source, cut, before_ms=before_ms, at_least=data.at_least)


def command(args: argparse.Namespace) -> str:
    """The command that gives these tables, with placeholders for paths."""
    given = [
        (args.beauty, "--beauty DIR"),
        (args.office, "--office DIR"),
        (args.online_retail, "--online-retail FILE"),
        (args.complete_journey, "--complete-journey"),
        (True, f"--budget {args.budget:g} --trials {args.trials}"),
    ]
    return f'make bench-ranking RANKING_ARGS="{" ".join(option for value, option in given if value)}"'


def say(line: str) -> None:
    """Progress, on standard error."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
