"""Bundles that variants name, live beside the one that serves.

Invariant: one is served only after it was loaded in the background and brought up to date; until then, or where it is
refused, `get` says None and its variants fall to the control. Used on the event loop.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection, Sequence
from pathlib import Path

from recsys.errors import BundleNotFoundError, RecsysError
from recsys.recommender import Recommender
from server import log, metrics


class OtherBundles:
    """As many as are wanted. `load` opens one; `on_load` is told of each; `serving` is the one that CURRENT names."""

    def __init__(
        self,
        directory: Path,
        *,
        load: Callable[[Path], Awaitable[Recommender]],
        serving: Callable[[], Recommender | None],
        on_load: Callable[[], None],
    ) -> None:
        self._directory = directory
        self._load = load
        self._serving = serving
        self._on_load = on_load
        self._wanted: dict[str, Recommender | None] = {}
        self._why: dict[str, str] = {}
        self._refused: set[str] = set()
        self._loading: asyncio.Task[None] | None = None

    def get(self, version: str) -> Recommender | None:
        """A bundle by its version; None while it is not ready."""
        return self._wanted.get(version)

    def live(self) -> list[Recommender]:
        """Those that are ready."""
        return [bundle for bundle in self._wanted.values() if bundle is not None]

    def want(self, versions: Collection[str]) -> None:
        """Have these from now on, let go of others; what was refused is tried again."""
        self._wanted = {version: self._wanted.get(version) for version in versions}
        self._why.clear()
        self._refused.clear()
        self.look()

    def take(self, bundle: Recommender) -> None:
        """A bundle that is live already, if it is wanted."""
        version = str(bundle.manifest["version"])
        if version in self._wanted:
            self._wanted[version] = bundle

    def look(self) -> None:
        """Load what is wanted and not there, unless that is under way; nothing before the first bundle serves."""
        serving = self._serving()
        if serving is None:
            return
        self.take(serving)
        missing = [v for v, bundle in self._wanted.items() if bundle is None and v not in self._refused]
        if missing and (self._loading is None or self._loading.done()):
            self._loading = asyncio.ensure_future(self._load_each(missing))

    async def close(self) -> None:
        """Stop loading."""
        if self._loading is not None:
            self._loading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._loading

    async def _load_each(self, versions: Sequence[str]) -> None:
        for version in versions:
            try:
                fresh = await self._load(self._directory / version)
            except BundleNotFoundError as error:  # it may be published yet
                self._tell_once(version, error)
            except Exception as error:  # a damaged file may break a library anywhere
                metrics.BUNDLES_REFUSED.inc()
                self._refused.add(version)
                self._tell_once(version, error)
            else:
                if version in self._wanted and self._wanted[version] is None:
                    self._wanted[version] = fresh
                    self._on_load()
                    log.write("variant_bundle_loaded", bundle=version)

    def _tell_once(self, version: str, error: Exception) -> None:
        why = str(error) if isinstance(error, RecsysError) else type(error).__qualname__
        if self._why.get(version) != why:
            self._why[version] = why
            log.write("variant_bundle_missing", bundle=version, why=why, trace=log.frames(error))
