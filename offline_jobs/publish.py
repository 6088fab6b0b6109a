"""Publish a bundle unless it is worse than the one being served."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from recsys import bundle as bundles
from recsys.bundle import Bundle
from recsys.errors import BundleMismatchError, BundleNotFoundError


def publish(bundle: Bundle, bundles_dir: Path, *, force: bool = False) -> Path:
    """Write the bundle and make it current.

    Refuses with `BundleMismatchError` when its measured NDCG@10 lies below the interval of the current bundle of the
    same log, unless `force`.
    """
    if not force:
        _refuse_worse(bundle.manifest, bundles_dir)
    return bundles.publish(bundle, bundles_dir)


def _refuse_worse(manifest: Mapping[str, Any], bundles_dir: Path) -> None:
    try:
        served = bundles.read_manifest(bundles.current(bundles_dir))
        figures = served["metrics"]["slate"]
        old, (low, _) = figures["ndcg@10"], figures["intervals"]["ndcg@10"]
    except (BundleNotFoundError, BundleMismatchError, KeyError, TypeError):
        return  # nothing measured is served: anything is better
    if served["name"] != manifest["name"]:
        return
    new = manifest["metrics"]["slate"]["ndcg@10"]
    if new < low:
        raise BundleMismatchError(
            f"the new model's NDCG@10 is {new:.4f}; the current bundle {served['version']} has {old:.4f} (interval "
            f"from {low:.4f}); nothing was published; look at the log and the settings, or publish with --force"
        )
