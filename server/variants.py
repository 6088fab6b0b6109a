"""What a variant of a layer is: a name and the settings it serves with.

Invariant: layers share no setting, so any variant of one goes with any of another; `control` of each changes nothing.
A variant that exists is one this server can serve.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from copywriter.prompt import PROMPT_VERSION
from copywriter.writer import Mode
from recsys.errors import ConfigError
from recsys.treatment import UNTREATED, Treatment, read_treatment
from server import metrics
from server.errors import InvalidFieldError

CONTROL: Final = "control"
LAYERS: Final[dict[str, tuple[str, ...]]] = {
    "ranking": ("bundle", "quotas", "ranker"),
    "copy": ("mode", "prompt_version"),
    "slate": ("diversity", "explore"),
}
"""Layer -> what its variants may set; docs/variants.md says what each does."""
NAME: Final = "variant"
"""The key of a variant's name beside its settings."""
COPY_MODES: Final[dict[str, Mode]] = {"off": "none", "template": "template", "cached": "cached", "live": "live"}
MAX_NAME_CHARS: Final = 64


@dataclass(frozen=True, slots=True)
class Variant:
    """One variant of a layer. `copy` None leaves the server's mode; `bundle` empty the one that CURRENT names."""

    layer: str
    name: str = CONTROL
    bundle: str = ""
    treatment: Treatment = UNTREATED
    copy: Mode | None = None


Known = Mapping[str, Mapping[str, Variant]]
"""Layer -> name -> variant; every layer has its control."""
CONTROLS: Final = {layer: Variant(layer) for layer in LAYERS}
ONLY_CONTROLS: Final[Known] = {layer: {CONTROL: variant} for layer, variant in CONTROLS.items()}


@dataclass(frozen=True, slots=True)
class Choice:
    """What serves a call: `variants` by layer, and what they set together.

    `experiments` holds the layers that a running experiment assigned, with its key: a user outside of it gets the
    control too, and is not part of the comparison. `fallbacks` holds the layers that should have served something else,
    with the reason: error, slow or bundle.
    """

    variants: Mapping[str, Variant]
    experiments: Mapping[str, str] = field(default_factory=dict)
    fallbacks: Mapping[str, str] = field(default_factory=dict)

    @property
    def names(self) -> dict[str, str]:
        """Layer -> name of its variant."""
        return {layer: variant.name for layer, variant in self.variants.items()}

    @property
    def bundle(self) -> str:
        """The bundle to serve from; empty for the one that CURRENT names."""
        return self.variants["ranking"].bundle

    @property
    def copy(self) -> Mode | None:
        """How copy is made; None leaves the server's mode."""
        return self.variants["copy"].copy

    @property
    def treatment(self) -> Treatment:
        """What is changed about the slate."""
        return self.variants["ranking"].treatment.joined(self.variants["slate"].treatment)

    def without_bundle(self) -> Choice:
        """The choice where the bundle is not ready: the layer's control."""
        metrics.fell_back("ranking", "bundle")
        return replace(
            self,
            variants={**self.variants, "ranking": CONTROLS["ranking"]},
            fallbacks={**self.fallbacks, "ranking": "bundle"},
        )


ALL_CONTROL: Final = Choice(CONTROLS)


def overridden(overrides: Mapping[str, str], known: Known) -> dict[str, Variant]:
    """The variants a call names itself. Raises InvalidFieldError for an unknown layer or variant."""
    for layer, name in overrides.items():
        if layer not in LAYERS:
            raise InvalidFieldError(
                "variant_overrides",
                layer,
                expected=f"a layer among {', '.join(LAYERS)}",
                remedy="name one of these",
            )
        if name not in known[layer]:
            raise InvalidFieldError(
                f"variant_overrides[{layer}]",
                name,
                expected=f"a variant among {', '.join(known[layer])}",
                remedy="name one of these",
            )
    return {layer: known[layer][name] for layer, name in overrides.items()}


def bundles_of(known: Known) -> frozenset[str]:
    """Bundles that variants name."""
    return frozenset(v.bundle for variants in known.values() for v in variants.values() if v.bundle)


def unit(user_id: str, session_id: str, request_id: str) -> str:
    """What a variant sticks to: the user, else the session, else the request."""
    return user_id or session_id or request_id


def read_variant(layer: str, value: object, *, live_copy: bool) -> Variant:
    """A variant from a feature's value: null, `{}` or an object with the key `variant` and settings of the layer.

    Raises ConfigError for a setting that the layer does not have, or that this server cannot serve.
    """
    if value is None or value == {}:
        return CONTROLS[layer]
    if not isinstance(value, Mapping):
        raise ConfigError(f"a value is {value!r}; expected an object such as {{{NAME!r}: 'b'}}; correct it")
    settings = dict(value)
    name = settings.pop(NAME, None)
    if not isinstance(name, str) or not 0 < len(name) <= MAX_NAME_CHARS:
        raise ConfigError(f"{NAME} is {name!r}; expected a name of 1 to {MAX_NAME_CHARS} characters; give one")
    try:
        unknown = sorted(set(settings) - set(LAYERS[layer]))
        if unknown:
            raise ConfigError(f"{unknown[0]} is no setting of this layer; known are {', '.join(LAYERS[layer])}")
        if name == CONTROL and settings:
            raise ConfigError(
                f"it sets {sorted(settings)[0]}; expected none: control is what serves without experiment"
            )
        return _read(layer, name, settings, live_copy=live_copy)
    except ConfigError as error:
        raise ConfigError(f"variant {name!r}: {error}") from error


def _read(layer: str, name: str, settings: dict[str, Any], *, live_copy: bool) -> Variant:
    bundle = settings.pop("bundle", "")
    if not isinstance(bundle, str) or "/" in bundle or bundle.startswith("."):
        raise ConfigError(f"bundle is {bundle!r}; expected a version as `slatewright bundles list` names it")
    version = settings.pop("prompt_version", PROMPT_VERSION)
    if version != PROMPT_VERSION:
        raise ConfigError(f"prompt_version is {version!r}; expected {PROMPT_VERSION}, the one this server has")
    mode = settings.pop("mode", None)
    if mode is not None and mode not in COPY_MODES:
        raise ConfigError(f"mode is {mode!r}; expected one of {', '.join(COPY_MODES)}; choose one")
    if mode == "live" and not live_copy:
        raise ConfigError("mode is 'live' and no copy engine runs; start the server with --copy live")
    copy = None if mode is None else COPY_MODES[mode]
    return Variant(layer, name, bundle, read_treatment(settings) if settings else UNTREATED, copy)
