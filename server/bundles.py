"""The bundle that serves, its replacement when another one is published, and others beside it.

Invariant: a bundle serves only after it was opened, verified, warmed up and brought up to date with the overlay and
the business rules; until then, and whenever the new one is refused, the old one goes on. Each call holds one bundle
from start to end, so no slate mixes two. A published bundle that measures worse than the one before it is refused
until somebody chooses it (`slatewright bundles use`, or a publication by force). A worker that starts and must refuse
what is current serves what was current before.
"""

from __future__ import annotations

import asyncio
import os
import weakref
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from recsys import bundle as bundle_files
from recsys import lease, versions
from recsys.errors import BundleError, BundleMismatchError, RecsysError
from recsys.recommender import Recommender
from recsys.rules import Rules
from recsys.slate import ItemUpdate
from server import log, metrics
from server.errors import NoBundleError, ServerError
from server.event_store import EventStore
from server.executor import CpuThread
from server.other_bundles import OtherBundles

T = TypeVar("T")


class Bundles:
    """Watches one folder of bundles. Used on the event loop, where `on_load` is told of each bundle that serves."""

    def __init__(
        self,
        directory: Path,
        *,
        cpu: CpuThread,
        store: EventStore,
        open_bundle: Callable[[Path], Recommender] = Recommender.open,
    ) -> None:
        self._directory = directory
        self._cpu = cpu
        self._store = store
        self._open = open_bundle
        self.on_load: Callable[[], None] = lambda: None
        self._current: Recommender | None = None
        self._seen: Path | None = None
        self._worse = False
        """Whether what was seen last was refused for what it measures."""
        self._told = ""
        self._rules: Rules | None = None
        self._n_shown = 0
        self._tasks: set[asyncio.Task[int]] = set()
        self.others = OtherBundles(
            directory, load=self._up_to_date, serving=lambda: self._current, on_load=self._tell_loaded
        )

    @property
    def loaded(self) -> bool:
        """True once a bundle serves."""
        return self._current is not None

    def serving(self) -> Recommender:
        """The bundle that serves. Raises NoBundleError before the first one is loaded."""
        if self._current is None:
            raise NoBundleError(
                "no bundle is loaded; expected a published one; "
                "run `slatewright build`, the server picks it up by itself"
            )
        return self._current

    def named(self, version: str) -> Recommender | None:
        """A live bundle by its version; None while it is not ready."""
        current = self._current
        if current is not None and str(current.manifest["version"]) == version:
            return current
        return self.others.get(version)

    async def poll(self) -> bool:
        """Load what CURRENT points to when it is new, and what variants name; True when the serving bundle changed."""
        changed = await self._poll_current()
        self.others.look()
        return changed

    async def _poll_current(self) -> bool:
        try:
            path = await asyncio.to_thread(bundle_files.current, self._directory)
        except Exception as error:  # whatever CURRENT holds, it may be better at the next look
            self._tell_once(error)
            return False
        self._told = ""
        if path == self._seen and not (self._worse and await asyncio.to_thread(self._chosen, path)):
            return False
        self._seen, self._worse = path, False
        if await self._taken(path):
            return True
        return not self.loaded and await self._fall_back()

    async def _fall_back(self) -> bool:
        """Serve what was current before; for a worker that has nothing else."""
        name = await asyncio.to_thread(self._before)
        return bool(name) and await self._taken(self._directory / name)

    def _before(self) -> str:
        """The version that was current before; empty without one, or where the folder is just being changed."""
        try:
            return versions.previous(self._directory)
        except OSError:
            return ""

    def _chosen(self, path: Path) -> bool:
        return versions.chosen(self._directory, path.name)

    async def _taken(self, path: Path) -> bool:
        """Whether the bundle serves now; where it does not, the log says why."""
        try:
            if why := await asyncio.to_thread(self._why_worse, path):
                self._worse = True
                raise BundleMismatchError(
                    f"{why}; expected no worse a model; choose it with `slatewright bundles use {path.name}` if it is "
                    "meant to serve"
                )
            await self._load(path)
        except (OSError, ServerError) as error:  # of this moment, such as too many open files: tried again
            self._seen = None
            log.write("bundle_unreadable", bundle=path.name, why=str(error))
            return False
        except RecsysError as error:
            metrics.BUNDLES_REFUSED.inc()
            log.write("bundle_refused", bundle=path.name, why=str(error))
            return False
        except Exception as error:  # a damaged file may break a library anywhere
            metrics.BUNDLES_REFUSED.inc()
            log.write("bundle_refused", bundle=path.name, trace=log.frames(error))
            return False
        return True

    def _why_worse(self, path: Path) -> str:
        """Beside what serves, or what was current before where nothing does yet. Empty where it may serve."""
        try:
            if self._current is not None:
                served = self._current.manifest
            elif name := self._before():
                served = bundle_files.read_manifest(self._directory / name)
            else:
                return ""
            new = bundle_files.read_manifest(path)
        except BundleError:
            return ""  # what cannot be read is told of when it is loaded
        if served.get("version") == path.name or not (why := versions.why_worse(new, served)):
            return ""
        return "" if self._chosen(path) else why

    async def update_items(self, updates: Sequence[ItemUpdate]) -> int:
        """Store item updates in their order, then show them; the overlay's version.

        What was stored is shown even when the caller leaves meanwhile.
        """
        task = asyncio.ensure_future(self._store_and_show(updates))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return await asyncio.shield(task)

    def show(self, updates: Sequence[ItemUpdate]) -> None:
        """Have item updates in every slate asked for from now on, however long the queue is."""
        self._n_shown += 1
        for bundle in self._live():
            self._cpu.submit(partial(bundle.update_items, updates)).add_done_callback(_tell_failure)

    async def use_rules(self, rules: Rules) -> None:
        """Keep to these business rules in every slate from now on, whichever bundle serves."""
        self._rules = rules
        for bundle in self._live():
            await self._apply_rules(bundle, rules)

    async def in_thread(self, work: Callable[[Recommender], T]) -> T:
        """`work(bundle)` in the CPU thread."""
        bundle = self.serving()
        return await self._cpu.run(lambda: work(bundle))

    def knows(self, item_id: str) -> bool:
        """Whether a live bundle has the item; True for every item while no bundle serves."""
        return self._current is None or any(bundle.row(item_id) >= 0 for bundle in self._live())

    def _tell_loaded(self) -> None:
        self.on_load()

    def _live(self) -> list[Recommender]:
        others = [bundle for bundle in self.others.live() if bundle is not self._current]
        return others if self._current is None else [self._current, *others]

    def _tell_once(self, error: Exception) -> None:
        """Log why there is nothing to load, once until it changes: this is asked every second."""
        why = str(error) if isinstance(error, RecsysError) else type(error).__qualname__
        if why != self._told:
            self._told = why
            log.write("bundle_unreadable", why=why, trace=log.frames(error))

    async def _store_and_show(self, updates: Sequence[ItemUpdate]) -> int:
        version = await self._store.overlay(updates)
        await self._store.catch_up()
        return version

    async def _load(self, path: Path) -> None:
        fresh = self.others.get(path.name) or await self._up_to_date(path)
        before, self._current = self._current, fresh
        if before is not None:
            self.others.take(before)
        self.others.take(fresh)
        metrics.bundle_serves(
            str(fresh.manifest["version"]),
            as_of_ms=int(str(fresh.manifest["as_of_ms"])),
            before=str(before.manifest["version"]) if before else None,
        )
        self.on_load()
        log.write("bundle_loaded", bundle=str(fresh.manifest["version"]))

    async def _up_to_date(self, path: Path) -> Recommender:
        """A bundle ready to serve; the caller makes it live before it awaits anything else."""
        fresh = await asyncio.to_thread(_opened, self._open, path)
        # An update stored meanwhile is shown by the old bundle only: repeat until none is missed.
        shown: dict[str, ItemUpdate] = {}
        rules: Rules | None = None
        while True:
            n_shown = self._n_shown
            missed = [u for u in await self._store.overlays() if shown.get(u.item_id) != u]
            if not missed and rules is self._rules and n_shown == self._n_shown:
                break
            if self._rules is not None and rules is not self._rules:
                rules = self._rules
                await self._apply_rules(fresh, rules)
            await self._cpu.run(lambda missed=missed: fresh.update_items(missed), bounded=False)  # type: ignore[misc]
            shown.update((update.item_id, update) for update in missed)
        fresh.lap = metrics.SLATE_LAPS.lap
        return fresh

    async def _apply_rules(self, bundle: Recommender, rules: Rules) -> None:
        unmatched = await self._cpu.run(lambda: bundle.use_rules(rules), bounded=False)
        version = str(bundle.manifest["version"])
        log.write("rules_loaded", rules=rules.version, n=len(rules.rules), bundle=version, unmatched=unmatched[:20])


def _tell_failure(done: Future[Any]) -> None:
    if not done.cancelled() and (error := done.exception()):
        log.write("update_failed", trace=log.frames(error))


def _opened(open_bundle: Callable[[Path], Recommender], path: Path) -> Recommender:
    """The bundle, held against `slatewright bundles gc` until its last call is done."""
    held = lease.hold(path)
    try:
        fresh = open_bundle(path)
        weakref.finalize(fresh, os.close, held)
    except BaseException:
        os.close(held)
        raise
    fresh.warm_up()
    return fresh
