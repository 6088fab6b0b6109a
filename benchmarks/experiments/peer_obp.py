"""The same logs through Open Bandit Pipeline (Saito, Aihara, Matsutani, Narita 2021), in `.venv-obp`; not imported.

    .venv-obp/bin/python benchmarks/experiments/peer_obp.py LOGS.npz

Prints one JSON object: estimator -> one estimate a log. `sb-obp` is the pipeline of its first author, kept up to date;
obp 0.5.7 does not install on Python 3.11. Its policy learners need torch, its estimators do not: both are left out.
"""

from __future__ import annotations

import json
import sys
from unittest.mock import MagicMock

import numpy as np

sys.modules["obp.policy"] = sys.modules["obp.simulator"] = MagicMock()
sys.modules["torch"] = MagicMock(Tensor=type("Tensor", (), {}))

from obp import ope  # noqa: E402


def bandit(log, clip: float) -> dict[str, float]:
    """Every estimator for one choice a round."""
    n = len(log["reward"])
    base = {"reward": log["reward"], "action": log["action"], "position": np.zeros(n, dtype=int)}
    base |= {"pscore": log["propensity"], "action_dist": log["target"][:, :, None]}
    model = {"estimated_rewards_by_reg_model": log["model"][:, :, None]}
    return {
        "ips": ope.InverseProbabilityWeighting().estimate_policy_value(**base),
        "clipped_ips": ope.InverseProbabilityWeighting(lambda_=clip).estimate_policy_value(**base),
        "snips": ope.SelfNormalizedInverseProbabilityWeighting().estimate_policy_value(**base),
        "direct_method": ope.DirectMethod().estimate_policy_value(**base, **model),
        "doubly_robust": ope.DoublyRobust().estimate_policy_value(**base, **model),
        "switch_dr": ope.SwitchDoublyRobust(lambda_=clip).estimate_policy_value(**base, **model),
    }


def slates(log) -> dict[str, float]:
    """Every estimator for slates; the pipeline takes one long column, places of a slate in order."""
    n, places, n_actions = log["target_next"].shape
    base = {"slate_id": np.repeat(np.arange(n), places), "position": np.tile(np.arange(places), n)}
    base["reward"] = log["reward"].ravel()
    down = [np.cumprod(log[side], axis=1) for side in ("propensity", "target")]
    whole = [np.repeat(p[:, -1], places) for p in down]
    cascade = {"pscore_cascade": down[0].ravel(), "evaluation_policy_pscore_cascade": down[1].ravel()}
    marginal = {
        "pscore_item_position": log["propensity_marginal"].ravel(),
        "evaluation_policy_pscore_item_position": log["target_marginal"].ravel(),
    }
    model = {"q_hat": log["model"].ravel(), "evaluation_policy_action_dist": log["target_next"].ravel()}
    cascade_dr = ope.SlateCascadeDoublyRobust(len_list=places, n_unique_action=n_actions)
    return {
        "standard_ips": ope.SlateStandardIPS(len_list=places).estimate_policy_value(
            **base, pscore=whole[0], evaluation_policy_pscore=whole[1]
        ),
        "independent_ips": ope.SlateIndependentIPS(len_list=places).estimate_policy_value(**base, **marginal),
        "reward_interaction_ips": ope.SlateRewardInteractionIPS(len_list=places).estimate_policy_value(
            **base, **cascade
        ),
        "cascade_dr": cascade_dr.estimate_policy_value(**base, action=log["action"].ravel(), **cascade, **model),
    }


def main() -> None:
    """Read logs named `kind/number/field`, print estimates."""
    logs: dict[str, dict[str, dict]] = {}
    with np.load(sys.argv[1]) as file:
        clip = float(file["clip"])
        for key in file.files:
            if "/" in key:
                kind, number, field = key.split("/")
                logs.setdefault(kind, {}).setdefault(number, {})[field] = file[key]
    out: dict[str, list[float]] = {}
    for kind, numbered in logs.items():
        for number in sorted(numbered, key=int):
            estimates = bandit(numbered[number], clip) if kind == "bandit" else slates(numbered[number])
            for name, value in estimates.items():
                out.setdefault(f"{kind}/{name}", []).append(float(value))
    print(json.dumps(out))


if __name__ == "__main__":
    main()
