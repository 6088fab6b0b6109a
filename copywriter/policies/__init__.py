"""Claims-law packs, one file a region: versioned data, read once.

`us.toml` holds what no shop may say without proof; a pack with `extends` adds to another. What a field means stands
at the head of `us.toml`. A pack of another region is added as a file and listed in `REGIONS`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final, Literal

from copywriter.checks.finding import Severity
from copywriter.errors import PolicyError

Excuse = Literal["never", "kind", "fact"]
REGIONS: Final = ("us", "eu", "cn")
DEFAULT_REGION: Final = "us"
_SEVERITIES: Final = ("repair", "review", "block")


@dataclass(frozen=True, slots=True)
class Rule:
    """Words that claim what needs proof; `excuse` says whether a fact of the item may excuse them."""

    name: str
    severity: Severity
    pattern: re.Pattern[str]
    excuse: Excuse


@dataclass(frozen=True, slots=True)
class Pack:
    """The rules of one region; `spared` words are lawful uses of a pattern and are not looked at."""

    region: str
    version: str
    rules: tuple[Rule, ...]
    spared: re.Pattern[str] | None = None


@cache
def pack(region: str) -> Pack:
    """The pack of `region`, with those it extends.

    Raises
    ------
    PolicyError
        For a region without a pack, or a pack with a rule that cannot be read.
    """
    if region not in REGIONS:
        raise PolicyError(f'no claims-law pack for region "{region}"; there are: {", ".join(REGIONS)}')
    stated = tomllib.loads(files(__name__).joinpath(f"{region}.toml").read_text("utf-8"))
    rules = tuple(_rule(row, region) for row in stated["rule"])
    base = stated.get("extends")
    if base:
        rules = (*pack(base).rules, *rules)
    spared = re.compile(stated["spared"]) if "spared" in stated else None
    return Pack(region, str(stated["version"]), rules, spared)


def _rule(row: Mapping[str, str], region: str) -> Rule:
    try:
        name, severity, excuse = row["name"], row["severity"], row["excuse"]
        pattern = re.compile(row["pattern"], re.I)
    except (KeyError, re.error) as error:
        raise PolicyError(f"pack {region}: rule {row.get('name', '?')} cannot be read: {error!r}") from error
    if severity not in _SEVERITIES or excuse not in ("never", "kind", "fact"):
        raise PolicyError(
            f'pack {region}: rule {name} has severity "{severity}" and excuse "{excuse}"; '
            f"expected one of {', '.join(_SEVERITIES)} and one of never, kind, fact"
        )
    return Rule(name, severity, pattern, excuse)  # type: ignore[arg-type]
