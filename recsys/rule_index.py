"""Business rules resolved to one bundle's rows, once per (rules, bundle): a request pays for its candidates only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from recsys.filters import FilterIndex
from recsys.rerank.rules import ALL_THE_WAY, ActiveRules, Pin
from recsys.rules import Rule, Rules

if TYPE_CHECKING:
    from recsys.bundle import Bundle

_MAX_KEPT: Final = 16
"""Combinations of active rules kept: placements times the periods that dates cut."""


class RuleIndex:
    """Rules on one bundle. `unmatched` names the rules that match none of its items: often a misspelt name."""

    def __init__(self, rules: Rules, *, bundle: Bundle, filters: FilterIndex) -> None:
        self.version = rules.version
        self._rules = rules.rules
        self._n_items = len(bundle.item_ids)
        self._rows = [_matching(rule, bundle, filters) for rule in rules.rules]
        self.unmatched = tuple(rule.name for rule, rows in zip(rules.rules, self._rows, strict=True) if len(rows) == 0)
        self._kept: dict[tuple[int, ...], ActiveRules] = {}

    def active(self, *, time_ms: int, placement: str) -> ActiveRules:
        """The rules that hold at a moment and placement."""
        which = tuple(i for i, rule in enumerate(self._rules) if rule.active(time_ms=time_ms, placement=placement))
        if which not in self._kept:
            if len(self._kept) >= _MAX_KEPT:
                self._kept.pop(next(iter(self._kept)))
            self._kept[which] = self._combined(which)
        return self._kept[which]

    def _combined(self, which: tuple[int, ...]) -> ActiveRules:
        never = shift = None
        pins = []
        for i in which:
            rule, rows = self._rules[i], self._rows[i]
            if rule.action == "pin":
                pins.append(Pin(rule.position, tuple(rows.tolist())))
            elif rule.action == "never_show":
                never = np.zeros(self._n_items, bool) if never is None else never
                never[rows] = True
            else:
                shift = np.zeros(self._n_items, np.float32) if shift is None else shift
                places = ALL_THE_WAY if rule.places is None else rule.places
                shift[rows] += places if rule.action == "boost" else -places
        return ActiveRules(never, shift, tuple(pins))


def _matching(rule: Rule, bundle: Bundle, filters: FilterIndex) -> NDArray[np.int32]:
    """Rows that match every list of a rule; of a pin in its own order, else ascending."""
    items = bundle.model.items
    if rule.items:
        rows = bundle.item_ids.rows_of(rule.items)
        rows = rows[rows >= 0]
        if rule.action != "pin":
            rows = np.unique(rows)
    else:
        rows = np.arange(len(bundle.item_ids), dtype=np.int32)
    if rule.categories:
        rows = rows[filters.in_categories(rule.categories, items)[rows]]
    if rule.brands:
        rows = rows[filters.of_brands(rule.brands, items)[rows]]
    return rows
