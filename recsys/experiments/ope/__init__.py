"""Off-policy evaluation: what another policy would have earned, from a log of choices, rewards and propensities.

`Logged` goes into an estimator (`bandit`, `slates`), its `Terms` into an interval (`intervals`); `diagnostics` says
whether to believe it, `models` fits what DM and DR need.
"""
