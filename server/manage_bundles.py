"""`slatewright bundles`: what there is, which serves, back to the one before, away with the old."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from recsys import versions
from recsys.errors import BundleNotFoundError
from recsys.versions import Version
from server.config import ServerConfig

HELP: Final = "list, choose, roll back and remove bundles"
EXAMPLE: Final = "slatewright bundles rollback --bundles var/bundles"
KEPT: Final = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """One of four actions."""
    known = ServerConfig().bundles
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listed = actions.add_parser("list", help="every version, the newest first")
    chosen = actions.add_parser("use", help="serve this version from now on")
    back = actions.add_parser("rollback", help="serve what served before; again: one further back")
    away = actions.add_parser("gc", help="remove old versions that no server has open")
    chosen.add_argument("version", metavar="VERSION", help="as `list` names it")
    away.add_argument("--keep", type=int, default=KEPT, metavar="K", help=f"newest versions to keep ({KEPT})")
    for action in (listed, chosen, back, away):
        action.add_argument("--bundles", type=Path, default=known, metavar="DIR", help=f"their folder ({known})")
        action.add_argument("--json", action="store_true", help="print the answer as JSON")


def run(args: argparse.Namespace) -> int:
    """Do it and say what was done."""
    if not args.bundles.is_dir():
        raise BundleNotFoundError(f"{args.bundles} is no folder of bundles; name one with --bundles")
    if args.action == "gc":
        removed, spared = versions.gc(args.bundles, keep=args.keep)
        names = {"removed": [v.name for v in removed], "in_use": [v.name for v in spared]}
        lines = [f"removed {v.name}, {_size(v.n_bytes)}" for v in removed]
        lines += [f"kept {v.name}: a running server has it open" for v in spared]
        _say(args, names, lines or ["nothing to remove"])
    elif args.action == "list":
        found = versions.versions(args.bundles)
        _say(args, [asdict(version) for version in found], _table(found) if found else ["no bundle is published yet"])
    else:
        made = (
            versions.rollback(args.bundles) if args.action == "rollback" else versions.use(args.bundles, args.version)
        )
        _say(args, {"current": made.name}, [f"current is {made.name}; running servers switch within a second or two"])
    return 0


def _say(args: argparse.Namespace, answer: Any, lines: list[str]) -> None:
    if args.json:
        print(json.dumps(answer, indent=1, default=str))
    else:
        print("\n".join(lines))


def _table(found: list[Version]) -> list[str]:
    """Aligned columns, as wide as their widest cell."""
    rows = [("", "version", "age", "log", "ndcg@10", "size", "")]
    for version in found:
        ndcg = "" if version.ndcg is None else f"{version.ndcg:.4f}"
        note = version.problem or ("in use" if version.in_use else "")
        mark = "*" if version.current else ""
        rows.append((mark, version.name, _age(version.created), version.data, ndcg, _size(version.n_bytes), note))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _age(created: datetime) -> str:
    hours = (datetime.now(UTC) - created.astimezone(UTC)).total_seconds() / 3_600
    return f"{hours / 24:.0f} d" if hours >= 48 else f"{hours:.0f} h" if hours >= 1 else f"{60 * hours:.0f} min"


def _size(n_bytes: int) -> str:
    return f"{n_bytes / 1e6:,.1f} MB"
