"""Whether the propensities that are served and logged are those of what is shown: many calls, one chi-square.

A small generated shop explores on three of its places, one of them kept for items that few have met. A user at a moment
has the same pools in every call; only the draws differ. So each place of each user is a multinomial with the logged
propensities, and each pair of places one with their products.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import tempfile
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Final

from scipy import stats

from offline_jobs import build
from offline_jobs.ingest import ingest
from recsys.bundle import current
from recsys.recommender import Recommender
from recsys.rerank.explore import ExploreConfig
from recsys.slate import Slate, SlateRequest
from recsys.treatment import Treatment

SHOP: Final = {"n_users": 150, "n_items": 120, "n_events": 4_000, "seed": 3}
EXPLORE: Final = ExploreConfig(slots=3, epsilon=0.4, pool=18, fresh=1, fresh_users=10)
PAGE_SIZE: Final = 6
N_USERS: Final = 5
TOLERANCE: Final = 1e-9

Cell = tuple[str, int, str]
"""User, place, item."""


@dataclass(frozen=True, slots=True)
class Fit:
    """Chi-square of places or pairs, summed, and its p. `off`: the largest distance of a pool's propensities from 1."""

    n_calls: int
    chi_square: float
    freedom: int
    p: float
    off: float


def measure(n_calls: int) -> dict[str, Fit]:
    """Fit of single places and of pairs over `n_calls` slates of the library."""
    with tempfile.TemporaryDirectory() as folder:
        recommender = Recommender.open(current(shop(Path(folder))))
        return fits(_slates(recommender, n_calls))


def shop(folder: Path) -> Path:
    """A small shop's bundles."""
    ingest("synthetic", None, folder / "log", options=SHOP)
    parser = argparse.ArgumentParser()
    build.add_arguments(parser)
    arguments = ["--log", str(folder / "log"), "--out", str(folder / "bundles"), "--quiet", "--force"]
    with contextlib.redirect_stdout(io.StringIO()):
        build.run(parser.parse_args([*arguments, "--json"]))
    return folder / "bundles"


def _slates(recommender: Recommender, n_calls: int) -> Iterable[tuple[str, Slate]]:
    treatment = Treatment(explore=EXPLORE)
    time_ms = int(recommender.manifest["as_of_ms"])
    for n in range(n_calls):
        user = f"u{n % N_USERS:07d}"
        request = SlateRequest(user_id=user, time_ms=time_ms, page_size=PAGE_SIZE, seed_text=f"r-{n}|{time_ms}")
        yield user, recommender.recommend(request, treatment=treatment)


def fits(slates: Iterable[tuple[str, Slate]]) -> dict[str, Fit]:
    """Chi-square of what was drawn, by user."""
    n: Counter[str] = Counter()
    shown: Counter[Cell] = Counter()
    together: Counter[tuple[Cell, Cell]] = Counter()
    said: dict[Cell, float] = {}
    for user, slate in slates:
        n[user] += 1
        cells = []
        for item in slate.items:
            if item.propensity < 1:
                cell = (user, item.rank, item.item_id)
                if abs(said.setdefault(cell, item.propensity) - item.propensity) > TOLERANCE:
                    raise ValueError(f"{cell} has propensities {said[cell]} and {item.propensity}; expected one")
                cells.append(cell)
        shown.update(cells)
        together.update(combinations(cells, 2))
    places = {(user, rank) for user, rank, _ in said}
    pools = {place: [cell for cell in said if cell[:2] == place] for place in places}
    off = max(abs(sum(said[cell] for cell in pool) - 1) for pool in pools.values())
    singles = [[(shown[cell], n[user] * said[cell]) for cell in pool] for (user, _), pool in pools.items()]
    pairs = [
        [(together[a, b], n[first[0]] * said[a] * said[b]) for a in pools[first] for b in pools[second]]
        for first, second in combinations(sorted(places), 2)
        if first[0] == second[0]
    ]
    return {"places": _fit(singles, n.total(), off), "pairs": _fit(pairs, n.total(), off)}


def _fit(tables: list[list[tuple[int, float]]], n_calls: int, off: float) -> Fit:
    """Pearson's chi-square of several multinomials (seen, expected), added up."""
    chi_square = sum((seen - expected) ** 2 / expected for table in tables for seen, expected in table)
    freedom = sum(len(table) - 1 for table in tables)
    return Fit(n_calls, chi_square, freedom, float(stats.chi2.sf(chi_square, freedom)), off)
