"""`slatewright report EXPERIMENT`: one self-contained HTML page, and its headline on the terminal."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from offline_jobs.experiment import read_experiment
from offline_jobs.reports.experiment import experiment_page
from recsys.errors import ConfigError
from recsys.files import replace_text

HELP: Final = "the page of one experiment: split, effects, course, places, segments"
EXAMPLE: Final = "slatewright report explore-more --attributed var/attributed --out explore-more.html"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("experiment", metavar="EXPERIMENT", help="its key in the features file")
    parser.add_argument(
        "--attributed", type=Path, required=True, metavar="DIR", help="tables of `slatewright attribute`"
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="the page (EXPERIMENT.html)")
    parser.add_argument("--control", default="control", metavar="NAME", help="the variant others are compared with")
    parser.add_argument(
        "--weights",
        type=float,
        nargs="+",
        default=(),
        metavar="W",
        help="planned, of the control and then by name (equal)",
    )


def run(args: argparse.Namespace) -> int:
    """Compute, write the page, print the effects."""
    found = read_experiment(args.attributed, args.experiment, control=args.control, weights=args.weights)
    out: Path = args.out or Path(f"{args.experiment}.html")
    try:
        replace_text(out, experiment_page(found))
    except OSError as error:
        raise ConfigError(f"{out} cannot be written ({error.strerror}); name another file with --out") from error
    label = "SIMULATED, " if found.simulated else ""
    split = "NOT as planned" if found.split.mismatch else "as planned"
    grid = Table(title=f"{label}{found.key} ({found.layer}): split {split}, p {found.split.p:.3g}")
    for column in ("variant", "metric", "lift", "95 %", "p (Holm)"):
        grid.add_column(column, justify="left" if column in {"variant", "metric"} else "right")
    for comparison in found.comparisons:
        for metric, effect in comparison.lifts.items():
            interval = f"{float(effect.low):+.1%} … {float(effect.high):+.1%}"
            grid.add_row(comparison.arm, metric, f"{float(effect.value):+.1%}", interval, f"{comparison.p[metric]:.2g}")
    Console().print(grid)
    print(f"page: {out}")
    return 0
