"""Publish a bundle unless it is worse than the one being served."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from recsys import bundle as bundles
from recsys.bundle import Bundle
from recsys.errors import BundleMismatchError, BundleNotFoundError
from recsys.versions import why_worse


def publish(bundle: Bundle, bundles_dir: Path, *, force: bool = False) -> Path:
    """Write the bundle and make it current.

    Refuses with `BundleMismatchError` when its measured NDCG@10 lies below the interval of the current bundle of the
    same log, unless `force`.
    """
    if not force:
        _refuse_worse(bundle.manifest, bundles_dir)
    return bundles.publish(bundle, bundles_dir, how="force" if force else "publish")


def _refuse_worse(manifest: Mapping[str, Any], bundles_dir: Path) -> None:
    try:
        served = bundles.read_manifest(bundles.current(bundles_dir))
    except (BundleNotFoundError, BundleMismatchError):
        return  # nothing is served: anything is better
    if why := why_worse(manifest, served):
        raise BundleMismatchError(
            f"{why}; nothing was published; look at the log and the settings, or publish with --force"
        )
