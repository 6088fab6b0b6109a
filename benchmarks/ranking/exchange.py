"""What systems in separate environments hand each other: two stages of a data set, and ten items a request.

Imports only numpy, scipy and pyarrow, as it runs in every peer's environment. Invariant: a stage's training events
lie before its `as_of_ms` and its histories before the request's time; the test stage carries no wanted items.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from scipy import sparse

K: Final = 10
READINGS: Final = ("all", "new")
"""all = repeats allowed; new = items had before left out of lists and targets."""
NO_ITEM: Final = -1
MS_PER_DAY: Final = 86_400_000
Lists = NDArray[np.int32]
"""Rows of items, int32 (n_requests, K), best first, short lists padded with `NO_ITEM`."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """Aligned arrays of events: `row` (of a user or of a request), `item`, `time_ms`, `weight` of the event's type.

    `taken` marks events that count as having the item: purchases, or every strong event where the log has none.
    """

    row: NDArray[np.int32]
    item: NDArray[np.int32]
    time_ms: NDArray[np.int64]
    weight: NDArray[np.float32]
    taken: NDArray[np.bool_]

    def take(self, at: NDArray[Any]) -> Pairs:
        """A selection of the events."""
        return Pairs(self.row[at], self.item[at], self.time_ms[at], self.weight[at], self.taken[at])


@dataclass(frozen=True, slots=True)
class Stage:
    """One fit and the requests to answer with it.

    `train.row` is a user, `history.row` a request. `user` and `time_ms` (n_requests,). `wanted` bool CSR (n_requests,
    n_items), None in the test stage. `leaf`, `brand` int32 (n_items,) from the catalogue, -1 = unknown.
    """

    name: str
    clock: str
    as_of_ms: int
    n_users: int
    n_items: int
    train: Pairs
    history: Pairs
    user: NDArray[np.int32]
    time_ms: NDArray[np.int64]
    leaf: NDArray[np.int32]
    brand: NDArray[np.int32]
    wanted: sparse.csr_matrix | None

    @property
    def n_requests(self) -> int:
        """Number of requests."""
        return len(self.user)

    def had(self) -> sparse.csr_matrix:
        """Which items each request's user has taken before: bool CSR (n_requests, n_items)."""
        own = self.history.take(np.flatnonzero(self.history.taken))
        return as_csr(own.row, own.item, (self.n_requests, self.n_items))

    def unknown(self) -> NDArray[np.bool_]:
        """Requests without any history (n_requests,)."""
        return np.bincount(self.history.row, minlength=self.n_requests) == 0


def as_csr(row: NDArray[Any], item: NDArray[Any], shape: tuple[int, int]) -> sparse.csr_matrix:
    """A bool CSR with the given places set."""
    found = sparse.csr_matrix((np.ones(len(row), np.float32), (row, item)), shape=shape)
    return found.astype(bool)


def matrix(pairs: Pairs, shape: tuple[int, int], weighting: str, now_ms: NDArray[np.int64] | int) -> sparse.csr_matrix:
    """Events as float32 CSR. `weighting`: binary, count (log1p of the count), or decayed:D with a half-life of D days.

    Events of a weaker type than the log's strongest count for less, but for binary.

    `now_ms` is the moment ages count to: one, or one a row.
    """
    if weighting.startswith("decayed:"):
        now = np.broadcast_to(np.asarray(now_ms, np.int64), shape[0])[pairs.row]
        age_days = (now - pairs.time_ms) / MS_PER_DAY
        values = 0.5 ** (age_days / float(weighting.removeprefix("decayed:")))
    else:
        values = np.ones(len(pairs.row))
    values = values * pairs.weight / max(float(pairs.weight.max(initial=0)), 1e-9)
    found = sparse.csr_matrix((values.astype(np.float32), (pairs.row, pairs.item)), shape=shape)
    found.sum_duplicates()
    if weighting == "binary":
        found.data[:] = 1
    elif weighting == "count":
        found.data = np.log1p(found.data)
    return found


def weightings(stage: Stage) -> tuple[str, ...]:
    """What a peer may choose from; an ordinal log has no repeats worth counting and no clock to decay by."""
    return ("binary",) if stage.clock == "ordinal" else ("binary", "count", "decayed:60")


def inputs(stage: Stage, weighting: str) -> tuple[sparse.csr_matrix, sparse.csr_matrix]:
    """(training users x items, requests x items) of a weighting."""
    return (
        matrix(stage.train, (stage.n_users, stage.n_items), weighting, stage.as_of_ms),
        matrix(stage.history, (stage.n_requests, stage.n_items), weighting, stage.time_ms),
    )


def repeat_share(stage: Stage) -> float:
    """Share of the wanted items that the user had before."""
    wanted = stage.wanted
    if wanted is None:
        raise ValueError(f"stage {stage.name} carries no wanted items; ask the validation stage")
    return float(wanted.multiply(stage.had()).nnz / max(wanted.nnz, 1))


def write_stage(folder: Path, stage: Stage) -> None:
    """Write a stage as Parquet files and `stage.json`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("train", "history"):
        pairs: Pairs = getattr(stage, name)
        columns = {"row": pairs.row, "item": pairs.item, "time_ms": pairs.time_ms, "weight": pairs.weight}
        columns["taken"] = pairs.taken
        pq.write_table(pa.table(columns), folder / f"{name}.parquet")
    pq.write_table(pa.table({"user": stage.user, "time_ms": stage.time_ms}), folder / "requests.parquet")
    pq.write_table(pa.table({"leaf": stage.leaf, "brand": stage.brand}), folder / "items.parquet")
    if stage.wanted is not None:
        row, item = stage.wanted.nonzero()
        pq.write_table(pa.table({"row": row, "item": item}), folder / "wanted.parquet")
    scalars = {name: getattr(stage, name) for name in ("name", "clock", "as_of_ms", "n_users", "n_items")}
    (folder / "stage.json").write_text(json.dumps(scalars) + "\n", encoding="utf-8")


def read_stage(folder: Path) -> Stage:
    """Inverse of `write_stage`."""
    scalars = json.loads((folder / "stage.json").read_text(encoding="utf-8"))
    parts = {n: Pairs(**_columns(folder / f"{n}.parquet")) for n in ("train", "history")}
    requests, items = _columns(folder / "requests.parquet"), _columns(folder / "items.parquet")
    wanted = None
    if (folder / "wanted.parquet").is_file():
        places = _columns(folder / "wanted.parquet")
        wanted = as_csr(places["row"], places["item"], (len(requests["user"]), scalars["n_items"]))
    return Stage(**scalars, **parts, **requests, **items, wanted=wanted)


def _columns(path: Path) -> dict[str, NDArray[Any]]:
    table = pq.read_table(path)
    return {name: table[name].to_numpy() for name in table.column_names}


@dataclass(frozen=True, slots=True)
class Answer:
    """A system's lists by reading (a reading it cannot answer is absent), what it chose, and its seconds by phase."""

    lists: dict[str, Lists]
    chosen: dict[str, Any]
    seconds: dict[str, float]


def write_answer(folder: Path, system: str, answer: Answer) -> None:
    """Write an answer; the description goes last, so that a killed run leaves none."""
    target = folder / system
    target.mkdir(parents=True, exist_ok=True)
    for reading, lists in answer.lists.items():
        np.save(target / f"{reading}.npy", lists.astype(np.int32), allow_pickle=False)
    about = {"readings": list(answer.lists), "chosen": answer.chosen, "seconds": answer.seconds}
    (target / "answer.json").write_text(json.dumps(about, default=float) + "\n", encoding="utf-8")


def read_answers(folder: Path) -> dict[str, Answer]:
    """Every system's answer in a folder, by name."""
    answers = {}
    for path in sorted(folder.glob("*/answer.json")):
        about = json.loads(path.read_text(encoding="utf-8"))
        lists = {reading: np.load(path.parent / f"{reading}.npy") for reading in about["readings"]}
        answers[path.parent.name] = Answer(lists, about["chosen"], about["seconds"])
    return answers
