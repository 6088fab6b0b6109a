"""Readable tables of figures on standard output."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Console
from rich.table import Table

from offline_jobs.measure import Report

_METRICS = ("hr@10", "recall@10", "ndcg@10", "coverage", "novelty")
_TITLES = {
    "all": "{name}: as served, {n} requests, {repeats:.1%} of wanted items were had before",
    "new": "{name}: new items only (items had before left out of lists and targets), {n} requests",
}


def print_report(name: str, reports: Mapping[str, Report]) -> None:
    """One table a reading: each system's means with 95 % intervals, and the slate's lead in NDCG@10."""
    console = Console(width=132)
    for reading, report in reports.items():
        title = _TITLES[reading].format(name=name, n=report.n_requests, repeats=report.repeat_share)
        table = Table(title=title, title_justify="left")
        table.add_column("system")
        for metric in _METRICS:
            table.add_column(metric, justify="right")
        table.add_column("slate minus it, ndcg@10", justify="right")
        order = sorted(report.systems, key=lambda s: (s != "slate", -report.systems[s]["ndcg@10"].mean))
        for system in order:
            figures = report.systems[system]
            cells = []
            for metric in _METRICS:
                value, digits = figures[metric], 2 if metric == "novelty" else 4
                spread = "" if metric == "coverage" else f" ±{(value.high - value.low) / 2:.{digits}f}"
                cells.append(f"{value.mean:.{digits}f}{spread}")
            lead = report.vs_slate.get(system)
            cells.append(f"{lead.mean:+.4f} [{lead.low:+.4f}, {lead.high:+.4f}]" if lead else "")
            table.add_row(system, *cells, style="bold" if system == "slate" else "")
        console.print(table)
        recall = report.candidate_recall
        console.print(
            f"recall of the first 200 candidates: {recall.mean:.4f} [{recall.low:.4f}, {recall.high:.4f}]; "
            "± and [..] are 95 % bootstrap intervals over requests\n"
        )
