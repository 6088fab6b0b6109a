"""Who has a bundle open: a shared lock on its manifest, held as long as it may be read.

Invariant: while a holder lives, `held` is True in every process of this machine. The dead hold nothing.
On a network file system locks reach other machines only where it says so (NFSv4 does).
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Final

from recsys.errors import BundleNotFoundError

MANIFEST: Final = "manifest.json"


def hold(bundle_dir: Path) -> int:
    """Take a bundle; the descriptor to close when done. Raises BundleNotFoundError where it is gone."""
    try:
        descriptor = os.open(bundle_dir / MANIFEST, os.O_RDONLY)
    except OSError as error:
        raise BundleNotFoundError(
            f"{bundle_dir} holds no {MANIFEST} ({error.strerror}); name a bundle folder"
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def held(bundle_dir: Path) -> bool:
    """Whether any process has the bundle open now; False where it has no manifest."""
    try:
        descriptor = os.open(bundle_dir / MANIFEST, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
