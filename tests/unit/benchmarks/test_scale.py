"""The bench of scale: its logs are sound, and its measures measure what they say."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from benchmarks.scale import MeasuredSteps, Stage, exponent, markdown
from benchmarks.scale_log import Size, write
from offline_jobs.ingest import ingest


def test_a_simulated_log_is_ingested_whole(tmp_path: Path) -> None:
    """Its size is as asked for, no row is refused, and its name says that nobody did any of this."""
    size = Size(n_events=20_000, n_users=2_000, n_items=700)
    info = ingest("tables", None, tmp_path / "log", mapping=write(tmp_path / "raw", size))
    assert info.name == "simulated_20000"
    assert info.n_users == size.n_users
    assert info.n_items == size.n_items
    assert abs(info.n_events / size.n_events - 1) < 0.05
    assert not info.quarantined


def test_an_exponent_is_the_slope_of_the_logarithms() -> None:
    """Seconds that grow as events to the 1.5 and memory that stays are 1.5 and 0; one size has no slope."""
    stages = [Stage("fit", n, seconds=1.0, cpu_s=n**1.5 / 1e6, peak_mib=100.0) for n in (1_000, 10_000, 50_000)]
    assert exponent(stages, "cpu_s") == pytest.approx(1.5)
    assert exponent(stages, "peak_mib") == pytest.approx(0.0)
    assert np.isnan(exponent(stages[:1], "cpu_s"))
    assert "| 1.50 | 0.00 |" in markdown(stages)


def test_a_step_knows_its_own_peak_and_time() -> None:
    """What a step allocates and frees counts for it and not for the next one."""
    steps = MeasuredSteps(1)
    with steps.step("large"):
        block = np.ones(40_000_000)  # 305 MiB
        del block
    with steps.under("then"), steps.step("small"):
        time.sleep(0.05)
    large, small = steps.stages
    assert large.peak_mib > small.peak_mib + 250
    assert small.name == "then: small"
    assert 0.05 <= small.seconds < 5
    assert small.cpu_s < large.cpu_s + 1
