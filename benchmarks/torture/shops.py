"""What the server under torture serves: two bundles of generated shops, and bundles that nobody should serve.

Invariant: the two are of different logs, users and models, so a slate that mixes them is like neither. Bad bundles are
copies of a good one, each wrong in one way, with the pointer moved as a publisher would.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from recsys import bundle as bundle_files
from recsys import versions

SHOP: Final = {"n_users": 1_000, "n_items": 1_200, "n_events": 100_000}
N_USERS: Final = SHOP["n_users"]


def built(work: Path, *, tell: Callable[[str], None]) -> Path:
    """A folder with two versions, made on the first call: the first is current."""
    folder = work / "bundles"
    if (folder / "READY").exists():
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    made = []
    for seed in (1, 2):
        tell(f"building the shop of seed {seed} (a minute or two)")
        log, out = work / f"log-{seed}", work / f"built-{seed}"
        for leftover in (log, out):
            shutil.rmtree(leftover, ignore_errors=True)
        options = [f"--option={key}={value}" for key, value in (SHOP | {"seed": seed}).items()]
        _slatewright("ingest", "--dataset", "synthetic", *options, "--out", str(log))
        _slatewright("build", "--log", str(log), "--out", str(out), "--quiet", "--json")
        made.append(bundle_files.current(out))
    return together(made, folder)


def together(made: list[Path], folder: Path) -> Path:
    """One folder of bundles with these versions, the first current."""
    folder.mkdir(parents=True)
    for path in made:
        shutil.copytree(path, folder / path.name)
    versions.use(folder, made[0].name)
    (folder / "READY").touch()
    return folder


def names(folder: Path) -> list[str]:
    """Versions that can be served, the current one first."""
    current = versions.current_name(folder)
    others = [version.name for version in versions.versions(folder) if not version.problem]
    return [current, *(name for name in others if name != current)]


def copy_of(folder: Path, target: Path) -> Path:
    """A folder of bundles of a row's own, to be spoilt."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(folder, target)
    return target


def spoilt(folder: Path, kind: str) -> str:
    """Publish a bad copy of what is current, and point to it; its name."""
    source = bundle_files.current(folder)
    target = folder / f"{source.name[:9]}{kind}"
    shutil.copytree(source, target)
    _WAYS[kind](target)
    with bundle_files.publisher_lock(folder):
        bundle_files.point_current(folder, target.name)
    return target.name


def _slatewright(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "slatewright.cli", *arguments], check=True, stdout=subprocess.DEVNULL)


def _largest(bundle: Path) -> Path:
    return max(bundle.rglob("*.npy"), key=lambda path: path.stat().st_size)


def _truncate(bundle: Path) -> None:
    path = _largest(bundle)
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 1)


def _flip(bundle: Path) -> None:
    path = _largest(bundle)
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        (byte,) = file.read(1)
        file.seek(-1, 1)
        file.write(bytes([byte ^ 1]))


def _changed(**keys: Any) -> Callable[[Path], None]:
    def change(bundle: Path) -> None:
        path = bundle / bundle_files.MANIFEST
        manifest = json.loads(path.read_text())
        path.write_text(json.dumps(manifest | keys))

    return change


def _worsen(bundle: Path) -> None:
    path = bundle / bundle_files.MANIFEST
    manifest = json.loads(path.read_text())
    slate = manifest["metrics"]["slate"]
    slate["ndcg@10"] = slate["intervals"]["ndcg@10"][0] - 0.01
    path.write_text(json.dumps(manifest | {"version": bundle.name}))


_WAYS: Final[dict[str, Callable[[Path], None]]] = {
    "truncated": _truncate,
    "bit-flipped": _flip,
    "older-schema": _changed(format=1),
    "other-features": _changed(feature_hash="0" * 16),
    "worse": _worsen,
}
KINDS: Final = tuple(_WAYS)
