"""A folder of bundles somewhere else (`s3://…`, any fsspec location) and its verified copy on this machine.

Invariant: the local folder is an ordinary folder of bundles: a version is in it whole, every file of the size and
SHA-256 that its manifest says, fsynced, or not at all; `CURRENT` is moved last. Where the other place
is away or wrong, what is here goes on serving.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Final

from recsys import bundle as bundles
from recsys import versions
from recsys.errors import BundleMismatchError, ConfigError, RecsysError
from recsys.files import sync_path, sync_tree
from server import log

KEPT: Final = 2
"""Versions kept here beside what serves, so that going back needs no download."""
FETCHING: Final = ".fetching-"
_LOCK: Final = ".mirror"
_CHUNK: Final = 1 << 20
_MAX_MANIFEST: Final = 64 << 20
_VERSION: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}")


class Mirror:
    """Copies what `CURRENT` of `url` names into `local`. Raises ConfigError where fsspec or its driver is missing."""

    def __init__(self, url: str, local: Path) -> None:
        self._local = local
        self._files, self._root = _opened(url)
        self._told = ""

    async def watch(self, *, poll_s: float) -> None:
        """Follow the other place until cancelled."""
        while True:
            await asyncio.sleep(poll_s)
            await self.follow()

    async def follow(self) -> bool:
        """Look once, in a thread; True where another version is current here now. Failures are logged once each."""
        try:
            moved = await asyncio.to_thread(self.pull)
        except Exception as error:  # drivers raise whatever they like, and may quote credentials
            why = str(error) if isinstance(error, RecsysError) else type(error).__qualname__
            if why != self._told:
                self._told = why
                log.write("bundle_not_fetched", why=why, trace=log.frames(error))
            return False
        self._told = ""
        return moved

    def pull(self) -> bool:
        """Fetch and check the version that is current there, unless another process is at it."""
        bundles.make_folder(self._local)
        with (self._local / _LOCK).open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            version = self._read(bundles.CURRENT, at_most=200).decode("utf-8", "replace").strip()
            if not _VERSION.fullmatch(version):
                raise BundleMismatchError(
                    f"{bundles.CURRENT} there names {version[:40]!r}; expected a version; publish again"
                )
            if version == versions.current_name(self._local):
                return False
            if not (self._local / version / bundles.MANIFEST).is_file():
                self._fetch(version)
            how = self._moved_by(version)
            with bundles.publisher_lock(self._local):
                bundles.point_current(self._local, version, how=how)
            versions.gc(self._local, keep=KEPT)
            log.write("bundle_fetched", bundle=version)
        return True

    def _moved_by(self, version: str) -> str:
        """How `CURRENT` there came to name it: workers serve a worse version only where somebody chose it."""
        try:
            history = self._read(bundles.HISTORY, at_most=_MAX_MANIFEST).decode("utf-8", "replace")
        except (OSError, BundleMismatchError):
            return "publish"
        return versions.moved_by(versions.moves(history), version) or "publish"

    def _fetch(self, version: str) -> None:
        for leftover in self._local.glob(f"{FETCHING}*"):
            shutil.rmtree(leftover)
        draft = self._local / f"{FETCHING}{version}"
        draft.mkdir()
        try:
            (draft / bundles.MANIFEST).write_bytes(self._read(f"{version}/{bundles.MANIFEST}", at_most=_MAX_MANIFEST))
            manifest = bundles.read_manifest(draft)
            if manifest["version"] != version:
                raise BundleMismatchError(f"the manifest of {version} says {manifest['version']!r}; publish it again")
            for name, entry in manifest["files"].items():
                self._fetch_file(f"{version}/{name}", draft / _inside(name), entry)
            sync_tree(draft)
            draft.rename(self._local / version)
            sync_path(self._local)
        finally:
            shutil.rmtree(draft, ignore_errors=True)

    def _fetch_file(self, name: str, target: Path, entry: Mapping[str, Any]) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        digest, n_bytes = hashlib.sha256(), 0
        with self._files.open(f"{self._root}/{name}", "rb", cache_type="none") as source, target.open("wb") as copy:
            while n_bytes <= int(entry["bytes"]) and (chunk := source.read(_CHUNK)):
                digest.update(chunk)
                copy.write(chunk)
                n_bytes += len(chunk)
        if n_bytes != int(entry["bytes"]) or digest.hexdigest() != entry["sha256"]:
            raise BundleMismatchError(f"{name} there is not what its manifest says; publish the bundle again")

    def _read(self, name: str, *, at_most: int) -> bytes:
        """A small file, whole and fresh."""
        with self._files.open(f"{self._root}/{name}", "rb", cache_type="none") as source:
            content: bytes = source.read(at_most + 1)
        if len(content) > at_most:
            raise BundleMismatchError(f"{name} there has more than {at_most} bytes; publish again")
        return content


def _opened(url: str) -> tuple[Any, str]:
    """A file system that remembers no listing, and the folder in it."""
    try:
        import fsspec  # noqa: PLC0415  only where bundles are elsewhere

        files, root = fsspec.core.url_to_fs(url, use_listings_cache=False, skip_instance_cache=True)
    except ImportError as error:
        raise ConfigError(
            f"bundles at {_shown(url)} need {error.name or error}; pip install 'slatewright[remote]'"
        ) from error
    except (ValueError, TypeError) as error:
        raise ConfigError(
            f"bundles at {_shown(url)} cannot be reached: {type(error).__name__}; name one such as s3://…"
        ) from error
    return files, root.rstrip("/")


def _shown(url: str) -> str:
    """A location without what may be a password."""
    return re.sub(r"//[^/@]*@", "//…@", url.partition("?")[0])


def _inside(name: str) -> PurePosixPath:
    path = PurePosixPath(name)
    if path.is_absolute() or not path.parts or ".." in path.parts or "\\" in name or os.sep != "/":
        raise BundleMismatchError(
            f"a manifest names the file {name[:60]!r}; expected one inside of its bundle; publish again"
        )
    return path
