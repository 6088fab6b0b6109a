"""The gate on labelled pitches: which lies it refuses and which honest lines it lets pass.

    .venv/bin/python -m benchmarks.copy.gate [--set dev|final|zh] [--misses]

Prints a table by kind of lie, then `figure copy.gate_recall N` and `figure copy.gate_false_alarms N` (names with
`_zh` for the Chinese set; the final set is the one README quotes). `--misses` lists lines judged wrongly, of the dev
set only: the final set is opened for its figures and never read.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

from copywriter.facts import fact_sheet
from copywriter.gate import Verdict, review

HERE = Path(__file__).parent
STRICT = ("number", "count", "brand", "material", "certification")
"""Kinds of which not one may pass."""


def judged(row: dict[str, Any]) -> Verdict:
    """The gate's word on a labelled line, as `slatewright check-copy` gives it."""
    locale = str(row["locale"])
    policy = "cn" if locale.startswith("zh") else "us"
    return review(row["pitch"], fact_sheet(row["item"]), locale=locale, policy=policy, max_chars=500, headline=True)


def main() -> None:
    """Judge a set and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", default="dev", choices=("dev", "final", "zh"), help="default: %(default)s")
    parser.add_argument("--misses", action="store_true", help="list lines judged wrongly (dev only)")
    args = parser.parse_args()
    if args.misses and args.set == "final":
        parser.error("--misses reads the lines of a set; the final set is opened for its figures only")
    rows = [json.loads(line) for line in (HERE / f"gate_{args.set}.jsonl").read_text("utf-8").splitlines()]
    total, refused, severities = Counter[str](), Counter[str](), Counter[str]()
    started = time.perf_counter()
    for row in rows:
        verdict = judged(row)
        kind = row["kind"] or "honest"
        total[kind] += 1
        refused[kind] += not verdict.passed
        severities[verdict.decision] += 1
        if args.misses and verdict.passed != (kind == "honest"):
            found = [(f.rule, row["pitch"][slice(*f.span)]) for f in verdict.findings]
            print(f"{row['id']} {kind}: {row['pitch']} {row['span'] or ''} {found}")
    ms = 1000 * (time.perf_counter() - started) / len(rows)
    kinds = sorted(kind for kind in total if kind != "honest")
    print(f"{'kind':<22}{'lines':>7}{'refused':>9}{'share':>8}")
    for kind in (*kinds, "honest"):
        print(f"{kind:<22}{total[kind]:>7}{refused[kind]:>9}{refused[kind] / total[kind]:>8.3f}")
    n_lies, n_found = sum(total[kind] for kind in kinds), sum(refused[kind] for kind in kinds)
    strict, strict_found = sum(total[k] for k in STRICT), sum(refused[k] for k in STRICT)
    print(f"{'lies':<22}{n_lies:>7}{n_found:>9}{n_found / n_lies:>8.3f}")
    print(f"{'of the strict kinds':<22}{strict:>7}{strict_found:>9}{strict_found / strict:>8.3f}")
    print(f"verdicts: {dict(severities)}; {ms:.2f} ms a line, fact sheet included")
    tail = {"dev": "_dev", "final": "", "zh": "_zh"}[args.set]
    print(f"figure copy.gate_recall{tail} {n_found / n_lies:.4f}")
    print(f"figure copy.gate_recall_strict{tail} {strict_found / strict:.4f}")
    print(f"figure copy.gate_false_alarms{tail} {refused['honest'] / total['honest']:.4f}")


if __name__ == "__main__":
    main()
