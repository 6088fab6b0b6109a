"""What production does to a server, done to `slatewright serve`: kills, hangs, full disks, floods, garbage.

    python -m benchmarks.torture.run [--quick | --full] [--only NAME ...] [--bundles DIR] --work DIR

Each row starts servers of its own over two bundles that are built once in --work (or those of --bundles). The table
says what was done and seen; then one line a figure. The exit code is 1 where a row failed.
"""

from __future__ import annotations

import argparse
import importlib
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Final

from benchmarks.torture import shops
from benchmarks.torture.table import Bench, Row, markdown, shown

ROWS: Final = ("events_sigkill", "hot_swap", "overload", "processes", "storage", "network", "fuzz", "soak")


def main() -> int:
    """Run the rows asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="example: python -m benchmarks.torture.run --quick --only hot_swap overload --work /tmp/torture",
    )
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="small numbers and short times, about ten minutes")
    size.add_argument("--full", action="store_true", help="the sizes of docs/torture.md, about an hour (the default)")
    parser.add_argument("--only", nargs="+", choices=ROWS, default=list(ROWS), metavar="NAME", help=", ".join(ROWS))
    parser.add_argument("--work", type=Path, required=True, help="folder for bundles, states and logs")
    parser.add_argument("--bundles", type=Path, help="folder with two or more bundles of one shop (built in --work)")
    parser.add_argument("--soak-minutes", type=float, default=20.0, help="length of the soak (20; 1 with --quick)")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the table for a page as well")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that every server is ended
    args.work.mkdir(parents=True, exist_ok=True)
    bundles = args.bundles or shops.built(args.work, tell=_tell)
    minutes = 1.0 if args.quick and args.soak_minutes == 20 else args.soak_minutes
    at = Bench(args.work, bundles, quick=args.quick, soak_minutes=minutes, tell=_tell)
    rows: list[Row] = []
    try:
        for name in args.only:
            _tell(f"== {name}")
            rows += _run(name, at)
    finally:  # a run that is stopped shows what it has
        if rows:
            print(shown(rows))
        if args.markdown:
            args.markdown.write_text(markdown(rows) + "\n")
    return int(any(row.passed is False for row in rows))


def _run(name: str, at: Bench) -> list[Row]:
    """The rows of one module; one that breaks leaves the others their turn."""
    try:
        rows: list[Row] = importlib.import_module(f"benchmarks.torture.{name}").run(at)
    except Exception as error:
        traceback.print_exc()
        return [Row(name, "the row itself broke", f"{type(error).__name__}: {error}", False)]
    return rows


def _tell(words: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {words}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
