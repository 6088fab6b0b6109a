"""The page of a ranking evaluation: what was measured, how sure it is, and what it does not say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from offline_jobs.ablate import Ablation
from offline_jobs.cold_start import ColdStart
from offline_jobs.config import BuildConfig
from offline_jobs.measure import Report
from offline_jobs.recall_curves import DEPTHS
from offline_jobs.reports import plots
from offline_jobs.reports.page import Section, bullets, figure, heading, page, paragraph, table
from offline_jobs.reports.protocol import notes, settings
from offline_jobs.tables import cold_item_lines, lead_text, p_text, systems_of, title_of
from offline_jobs.tables import figure as number
from offline_jobs.train_candidates import FitInput
from recsys.metrics import Interval
from recsys.split import Windows

HEADLINE = ("hr@10", "recall@10", "ndcg@10")
ACCURACY = ("ndcg@5", "ndcg@20", "precision@10", "map@10", "mrr@10", "hr@20")
LISTS = ("coverage", "gini", "novelty", "diversity", "popularity", "long_tail")
N_SYSTEMS_SHOWN = 4
"""Systems drawn where all of them would be a thicket."""


def ranking_page(
    source: FitInput,
    split: Windows,
    config: BuildConfig,
    reports: Mapping[str, Report],
    *,
    ablation: Ablation | None = None,
    cold_start: ColdStart | None = None,
) -> str:
    """One HTML page; sections that were not measured are left out."""
    info, served = source.log.info, reports["all"]
    lead = f"{served.n_requests:,} held-out requests; the slate's NDCG@10 is "
    lead += number("ndcg@10", served.systems["slate"]["ndcg@10"]) + _beside(served)
    sections = [Section("Result", list(_result(info.name, reports)))]
    sections += [
        Section("Lists", list(_lists(served))),
        Section("Candidates", list(_candidates(served))),
        Section("Segments", list(_segments(served))),
        Section("Scores", list(_scores(served))),
    ]
    if ablation:
        sections.append(Section("Ablation", list(_ablation(ablation))))
    if cold_start:
        sections.append(Section("Cold start", list(_cold_start(cold_start))))
    sections.append(Section("Data and settings", list(settings(source, split, config, n_requests=served.n_requests))))
    sections.append(Section("How to read this", [bullets(notes(source))]))
    return page(f"Ranking on {info.name}", lead=lead, sections=sections)


def _beside(report: Report) -> str:
    """How the slate stands to the best other system, in words its interval allows."""
    others = systems_of(report)[1:]
    if not others:
        return "."
    lead = report.vs_slate[others[0]]
    verb = "It leads" if lead.low > 0 else "It trails" if lead.high < 0 else "No clear difference from"
    return f". {verb} the best other system, {others[0]}: {lead_text(lead)}, p {p_text(lead)} after Holm."


def _result(name: str, reports: Mapping[str, Report]) -> Iterator[str]:
    for reading, report in reports.items():
        systems = systems_of(report)
        yield heading("As served" if reading == "all" else "New items only")
        rows = []
        for system in systems:
            lead = report.vs_slate.get(system)
            cells = [number(metric, report.systems[system][metric]) for metric in HEADLINE]
            rows.append([system, *cells, lead_text(lead), p_text(lead)])
        header = ["system", *HEADLINE, "slate minus it, ndcg@10", "p (Holm)"]
        yield table(header, rows, caption=title_of(name, reading, report), strong=["slate"])
        ndcg = {system: report.systems[system]["ndcg@10"] for system in systems}
        yield figure(
            plots.interval_plot(ndcg, name=f"ndcg-{reading}", xlabel="NDCG@10"),
            alt="NDCG@10: " + _in_words(ndcg),
            caption="NDCG@10 of every system on the same requests, with 95 % bootstrap intervals.",
        )
        rows = [[s, *(number(m, report.systems[s][m]) for m in ACCURACY)] for s in systems]
        caption = "Other cut-offs and metrics. At 20 the slate is made anew for 20 places."
        yield table(["system", *ACCURACY], rows, caption=caption, strong=["slate"])


def _lists(report: Report) -> Iterator[str]:
    systems = systems_of(report)
    known = [m for m in LISTS if m in report.systems["slate"]]
    rows = [[s, *(number(m, report.systems[s][m]) for m in known)] for s in systems]
    caption = "The first ten places of all requests, as served. What each column means is under “How to read this”."
    yield table(["system", *known], rows, caption=caption, strong=["slate"])
    shown = {s: report.lorenz[s] for s in [*systems[:N_SYSTEMS_SHOWN], "wanted"]}
    at = len(report.lorenz["slate"]) // 2
    yield figure(
        plots.lorenz(shown, name="lorenz", strong="slate"),
        alt="Lorenz curves. Share of all places held by the less shown half of the catalogue: "
        + ", ".join(f"{name} {curve[at]:.0%}" for name, curve in shown.items()),
        caption="Popularity bias: how exposure spreads over the catalogue. “wanted” is what users went on to take; a "
        "curve far below it shows the popular more than they are wanted.",
    )


def _candidates(report: Report) -> Iterator[str]:
    found = report.curves
    merged = f"the first {DEPTHS[-1]} merged candidates hold {found.merged[DEPTHS[-1]].mean:.1%}"
    yield paragraph(f"What the ranker can reach: of the wanted items, {merged}; the slate can do no better.")
    lines = {"merged": found.merged} | {s: c for s, c in found.sources.items() if c[DEPTHS[-1]].mean > 0}
    yield figure(
        plots.curves(lines, name="recall", xlabel="first k", ylabel="recall@k", strong="merged"),
        alt=f"Recall at {DEPTHS[-1]}: " + _in_words({s: c[DEPTHS[-1]] for s, c in lines.items()}),
        caption=f"Recall by depth. Sources alone are asked for {DEPTHS[-1]} items, beyond their quota, in a sample of "
        f"{found.n_sampled:,} requests; merged candidates are as served.",
    )
    rows = [
        [source, f"{share:.4f}", f"{found.only_found_by[source]:.4f}"]
        for source, share in sorted(found.found_by.items(), key=lambda pair: -found.only_found_by[pair[0]])
    ]
    header = ["source", "wanted items it finds within its quota", "found by it alone"]
    yield table(
        header, rows, caption="What a source adds: the share of wanted items lost without it is the last column."
    )


def _segments(report: Report) -> Iterator[str]:
    systems, labels = systems_of(report), list(report.groups)
    rows = [["requests", *(f"{group.n_requests:,}" for group in report.groups.values())]]
    rows += [[s, *(f"{group.systems[s].mean:.4f}" for group in report.groups.values())] for s in systems]
    caption = "NDCG@10 by the number of strong events in the user's history before the request."
    yield table(["events in the history", *labels], rows, caption=caption)
    shown = systems[:N_SYSTEMS_SHOWN]
    bars = {s: [report.groups[label].systems[s] for label in labels] for s in shown}
    yield figure(
        plots.grouped_bars(labels, bars, name="groups", xlabel="events in the history", ylabel="NDCG@10"),
        alt="NDCG@10 of the slate by activity: " + _in_words(dict(zip(labels, bars["slate"], strict=True))),
        caption="The slate and the best other systems, with 95 % bootstrap intervals.",
    )
    kinds = "; ".join(f"{kind} {share:.1%}" for kind, share in report.targets.items() if share)
    yield paragraph(f"Of the wanted items: {kinds} (“never seen” crosses the others: no event before the fit).")


def _scores(report: Report) -> Iterator[str]:
    means = [part.wanted for part in report.score_bins]
    if not means:
        return
    yield paragraph(
        "LambdaRank scores order items; they are no probabilities. A reliable ranker's share of wanted items rises "
        "with every tenth of the score, over the candidates of all requests together."
    )
    yield figure(
        plots.reliability(means, name="scores", xlabel="tenth of the score, lowest first", ylabel="share wanted"),
        alt="Share of wanted candidates by tenth of the score, lowest first: "
        + ", ".join(f"{value.mean:.4f}" for value in means),
        caption="Share of candidates that were wanted, by tenth of their score, with 95 % bootstrap intervals.",
    )


def _ablation(ablation: Ablation) -> Iterator[str]:
    ordered = sorted(ablation.groups.items(), key=lambda pair: -pair[1].loss.mean)
    rows = [["(every feature)", "", number("ndcg@10", ablation.full), "", ""]]
    for group, without in ordered:
        ndcg = number("ndcg@10", without.ndcg)
        rows.append([group, str(without.n_features), ndcg, lead_text(without.loss), p_text(without.loss)])
    caption = (
        f"NDCG@10 of a ranker retrained without a group of features, on {ablation.n_train:,} training and "
        f"{ablation.n_test:,} test requests: fewer than above, so compare within this table only."
    )
    yield table(["without", "features", "ndcg@10", "lost", "p (Holm)"], rows, caption=caption, strong=[rows[0][0]])
    losses = {group: Interval(w.loss.mean, w.loss.low, w.loss.high) for group, w in ordered}
    yield figure(
        plots.interval_plot(losses, name="ablation", xlabel="NDCG@10 lost without the group", zero=True),
        alt="NDCG@10 lost: " + _in_words(losses),
        caption="Right of the line, the group earns its place. Groups overlap: what one loses another may still tell.",
    )


def _cold_start(cold: ColdStart) -> Iterator[str]:
    yield heading("Users nobody has seen")
    rows = []
    for row in cold.users:
        systems = [number("ndcg@10", row.slate), number("ndcg@10", row.popular)]
        hits = [f"{row.slate_hr.mean:.3f} / {row.popular_hr.mean:.3f}"]
        rows.append([row.shown, f"{row.n_requests:,}", *systems, lead_text(row.lead), p_text(row.lead), *hits])
    compared = ["slate", "popular", "slate minus popular", "p (Holm)", "hr@10 of both"]
    header = ["shown", "requests", *compared]
    caption = f"{cold.n_hidden_users:,} of {cold.n_users:,} users hidden from every fit, then asking: NDCG@10, HR@10."
    yield table(header, rows, caption=caption)
    leads = {row.shown: Interval(row.lead.mean, row.lead.low, row.lead.high) for row in cold.users}
    yield figure(
        plots.interval_plot(leads, name="cold", xlabel="slate minus popular, NDCG@10", zero=True),
        alt="Slate minus popularity: " + _in_words(leads),
        caption="Right of the line, the slate is better than the most popular items.",
    )
    yield heading("Items nobody has seen")
    yield bullets(line[0].upper() + line[1:] + "." for line in cold_item_lines(cold.items))


def _in_words(values: Mapping[str, Interval]) -> str:
    return ", ".join(f"{name} {value.mean:.4f}" for name, value in values.items())
