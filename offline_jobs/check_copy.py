"""`slatewright check-copy`: the gate over copy that people or any other tool wrote.

In: JSON Lines, `{"item": {item columns}, "pitch": "...", "locale": "en"}` a line. Out: a line for each, in the same
order, with its verdict and findings (span, words, rule, severity, why). The verdict of a line depends on nothing but
the line.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TextIO

from copywriter.errors import AuditError
from copywriter.facts import fact_sheet
from copywriter.gate import Verdict, review
from copywriter.policies import DEFAULT_REGION, REGIONS, pack

HELP: Final = "check copy that people or other tools wrote against the facts of its items"
EXAMPLE: Final = (
    "slatewright check-copy --in copy.jsonl --policy eu --out checked.jsonl\n\n"
    'a line of copy.jsonl: {"item": {"title": "Halden Desk Lamp, Black", "brand": "Halden"}, '
    '"pitch": "A black desk lamp by Halden.", "locale": "en"}'
)
MAX_CHARS: Final = 500
_EVERY: Final = 5_000
"""Lines between two lines of progress."""


@dataclass(frozen=True, slots=True)
class Line:
    """A text to be checked and the item it speaks of."""

    number: int
    item: Mapping[str, object]
    pitch: str
    locale: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `slatewright check-copy`."""
    parser.add_argument("--in", dest="source", type=Path, required=True, metavar="FILE", help="JSON Lines to check")
    parser.add_argument("--out", type=Path, metavar="FILE", help="where verdicts go; left out: standard output")
    parser.add_argument(
        "--policy", choices=REGIONS, default=DEFAULT_REGION, help="whose claims law applies (default: %(default)s)"
    )
    parser.add_argument(
        "--max-chars",
        type=_positive,
        default=MAX_CHARS,
        metavar="N",
        help="longest pitch (default: %(default)s characters)",
    )
    parser.add_argument("--quiet", action="store_true", help="no progress and no table")


def run(args: argparse.Namespace) -> int:
    """Check every line; 0 whatever the verdicts are, so that a pipeline reads them from the output."""
    tally, rules = Counter[str](), Counter[str]()
    started = time.perf_counter()
    draft = args.out.with_name(f".{args.out.name}.{os.getpid()}.tmp") if args.out else None
    try:
        with _opened(draft) as sink:
            for line in lines(args.source):
                verdict = judged(line, policy=args.policy, max_chars=args.max_chars)
                tally[verdict.decision] += 1
                rules.update(verdict.rules)
                sink.write(json.dumps(reported(line, verdict, args.policy), ensure_ascii=False) + "\n")
                if not args.quiet and tally.total() % _EVERY == 0:
                    print(f"  {tally.total():,} lines checked", file=sys.stderr, flush=True)
        if draft:
            draft.replace(args.out)
    finally:
        if draft:
            draft.unlink(missing_ok=True)
    if not args.quiet:
        _print_table(tally, rules, time.perf_counter() - started, sys.stdout if args.out else sys.stderr)
    return 0


def lines(source: Path) -> Iterator[Line]:
    """The lines of a file of copy; blank ones are passed over.

    Raises
    ------
    AuditError
        For a file or a line that cannot be read, with its number, what is wrong and what is expected.
    """
    try:
        with source.open(encoding="utf-8") as stream:
            for number, text in enumerate(stream, start=1):
                if text.strip():
                    yield _line(text, number, source)
    except OSError as error:
        raise AuditError(f"--in {source} cannot be read ({error.strerror}); name a JSON Lines file") from error
    except UnicodeDecodeError as error:
        raise AuditError(f"--in {source} is no UTF-8 text ({error.reason}); save it as UTF-8") from error


def _line(text: str, number: int, source: Path) -> Line:
    where = f"{source}, line {number}"
    try:
        row = json.loads(text)
    except ValueError as error:
        raise AuditError(f"{where} is no JSON ({error}); expected one object a line") from error
    if not isinstance(row, dict):
        raise AuditError(f'{where} is a {type(row).__name__}; expected an object with "item" and "pitch"')
    item, pitch, locale = row.get("item"), row.get("pitch"), row.get("locale", "en")
    if not isinstance(item, dict) or not item:
        raise AuditError(f'{where}: "item" is {_shown(item)}; expected an object of item columns such as "title"')
    if not isinstance(pitch, str) or not pitch.strip():
        raise AuditError(f'{where}: "pitch" is {_shown(pitch)}; expected the text to check')
    if not isinstance(locale, str):
        raise AuditError(f'{where}: "locale" is {_shown(locale)}; expected a language tag such as "en"')
    return Line(number, item, pitch, locale)


def judged(line: Line, *, policy: str = DEFAULT_REGION, max_chars: int = MAX_CHARS) -> Verdict:
    """The gate's word on one line; a headline without a full stop is no fault here."""
    sheet = fact_sheet(line.item)
    return review(line.pitch, sheet, locale=line.locale, max_chars=max_chars, policy=policy, headline=True)


def reported(line: Line, verdict: Verdict, policy: str) -> dict[str, object]:
    """What is written of a line."""
    findings = [
        {
            "span": list(finding.span),
            "text": line.pitch[slice(*finding.span)],
            "rule": finding.rule,
            "severity": finding.severity,
            "why": finding.message,
        }
        for finding in sorted(verdict.findings, key=lambda finding: finding.span)
    ]
    return {
        "line": line.number,
        "item_id": line.item.get("item_id"),
        "verdict": verdict.decision,
        "findings": findings,
        "fact_ids": list(verdict.fact_ids),
        "policy_version": pack(policy).version,
    }


def _opened(draft: Path | None) -> nullcontext[TextIO] | TextIO:
    if draft is None:
        return nullcontext(sys.stdout)
    try:
        return draft.open("w", encoding="utf-8")
    except OSError as error:
        raise AuditError(
            f"--out cannot be written in {draft.parent} ({error.strerror}); name a folder that exists"
        ) from error


def _print_table(tally: Counter[str], rules: Counter[str], seconds: float, stream: TextIO) -> None:
    n_lines = tally.total()
    rows = [(name, tally[name]) for name in ("PASS", "REPAIR", "REVIEW", "BLOCK")]
    rows += [(f"  {rule}", count) for rule, count in rules.most_common(12)]
    print(f"{n_lines:,} lines in {seconds:.1f} s", file=stream)
    for name, count in rows:
        print(f"{name:<34}{count:>8,}{count / max(n_lines, 1):>8.1%}", file=stream)


def _shown(value: object) -> str:
    return "missing" if value is None else repr(value)[:60]


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no number above 0")
    return int(text)
