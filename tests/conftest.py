"""Shared fixtures: one small generated shop, ingested and built once for the whole run."""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    import lightgbm as lgb

    from offline_jobs.config import BuildConfig
    from offline_jobs.train_candidates import FitInput
    from offline_jobs.train_ranker import HeldOut
    from recsys.split import Windows

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
settings.register_profile("untimed", deadline=None)  # tests never assert a time; a kernel's first call compiles it
settings.load_profile("untimed")

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


@dataclass(frozen=True)
class Trial:
    """The generated shop trained on its train window and fitted at its test window."""

    source: FitInput
    split: Windows
    config: BuildConfig
    booster: lgb.Booster
    held: HeldOut


@pytest.fixture(scope="session")
def shop_trial(shop_log: Path) -> Trial:
    """What `slatewright evaluate` measures on the generated shop, through the real job."""
    from offline_jobs.config import BuildConfig
    from offline_jobs.evaluate import windows_of
    from offline_jobs.held_out import held_out
    from offline_jobs.progress import Steps
    from offline_jobs.train_candidates import FitInput
    from offline_jobs.train_ranker import RankingConfig, train
    from recsys.catalogue import read_catalogue
    from recsys.events import load_events, read_log
    from recsys.rerank.ranker import RankerConfig

    quick = RankingConfig(
        ranker=RankerConfig(n_fits=1, n_trees=60, learning_rate=0.1), max_requests=200, min_requests=1
    )
    steps, config = Steps(quiet=True), BuildConfig(ranking=quick)
    source = FitInput(read_log(shop_log), load_events(shop_log), read_catalogue(shop_log))
    split = windows_of(source, config)
    booster = train(source, split.train, candidates=config.candidates, config=config.ranking, steps=steps)
    return Trial(source, split, config, booster, held_out(source, split.test, config, steps))
