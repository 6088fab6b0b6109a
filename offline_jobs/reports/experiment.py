"""The page of one experiment: the split first, then effects, time, places, segments, and what it does not say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import numpy as np

from offline_jobs.experiment import METRICS, Comparison, Experiment
from offline_jobs.reports import plots
from offline_jobs.reports.page import Section, bullets, facts, figure, page, paragraph, table
from recsys.experiments.effects import Effect
from recsys.metrics import Interval

FIRST = next(iter(METRICS))


def experiment_page(found: Experiment) -> str:
    """One self-contained HTML page."""
    label = "SIMULATED · " if found.simulated else ""
    sections = [Section("Split", list(_split(found)))]
    for comparison in found.comparisons:
        sections += [
            Section(f"Effects of {comparison.arm}", list(_effects(found, comparison))),
            Section(f"{comparison.arm} over time", list(_over_time(comparison))),
        ]
        if comparison.segments:
            sections.append(Section(f"{comparison.arm} by segment", list(_segments(comparison))))
    sections += [
        Section("By place", list(_by_place(found))),
        Section("Data", [_data(found)]),
        Section("How to read this", [bullets(_notes())]),
    ]
    return page(f"{label}Experiment {found.key}", lead=_lead(found), sections=sections)


def _lead(found: Experiment) -> str:
    told = "SIMULATED: nobody was shown any of this. " if found.simulated else ""
    if found.split.mismatch:
        return f"{told}The units are not split as planned (p {found.split.p:.1e}): no effect below can be trusted."
    words = [f"{c.arm} changes {FIRST} by {_lift(c.lifts[FIRST])}, {_found(c)}" for c in found.comparisons]
    return f"{told}Over {sum(arm.n_units for arm in found.arms):,} units, {'; '.join(words)}."


def _found(comparison: Comparison) -> str:
    p = comparison.p[FIRST]
    if not np.isfinite(p):
        return "of which nothing can be said: nobody differs"
    return f"p {_p(p)} after Holm" + ("" if p < 0.05 else ": no effect is shown")


def _split(found: Experiment) -> Iterator[str]:
    rows = [
        [arm.name, f"{arm.n_units:,}", f"{expected:,.0f}", f"{arm.n_slates:,}"]
        for arm, expected in zip(found.arms, found.split.expected, strict=True)
    ]
    verdict = "NOT as planned: look for the cause, read nothing else" if found.split.mismatch else "as planned"
    yield table(
        ["variant", "units", "planned", "slates"], rows, caption=f"Units by variant, p {_p(found.split.p)}: {verdict}."
    )
    if found.n_mixed:
        yield paragraph(f"{found.n_mixed:,} units were served several variants and are in no arm.")


def _effects(found: Experiment, comparison: Comparison) -> Iterator[str]:
    arm = next(arm for arm in found.arms if arm.name == comparison.arm)
    rows = []
    for metric, effect in comparison.lifts.items():
        means = [f"{float(of.values[metric].mean):.4g}" for of in (found.arms[0], arm)]
        rows.append([metric, *means, _lift(effect), _p(float(effect.p)), _p(comparison.p[metric])])
    header = ["metric", found.arms[0].name, arm.name, "lift, 95 %", "p", "p (Holm)"]
    yield table(
        header, rows, caption="Lift over the control at one look; units are what was randomised.", strong=[FIRST]
    )
    drawn = {
        metric: Interval(100 * float(e.value), 100 * float(e.low), 100 * float(e.high))
        for metric, e in comparison.lifts.items()
        if np.isfinite([e.value, e.low, e.high]).all()
    }
    if drawn:
        yield figure(
            plots.interval_plot(drawn, name=f"lifts-{comparison.arm}", xlabel="lift over the control, %", zero=True),
            alt=f"Lifts of {comparison.arm} with their intervals.",
            caption="Lift and 95 % interval of each metric; an interval that leaves out the dashed line is an effect.",
        )


def _over_time(comparison: Comparison) -> Iterator[str]:
    looks, rows = comparison.looks, []
    for day, value, low, high, p in zip(comparison.days, looks.value, looks.low, looks.high, looks.p, strict=True):
        known = np.isfinite([low, high]).all()
        rows.append(
            [f"{day:.0f}", f"{value:+.5f}", f"{low:+.5f} … {high:+.5f}" if known else "too few yet", _p(float(p))]
        )
    yield table(
        ["day", f"difference in {FIRST}", "valid at every look, 95 %", "p"],
        rows,
        caption="Over the units that had come by the end of each day; stop at any of them.",
    )
    drawn = {
        f"day {day:.0f}": Interval(float(value), float(low), float(high))
        for day, value, low, high in zip(comparison.days, looks.value, looks.low, looks.high, strict=True)
        if np.isfinite([low, high]).all()
    }
    if drawn:
        yield figure(
            plots.interval_plot(drawn, name=f"looks-{comparison.arm}", xlabel=f"difference in {FIRST}", zero=True),
            alt=f"The difference of {comparison.arm} by day, with intervals valid at every look.",
            caption="Always-valid intervals: wider than those of one look, and honest however often one looks.",
        )


def _segments(comparison: Comparison) -> Iterator[str]:
    for column, (names, of) in comparison.segments.items():
        rows = [
            [
                name,
                f"{of.n_control[at]:,.0f}",
                f"{of.n_treatment[at]:,.0f}",
                f"{of.effect.value[at]:+.5f} [{of.effect.low[at]:+.5f}, {of.effect.high[at]:+.5f}]",
                _p(float(of.p_corrected[at])),
            ]
            for at, name in enumerate(names)
        ]
        header = [column, "control", comparison.arm, f"difference in {FIRST}, 95 %", "p (Holm)"]
        yield table(header, rows, caption=f"One effect for all: p {_p(of.p_heterogeneity)}. Look at it before any row.")


def _by_place(found: Experiment) -> Iterator[str]:
    positions = sorted({position for arm in found.arms for position in arm.by_place})[:10]
    positions = [p for p in positions if all(p in arm.by_place for arm in found.arms)]
    if not positions:
        yield paragraph("No place was shown to enough units.")
        return
    values = {arm.name: [_percent(arm.by_place[position]) for position in positions] for arm in found.arms}
    yield figure(
        plots.grouped_bars(
            [str(p) for p in positions],
            values,
            name="places",
            xlabel="place on the page",
            ylabel="clicks per 100 shown",
        ),
        alt="Clicks per place by variant.",
        caption="Clicks fall with the place because people look less far down; a variant is compared place by place.",
    )


def _data(found: Experiment) -> str:
    first, last = (
        f"{datetime.fromtimestamp(ms / 1_000, UTC):%Y-%m-%d %H:%M} UTC" for ms in (found.first_ms, found.last_ms)
    )
    return facts(
        [
            ("layer", found.layer),
            ("slates from", first),
            ("to", last),
            ("responses count within", f"{found.window_days:g} days of a slate"),
            ("units whose window has closed", f"{found.share_complete:.1%}"),
            ("people", "SIMULATED" if found.simulated else "real"),
        ]
    )


def _notes() -> Sequence[str]:
    return (
        "Read the split first. If units are not divided as planned, something lost or moved them, and no effect holds.",
        "A lift is for one look at a time fixed beforehand. Who looks every day reads the intervals over time instead.",
        "Ratio metrics use the delta method with the unit as the unit: places of one person are not independent.",
        "p (Holm) is corrected for the number of metrics, or of segments: compare it with 0.05 as it is.",
        "Calls that named a variant themselves and slates that fell back to the control are left out.",
        "Units whose window is still open may yet respond; they do so in all variants alike.",
        "docs/experiments.md says how these tests were checked against simulations with a known truth.",
    )


def _lift(effect: Effect) -> str:
    value, low, high = (100 * float(v) for v in (effect.value, effect.low, effect.high))
    if not np.isfinite(value):
        return "not known"
    return f"{value:+.1f} % [{low:+.1f}, {high:+.1f}]"


def _p(p: float) -> str:
    return "not tested" if not np.isfinite(p) else f"{p:.4f}" if p >= 0.0001 else f"{p:.0e}"


def _percent(of: Interval) -> Interval:
    return Interval(100 * of.mean, 100 * of.low, 100 * of.high)
