"""Evaluate on a window before the usual one, which no setting was chosen on.

    .venv/bin/python benchmarks/earlier_window.py --log var/demo/log --days-back 28

Everything from `days-back` before the log's end on is left out of training, histories and targets.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from offline_jobs.config import BuildConfig
from offline_jobs.evaluate import evaluate
from offline_jobs.progress import Steps
from offline_jobs.tables import print_report
from offline_jobs.train_candidates import FitInput
from recsys.catalogue import read_catalogue
from recsys.events import load_events, read_log
from recsys.schema import MS_PER_DAY
from recsys.split import windows


def main() -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--log", type=Path, required=True, help="a log written by `slatewright ingest`")
    parser.add_argument("--days-back", type=float, default=28.0, help="how much of the log's end is left out")
    args = parser.parse_args()
    source = FitInput(read_log(args.log), load_events(args.log), read_catalogue(args.log))
    info = source.log.info
    end_ms = info.end_ms - int(args.days_back * MS_PER_DAY)
    split = windows(start_ms=info.start_ms, end_ms=end_ms, clock=info.clock)
    _, reports = evaluate(source, split, BuildConfig(), Steps())
    print_report(f"{info.name} without its last {args.days_back:g} days", reports)


if __name__ == "__main__":
    main()
