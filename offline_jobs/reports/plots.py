"""Plots as inline SVG. Each function takes plain numbers and returns the same text for the same numbers."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from recsys.metrics import Interval

WIDTH = 9.8
ACCENT, SOFT, INK = "#0b5fa5", "#8a94a6", "#1d2330"
PALETTE = (
    ACCENT,
    "#c8500a",
    "#2a8a4a",
    "#8a4fa3",
    "#b8860b",
    "#5b6475",
    "#c2437a",
    "#2b9aa6",
    "#7a5230",
    "#6a8f1f",
    "#333a99",
)
"""Beside the colour, lines also differ by marker and dash."""
MARKERS = "os^Dvp*XhP<"
_STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": SOFT,
    "axes.labelcolor": INK,
    "axes.grid": True,
    "grid.color": "#e6e9ef",
    "axes.axisbelow": True,
    "xtick.color": INK,
    "ytick.color": INK,
    "svg.fonttype": "path",
    "legend.frameon": False,
}


def _svg(draw: Any, *, name: str, height: float, ncols: int = 1) -> str:
    """Draw on new axes and return the figure as SVG; `name` keeps ids apart on a page with several."""
    with mpl.rc_context({**_STYLE, "svg.hashsalt": name}):
        fig = Figure(figsize=(WIDTH, height), layout="constrained")
        draw(fig.subplots(1, ncols))
        out = io.StringIO()
        fig.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    text = out.getvalue()
    svg = text[text.index("<svg") :]
    svg = re.sub(r'\b(id|xlink:href|href)="(#?)', rf'\1="\2{name}-', svg)
    return re.sub(r"url\(#", f"url(#{name}-", svg).strip()


def interval_plot(values: Mapping[str, Interval], *, name: str, xlabel: str, zero: bool = False) -> str:
    """A row a system: its mean and 95 % interval; the first row stands out. `zero` draws a line at nothing."""
    names = list(values)

    def draw(ax: Any) -> None:
        for y, (label, value) in enumerate(reversed(list(values.items()))):
            colour = ACCENT if label == names[0] and not zero else INK
            spread = [[max(value.mean - value.low, 0)], [max(value.high - value.mean, 0)]]
            ax.errorbar(value.mean, y, xerr=spread, fmt="o", color=colour, capsize=4, markersize=6, linewidth=1.8)
        ax.set_yticks(range(len(names)), names[::-1])
        ax.set_ylim(-0.6, len(names) - 0.4)
        if zero:
            ax.axvline(0, color="#b3261e", linewidth=1.2, linestyle="--")
        else:
            ax.set_xlim(left=0)
        ax.set_xlabel(xlabel)

    return _svg(draw, name=name, height=1.1 + 0.34 * len(names))


def curves(values: Mapping[str, Mapping[int, Interval]], *, name: str, xlabel: str, ylabel: str, strong: str) -> str:
    """Lines over a logarithmic depth, labelled in a legend from best to worst; `strong` is drawn thick."""
    ordered = sorted(values, key=lambda label: (label != strong, -list(values[label].values())[-1].mean))

    def draw(ax: Any) -> None:
        for i, label in enumerate(ordered):
            depths = list(values[label])
            of = [values[label][k] for k in depths]
            thick = label == strong
            colour, marker = PALETTE[i % len(PALETTE)], MARKERS[i % len(MARKERS)]
            style = {"linewidth": 3.0 if thick else 1.6, "linestyle": "-" if thick or i % 2 else "--"}
            ax.plot(depths, [v.mean for v in of], marker=marker, markersize=5, color=colour, label=label, **style)
            if thick:
                ax.fill_between(
                    depths, [v.low for v in of], [v.high for v in of], color=colour, alpha=0.15, linewidth=0
                )
        ax.set_xscale("log")
        depths = sorted({k for curve in values.values() for k in curve})
        ax.set_xticks(depths, [str(k) for k in depths])
        ax.minorticks_off()
        ax.set_ylim(bottom=0)
        ax.set_xlabel(xlabel)
        ax.set_ylabel(ylabel)
        ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))

    return _svg(draw, name=name, height=4.6)


def grouped_bars(
    groups: Sequence[str], values: Mapping[str, Sequence[Interval]], *, name: str, xlabel: str, ylabel: str
) -> str:
    """A cluster of bars a group, one bar a series, with 95 % intervals."""

    def draw(ax: Any) -> None:
        width = 0.8 / len(values)
        for i, (label, of) in enumerate(values.items()):
            at = np.arange(len(groups)) + (i - (len(values) - 1) / 2) * width
            means = np.array([v.mean for v in of])
            spread = np.clip([means - [v.low for v in of], [v.high for v in of] - means], 0, None)
            ax.bar(at, means, width * 0.92, yerr=spread, label=label, color=PALETTE[i % len(PALETTE)], capsize=3,
                   error_kw={"ecolor": INK, "linewidth": 1.1})  # fmt: skip
        ax.set_xticks(range(len(groups)), groups)
        ax.grid(visible=False, axis="x")
        ax.set_xlabel(xlabel)
        ax.set_ylabel(ylabel)
        ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))

    return _svg(draw, name=name, height=4.0)


def reliability(means: Sequence[Interval], *, name: str, xlabel: str, ylabel: str) -> str:
    """Observed share by quantile of the score, linear and logarithmic side by side."""

    def draw(axes: Any) -> None:
        at = np.arange(1, len(means) + 1)
        centre = np.array([v.mean for v in means])
        spread = np.clip([centre - [v.low for v in means], [v.high for v in means] - centre], 0, None)
        for ax, scale in zip(axes, ("linear", "log"), strict=True):
            shown = centre > 0 if scale == "log" else np.ones(len(means), bool)
            ax.errorbar(
                at[shown], centre[shown], yerr=spread[:, shown], fmt="o-", color=ACCENT, capsize=3, linewidth=1.6
            )
            ax.set_yscale(scale)
            ax.set_xlim(0.5, len(means) + 0.5)
            ax.set_xticks(at)
            ax.set_xlabel(xlabel)
            ax.set_title(f"{scale} scale", loc="left", fontsize=11, color=INK)
        axes[0].set_ylim(bottom=0)
        axes[0].set_ylabel(ylabel)

    return _svg(draw, name=name, height=3.6, ncols=2)


def lorenz(values: Mapping[str, NDArray[np.float64]], *, name: str, strong: str) -> str:
    """Share of exposure held by the least shown part of the catalogue; the diagonal would be equal exposure."""

    def draw(ax: Any) -> None:
        for i, (label, curve) in enumerate(values.items()):
            style = {"linewidth": 3.0 if label == strong else 1.6, "linestyle": "-" if i % 2 == 0 else "--"}
            ax.plot(np.linspace(0, 100, len(curve)), 100 * curve, label=label, color=PALETTE[i % len(PALETTE)], **style)
        ax.plot([0, 100], [0, 100], color=SOFT, linewidth=1, linestyle=":", label="equal exposure")
        ax.set_xlabel("% of the catalogue, least shown first")
        ax.set_ylabel("% of all places")
        ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))

    return _svg(draw, name=name, height=4.4)
