"""Groups of features: a partition, so that an ablation leaves nothing out and counts nothing twice."""

from __future__ import annotations

import pytest

from recsys.errors import ConfigError
from recsys.rerank.features import FEATURES
from recsys.rerank.groups import feature_groups


def test_every_feature_is_in_exactly_one_group() -> None:
    """The groups' members are the features, each once; a new feature must be grouped before this passes."""
    members = [name for group in feature_groups().values() for name in group]
    assert sorted(members) == sorted(FEATURES)


def test_a_feature_without_a_group_is_refused() -> None:
    """So is one that two rules take; the error names the feature and the file."""
    with pytest.raises(ConfigError, match=r"'moon_phase' belongs to no group.*groups\.py"):
        feature_groups((*FEATURES, "moon_phase"))
    with pytest.raises(ConfigError, match="similarity and user"):
        feature_groups(("user_best",))
