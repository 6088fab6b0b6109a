"""Boards as readable tables, as Markdown, and as one line a figure."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from benchmarks.ranking.score import METRICS, SLATE, Board, Row, not_beaten

READS = {
    "all": "as served, repeats allowed",
    "new": "new items only (items had before left out of lists and targets)",
}
PHASES = ("tune", "fit", "score")
HEAD = ("system", "HR@10", "recall@10", "NDCG@10", "slate minus it, NDCG@10", "Holm p", "tune s", "fit s", "score s")
NOTE = (
    "[..] 95 % paired bootstrap intervals over requests; p-values corrected by Holm over all rows of a table; "
    "tune s is all trials on validation."
)


def title(board: Board) -> str:
    """What a board shows."""
    return f"{board.dataset}: {READS[board.reading]}, {board.n_requests:,} requests"


def _cells(row: Row) -> list[str]:
    figures = [f"{row.means[metric]:.4f}" for metric in METRICS]
    lead, p = ("", "") if row.lead is None else (str(row.lead), f"{row.lead.p:.4f}")
    times = [f"{row.seconds[phase]:.1f}" if any(row.seconds.values()) else "" for phase in PHASES]
    return [row.system, *figures, lead, p, *times]


def show(board: Board) -> None:
    """Print a board, and every system the slate does not clearly beat."""
    console = Console(width=140)
    table = Table(title=title(board), title_justify="left")
    for name in HEAD:
        table.add_column(name, justify="left" if name == "system" else "right")
    for row in board.rows:
        table.add_row(*_cells(row), style="bold" if row.system == SLATE else "")
    console.print(table)
    for line in verdict(board):
        console.print(line, highlight=False, markup=False)
    console.print()


def verdict(board: Board) -> list[str]:
    """Where a peer wins or the slate's lead is not clear; one line saying so where there is no such peer."""
    if all(row.lead is None for row in board.rows):
        return ["No slate to compare with: name it in --systems."]
    return not_beaten(board) or [f"The slate is ahead of all {len(board.rows) - 1} systems, no interval touching zero."]


def markdown(boards: Sequence[Board], command: str) -> str:
    """All boards as Markdown tables."""
    parts = ["# Peers side by side", f"`{command}`", NOTE]
    for board in boards:
        rows = [HEAD, ["---"] * len(HEAD), *(_cells(row) for row in board.rows)]
        table = "\n".join("| " + " | ".join(row) + " |" for row in rows)
        parts += [f"## {title(board)}", table, "\n".join(f"- {line}" for line in verdict(board))]
    return "\n\n".join(parts) + "\n"


def figure_lines(boards: Sequence[Board]) -> list[str]:
    """`figure ranking.<dataset>.<system>.ndcg10[_new] NUMBER`."""
    suffix = {"all": "ndcg10", "new": "ndcg10_new"}
    return [
        f"figure ranking.{board.dataset}.{row.system}.{suffix[board.reading]} {row.means['ndcg@10']:.6f}"
        for board in boards
        for row in board.rows
    ]
