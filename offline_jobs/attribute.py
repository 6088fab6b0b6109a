"""`slatewright attribute`: join what was shown with what followed, and say what counted."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table as Grid

from offline_jobs.attribution import WINDOW_DAYS, Attribution, attribute
from offline_jobs.judge import COUNTED
from offline_jobs.progress import Steps

HELP: Final = "join slates shown with the feedback that followed, for analyses and training"
EXAMPLE: Final = (
    "slatewright attribute --exposures var/exposures --state var/state --log var/logs/shop --out var/attributed"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument(
        "--exposures", type=Path, required=True, metavar="DIR", help="as `serve --exposures` wrote them"
    )
    parser.add_argument(
        "--state", type=Path, metavar="DIR", help="the server's state folder: its key and its tombstones"
    )
    parser.add_argument("--events", type=Path, metavar="FILE", help="feedback: the server's events.sqlite (of --state)")
    parser.add_argument(
        "--log", type=Path, metavar="DIR", help="an ingested log; with it a log to build from is written"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the tables")
    parser.add_argument("--window-days", type=float, default=WINDOW_DAYS, help=f"after a slate ({WINDOW_DAYS:g})")
    parser.add_argument(
        "--seen-only", action="store_true", help="train on places with an impression event only, not on all that left"
    )
    parser.add_argument("--tombstones", type=Path, metavar="FILE", help="people to leave out (the state's)")
    parser.add_argument("--memory-limit", default="1GB", help="of the table engine (1GB)")
    parser.add_argument("--json", action="store_true", help="print what was found as JSON")
    parser.add_argument("--quiet", action="store_true", help="no progress")


def run(args: argparse.Namespace) -> int:
    """Attribute; print a table or JSON."""
    found = attribute(
        args.exposures,
        args.out,
        state=args.state,
        store=args.events,
        log_dir=args.log,
        window_days=args.window_days,
        seen_only=args.seen_only,
        tombstones=args.tombstones,
        memory_limit=args.memory_limit,
        steps=Steps(quiet=args.quiet or args.json),
    )
    if args.json:
        print(json.dumps(asdict(found), indent=1))
    else:
        Console().print(_summary(found, args.out))
    return 0


def _summary(found: Attribution, out: Path) -> Grid:
    label = "SIMULATED, " if found.simulated else ""
    grid = Grid(title=f"{label}{out}: responses within {found.window_days:g} days", show_header=False)
    grid.add_row("slates", f"{found.n_slates:,}")
    grid.add_row("places shown", f"{found.n_places:,}")
    grid.add_row("units (users, sessions, requests)", f"{found.n_units:,}")
    for kind, n in found.counted.items():
        grid.add_row(f"counted: {kind}", f"{n:,}")
    grid.add_row("… of them without a token, by last touch", f"{found.last_touch:,}")
    grid.add_row("… of them naming another place", f"{found.position_differs:,}")
    for verdict, n in found.verdicts.items():
        if verdict != COUNTED and n:
            grid.add_row(f"not counted: {verdict.replace('_', ' ')}", f"{n:,}")
    if found.n_forgotten:
        grid.add_row("not counted: forgotten people's", f"{found.n_forgotten:,}")
    if found.n_log_events is not None:
        grid.add_row("events of the log to build from", f"{found.n_log_events:,}")
    return grid
