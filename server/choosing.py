"""Variants for calls, from a features file or a provider, or none.

Invariant: a server without features and provider imports nothing of experiments and serves controls.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import inspect
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

from recsys.errors import ConfigError
from server import log, metrics, variants
from server.config import ServerConfig
from server.convert import SlateCall
from server.features_file import FeaturesFile

if TYPE_CHECKING:
    from server.resolver import Resolver

MAX_POLL_S: Final = 0.5
"""Between looks at the features file: a switched variant serves well within 2 s."""

Choose = Callable[[SlateCall], Awaitable[variants.Choice]]


async def controls(call: SlateCall) -> variants.Choice:
    """The choice of a server without experiments. Raises InvalidFieldError for an unknown override."""
    if call.variant_overrides:
        variants.overridden(call.variant_overrides, variants.ONLY_CONTROLS)
    return variants.ALL_CONTROL


@asynccontextmanager
async def choosing(config: ServerConfig, *, want: Callable[[frozenset[str]], None]) -> AsyncIterator[Choose]:
    """How variants are chosen inside the block; the features file is watched meanwhile.

    `want` is told which bundles variants name. Raises ConfigError where file or provider is wrong, or the extra
    `experiments` is missing.
    """
    if config.features is None and not config.provider:
        yield controls
        return
    try:
        from server import growthbook_provider, resolver  # noqa: PLC0415  an extra of its own
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"variants need {error.name}, which is not installed; run pip install 'slatewright[experiments]'"
        ) from error
    for library in ("growthbook", "openfeature"):  # what they warn of at every call is counted, and told once
        logging.getLogger(library).setLevel(logging.CRITICAL)
    live_copy = config.copy == "live"
    own = growthbook_provider.GrowthBookProvider()
    file = None
    if config.features is not None:
        file = FeaturesFile(config.features, live_copy=live_copy, prepare=growthbook_provider.prepared)
    asked = _provider(config.provider) if config.provider else own
    resolving = resolver.Resolver(asked, inline=asked is own, live_copy=live_copy)

    def use() -> None:
        """Provider, names and bundles change together, between two calls."""
        if file is not None:
            own.use(file.features.prepared)
            resolving.use(file.features.known)
            log.write("features_loaded", features=file.features.version)

    async def watch() -> None:
        while file is not None:
            await asyncio.sleep(min(config.poll_s, MAX_POLL_S))
            try:
                if await asyncio.to_thread(file.poll):
                    use()
            except Exception as error:  # reloading outlives whatever goes wrong with one look
                log.write("poll_failed", trace=log.frames(error))

    resolving.on_bundles = want
    watching = asyncio.ensure_future(watch())
    try:
        use()
        yield _chooser(resolving)
    finally:
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching
        resolving.close()


def _chooser(resolving: Resolver) -> Choose:
    from server.resolver import Subject  # noqa: PLC0415  loaded by now

    async def choose(call: SlateCall) -> variants.Choice:
        started = time.perf_counter()
        unit = variants.unit(call.user_id, call.session_id, call.request_id)
        attributes = {
            "id": unit,
            "user_id": call.user_id,
            "session_id": call.session_id,
            "placement": call.placement,
            "country": call.country,
            "locale": call.context_locale,
            "device": call.device,
        }
        known = {name: value for name, value in attributes.items() if value}
        choice = await resolving.choose(Subject(unit, known), call.variant_overrides)
        metrics.observe("variants", time.perf_counter() - started)
        return choice

    return choose


def _provider(name: str) -> Any:
    """An OpenFeature provider of the operator's own."""
    module, _, factory = name.partition(":")
    try:
        made = getattr(importlib.import_module(module), factory)()
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"provider {name} cannot be imported ({error}); name an importable module:factory") from error
    if inspect.isawaitable(made) or not hasattr(made, "resolve_object_details"):
        raise ConfigError(f"provider {name} gave a {type(made).__name__}; expected an OpenFeature provider; return one")
    return made
