"""Business rules: what a shop's people decide about slates, read from one TOML file.

    [[rule]]
    name = "recalled"
    action = "never_show"            # boost, bury, pin or never_show
    items = ["1082185", "995242"]    # and/or categories, brands: an item must match every list that is given
    from = 2026-03-01                # optional; dates without a zone are UTC
    until = 2026-04-01               # optional, exclusive
    placements = ["home"]            # optional, default everywhere

`boost` and `bury` move an item `places` places up or down the ranking, or all the way without it: ranks have a unit,
the scores of a learned ranker have none. `pin` puts the first eligible of its `items` at `position`.

Invariant: a `Rules` that exists is valid; what is wrong is said with the rule's name and what to do.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any, Final, Literal, cast, get_args

from recsys.errors import ConfigError
from recsys.slate import MAX_PAGE_SIZE

Action = Literal["boost", "bury", "pin", "never_show"]
ACTIONS: Final[tuple[Action, ...]] = get_args(Action)
MAX_RULES: Final = 1_000
MAX_PLACES: Final = 10_000

_LISTS: Final = ("items", "categories", "brands", "placements")
_KEYS: Final = ("name", "action", *_LISTS, "from", "until", "places", "position")
_ONLY_FOR: Final[dict[str, tuple[Action, ...]]] = {"places": ("boost", "bury"), "position": ("pin",)}


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. Times are UTC epoch milliseconds, `until_ms` exclusive; `places` None moves all the way.

    A category matches an item when it equals the item's path joined by " > ", or a leading part of it; categories and
    brands ignore case.
    """

    name: str
    action: Action
    items: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    brands: tuple[str, ...] = ()
    placements: tuple[str, ...] = ()
    from_ms: int | None = None
    until_ms: int | None = None
    places: int | None = None
    position: int = 0

    def active(self, *, time_ms: int, placement: str) -> bool:
        """Whether the rule holds for a request."""
        return (
            (self.from_ms is None or time_ms >= self.from_ms)
            and (self.until_ms is None or time_ms < self.until_ms)
            and (not self.placements or placement in self.placements)
        )


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of one file in its order; `version` is a hash of its bytes."""

    rules: tuple[Rule, ...] = ()
    version: str = ""


def read_rules(path: Path) -> Rules:
    """The rules of a file; `ConfigError` where it cannot be read or a rule is wrong."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"rules {path} cannot be read ({error.strerror}); name a TOML file") from error
    return parse_rules(content, where=str(path))


def parse_rules(content: bytes, *, where: str) -> Rules:
    """The rules that TOML text holds; `where` names it in errors."""
    try:
        document = tomllib.loads(content.decode("utf-8"))
    except ValueError as error:  # not TOML, or not UTF-8
        raise ConfigError(f"{where} is not TOML: {error}; correct that line") from error
    unknown = sorted(set(document) - {"rule"})
    if unknown:
        raise ConfigError(f"{where}: unknown key {unknown[0]!r}; write each rule as a table [[rule]]")
    tables = document.get("rule", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise ConfigError(f"{where}: rule is one table; write it with two brackets: [[rule]]")
    if len(tables) > MAX_RULES:
        raise ConfigError(f"{where} has {len(tables)} rules; expected at most {MAX_RULES}; join rules of one action")
    rules = tuple(_rule(table, where=where, number=i + 1) for i, table in enumerate(tables))
    names = [rule.name for rule in rules]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"{where}: two rules are named {name!r}; expected names of their own; rename one")
    return Rules(rules, hashlib.sha256(content).hexdigest()[:12])


def _rule(table: Mapping[str, Any], *, where: str, number: int) -> Rule:
    name = table.get("name")
    if not isinstance(name, str) or not name.strip():
        raise ConfigError(f'{where}: rule {number} has no name; expected some text; add name = "..."')
    here = f"{where}: rule {name!r}"
    for key in table:
        if key not in _KEYS:
            raise ConfigError(f"{here} has an unknown key {key!r}; known are {', '.join(_KEYS)}")
    action = table.get("action")
    if action not in ACTIONS:
        raise ConfigError(f"{here}: action is {action!r}; expected one of {', '.join(ACTIONS)}; choose one")
    for key, fitting in _ONLY_FOR.items():
        if key in table and action not in fitting:
            raise ConfigError(f"{here}: {key} is for {' and '.join(fitting)}; this rule is {action}; remove it")
    lists = {key: _texts(table[key], key, here) for key in _LISTS if key in table}
    if not any(lists.get(key) for key in ("items", "categories", "brands")):
        raise ConfigError(f"{here} matches nothing; expected items, categories or brands; add one of them")
    if action == "pin" and (not lists.get("items") or set(lists) & {"categories", "brands"}):
        raise ConfigError(f"{here}: a pin names its items; expected items alone; list them, the first choice first")
    from_ms, until_ms = (_time_ms(table.get(key), key, here) for key in ("from", "until"))
    if from_ms is not None and until_ms is not None and from_ms >= until_ms:
        raise ConfigError(f"{here}: from is not before until; expected an earlier time; correct one of them")
    if action == "pin" and "position" not in table:
        raise ConfigError(f"{here} has no position; expected 1 to {MAX_PAGE_SIZE}; add position = 1")
    return Rule(
        name=name,
        action=cast(Action, action),
        from_ms=from_ms,
        until_ms=until_ms,
        places=_count(table["places"], "places", MAX_PLACES, here) if "places" in table else None,
        position=_count(table["position"], "position", MAX_PAGE_SIZE, here) if "position" in table else 0,
        **lists,
    )


def _texts(value: object, key: str, here: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or not all(isinstance(v, str) and v for v in value):
        raise ConfigError(f'{here}: {key} is {value!r}; expected a list of texts; write {key} = ["..."]')
    return tuple(value)


def _count(value: object, key: str, most: int, here: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
        raise ConfigError(f"{here}: {key} is {value!r}; expected a whole number from 1 to {most}; correct it")
    return value


def _time_ms(value: object, key: str, here: str) -> int | None:
    if value is None:
        return None
    if isinstance(value, datetime):
        moment = value if value.tzinfo else value.replace(tzinfo=UTC)
    elif isinstance(value, date):
        moment = datetime.combine(value, time(), UTC)
    else:
        raise ConfigError(f"{here}: {key} is {value!r}; expected a date or a time such as 2026-03-01; write no quotes")
    return round(moment.timestamp() * 1000)
