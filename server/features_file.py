"""The features file of the embedded provider: GrowthBook's own, read again when it changes.

Invariant: `features` are always the last good ones: a file that is damaged, wrong or gone changes nothing but the log.
Features of other names than `slatewright.LAYER` are another application's, and read only where rules refer to them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from recsys.errors import ConfigError
from server import log, metrics
from server.security.stamp import stamp
from server.variants import CONTROL, CONTROLS, LAYERS, Known, Variant, bundles_of, read_variant

PREFIX: Final = "slatewright."
MAX_OTHER_BUNDLES: Final = 2
"""Beside the one that CURRENT names: three live at once."""


@dataclass(frozen=True, slots=True)
class Features:
    """One file's content: `payload` as it stands there, and the variants its layers may get.

    `prepared` is what the provider's `prepare` made of the payload.
    """

    payload: Mapping[str, Any]
    known: Known
    version: str
    prepared: Any = None


class FeaturesFile:
    """One file; `ConfigError` where it is wrong from the start. `live_copy`: a copy engine runs.

    `prepare` makes of a payload what the provider takes, and may refuse it with a `ConfigError` of its own.
    """

    def __init__(self, path: Path, *, live_copy: bool, prepare: Callable[[Mapping[str, Any]], Any]) -> None:
        self._path = path
        self._live_copy = live_copy
        self._prepare = prepare
        self._seen = stamp(path)
        self.features = self._read()

    def poll(self) -> bool:
        """Look once; True where others are in force now. An error is logged once until the file changes."""
        seen = stamp(self._path)
        if seen == self._seen:
            return False
        self._seen = seen
        try:
            found = self._read()
        except ConfigError as error:
            metrics.FEATURES_REFUSED.inc()
            log.write("features_refused", why=str(error), kept=self.features.version)
            return False
        if found.version == self.features.version:
            return False
        self.features = found
        return True

    def _read(self) -> Features:
        found = read_features(self._path, live_copy=self._live_copy)
        return replace(found, prepared=self._prepare(found.payload))


def read_features(path: Path, *, live_copy: bool) -> Features:
    """The features of a file: GrowthBook's response (`{"features": …}`) or the bare map of features.

    Raises ConfigError naming feature and variant for whatever this server could not serve.
    """
    try:
        text = path.read_bytes()
        payload = json.loads(text)
    except OSError as error:
        raise ConfigError(f"features file {path} cannot be read ({error.strerror}); name a JSON file") from error
    except ValueError as error:
        raise ConfigError(f"features file {path} is not JSON: {error}; export it again") from error
    if not isinstance(payload, dict):
        raise ConfigError(f"features file {path} holds no object; export the features of an SDK connection")
    if payload.get("encryptedFeatures"):
        raise ConfigError(f"features file {path} is encrypted; export it without encryption")
    if not isinstance(payload.get("features"), dict) or "defaultValue" in payload["features"]:
        payload = {"features": payload}
    try:
        known = {layer: _variants(payload["features"], layer, live_copy=live_copy) for layer in LAYERS}
        features = Features(payload, known, hashlib.sha256(text).hexdigest()[:12])
        _check(features)
    except ConfigError as error:
        raise ConfigError(f"features file {path}: {error}") from error
    return features


def _variants(features: Mapping[str, Any], layer: str, *, live_copy: bool) -> dict[str, Variant]:
    """Every variant that some rule of a layer may give."""
    found = {CONTROL: CONTROLS[layer]}
    for where, value in _values(features.get(PREFIX + layer, {})):
        try:
            variant = read_variant(layer, value, live_copy=live_copy)
            if found.setdefault(variant.name, variant) != variant:
                raise ConfigError(
                    f"variant {variant.name!r} has other settings elsewhere; give one of them another name"
                )
        except ConfigError as error:
            raise ConfigError(f"{PREFIX}{layer}, {where}: {error}") from error
    return found


def _values(feature: Any) -> Iterator[tuple[str, object]]:
    """Every value a feature may have, and where it stands."""
    if not isinstance(feature, dict):
        raise ConfigError(f"a feature is {feature!r}; expected an object with defaultValue and rules; export it again")
    yield "defaultValue", feature.get("defaultValue")
    rules = feature.get("rules") or []
    if not isinstance(rules, list) or not all(isinstance(rule, dict) for rule in rules):
        raise ConfigError("rules are no list of objects; export the file again")
    for at, rule in enumerate(rules, start=1):
        if "force" in rule:
            yield f"rule {at}", rule["force"]
        for kind in ("variations", "contextualVariations"):
            for value in rule.get(kind) or ():
                yield f"rule {at}", value


def _check(features: Features) -> None:
    unknown = sorted(
        name for name in features.payload["features"] if name.startswith(PREFIX) and name[len(PREFIX) :] not in LAYERS
    )
    if unknown:
        raise ConfigError(f"{unknown[0]} is no layer; known are {', '.join(PREFIX + layer for layer in LAYERS)}")
    bundles = bundles_of(features.known)
    if len(bundles) > MAX_OTHER_BUNDLES:
        raise ConfigError(
            f"variants name {len(bundles)} bundles; expected at most {MAX_OTHER_BUNDLES} beside the current "
            "one, as each stays in memory; name fewer"
        )
    for layer in LAYERS:
        for at, rule in enumerate(features.payload["features"].get(PREFIX + layer, {}).get("rules") or [], start=1):
            try:
                _check_rule(rule)
                _check_parents(rule, features.payload["features"])
            except ConfigError as error:
                raise ConfigError(f"{PREFIX}{layer}, rule {at}: {error}") from error


def _check_rule(rule: Mapping[str, Any]) -> None:
    """What GrowthBook's SDK would pass over in silence, or fail on at every call."""
    coverage, weights, variations = rule.get("coverage"), rule.get("weights"), rule.get("variations")
    if coverage is not None and not _is_share(coverage):
        raise ConfigError(f"coverage is {coverage!r}; expected 0 to 1; correct it")
    if variations is not None and (not isinstance(variations, list) or len(variations) < 2):
        raise ConfigError("variations are no list of two or more; add the control, or use force")
    if weights is not None:
        good = isinstance(weights, list) and all(_is_share(weight) for weight in weights)
        if not good or variations is None or len(weights) != len(variations) or abs(sum(weights) - 1) > 0.01:
            raise ConfigError(f"weights are {weights!r}; expected one per variation, with a sum of 1; correct them")
    namespace = rule.get("namespace")
    if namespace is not None and not (
        isinstance(namespace, list) and len(namespace) == 3 and _is_share(namespace[1]) and _is_share(namespace[2])
    ):
        raise ConfigError(f"namespace is {namespace!r}; expected [name, from, to] with shares of 0 to 1; correct it")
    if rule.get("condition") is not None and not isinstance(rule["condition"], dict):
        raise ConfigError(f"condition is {rule['condition']!r}; expected an object; correct it")


def _check_parents(rule: Mapping[str, Any], known: Mapping[str, Any]) -> None:
    for parent in rule.get("parentConditions") or ():
        name = parent.get("id") if isinstance(parent, dict) else parent
        if name not in known:
            raise ConfigError(f"its prerequisite {name!r} is no feature of the file; export them together")


def _is_share(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1
