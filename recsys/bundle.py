"""A bundle: everything served, in one immutable folder named by its content.

    bundles/
      CURRENT                    the name of the version to serve, moved last
      HISTORY                    what CURRENT named, and when (recsys.versions)
      20171204-3f9c0d1a77e2/
        manifest.json            version, as_of, features, config, metrics, sha256 and size of every file
        items/ sources/ histories/ users/ item_ids/    *.npy, memory-mapped
        items.arrow categories.arrow brands.arrow      Arrow IPC, memory-mapped
        ranker.txt               LightGBM text

Invariant: a reader sees a whole old or a whole new version. Files are written under a temporary name and fsynced,
then the folder is renamed, then CURRENT is replaced. Nothing is pickled.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from recsys import lease
from recsys.candidates.retrieve import Sources
from recsys.errors import BundleMismatchError, BundleNotFoundError, ConfigError
from recsys.files import (
    read_arrays,
    read_arrow,
    sha256,
    sync_path,
    sync_tree,
    write_arrow,
    write_bytes,
)
from recsys.ids import IdMap
from recsys.profiles.items import ItemTable
from recsys.profiles.store import Histories
from recsys.rerank.features import FEATURES, feature_hash
from recsys.rerank.prepare import Model

FORMAT: Final = 3
CURRENT: Final = "CURRENT"
HISTORY: Final = "HISTORY"
LOCK: Final = ".lock"
MANIFEST: Final = lease.MANIFEST
UNFINISHED: Final = ".publishing-"
MANIFEST_TYPES: Final[dict[str, type]] = {
    "version": str,
    "name": str,
    "clock": str,
    "as_of_ms": int,
    "feature_hash": str,
    "features": list,
    "files": dict,
}
VERSIONED: Final = ("name", "clock", "currency", "locale", "config")
"""Keys of the manifest that are part of what is served, and so of the version, beside the files."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """An opened bundle; arrays and tables are views of mapped files.

    `catalogue` has the columns of `recsys.schema.ITEM_COLUMNS`, one row an item, in row order.
    """

    manifest: Mapping[str, Any]
    model: Model
    histories: Histories
    users: IdMap
    item_ids: IdMap
    catalogue: pa.Table
    category_names: list[str]
    brands: list[str]
    ranker_text: str

    @property
    def version(self) -> str:
        """Name of the bundle: date of `as_of` and a hash of its content."""
        return str(self.manifest["version"])


def publish(bundle: Bundle, bundles_dir: Path, *, make_current: bool = True, how: str = "publish") -> Path:
    """Write a bundle and point CURRENT to it, as HISTORY then says with `how`; returns its folder.

    `bundle.manifest` gives what only the job knows (name, as_of_ms, clock, config, metrics, ...); version, feature
    names and checksums are added here. Publishing the same content again changes nothing.
    """
    make_folder(bundles_dir)
    with publisher_lock(bundles_dir):
        for leftover in bundles_dir.glob(f"{UNFINISHED}*"):
            shutil.rmtree(leftover)
        draft = bundles_dir / f"{UNFINISHED}{os.getpid()}"
        _write_files(bundle, draft)
        manifest = _manifest(bundle, draft)
        write_bytes(draft / MANIFEST, (json.dumps(manifest, indent=1, allow_nan=False) + "\n").encode())
        sync_tree(draft)
        target = bundles_dir / str(manifest["version"])
        if target.exists() and _is_sound(target):
            shutil.rmtree(draft)
        else:
            shutil.rmtree(target, ignore_errors=True)  # a damaged copy of the same content
            draft.rename(target)
        sync_path(bundles_dir)
        if make_current:
            point_current(bundles_dir, manifest["version"], how=how)
    return target


def make_folder(bundles_dir: Path) -> None:
    """Create the folder of bundles; `ConfigError` where it cannot be written."""
    try:
        bundles_dir.mkdir(parents=True, exist_ok=True)
        (bundles_dir / LOCK).touch()
    except OSError as error:
        raise ConfigError(
            f"{bundles_dir} cannot hold bundles: {error.strerror}; name a folder that can be written"
        ) from error


def point_current(bundles_dir: Path, version: str, *, how: str = "publish") -> None:
    """Atomically make `version` the one to serve; the caller holds the publisher's lock."""
    draft = bundles_dir / f"{CURRENT}.new"
    write_bytes(draft, f"{version}\n".encode())
    draft.replace(bundles_dir / CURRENT)
    move = {"version": version, "how": how, "time": datetime.now(UTC).isoformat(timespec="seconds")}
    with (bundles_dir / HISTORY).open("ab") as file:
        file.write(f"\n{json.dumps(move)}".encode())  # the line break first: a crash may have cut the last line
        file.flush()
        os.fsync(file.fileno())
    sync_path(bundles_dir)


def current(bundles_dir: Path) -> Path:
    """Folder that CURRENT names; raises `BundleNotFoundError` where nothing is published."""
    try:
        version = (bundles_dir / CURRENT).read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise BundleNotFoundError(
            f"no bundle in {bundles_dir}: {CURRENT} cannot be read; publish one with `slatewright build --out "
            f"{bundles_dir}`"
        ) from error
    directory = bundles_dir / version
    if not version or "/" in version or not (directory / MANIFEST).is_file():
        raise BundleNotFoundError(
            f"{bundles_dir / CURRENT} names {version!r}, which is not there; publish again or point it to a version "
            "that is"
        )
    return directory


def read_manifest(directory: Path) -> dict[str, Any]:
    """The manifest of a bundle folder; raises where it is missing, damaged or of another format."""
    try:
        manifest: dict[str, Any] = json.loads((directory / MANIFEST).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise BundleNotFoundError(f"{directory} holds no {MANIFEST}; name a bundle folder") from error
    except (OSError, ValueError) as error:
        raise BundleMismatchError(f"{directory / MANIFEST} cannot be read: {error}; publish again") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        found = manifest.get("format") if isinstance(manifest, dict) else None
        raise BundleMismatchError(
            f"{directory.name} has format {found}; this code reads {FORMAT}; rebuild it with `slatewright build`"
        )
    wrong = [key for key, kind in MANIFEST_TYPES.items() if not isinstance(manifest.get(key), kind)]
    if wrong:
        raise BundleMismatchError(
            f"{directory.name}: its manifest lacks or misstates {', '.join(wrong)}; publish the bundle again"
        )
    return manifest


def load(directory: Path, *, verify: bool = True) -> Bundle:
    """Open a bundle; with `verify` every file's sha256 is compared, else only its size.

    Raises `BundleMismatchError` where a file is damaged or the features are not this code's.
    """
    manifest = read_manifest(directory)
    if manifest["feature_hash"] != feature_hash():
        changed = sorted(set(manifest["features"]) ^ set(FEATURES)) or ["their order"]
        raise BundleMismatchError(
            f"{directory.name} was built with other features (differing: {', '.join(changed[:8])}); expected hash "
            f"{feature_hash()}, got {manifest['feature_hash']}; rebuild it with `slatewright build`"
        )
    for name, entry in manifest["files"].items():
        path = directory / name
        if not path.is_file() or path.stat().st_size != entry["bytes"]:
            raise BundleMismatchError(f"{path} is missing or truncated; publish the bundle again")
        if verify and sha256(path) != entry["sha256"]:
            raise BundleMismatchError(f"{path} does not match its checksum; publish the bundle again")
    try:
        return _opened(directory, manifest)
    except (KeyError, TypeError, ValueError) as error:
        raise BundleMismatchError(
            f"{directory.name} lacks or misnames what this code reads ({error}); rebuild it with `slatewright build`"
        ) from error


def _opened(directory: Path, manifest: Mapping[str, Any]) -> Bundle:
    return Bundle(
        manifest=manifest,
        model=Model(
            manifest["as_of_ms"],
            ItemTable.from_arrays(read_arrays(directory / "items")),
            Sources.from_arrays(read_arrays(directory / "sources")),
            read_arrays(directory / "features")["static"],  # type: ignore[arg-type]
        ),
        histories=Histories.from_arrays(read_arrays(directory / "histories")),
        users=IdMap(**read_arrays(directory / "users")),  # type: ignore[arg-type]
        item_ids=IdMap(**read_arrays(directory / "item_ids")),  # type: ignore[arg-type]
        catalogue=read_arrow(directory / "items.arrow"),
        category_names=read_arrow(directory / "categories.arrow")["name"].to_pylist(),
        brands=read_arrow(directory / "brands.arrow")["brand"].to_pylist(),
        ranker_text=(directory / "ranker.txt").read_text(encoding="utf-8"),
    )


def _is_sound(directory: Path) -> bool:
    try:
        load(directory)
    except (BundleNotFoundError, BundleMismatchError):
        return False
    return True


def _manifest(bundle: Bundle, draft: Path) -> dict[str, Any]:
    files = {
        str(path.relative_to(draft)): {"sha256": sha256(path), "bytes": path.stat().st_size}
        for path in sorted(draft.rglob("*"))
        if path.is_file()
    }
    served = [files, {key: bundle.manifest.get(key) for key in VERSIONED}]
    content = hashlib.sha256(json.dumps(served, sort_keys=True).encode()).hexdigest()[:12]
    day = datetime.fromtimestamp(bundle.model.as_of_ms / 1000, UTC).strftime("%Y%m%d")
    return {
        **bundle.manifest,
        "format": FORMAT,
        "version": f"{day}-{content}",
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "as_of_ms": bundle.model.as_of_ms,
        "features": list(FEATURES),
        "feature_hash": feature_hash(),
        "files": files,
    }


def _write_files(bundle: Bundle, draft: Path) -> None:
    draft.mkdir()
    folders: dict[str, dict[str, NDArray[np.generic]]] = {
        "items": bundle.model.items.arrays(),
        "sources": bundle.model.sources.arrays(),
        "features": {"static": bundle.model.static},
        "histories": bundle.histories.arrays(),
        "users": bundle.users.arrays(),
        "item_ids": bundle.item_ids.arrays(),
    }
    for folder, arrays in folders.items():
        (draft / folder).mkdir()
        for name, array in arrays.items():
            np.save(draft / folder / f"{name}.npy", array, allow_pickle=False)
    write_arrow(draft / "items.arrow", bundle.catalogue)
    write_arrow(draft / "categories.arrow", pa.table({"name": pa.array(bundle.category_names, pa.string())}))
    write_arrow(draft / "brands.arrow", pa.table({"brand": pa.array(bundle.brands, pa.string())}))
    (draft / "ranker.txt").write_text(bundle.ranker_text, encoding="utf-8")


@contextmanager
def publisher_lock(bundles_dir: Path) -> Iterator[None]:
    """Hold the folder against others who publish, move CURRENT or remove."""
    with (bundles_dir / LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
