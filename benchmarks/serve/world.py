"""A bundle of a stated size for serving benchmarks, from a SIMULATED log: nobody's behaviour.

    .venv/bin/python -m benchmarks.serve.world --items 1e5 --users 1e6 --work var/bench-serve

The log (`benchmarks/scale_log.py`) is ingested and fitted by the code of `slatewright build`, once, at two weeks before
its end; the ranker learns from requests replayed in those two weeks and keeps exactly the trees asked for, with no
early stopping: what is measured is the cost of a slate, not its quality. A world that is there is kept.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.scale_log import Size, write
from offline_jobs.build import assemble
from offline_jobs.config import BuildConfig
from offline_jobs.ingest import ingest
from offline_jobs.progress import Steps
from offline_jobs.source_log import read
from offline_jobs.train_ranker import RankingConfig, held_out_window, training_rows
from recsys import bundle as bundles
from recsys.candidates.merge import Quotas
from recsys.errors import BundleNotFoundError
from recsys.rerank import ranker
from recsys.rerank.training_set import joined
from recsys.schema import MS_PER_DAY
from recsys.split import Window

WINDOW_DAYS = 14
N_REQUESTS = 1_500
QUOTAS = Quotas(
    als=50, users=60, next=50, previous=20, together=40, content=40, bridged=50, repurchase=20, category=15, popular=10
)
"""Merged about 200 candidates."""


@dataclass(frozen=True, slots=True)
class World:
    """How many users and items, events a user, and how large a ranker."""

    n_items: int = 100_000
    n_users: int = 1_000_000
    events_per_user: int = 8
    n_trees: int = 300
    num_leaves: int = 63

    @property
    def name(self) -> str:
        """Folder of this world."""
        return f"{self.n_items}-items-{self.n_users}-users-{self.n_trees}x{self.num_leaves}"


def config_of(world: World) -> BuildConfig:
    """The build's settings: about 200 candidates, the world's ranker, rows enough for its leaves."""
    trees = ranker.RankerConfig(n_fits=1, n_trees=world.n_trees, num_leaves=world.num_leaves, min_data_in_leaf=20)
    config = BuildConfig(ranking=RankingConfig(ranker=trees, max_requests=N_REQUESTS))
    return replace(config, candidates=replace(config.candidates, quotas=QUOTAS))


def made(world: World, work: Path, steps: Steps) -> Path:
    """The folder of bundles of a world under `work`; built where it is not there yet."""
    folder = work / world.name
    try:
        bundles.current(folder / "bundles")
        return folder / "bundles"
    except BundleNotFoundError:
        pass
    with steps.step("simulate the log") as advance:
        size = Size(world.n_users * world.events_per_user, world.n_users, world.n_items)
        mapping = write(folder / "raw", size, progress=advance)
    if not (folder / "log").exists():
        with steps.step("ingest"):
            ingest("tables", None, folder / "log", mapping=mapping)
    with steps.step("read the log"):
        source = read(folder / "log")
    config, end_ms = config_of(world), source.log.info.end_ms
    span = WINDOW_DAYS * MS_PER_DAY
    held = held_out_window(source, Window(end_ms - span, (end_ms - span,), span, end_ms), config.candidates, steps)
    rows, _ = training_rows(held.model, held.earlier, held.later, held.requests, config=config.ranking, steps=steps)
    with steps.step("LambdaRank"):
        booster = ranker.fit(rows, joined([]), config.ranking.ranker)
    bundle = assemble(
        source, held.model, held.earlier, booster, metrics={}, config=config, labels="interactions: a SIMULATED log"
    )
    with steps.step("publish"):
        bundles.make_folder(folder / "bundles")
        bundles.publish(bundle, folder / "bundles")
    return folder / "bundles"


def main() -> None:
    """Build one world and print where its bundles are."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=float, default=1e5)
    parser.add_argument("--users", type=float, default=1e6)
    parser.add_argument("--work", type=Path, default=Path("var/bench-serve"))
    args = parser.parse_args()
    print(made(World(int(args.items), int(args.users)), args.work, Steps()))


if __name__ == "__main__":
    main()
