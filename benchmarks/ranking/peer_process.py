"""The command line of a peer that runs in an environment of its own: read two stages, write one answer."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from benchmarks.ranking.exchange import Answer, read_stage, write_answer

ANSWERS = "answers"


def main(compute: Callable[..., Answer], systems: tuple[str, ...]) -> None:
    """Answer one system's requests of one data set's folder."""
    parser = argparse.ArgumentParser(description="answer a data set's test requests with one system")
    parser.add_argument("folder", type=Path, help="the data set's folder, as `benchmarks.ranking.run` writes it")
    parser.add_argument("system", choices=systems)
    parser.add_argument("--budget", type=float, default=120.0, help="seconds of tuning after which no trial starts")
    parser.add_argument("--trials", type=int, default=20, help="most trials of tuning")
    args = parser.parse_args()
    valid, test = read_stage(args.folder / "valid"), read_stage(args.folder / "test")
    answer = compute(args.system, valid, test, budget_s=args.budget, trials=args.trials)
    write_answer(args.folder / ANSWERS, args.system, answer)
