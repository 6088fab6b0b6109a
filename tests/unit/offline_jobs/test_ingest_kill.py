"""SIGKILL at any moment of an ingest leaves the old log, and the next run cleans up."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from offline_jobs.ingest import ingest
from recsys.events import load_events, read_log

SIZE = {"n_users": 50, "n_items": 48, "n_events": 2_000}
CODE = (
    "import sys; from offline_jobs.ingest import ingest;"
    "ingest('synthetic', None, sys.argv[1], options={'n_events': 60_000})"
)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_kill(seed: int, tmp_path: Path) -> None:
    """After a kill the log is whole, old or new; after the next run nothing lies beside it."""
    out = tmp_path / "log"
    first = ingest("synthetic", None, out, options=SIZE)
    child = subprocess.Popen([sys.executable, "-c", CODE, str(out)])
    time.sleep(random.Random(seed).uniform(0.8, 3.0))
    child.send_signal(signal.SIGKILL)
    child.wait()
    info = read_log(out).info
    assert len(load_events(out)) == info.n_events
    assert info == first or info.n_events > 50_000
    ingest("synthetic", None, out, options=SIZE)
    assert [p.name for p in tmp_path.iterdir()] == ["log"]
