"""Which variant of each layer serves a call, asked of OpenFeature.

Invariant: asking never fails a call and never holds it longer than `budget_s`: a provider that fails, is slow, or
answers what this server cannot serve gives the control, counted by layer and reason.
Needs the extra `experiments`; imported only by a server that was given features or a provider.
"""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

from openfeature import api
from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import ErrorCode
from openfeature.flag_evaluation import FlagEvaluationDetails
from openfeature.provider import FeatureProvider
from openfeature.provider.no_op_provider import NoOpProvider

from recsys.errors import ConfigError
from server import log, metrics
from server.features_file import MAX_OTHER_BUNDLES, PREFIX
from server.variants import (
    CONTROLS,
    LAYERS,
    ONLY_CONTROLS,
    Choice,
    Known,
    Variant,
    bundles_of,
    overridden,
    read_variant,
)

BUDGET_S: Final = 0.02
"""For all layers of a call together, where the provider is another's."""
_THREADS: Final = 4
_MAX_LATE: Final = 8
"""After so many late answers in a row the provider is left alone for `_PAUSE_S`, and the control serves at once."""
_PAUSE_S: Final = 1.0
_MAX_READ: Final = 1_000
"""Values of another's provider kept as read."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom variants are chosen for: `unit` is what they stick to, `attributes` what targeting may ask for."""

    unit: str
    attributes: Mapping[str, str]


class Resolver:
    """Asks one provider. `inline`: it is our own, which never waits, and is asked on the event loop.

    `use` takes the variants that a features file knows; another's provider may give further ones, which are read when
    they first come.
    """

    def __init__(self, provider: FeatureProvider, *, inline: bool, live_copy: bool, budget_s: float = BUDGET_S) -> None:
        self._domain = f"slatewright-{uuid.uuid4().hex}"  # the registry is the process's
        api.set_provider_and_wait(provider, self._domain)
        self._client = api.get_client(self._domain)
        self._inline = inline
        self._live_copy = live_copy
        self._budget_s = budget_s
        self._pool = None if inline else ThreadPoolExecutor(_THREADS, thread_name_prefix="slatewright-features")
        self._n_late = 0
        self._paused_until = 0.0
        self._known: Known = ONLY_CONTROLS
        self._read: dict[tuple[str, str], Variant] = {}
        self._named: set[str] = set()
        self._told: set[str] = set()
        self.on_bundles: Callable[[frozenset[str]], None] = lambda _names: None
        """Told which bundles variants name, whenever that changes."""

    def use(self, known: Known) -> None:
        """Variants by layer and name from now on."""
        self._known = known
        self._read.clear()
        self._told.clear()
        self._named = set(bundles_of(known))
        self.on_bundles(bundles_of(known))

    async def choose(self, subject: Subject, overrides: Mapping[str, str]) -> Choice:
        """The variants of one call; `overrides` are its own. Raises InvalidFieldError for one that is unknown."""
        variants = {**CONTROLS, **overridden(overrides, self._known)}
        asked = [layer for layer in LAYERS if layer not in overrides]
        experiments: dict[str, str] = {}
        fallbacks: dict[str, str] = {}
        answers = await self._answers(asked, subject) if asked else []
        if answers is None:
            fallbacks = dict.fromkeys(asked, "slow")
        for layer, answer in zip(asked, answers or (), strict=False):
            try:
                if answer.error_code not in (
                    None,
                    ErrorCode.FLAG_NOT_FOUND,
                ):  # a layer without a flag has no experiment
                    raise ConfigError(f"{answer.error_code}")
                variants[layer] = self._variant(layer, answer.value)
            except ConfigError as error:
                fallbacks[layer] = "error"
                self._tell_once(layer, str(error))
            else:
                experiment = answer.flag_metadata.get("experiment")
                if experiment is not None:
                    experiments[layer] = str(experiment)
        for layer, reason in fallbacks.items():
            metrics.fell_back(layer, reason)
        return Choice(variants, experiments, fallbacks)

    def close(self) -> None:
        """Let the provider go; one that hangs keeps its thread, and nobody waits for it."""
        api.set_provider(NoOpProvider(), self._domain)
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)

    async def _answers(self, layers: Sequence[str], subject: Subject) -> list[FlagEvaluationDetails[Any]] | None:
        """One answer a layer; None where they did not come in time."""
        if self._pool is None:
            return self._ask(layers, subject)
        if time.monotonic() < self._paused_until:
            return None
        try:
            asking = self._pool.submit(self._ask, layers, subject)
            answers = await asyncio.wait_for(asyncio.wrap_future(asking), self._budget_s)
        except TimeoutError:
            self._n_late += 1
            if self._n_late >= _MAX_LATE:
                self._n_late, self._paused_until = 0, time.monotonic() + _PAUSE_S
            return None
        self._n_late = 0
        return answers

    def _ask(self, layers: Sequence[str], subject: Subject) -> list[FlagEvaluationDetails[Any]]:
        # Hot path: `benchmarks/experiments/overhead.py`.
        context = EvaluationContext(subject.unit, subject.attributes)
        return [self._client.get_object_details(PREFIX + layer, {}, context) for layer in layers]

    def _variant(self, layer: str, value: Any) -> Variant:
        if not value:
            return CONTROLS[layer]
        if self._inline:  # the file was checked when it was loaded
            return self._known[layer][value["variant"]]
        key = (layer, json.dumps(value, sort_keys=True, default=str))
        if key not in self._read:
            variant = read_variant(layer, value, live_copy=self._live_copy)
            if variant.bundle and variant.bundle not in self._named:
                if len(self._named) >= MAX_OTHER_BUNDLES:
                    raise ConfigError(
                        f"bundle {variant.bundle} is one too many beside {', '.join(sorted(self._named))}"
                    )
                self._named.add(variant.bundle)
                self.on_bundles(frozenset(self._named))
            if len(self._read) >= _MAX_READ:
                self._read.clear()
            self._read[key] = variant
        return self._read[key]

    def _tell_once(self, layer: str, why: str) -> None:
        if why not in self._told and len(self._told) < _MAX_READ:
            self._told.add(why)
            log.write("variant_failed", layer=layer, why=why)
