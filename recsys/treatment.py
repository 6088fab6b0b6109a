"""What one variant of an experiment changes about a slate: the bundle's settings, replaced for one call.

Invariant: `UNTREATED` changes nothing, to the bit. A treatment that exists is valid for every bundle.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from recsys.candidates.merge import SOURCES
from recsys.errors import ConfigError
from recsys.rerank.diversify import DiversityConfig
from recsys.rerank.explore import ExploreConfig
from recsys.rerank.page import SlateConfig

Ranker = Literal["learned", "fused"]
MAX_QUOTA: Final = 500
"""Of one source; what a variant asks for is paid by the calls it serves."""


@dataclass(frozen=True, slots=True)
class Treatment:
    """Settings in place of the bundle's.

    `quotas` holds the longest list of the sources it names, 0 turning one off; a source that the bundle has off stays
    off. `ranker` "fused" orders by the merge of the sources alone, without the learned ranker. `diversity` and
    `explore` replace the bundle's whole tables, so that what a variant does depends on no bundle; None keeps them.
    """

    quotas: Mapping[str, int] = field(default_factory=dict)
    ranker: Ranker = "learned"
    diversity: DiversityConfig | None = None
    explore: ExploreConfig | None = None

    def longest(self, fitted: NDArray[np.int64]) -> NDArray[np.int64]:
        """Quotas (n_sources,) from the bundle's; a copy."""
        quotas = fitted.copy()
        for name, longest in self.quotas.items():
            at = SOURCES.index(name)
            quotas[at] = longest if fitted[at] else 0
        return quotas

    def page(self, config: SlateConfig) -> SlateConfig:
        """The page's settings from the bundle's."""
        if self.diversity is None and self.explore is None:
            return config
        return SlateConfig(self.diversity or config.diversity, self.explore or config.explore)

    def joined(self, other: Treatment) -> Treatment:
        """Both at once; of what both set, `other`'s."""
        if other is UNTREATED:
            return self
        if self is UNTREATED:
            return other
        changed = {
            f.name: value for f in fields(other) if (value := getattr(other, f.name)) != getattr(UNTREATED, f.name)
        }
        return replace(self, **changed)


UNTREATED: Final = Treatment()
SETTINGS: Final = tuple(f.name for f in fields(Treatment))
"""Names `read_treatment` knows."""


def read_treatment(settings: Mapping[str, Any]) -> Treatment:
    """A treatment from plain values. `ConfigError` names the setting that is unknown or wrong."""
    _all_known("", settings, SETTINGS)
    given: dict[str, Any] = dict(settings)
    if "quotas" in given:
        given["quotas"] = _quotas(given["quotas"])
    if "ranker" in given and given["ranker"] not in get_args(Ranker):
        raise ConfigError(f"ranker is {given['ranker']!r}; expected one of {', '.join(get_args(Ranker))}; choose one")
    if "diversity" in given:
        given["diversity"] = _config(DiversityConfig, "diversity", given["diversity"])
        for name, share in _values(given["diversity"]).items():
            if not 0 <= share <= 1:
                raise ConfigError(f"diversity.{name} is {share}; expected 0 to 1; choose one of these")
    if "explore" in given:
        given["explore"] = _config(ExploreConfig, "explore", given["explore"])
    return Treatment(**given)


def _quotas(given: object) -> dict[str, int]:
    table = _table("quotas", given)
    _all_known("quotas.", table, SOURCES)
    for name, longest in table.items():
        if type(longest) is not int or not 0 <= longest <= MAX_QUOTA:
            raise ConfigError(
                f"quotas.{name} is {longest!r}; expected a whole number, 0 to {MAX_QUOTA}; 0 turns it off"
            )
    return table


def _config(kind: Any, of: str, given: object) -> Any:
    """A configuration of numbers; unset ones are its defaults."""
    table = _table(of, given)
    known = _values(kind())
    _all_known(f"{of}.", table, tuple(known))
    for name, value in table.items():
        whole = isinstance(known[name], int)
        if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
            raise ConfigError(f"{of}.{name} is {value!r}; expected a {'whole ' if whole else ''}number; correct it")
    return kind(**table)


def _values(config: Any) -> dict[str, Any]:
    return {f.name: getattr(config, f.name) for f in fields(config)}


def _table(name: str, given: object) -> dict[str, Any]:
    if not isinstance(given, Mapping):
        raise ConfigError(f"{name} is {given!r}; expected an object of settings; correct it")
    return dict(given)


def _all_known(prefix: str, given: Mapping[str, Any], known: tuple[str, ...]) -> None:
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise ConfigError(f"{prefix}{unknown[0]} is no setting; known are {', '.join(known)}; correct its name")
