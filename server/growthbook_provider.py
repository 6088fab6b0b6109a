"""The embedded OpenFeature provider: GrowthBook's evaluation of a local file, without a network.

Invariant: an evaluation reads one file's features throughout; `use` replaces them between two.
Needs the extra `experiments`; imported only by a server that was given features.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from growthbook.common_types import EvaluationContext as Evaluated
from growthbook.common_types import Feature, GlobalContext, Options, StackContext, UserContext
from growthbook.core import eval_feature
from openfeature.evaluation_context import EvaluationContext
from openfeature.flag_evaluation import FlagResolutionDetails, Reason
from openfeature.provider import AbstractProvider, Metadata

from recsys.errors import ConfigError


class GrowthBookProvider(AbstractProvider):
    """Answers from the features it was last told to `use`; values of every type come back as the file has them."""

    def __init__(self) -> None:
        super().__init__()
        self._shared = prepared({"features": {}})

    def use(self, shared: GlobalContext) -> None:
        """Answer from these features from now on."""
        self._shared = shared

    def get_metadata(self) -> Metadata:
        """Its name."""
        return Metadata("slatewright-growthbook")

    def resolve_object_details(
        self,
        flag_key: str,
        default_value: Sequence[Any] | Mapping[str, Any],
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[Any]:
        """One feature's value for these attributes; the metadata name the experiment that assigned it."""
        # Hot path: once per layer and slate, `benchmarks/experiments/overhead.py`.
        shared = self._shared
        if flag_key not in shared.features:
            return FlagResolutionDetails(default_value, reason=Reason.DEFAULT)
        attributes = dict(evaluation_context.attributes) if evaluation_context else {}
        result = eval_feature(flag_key, Evaluated(UserContext(attributes=attributes), shared, StackContext()))
        value = default_value if result.value is None else result.value
        assigned = result.experimentResult
        if result.experiment is None or assigned is None or not assigned.hashUsed:
            return FlagResolutionDetails(value, reason=Reason.TARGETING_MATCH)
        return FlagResolutionDetails(
            value, reason=Reason.SPLIT, variant=assigned.key, flag_metadata={"experiment": result.experiment.key}
        )

    resolve_boolean_details = resolve_string_details = resolve_object_details  # type: ignore[assignment]
    resolve_integer_details = resolve_float_details = resolve_object_details  # type: ignore[assignment]


def prepared(payload: Mapping[str, Any]) -> GlobalContext:
    """A payload as the SDK evaluates it; `ConfigError` where it cannot."""
    features = payload["features"]
    try:
        return GlobalContext(
            options=Options(),
            features={name: Feature(it.get("defaultValue"), it.get("rules")) for name, it in features.items()},
            saved_groups=dict(payload.get("savedGroups") or {}),
            contextual_bandits=dict(payload.get("contextualBandits") or {}),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ConfigError(f"features are not what GrowthBook's SDK reads ({error}); export the file again") from error
