"""Shared fixtures: one small generated shop, ingested and built once for the whole run."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import pytest

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

SHOP_OPTIONS = {"n_users": 400, "n_items": 600, "n_events": 40_000, "seed": 11}


@pytest.fixture(scope="session")
def shop_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A generated shop's log, ingested through the real job."""
    from offline_jobs.ingest import ingest

    directory = tmp_path_factory.mktemp("shop") / "log"
    ingest("synthetic", None, directory, options=SHOP_OPTIONS)
    return directory


def build_bundles(log_dir: Path, out: Path) -> Path:
    """Run `slatewright build` on a log, in this process; returns the folder of bundles."""
    from offline_jobs import build

    parser = argparse.ArgumentParser()
    build.add_arguments(parser)
    arguments = ["--log", str(log_dir), "--out", str(out), "--quiet", "--json"]
    assert build.run(parser.parse_args(arguments)) == 0
    return out


@pytest.fixture(scope="session")
def shop_bundles(shop_log: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of bundles with one bundle of the generated shop, built through the real job."""
    return build_bundles(shop_log, tmp_path_factory.mktemp("shop") / "bundles")
