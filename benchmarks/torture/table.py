"""What a row of the table says, and how the table and the figures are printed."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Row:
    """One torment: what was done, what was seen, whether it is what it should be. `passed` None: it was not run."""

    name: str
    done: str
    seen: str
    passed: bool | None
    figures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Bench:
    """What every row gets: a folder to work in, bundles that are not to be changed, how long it may take."""

    work: Path
    bundles: Path
    quick: bool
    soak_minutes: float
    tell: Callable[[str], None]

    def folder(self, name: str) -> Path:
        """A new folder for one server."""
        n = sum(1 for _ in self.work.glob(f"run-{name}-*"))
        made = self.work / f"run-{name}-{n}"
        made.mkdir(parents=True)
        return made

    def sized(self, *, quick: int, full: int) -> int:
        """A number of this run's size."""
        return quick if self.quick else full


def missing(name: str, done: str, why: str) -> Row:
    """A row that cannot be run here."""
    return Row(name, done, f"not run: {why}", None)


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of them do not exceed; NaN without any."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, math.ceil(share * len(ordered)) - 1))] if ordered else math.nan


def shown(rows: Sequence[Row]) -> str:
    """The table, then one line a figure."""
    words = {True: "pass", False: "FAIL", None: "-"}
    width = max(len(row.name) for row in rows)
    lines = [f"{words[row.passed]:4s}  {row.name:{width}s}  {row.done}\n{'':{width + 8}s}{row.seen}" for row in rows]
    figures = [f"figure torture.{name} {value:.6g}" for row in rows for name, value in row.figures.items()]
    return "\n".join([*lines, "", *figures])


def markdown(rows: Sequence[Row]) -> str:
    """The table for a page."""
    words = {True: "pass", False: "**fail**", None: "not run"}
    lines = ["| row | what is done | what was seen | |", "|---|---|---|---|"]
    return "\n".join([*lines, *(f"| {r.name} | {r.done} | {r.seen} | {words[r.passed]} |" for r in rows)])
