"""Where a job's log comes from: an ingested folder (`--log`), or a data set ingested on the way (`--dataset`)."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from offline_jobs.datasets import ADAPTERS
from offline_jobs.forgotten import refuse_unforgotten, tombstones_of
from offline_jobs.ingest import ingest
from offline_jobs.progress import Steps
from offline_jobs.train_candidates import FitInput
from recsys.catalogue import read_catalogue
from recsys.errors import ConfigError
from recsys.events import load_events, read_log


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`--dataset` with `--path`, or `--log`."""
    parser.add_argument("--dataset", choices=sorted(ADAPTERS), help="ingest this data set first")
    parser.add_argument("--path", type=Path, help="where the data set's files are, where it needs any")
    parser.add_argument("--log", type=Path, metavar="DIR", help="a log already written by `slatewright ingest`")
    parser.add_argument("--mapping", type=Path, metavar="FILE", help="TOML column mapping (dataset tables)")
    parser.add_argument("--tombstones", type=Path, metavar="FILE", help="people a server was told to forget")
    parser.add_argument("--sample-users", type=int, metavar="N", help="keep about this many users, by hash")


@contextmanager
def opened(args: argparse.Namespace, steps: Steps, *, bundles: Path | None = None) -> Iterator[FitInput]:
    """The log in memory; an ingested one lies in a temporary folder until the job is done.

    Without `--tombstones` those of the state folder beside `bundles` are honoured, where there are any.
    """
    if (args.dataset is None) == (args.log is None):
        raise ConfigError("expected exactly one of --dataset and --log; see --help for an example")
    if args.log is not None and (args.path or args.mapping or args.sample_users is not None):
        raise ConfigError("--path, --mapping and --sample-users go with --dataset; a --log is used as it is; drop them")
    if args.sample_users is not None and args.sample_users < 1:
        raise ConfigError(f"--sample-users is {args.sample_users}; expected at least 1")
    with tempfile.TemporaryDirectory(prefix="slatewright-") as scratch:
        directory, stones = args.log, tombstones_of(args.tombstones, beside=bundles)
        if directory is None:
            directory = Path(scratch) / "log"
            with steps.step(f"ingest {args.dataset}"):
                options = {"sample_users": args.sample_users} if args.sample_users else {}
                ingest(args.dataset, args.path, directory, mapping=args.mapping, options=options, tombstones=stones)
        with steps.step("read the log"):
            source = read(directory)
            refuse_unforgotten(source.log.info, source.events, stones)
        yield source


def read(directory: Path) -> FitInput:
    """A log's folder in memory."""
    return FitInput(read_log(directory), load_events(directory), read_catalogue(directory))
