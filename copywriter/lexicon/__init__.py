"""Word lists as data, one module a purpose; changing one changes `POLICY_VERSION` in `checks/claims_law.py`."""

from __future__ import annotations


def word_set(text: str) -> frozenset[str]:
    """The words of `text` as a set: a list of words stays readable as a paragraph."""
    return frozenset(text.split())
