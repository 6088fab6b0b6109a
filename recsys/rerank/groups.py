"""Features by what they tell, for ablation: every name belongs to exactly one group, by rule.

A new feature that no rule takes, or that two take, raises: group it here when adding it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from recsys.errors import ConfigError
from recsys.rerank.features import FEATURES

GROUP_RULES: Final[dict[str, str]] = {
    "ranks": r"rank_.+|n_sources|fused(_rank)?",
    "similarity": r"(als|users)_.+|.+_(total|last|last_share|best|ties)",
    "repurchase": r"n_events|n_bought|bought_share|own_.+|.+_due|(days|sessions)_since_item|in_last_session"
    r"|title_bought|repeat_rate|category_repeat",
    "affinity": r".+_affinity|days_since_leaf|in_last_(leaf|brand|head)",
    "price": r"price.*|discount.*",
    "demand": r"((kin|head)_)?popularity|share_of_.+|n_\d+d|n_users|n_into|trend|age_days|mean_log_age|newest_share"
    r"|mean_user_events",
    "user": r"user_.+|last_popularity",
    "timeline": r"timeline_.+",
}
"""Group -> pattern of the whole name."""


def feature_groups(names: Sequence[str] = FEATURES) -> dict[str, tuple[str, ...]]:
    """Group -> its features, in their order; groups without any are left out."""
    found: dict[str, list[str]] = {group: [] for group in GROUP_RULES}
    for name in names:
        fitting = [group for group, rule in GROUP_RULES.items() if re.fullmatch(rule, name)]
        if len(fitting) != 1:
            raise ConfigError(
                f"feature {name!r} belongs to {' and '.join(fitting) or 'no group'}; expected exactly one; give it a "
                "rule in recsys/rerank/groups.py"
            )
        found[fitting[0]].append(name)
    return {group: tuple(members) for group, members in found.items() if members}
