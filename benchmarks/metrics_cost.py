"""What metrics add to one Recommend: microseconds of CPU, kept in memory or in the mapped files of `--admin-port`.

python -m benchmarks.metrics_cost
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time

N = 5_000


def once() -> None:
    """All that a Recommend without generated copy counts and times."""
    from server import metrics  # noqa: PLC0415  after the variable is set

    for stage in ("validate", "recent", "wait", "copy", "encode"):
        metrics.observe(stage, 0.001)
    metrics.SLATE_LAPS.start()
    for stage in ("history", "prepare", "rank", "page", "reasons"):
        metrics.SLATE_LAPS.lap(stage)
    for _ in range(2):
        metrics.QUEUE.inc()
        metrics.QUEUE.dec()
    metrics.counted(metrics.PITCHES, {"CACHED": 8, "TEMPLATE": 2})
    metrics.counted(metrics.COPY_CACHE, {"hit": 8, "miss": 2})
    metrics.call_ended("/slatewright.v1.RecommendationService/Recommend", "OK", 0.01)


def main() -> None:
    """Measure in two processes, as the choice is made at import."""
    if sys.argv[1:] == ["here"]:
        once()
        started = time.process_time()
        for _ in range(N):
            once()
        print(f"{1e6 * (time.process_time() - started) / N:.0f} µs a Recommend")
        return
    with tempfile.TemporaryDirectory() as folder:
        for name, extra in (("in memory", {}), ("in mapped files", {"PROMETHEUS_MULTIPROC_DIR": folder})):
            print(f"{name}: ", end="", flush=True)
            subprocess.run(
                [sys.executable, "-m", "benchmarks.metrics_cost", "here"], env=os.environ | extra, check=True
            )


if __name__ == "__main__":
    main()
