"""Readable tables of figures on standard output."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table

from offline_jobs.ablate import Ablation
from offline_jobs.cold_start import ColdItems, ColdStart
from offline_jobs.measure import Report
from offline_jobs.recall_curves import DEPTHS
from recsys.metrics import Comparison, Interval

_METRICS = ("hr@10", "recall@10", "ndcg@10", "coverage", "novelty")
_LISTS = ("precision@10", "map@10", "mrr@10", "ndcg@5", "ndcg@20", "diversity", "popularity", "long_tail", "gini")
_TITLES = {
    "all": "{name}: as served, {n} requests, {repeats:.1%} of wanted items were had before",
    "new": "{name}: new items only (items had before left out of lists and targets), {n} requests",
}
_DIGITS = {"novelty": 2, "popularity": 1}
_EXACT = ("coverage", "gini")


def title_of(name: str, reading: str, report: Report) -> str:
    """What a reading is."""
    return _TITLES[reading].format(name=name, n=report.n_requests, repeats=report.repeat_share)


def systems_of(report: Report) -> list[str]:
    """The slate, then the others, best NDCG@10 first."""
    return sorted(report.systems, key=lambda name: (name != "slate", -report.systems[name]["ndcg@10"].mean))


def figure(metric: str, value: Interval) -> str:
    """A mean with half the width of its interval, where it has one."""
    digits = _DIGITS.get(metric, 4)
    if metric in _EXACT:
        return f"{value.mean:.{digits}f}"
    return f"{value.mean:.{digits}f} ±{(value.high - value.low) / 2:.{digits}f}"


def lead_text(lead: Comparison | None) -> str:
    """A difference with its interval."""
    return f"{lead.mean:+.4f} [{lead.low:+.4f}, {lead.high:+.4f}]" if lead else ""


def p_text(lead: Comparison | None) -> str:
    """Holm's p-value; the bootstrap cannot resolve much below a thousandth."""
    return "" if lead is None else f"{lead.p_holm:.4f}" if lead.p_holm >= 0.0001 else "<0.0001"


def print_report(name: str, reports: Mapping[str, Report]) -> None:
    """One table a reading: each system's means with 95 % intervals, and the slate's lead in NDCG@10."""
    console = Console(width=132)
    for reading, report in reports.items():
        rows = [
            [
                system,
                *(figure(metric, report.systems[system][metric]) for metric in _METRICS),
                lead_text(report.vs_slate.get(system)),
                p_text(report.vs_slate.get(system)),
            ]
            for system in systems_of(report)
        ]
        print_table(
            console, title_of(name, reading, report), ["system", *_METRICS, "slate minus it, ndcg@10", "p (Holm)"], rows
        )
        recall = report.candidate_recall
        console.print(
            f"recall of the first 200 candidates: {recall.mean:.4f} [{recall.low:.4f}, {recall.high:.4f}]; "
            "± and [..] are 95 % bootstrap intervals over requests\n"
        )


def print_details(name: str, reports: Mapping[str, Report]) -> None:
    """The lists' other figures, NDCG@10 by activity, and recall by depth."""
    console = Console(width=160)
    for reading, report in reports.items():
        title = title_of(name, reading, report)
        rows = [[s, *(_known(report.systems[s], metric) for metric in _LISTS)] for s in systems_of(report)]
        print_table(console, f"{title}: the lists", ["system", *_LISTS], rows)
        labels = list(report.groups)
        rows = [[s, *(f"{report.groups[g].systems[s].mean:.4f}" for g in labels)] for s in systems_of(report)]
        header = [f"{label} ({report.groups[label].n_requests})" for label in labels]
        print_table(console, "ndcg@10 by events in the history (requests)", ["system", *header], rows)
        curves = report.curves
        rows = [["merged", *(f"{curves.merged[k].mean:.4f}" for k in DEPTHS), "", ""]]
        for source, found in curves.found_by.items():
            own = curves.sources.get(source)
            cells = [f"{own[k].mean:.4f}" if own else "" for k in DEPTHS]
            rows.append([source, *cells, f"{found:.4f}", f"{curves.only_found_by[source]:.4f}"])
        header = [*(f"recall@{k}" for k in DEPTHS), "in its quota", "by it alone"]
        print_table(
            console, f"what the candidates find (sources: {curves.n_sampled} requests)", ["source", *header], rows
        )
        shares = "; ".join(f"{kind} {share:.1%}" for kind, share in report.targets.items() if share)
        console.print(f"wanted items: {shares}\n", soft_wrap=True)


def print_ablation(ablation: Ablation) -> None:
    """NDCG@10 without each group of features, the dearest group first."""
    full = figure("ndcg@10", ablation.full)
    rows = [["(every feature)", "", full, "", ""]]
    for group, without in sorted(ablation.groups.items(), key=lambda pair: -pair[1].loss.mean):
        cells = [
            str(without.n_features),
            figure("ndcg@10", without.ndcg),
            lead_text(without.loss),
            p_text(without.loss),
        ]
        rows.append([group, *cells])
    title = f"without a group of features ({ablation.n_train} training, {ablation.n_test} test requests)"
    print_table(Console(width=132), title, ["group", "features", "ndcg@10", "lost", "p (Holm)"], rows)


def print_cold_start(cold: ColdStart) -> None:
    """Hidden users against popularity, and hidden items in slates."""
    console = Console(width=132)
    rows = [
        [
            row.shown,
            str(row.n_requests),
            figure("ndcg@10", row.slate),
            figure("ndcg@10", row.popular),
            lead_text(row.lead),
            p_text(row.lead),
        ]
        for row in cold.users
    ]
    title = f"cold users: {cold.n_hidden_users} of {cold.n_users} users hidden from every fit, ndcg@10"
    print_table(
        console, title, ["shown of the user", "requests", "slate", "popular", "slate minus popular", "p (Holm)"], rows
    )
    for line in cold_item_lines(cold.items):
        console.print(line, soft_wrap=True, highlight=False, markup=False)


def cold_item_lines(items: ColdItems) -> list[str]:
    """What became of the hidden items, in sentences."""
    reached, seen = items.reached, items.seen_reached
    lines = [
        f"cold items: of {items.n_hidden} items hidden from every fit, {reached.mean:.1%} [{reached.low:.1%}, "
        f"{reached.high:.1%}] reached a slate of {items.n_requests} requests; of items seen before, {seen.mean:.1%}",
        f"they hold {items.slots:.2%} of all places and are {items.catalogue_share:.1%} of the catalogue",
        f"{items.n_wanting} requests wanted one of them",
    ]
    if items.n_wanting:
        lines[-1] += (
            f": HR@10 {figure('hr', items.hr)}, and {items.candidate_recall.mean:.1%} of what they wanted was "
            "among the candidates; popularity would show none"
        )
    fresh = items.fresh_reached
    lines.append(
        f"with one fresh slot a slate ([slate.explore] slots = 1, fresh = 1) {fresh.mean:.1%} [{fresh.low:.1%}, "
        f"{fresh.high:.1%}] of the hidden items reach a slate, HR@10 of those who wanted one is "
        f"{figure('hr', items.fresh_hr)}, and NDCG@10 of all requests changes by {lead_text(items.fresh_cost)}"
    )
    return lines


def _known(figures: Mapping[str, Interval], metric: str) -> str:
    return figure(metric, figures[metric]) if metric in figures else ""


def print_table(console: Console, title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """One table; numbers to the right, a row named "slate" in bold."""
    table = Table(title=title, title_justify="left")
    for i, name in enumerate(header):
        table.add_column(name, justify="right" if i else "left")
    for row in rows:
        table.add_row(*row, style="bold" if row[0] == "slate" else "")
    console.print(table)
