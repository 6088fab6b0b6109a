"""What an experiment did, and what a policy would have done: plain functions over arrays.

A/B tests: `assignment`, `moments`, `effects`, `cuped`, `sequential`, `correction`, `guardrails`, `segments`, `power`.
Off-policy evaluation from a log with propensities: `ope`. Assumptions, sources and limits: docs/experiments.md.
"""
