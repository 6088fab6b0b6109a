"""What variety costs: NDCG@10 against intra-list diversity over `[slate.diversity] trade_off`.

    .venv/bin/python benchmarks/diversity_curve.py --log var/logs/office --log var/logs/online_retail --plot curve.svg

Fits and trains as `slatewright evaluate` does, then lays out the same scored requests once per trade-off. Intra-list
diversity is 1 - the mean cosine of TF-IDF vectors over pairs of a slate (Ziegler et al. 2005), from all the text of an
item, not from the neighbours that the slate itself was made with. Prints a table a log, then one line a figure:
`figure NAME NUMBER`.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer

from offline_jobs.config import BuildConfig
from offline_jobs.evaluate import windows_of
from offline_jobs.lists import predict_many
from offline_jobs.progress import Steps
from offline_jobs.train_candidates import FitInput, fit
from offline_jobs.train_ranker import sample, train
from recsys import metrics
from recsys.catalogue import read_catalogue
from recsys.errors import ConfigError
from recsys.events import load_events, read_log
from recsys.profiles.build import build_histories
from recsys.rerank.diversify import DiversityConfig, diversify
from recsys.rerank.prepare import Model, prepare
from recsys.rerank.training_set import history_at, past_requests

K = 10
TRADE_OFFS = (0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.7)


@dataclass(frozen=True, slots=True)
class Scored:
    """One past request: candidates, their scores, and what was wanted."""

    rows: NDArray[np.int32]
    scores: NDArray[np.float64]
    wanted: NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Point:
    """One trade-off: means over requests, `cost` the paired difference in NDCG@10 to trade-off 0, `ms` per page."""

    trade_off: float
    ndcg: float
    cost: metrics.Interval
    diversity: float
    coverage: float
    ms: float


def main() -> None:
    """Measure, print, draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--log", type=Path, required=True, action="append", help="a log of `slatewright ingest`; repeat"
    )
    parser.add_argument("--requests", type=int, default=1_500, help="how many past requests of each log (1500)")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw the curves there: .svg or .png")
    args = parser.parse_args()
    if args.plot and args.plot.suffix not in {".svg", ".png"}:
        raise SystemExit(f"error: --plot is {args.plot}; expected a name that ends in .svg or .png")
    curves = {}
    for directory in args.log:
        source = FitInput(read_log(directory), load_events(directory), read_catalogue(directory))
        model, requests = scored_requests(source, args.requests)
        name = source.log.info.name
        if name in curves:
            raise ConfigError(f"{directory}: a log named {name} was given before; expected names of their own")
        curves[name] = curve(model, requests, vectors(source.catalogue.texts))
        show(name, len(requests), curves[name])
    if args.plot:
        draw(curves, args.plot)


def scored_requests(source: FitInput, n: int) -> tuple[Model, list[Scored]]:
    """The model of the test window and its past requests, ranked."""
    config, steps = BuildConfig(), Steps()
    split = windows_of(source, config)
    booster = train(source, split.train, candidates=config.candidates, config=config.ranking, steps=steps)
    model, earlier = fit(source, as_of_ms=split.test.as_of_ms, config=config.candidates, steps=steps)
    test = split.test
    later = build_histories(source.events, model.items, as_of_ms=test.until_ms, from_ms=test.as_of_ms)
    requests = past_requests(
        later, model.items.taken_types, times_ms=test.times_ms, horizon_ms=test.horizon_ms, until_ms=test.until_ms
    )
    found = []
    for request in sample(requests, n, config.ranking.seed):
        history = history_at(earlier, later, request.user_row, request.time_ms)
        ready = prepare(model, history, time_ms=request.time_ms)
        found.append(Scored(ready.candidates.rows, predict_many(booster, [ready])[0], request.wanted))
    return model, found


def vectors(texts: Sequence[str]) -> sparse.csr_matrix:
    """Unit TF-IDF vectors of all items."""
    return TfidfVectorizer(sublinear_tf=True, dtype=np.float32).fit_transform(texts).tocsr()


def curve(model: Model, requests: Sequence[Scored], unit: sparse.csr_matrix) -> list[Point]:
    """One point a trade-off, on the same requests."""
    points: list[Point] = []
    plain: NDArray[np.float64] | None = None
    for trade_off in TRADE_OFFS:
        config = DiversityConfig(trade_off=trade_off)
        gains, spreads, spent, shown = [], [], [], []
        for request in requests:
            started = time.perf_counter()
            order = np.argsort(-request.scores, kind="stable")
            chosen = diversify(order, request.rows, model.items, n=K, config=config, alike=model.sources.content)
            spent.append(1000 * (time.perf_counter() - started))
            rows = request.rows[chosen]
            shown.append(rows)
            gains.append(metrics.ndcg(rows, request.wanted, K))
            if len(rows) > 1:
                cosine = unit[rows] @ unit[rows].T
                spreads.append(1 - (cosine.sum() - cosine.trace()) / (len(rows) * (len(rows) - 1)))
        gain = np.array(gains)
        plain = gain if plain is None else plain
        points.append(
            Point(
                trade_off,
                float(gain.mean()),
                metrics.bootstrap(gain - plain),
                float(np.mean(spreads)),
                metrics.coverage(shown, len(model.items)),
                statistics.median(spent),
            )
        )
    return points


def show(name: str, n_requests: int, points: Sequence[Point]) -> None:
    """The table and the figures of one log."""
    table = Table(title=f"{name}: {n_requests:,} requests, slates of {K}")
    for column in ("trade_off", "NDCG@10", "minus trade_off 0", "diversity", "coverage", "median ms"):
        table.add_column(column, justify="right")
    for point in points:
        cost = f"{point.cost.mean:+.4f} [{point.cost.low:+.4f}, {point.cost.high:+.4f}]"
        shares = (f"{point.ndcg:.4f}", cost, f"{point.diversity:.4f}", f"{point.coverage:.4f}", f"{point.ms:.3f}")
        table.add_row(f"{point.trade_off:g}", *shares)
    Console(width=100).print(table)
    for point in points:
        print(f"figure diversity.{name}.ndcg10_at_{point.trade_off:g} {point.ndcg:.4f}")
        print(f"figure diversity.{name}.ild_at_{point.trade_off:g} {point.diversity:.4f}")


def draw(curves: dict[str, list[Point]], path: Path) -> None:
    """NDCG@10 over diversity, one panel a log, each point with its trade-off."""
    import matplotlib as mpl  # noqa: PLC0415 - only for people who ask for a drawing

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    figure, panels = plt.subplots(1, len(curves), figsize=(5.2 * len(curves), 3.8), squeeze=False)
    for panel, (name, points) in zip(panels[0], curves.items(), strict=True):
        across, up = [p.diversity for p in points], [p.ndcg for p in points]
        panel.plot(across, up, marker="o", color="#1f5f8b")
        for point in points:
            spot = (point.diversity, point.ndcg)
            panel.annotate(f"{point.trade_off:g}", spot, textcoords="offset points", xytext=(6, 4), fontsize=8)
        panel.set_title(name)
        panel.set_xlabel("intra-list diversity (1 - mean TF-IDF cosine)")
        panel.set_ylabel("NDCG@10")
        panel.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(path)


if __name__ == "__main__":
    main()
