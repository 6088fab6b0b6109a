"""The versions of a folder of bundles: which there are, which serves, back to the one before, away with the old.

    HISTORY      one JSON line for each move of CURRENT: version, how (publish, force, use, rollback), time

Invariant: the version that CURRENT names is never removed, nor the one a rollback would go to, nor one that a running
server of this machine has open. What moves CURRENT holds the publisher's lock; a reader sees the old or the new one.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from recsys import bundle as bundles
from recsys import lease
from recsys.errors import BundleError, BundleNotFoundError, ConfigError
from recsys.files import sync_path

REMOVING: Final = ".removing-"


@dataclass(frozen=True, slots=True)
class Version:
    """One bundle of a folder; `ndcg` None where it was not measured, `problem` why it cannot be served."""

    name: str
    created: datetime
    n_bytes: int
    current: bool
    in_use: bool
    ndcg: float | None = None
    data: str = ""
    """Name of the log it was built from."""
    problem: str = ""


def versions(bundles_dir: Path) -> list[Version]:
    """Every version, the newest first."""
    now = current_name(bundles_dir)
    found = [_version(path.parent, now) for path in bundles_dir.glob(f"[!.]*/{bundles.MANIFEST}")]
    return sorted(found, key=lambda version: (version.created, version.name), reverse=True)


def current_name(bundles_dir: Path) -> str:
    """What CURRENT says; empty where nothing is published."""
    try:
        return bundles.current(bundles_dir).name
    except BundleNotFoundError:
        return ""


def use(bundles_dir: Path, version: str, *, how: str = "use") -> Path:
    """Point CURRENT to a version once every file of it is checked. Raises BundleError where it cannot be served."""
    known = [found.name for found in versions(bundles_dir)]
    if version not in known:
        raise BundleNotFoundError(
            f"version {version!r} is not in {bundles_dir}; expected one of {', '.join(known) or 'none yet'}; choose one"
        )
    with bundles.publisher_lock(bundles_dir):
        bundles.load(bundles_dir / version)
        if version != current_name(bundles_dir) or not chosen(bundles_dir, version):
            bundles.point_current(bundles_dir, version, how=how)
    return bundles_dir / version


def chosen(bundles_dir: Path, version: str) -> bool:
    """Whether somebody wanted this version, whatever it measures: by `use`, a rollback or a publication by force."""
    return moved_by(_history(bundles_dir), version) not in {"", "publish"}


def moved_by(moves: Sequence[Mapping[str, str]], version: str) -> str:
    """How CURRENT came to name a version the last time; empty where no move to it is known."""
    return next((move["how"] for move in reversed(moves) if move["version"] == version), "")


def why_worse(new: Mapping[str, Any], served: Mapping[str, Any]) -> str:
    """Why the bundle of manifest `new` should not replace that of `served`; empty where nothing speaks against it.

    Its NDCG@10 lies below the interval that was measured for the other, on the same log.
    """
    try:
        figures = served["metrics"]["slate"]
        old, (low, _) = float(figures["ndcg@10"]), figures["intervals"]["ndcg@10"]
        ndcg = float(new["metrics"]["slate"]["ndcg@10"])
    except (KeyError, TypeError, ValueError):
        return ""  # nothing measured is served, or nothing is known of the new one
    if served.get("name") != new.get("name") or not ndcg < low:
        return ""
    return f"the new model's NDCG@10 is {ndcg:.4f}; bundle {served['version']} has {old:.4f} (interval from {low:.4f})"


def rollback(bundles_dir: Path) -> Path:
    """Back to the version that served before this one came; once more goes one further. Raises BundleNotFoundError."""
    before = previous(bundles_dir)
    if not before:
        raise BundleNotFoundError(
            f"{bundles_dir} has no version that served before {current_name(bundles_dir) or 'now'} and is still there; "
            "choose one with `slatewright bundles use`"
        )
    return use(bundles_dir, before, how="rollback")


def previous(bundles_dir: Path) -> str:
    """The version a rollback goes to, empty without one."""
    served: list[str] = []
    for move in _history(bundles_dir):
        if move["how"] == "rollback" and move["version"] in served[:-1]:
            served = served[: len(served) - 1 - served[-2::-1].index(move["version"])]
        elif served[-1:] != [move["version"]]:
            served.append(move["version"])
    now = current_name(bundles_dir)
    if served[-1:] != [now]:  # moved by hand, or by an older version of this code
        served.append(now)
    there = {version.name for version in versions(bundles_dir) if not version.problem}
    return next((name for name in reversed(served[:-1]) if name in there and name != now), "")


def gc(bundles_dir: Path, *, keep: int) -> tuple[list[Version], list[Version]]:
    """Remove all but the newest `keep` and those the invariant protects: (removed, kept only because in use)."""
    if keep < 0:
        raise ConfigError(f"keep is {keep}; expected 0 or more; choose one")
    removed, spared = [], []
    with bundles.publisher_lock(bundles_dir):
        for leftover in bundles_dir.glob(f"{REMOVING}*"):
            shutil.rmtree(leftover)
        protected = {current_name(bundles_dir), previous(bundles_dir)}
        for version in versions(bundles_dir)[keep:]:
            if version.name in protected:
                continue
            if version.in_use:
                spared.append(version)
                continue
            aside = bundles_dir / f"{REMOVING}{version.name}"
            (bundles_dir / version.name).rename(aside)
            sync_path(bundles_dir)
            shutil.rmtree(aside)
            removed.append(version)
    return removed, spared


def _version(directory: Path, now: str) -> Version:
    fallback = datetime.fromtimestamp(directory.stat().st_mtime, UTC)
    n_bytes = sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())
    always: dict[str, Any] = {
        **{"name": directory.name, "n_bytes": n_bytes},
        **{"current": directory.name == now, "in_use": lease.held(directory)},
    }
    try:
        manifest = bundles.read_manifest(directory)
        created = datetime.fromisoformat(str(manifest.get("created")))
    except (BundleError, ValueError) as error:
        return Version(created=fallback, problem=str(error), **always)
    return Version(created=created, data=str(manifest["name"]), ndcg=_ndcg(manifest), **always)


def _ndcg(manifest: Any) -> float | None:
    try:
        return float(manifest["metrics"]["slate"]["ndcg@10"])
    except (KeyError, TypeError, ValueError):
        return None


def _history(bundles_dir: Path) -> list[dict[str, str]]:
    try:
        return moves((bundles_dir / bundles.HISTORY).read_text(encoding="utf-8", errors="replace"))
    except FileNotFoundError:
        return []


def moves(history: str) -> list[dict[str, str]]:
    """The moves that a HISTORY tells of; a line cut off by a crash is left out."""
    found = []
    for line in history.splitlines():
        try:
            move = json.loads(line)
            found.append({"version": str(move["version"]), "how": str(move["how"])})
        except (ValueError, KeyError, TypeError):
            continue
    return found
