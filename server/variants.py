"""Which variant of each layer serves a call.

Invariant: the choice depends on (unit, layer) alone, where the unit is the user, else the session,
else the request; so it sticks. Today each layer has one variant; experiments add theirs to `LAYERS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from server.errors import InvalidFieldError

LAYERS: Final[dict[str, tuple[str, ...]]] = {
    "ranking": ("control",),
    "copy": ("control",),
    "slate": ("control",),
}
"""Layer -> its variants, the default first."""


def resolve(unit_id: str, overrides: Mapping[str, str]) -> dict[str, str]:
    """Layer -> variant for one call. `unit_id` is what assignments stick to.

    Raises
    ------
    InvalidFieldError
        An override names an unknown layer or variant.
    """
    for layer, variant in overrides.items():
        if layer not in LAYERS:
            raise InvalidFieldError(
                "variant_overrides",
                layer,
                expected=f"a layer among {', '.join(LAYERS)}",
                remedy="name one of these",
            )
        if variant not in LAYERS[layer]:
            raise InvalidFieldError(
                f"variant_overrides[{layer}]",
                variant,
                expected=f"a variant among {', '.join(LAYERS[layer])}",
                remedy="name one of these",
            )
    return {layer: overrides.get(layer, _assigned(unit_id, layer)) for layer in LAYERS}


def unit(user_id: str, session_id: str, request_id: str) -> str:
    """What a variant sticks to: the user, else the session, else the request."""
    return user_id or session_id or request_id


def _assigned(_unit_id: str, layer: str) -> str:
    return LAYERS[layer][0]
