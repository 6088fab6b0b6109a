"""Time one request's stages on a published bundle, beside LightGBM's own predict on the same matrix.

    .venv/bin/python benchmarks/serve_path.py --bundles var/demo/bundles

Prints a table, then one line a figure: `figure NAME NUMBER`. Medians over users, one thread, in milliseconds.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
from rich.console import Console
from rich.table import Table

from recsys import bundle as bundles
from recsys.candidates.eligible import eligible
from recsys.candidates.retrieve import retrieve
from recsys.profiles.recent import with_recent
from recsys.profiles.store import empty_history
from recsys.profiles.user import user_profile
from recsys.recommender import Recommender
from recsys.rerank.diversify import DiversityConfig
from recsys.rerank.explore import ExploreConfig
from recsys.rerank.features import features
from recsys.rerank.page import SlateConfig, lay_out
from recsys.rerank.ranker import predict
from recsys.slate import SlateRequest


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundles", type=Path, required=True, help="folder of bundles; CURRENT is measured")
    parser.add_argument("--users", type=int, default=200, help="how many users, spread over all rows")
    args = parser.parse_args()
    bundle = bundles.load(bundles.current(args.bundles))
    recommender, booster = Recommender(bundle), lgb.Booster(model_str=bundle.ranker_text)
    items, sources, now = bundle.model.items, bundle.model.sources, bundle.model.as_of_ms
    taken: dict[str, list[float]] = defaultdict(list)

    def timed(stage: str, call: Callable[[], Any]) -> Any:
        started = time.perf_counter()
        result = call()
        taken[stage].append(1000 * (time.perf_counter() - started))
        return result

    varied = SlateConfig(DiversityConfig(trade_off=0.1), ExploreConfig(slots=2))
    configs = {"page": SlateConfig(), "page, varied and explored": varied}
    n_candidates = []
    rows = np.linspace(0, len(bundle.users) - 1, args.users).astype(int).tolist()
    for row in [*rows[:10], *rows]:  # the first ten warm up
        history = timed("history", lambda: with_recent(bundle.histories.of(row), empty_history(), time_ms=now))
        profile = timed("profile", lambda: user_profile(history, items, time_ms=now))
        allowed = timed("eligible", lambda: eligible(items, profile))
        candidates = timed("retrieve", lambda: retrieve(sources, profile, allowed))
        matrix = timed("features", lambda: features(candidates, profile, items, time_ms=now))
        scores = timed("rank", lambda: predict(booster, matrix))
        for stage, slate in configs.items():
            page = {"n": 10, "config": slate, "alike": sources.content, "seed_text": str(row)}
            timed(stage, lambda page=page: lay_out(scores, candidates.rows, items, **page))
        timed("stock LightGBM predict", lambda: booster.predict(matrix, num_threads=1, validate_features=False))
        request = SlateRequest(bundle.users.id(row), now)
        timed("whole recommend", lambda: recommender.recommend(request))
        n_candidates.append(len(matrix))
    medians = {stage: statistics.median(times[10:]) for stage, times in taken.items()}
    table = Table(
        title=f"{bundle.version}: {len(items):,} items, {len(bundle.users):,} users, "
        f"{statistics.median(n_candidates):.0f} candidates, {matrix.shape[1]} features, {booster.num_trees()} trees"
    )
    for column in ("stage", "median ms", "95th ms", "x stock predict"):
        table.add_column(column, justify="left" if column == "stage" else "right")
    unit = medians["stock LightGBM predict"]
    for stage, median in medians.items():
        late = float(np.percentile(taken[stage][10:], 95))
        table.add_row(stage, f"{median:.3f}", f"{late:.3f}", f"{median / unit:.2f}")
    Console().print(table)
    print(f"figure serve.recommend_ms {medians['whole recommend']:.3f}")
    print(f"figure serve.recommend_over_predict {medians['whole recommend'] / unit:.3f}")


if __name__ == "__main__":
    main()
