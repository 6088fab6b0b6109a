"""Remembers what is a pure function of an item: its fact sheet, and its template drafts that pass the gate.

A popular item stands in many slates; reading its facts and reviewing its phrasings once saves milliseconds each
time. Keys hold every input, so nothing here can be stale; the least recently used entries go first.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Hashable, Iterator, Mapping
from typing import Final, Generic, TypeVar

from copywriter.audience import Trait
from copywriter.engines.template import Draft, drafts
from copywriter.facts import FactSheet, fact_sheet

MAX_ENTRIES: Final = 4_096
MAX_DRAFTS: Final = 6
"""Phrasings looked at for one item before a slate repeats one."""
Value = TypeVar("Value")


class Lru(Generic[Value]):
    """At most `MAX_ENTRIES` values by key. Calls may come from one thread at a time."""

    def __init__(self) -> None:
        self._values: OrderedDict[Hashable, Value] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """The value of `key`, made now if it is not there."""
        if key in self._values:
            self._values.move_to_end(key)
            return self._values[key]
        value = self._values[key] = make()
        if len(self._values) > MAX_ENTRIES:
            self._values.popitem(last=False)
        return value


class _Drafts:
    """Drafts found so far, and the iterator that finds more."""

    def __init__(self, found: Iterator[Draft]) -> None:
        self._found: list[Draft] = []
        self._more = found

    def first_not_in(self, avoid: Collection[str]) -> Draft:
        for at in range(MAX_DRAFTS):
            if at == len(self._found):
                draft = next(self._more, None)
                if draft is None:
                    break
                self._found.append(draft)
            if self._found[at].phrasing not in avoid:
                return self._found[at]
        return self._found[0]


class Memo:
    """Fact sheets and drafts of the items seen lately."""

    def __init__(self) -> None:
        self._sheets: Lru[FactSheet] = Lru()
        self._drafts: Lru[_Drafts] = Lru()

    def sheet(self, item: Mapping[str, object]) -> FactSheet:
        """`fact_sheet(item)`, remembered by the item's whole content."""
        return self._sheets.get(repr(item), lambda: fact_sheet(item))

    def draft(
        self, sheet: FactSheet, traits: tuple[Trait, ...], *, locale: str, max_chars: int, avoid: Collection[str]
    ) -> Draft:
        """`template.write`, remembered; the first of `MAX_DRAFTS` not in `avoid`, else the first."""
        key = (sheet.item_id, sheet.fact_hash, sheet.path, tuple(t.id for t in traits), locale, max_chars)
        made = self._drafts.get(key, lambda: _Drafts(drafts(sheet, traits, locale=locale, max_chars=max_chars)))
        return made.first_not_in(avoid)
