"""Experiments and off-policy evaluation, judged: simulated tests, logs with known truth, a peer, and Open Bandit.

    make bench-experiments EXPERIMENTS_ARGS="--open-bandit DIR"
    .venv/bin/python -m benchmarks.experiments.run [--batches 5] [--logs 2000] [--calls 100000] [--no-peer]
                                                   [--open-bandit DIR]

Prints tables, then one line a figure: `figure NAME NUMBER`. Everything but Open Bandit is SIMULATED and comes from
`--seed`. `--calls` slates of a generated shop hold the propensities they were served with to what was drawn. The peer
is Open Bandit Pipeline in an environment of its own, made once from constraints-obp.txt (Python up to 3.12);
`--no-peer` leaves it out.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from benchmarks.experiments import ab, known_truth, open_bandit, overhead, propensities
from recsys.experiments.assignment import sample_ratio

N_EXPERIMENTS = 1_000
"""Experiments a batch; its bands are those of 1,000."""


def main(argv: Sequence[str] | None = None) -> None:
    """Run the parts asked for and print their figures last."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--batches", type=int, default=5, help="batches of 1,000 A/A and 1,000 planted experiments")
    parser.add_argument("--logs", type=int, default=2_000, help="logs of each world with known truth")
    parser.add_argument("--calls", type=int, default=100_000, help="slates whose draws are held to their propensities")
    parser.add_argument("--no-peer", action="store_true", help="do not compare with Open Bandit Pipeline")
    parser.add_argument("--open-bandit", type=Path, metavar="DIR", help="folder of the Open Bandit data")
    args = parser.parse_args(argv)
    figures = {} if args.no_peer else peer(args.seed)  # first: its environment is what may fail
    figures |= served(args.calls) | tests(args.seed, args.batches) | truths(args.seed, args.logs)
    if args.open_bandit:
        figures |= real(args.open_bandit)
    for name, value in figures.items():
        print(f"figure experiments.{name} {value:.6g}")


def served(n_calls: int) -> dict[str, float]:
    """What variants and the exposure log cost, and whether propensities are those of what is drawn."""
    figures = overhead.measure()
    rows = [[name.removesuffix("_ms").replace("_", " "), f"{value:.4f}"] for name, value in figures.items()]
    table("Milliseconds: resolving a layer; a slate's exposure, for its call and in the thread", ["part", "ms"], rows)
    rows = []
    for name, fit in propensities.measure(n_calls).items():
        rows.append(
            [name, f"{fit.n_calls:,}", f"{fit.chi_square:.1f}", str(fit.freedom), f"{fit.p:.3f}", f"{fit.off:.1e}"]
        )
        figures[f"propensity_{name}_p"] = fit.p
    head = ["drawn", "slates", "chi-square", "degrees of freedom", "p", "sum of propensities minus 1"]
    table("Exploration slots: what was shown against the propensities it was served with", head, rows)
    return figures


def tests(seed: int, n_batches: int) -> dict[str, float]:
    """A split of 51 to 49, A/A tests and planted lifts; the first batch gives the figures."""
    split = sample_ratio([51_000, 49_000], [1, 1])
    print(f"Split 51,000 to 49,000 planned as halves: chi-square {split.chi_square:.0f}, p {split.p:.1e}, flagged\n")
    figures = {"sample_ratio_p": split.p}
    parts = {
        "SIMULATED A/A tests: share with p < 0.05": ab.same_arms,
        "SIMULATED planted lifts: share of 95 % intervals that hold the truth, and of tests that find it": ab.planted,
    }
    for number, (title, experiments) in enumerate(parts.items()):
        generators = [np.random.default_rng([seed, number, batch]) for batch in range(n_batches)]
        rows = []
        for shares in zip(*(experiments(rng, N_EXPERIMENTS) for rng in generators), strict=True):
            first, mean = shares[0], float(np.mean([share.value for share in shares]))
            low, high = first.band or (0.0, 1.0)
            wanted = (
                [f"{low:.1%} to {high:.1%}", "yes" if low <= first.value <= high else "NO"] if first.band else ["", ""]
            )
            rows.append([first.kind, first.metric, f"{first.value:.1%}", *wanted, f"{mean:.2%}"])
            figures |= {first.figure: first.value, f"pooled.{first.figure}": mean}
        head = ["figure", "metric", f"of {N_EXPERIMENTS:,}", "wanted", "inside", f"of {n_batches * N_EXPERIMENTS:,}"]
        table(title, head, rows)
    return figures


def truths(seed: int, n_logs: int) -> dict[str, float]:
    """Every off-policy estimator against its theory."""
    rows: list[list[str]] = []
    figures = {"ope.bias_z_largest": 0.0, "ope.variance_z_largest": 0.0, "ope.coverage_lowest_unbiased": 1.0}
    for row in known_truth.measure(seed, n_logs):
        known = row.theory is not None
        expected = [f"{row.theory.bias:+.5f}", f"{row.theory.variance**0.5:.5f}"] if row.theory else ["", ""]
        distances = [f"{row.bias_z:+.1f}", f"{row.variance_ratio:.3f} ({row.variance_z:+.1f})"] if known else ["", ""]
        cover = [f"{row.normal_coverage:.1%}", f"{row.bootstrap_coverage:.1%}"]
        measured = [f"{row.bias:+.5f}", f"{row.std_error:.5f}"]
        rows.append([row.world, row.name, *measured, *expected, *distances, *cover])
        if known:
            figures["ope.bias_z_largest"] = max(figures["ope.bias_z_largest"], abs(row.bias_z))
            figures["ope.variance_z_largest"] = max(figures["ope.variance_z_largest"], abs(row.variance_z))
        if row.theory is None or abs(row.theory.bias) < row.theory.variance**0.5 / 100:
            lowest = min(figures["ope.coverage_lowest_unbiased"], row.normal_coverage)
            figures["ope.coverage_lowest_unbiased"] = lowest
    head = ["world", "estimator", "bias", "error", "bias, theory", "error, theory", "bias z", "variance ratio (z)"]
    head += ["normal 95 %", f"bootstrap 95 % of {min(n_logs, known_truth.N_BOOTSTRAPPED)}"]
    table(f"SIMULATED known truth: {n_logs:,} logs of {known_truth.N_ROWS:,} rows a world", head, rows)
    return figures


def peer(seed: int) -> dict[str, float]:
    """The same logs through Open Bandit Pipeline."""
    distances = known_truth.compare(seed)
    rows = [[*name.split("/"), f"{value:.1e}"] for name, value in distances.items()]
    title = f"Largest distance from Open Bandit Pipeline over {known_truth.N_COMPARED} logs"
    table(title, ["world", "estimator", "distance"], rows)
    return {"ope.peer_distance_largest": max(distances.values())}


def real(folder: Path) -> dict[str, float]:
    """Open Bandit: what the BTS log says of the random policy."""
    figures = {}
    for campaign in open_bandit.measure(folder):
        found, (low, high) = campaign.diagnostics, campaign.own_interval
        rows = [["the random log's own rate", f"{campaign.own:.2%}", _percent(low, high), "", ""]]
        for line in campaign.lines:
            intervals = [_percent(e.low, e.high) for e in (line.normal, line.bootstrap, line.gap)]
            rows.append([line.name, f"{line.normal.value:.2%}", *intervals])
        title = (
            f"Open Bandit, {campaign.name}: {campaign.n_items} items, clicks {campaign.clicks[0]} (BTS) and "
            f"{campaign.clicks[1]} (random) of {found.n:,}"
        )
        head = ["estimate of the random policy", "click rate", "95 %", "95 % bootstrap", "minus own rate, 95 %"]
        table(title, head, rows)
        mean = f"mean weight {found.mean_weight:.2f} ± {found.mean_weight_error:.2f}"
        largest = f"largest weight {found.largest:,.0f} ({found.largest_share:.1%} of the sum)"
        print(f"Effective sample size {found.effective_size:.0f}, {mean}, {largest}.")
        print("Warnings: " + ("; ".join(found.warnings) or "none") + ".\n")
        by_name = {line.name: line.normal.value for line in campaign.lines}
        key = f"open_bandit.{campaign.name}"
        figures |= {f"{key}.effective_size": found.effective_size, f"{key}.own_rate": campaign.own}
        figures |= {f"{key}.naive": campaign.lines[0].normal.value, f"{key}.snips": by_name["SNIPS"]}
        figures |= {f"{key}.doubly_robust": by_name["DR, item means"]}
    return figures


def table(title: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a Markdown table."""
    print(f"{title}\n")
    for row in (head, ["---"] * len(head), *rows):
        print("| " + " | ".join(row) + " |")
    print()


def _percent(low: float, high: float) -> str:
    return f"{low:+.2%} … {high:+.2%}" if low < 0 else f"{low:.2%} … {high:.2%}"


if __name__ == "__main__":
    main()
