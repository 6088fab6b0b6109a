"""A log with impressions and clicks, from raw files to a served slate."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from offline_jobs import build
from recsys import bundle as bundles
from recsys.recommender import Recommender
from recsys.slate import SlateRequest
from tests.clicked_log import planted_events, raw_log

if TYPE_CHECKING:
    from tests.conftest import Trial

CONFIG = "[ranking]\nmin_slates = 100\nmax_requests = 300\nmax_checked = 100\n"


def test_raw_files_to_a_slate_by_a_ranker_that_learned_from_clicks(
    shop_trial: Trial, shop_log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`build` ingests the files, takes impressions, says so in answer and manifest, and the bundle serves."""
    mapping = raw_log(shop_log, tmp_path / "raw", planted_events(shop_trial.source, shop_trial.split.train, seed=4))
    (tmp_path / "build.toml").write_text(CONFIG, encoding="utf-8")
    parser = argparse.ArgumentParser()
    build.add_arguments(parser)
    options = ["--dataset", "tables", "--mapping", str(mapping), "--config", str(tmp_path / "build.toml")]
    assert build.run(parser.parse_args([*options, "--out", str(tmp_path / "bundles"), "--quiet", "--json"])) == 0
    labels = json.loads(capsys.readouterr().out)["labels"]
    assert labels.startswith("impressions: ")
    recommender = Recommender.open(bundles.current(tmp_path / "bundles"))
    assert recommender.manifest["labels"] == labels
    assert recommender.manifest["config"]["ranking"]["labels"] == "auto"
    slate = recommender.recommend(SlateRequest("u0000003", int(recommender.manifest["as_of_ms"])))
    assert len(slate.items) == 10
