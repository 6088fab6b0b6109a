"""Settings of a build: defaults in code, overridden by one TOML file; unknown keys raise.

[candidates.als]
factors = 96
[ranking.ranker]
num_leaves = 63
[slate.diversity]
trade_off = 0.1
"""

from __future__ import annotations

import argparse
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, TypeVar, get_args, get_type_hints

from offline_jobs.train_candidates import CandidatesConfig
from offline_jobs.train_ranker import RankingConfig
from recsys.candidates.merge import SOURCES
from recsys.errors import ConfigError
from recsys.rerank.page import SlateConfig


@dataclass(frozen=True, slots=True)
class BuildConfig:
    """Everything a build may be told; `holdout_days` None takes the default of `recsys.split`."""

    candidates: CandidatesConfig = field(default_factory=CandidatesConfig)
    ranking: RankingConfig = field(default_factory=RankingConfig)
    slate: SlateConfig = field(default_factory=SlateConfig)
    holdout_days: float | None = None


Settings = TypeVar("Settings")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`--config` and `--holdout-days`."""
    parser.add_argument("--config", type=Path, metavar="FILE", help="TOML with settings of the build")
    parser.add_argument("--holdout-days", type=float, metavar="D", help="length of the measured window (default 28)")


def of(args: argparse.Namespace) -> BuildConfig:
    """The settings the command line asks for."""
    config = read_config(args.config)
    if args.holdout_days is None:
        return config
    return override(config, {"holdout_days": args.holdout_days}, where="--holdout-days")


def read_config(path: Path | None) -> BuildConfig:
    """Defaults, or what a TOML file makes of them."""
    if path is None:
        return BuildConfig()
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read as TOML: {error}; correct it or leave --config out") from error
    return override(BuildConfig(), content, where=str(path))


def override(settings: Settings, content: Mapping[str, Any], *, where: str) -> Settings:
    """Settings with the tables and values of `content` in place; `ConfigError`, naming `where`, for a wrong one."""
    known = {f.name: f for f in fields(settings)}  # type: ignore[arg-type]
    changes: dict[str, Any] = {}
    for key, value in content.items():
        if key not in known:
            raise ConfigError(f"{where}: unknown key {key!r}; known are {', '.join(sorted(known))}")
        old = getattr(settings, key)
        if is_dataclass(old):
            if not isinstance(value, Mapping):
                raise ConfigError(f"{where}: {key} is {value!r}; expected a table [{key}]")
            changes[key] = override(old, value, where=f"{where}: {key}")
        elif isinstance(old, str):
            choices = get_args(get_type_hints(type(settings))[key])
            if value not in choices:
                raise ConfigError(f"{where}: {key} is {value!r}; expected one of {', '.join(choices)}")
            changes[key] = value
        elif (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or (isinstance(old, int) and not isinstance(value, int))
        ):
            raise ConfigError(f"{where}: {key} is {value!r}; expected a number like {old}")
        elif not _in_range(key, value):
            raise ConfigError(f"{where}: {key} is {value!r}; expected {_range(key)}")
        else:
            changes[key] = float(value) if isinstance(old, float) else value
    return replace(settings, **changes)  # type: ignore[type-var]


_MAY_BE_ZERO = (
    *SOURCES,
    *(
        "seed",
        "new_user_share",
        "regularization",
        "position_regularization",
        "lambda_l2",
        "trade_off",
        "slots",
        "fresh",
        "epsilon",
    ),
)
_AT_MOST_ONE = ("_share", "_fraction", "decay", "trade_off", "epsilon")


def _range(key: str) -> str:
    if key in _MAY_BE_ZERO:
        return "a number from 0 to 1" if key.endswith(_AT_MOST_ONE) else "a finite number from 0"
    if key.endswith(_AT_MOST_ONE):
        return "a number above 0, at most 1"
    return "a finite number above 0"


def _in_range(key: str, value: float) -> bool:
    if not math.isfinite(value) or value < 0 or (value == 0 and key not in _MAY_BE_ZERO):
        return False
    return value <= 1 or not key.endswith(_AT_MOST_ONE)


def flat(settings: Any, prefix: str = "") -> dict[str, Any]:
    """Every value of nested settings under its dotted name, such as `ranking.ranker.num_leaves`."""
    found: dict[str, Any] = {}
    for f in fields(settings):
        value = getattr(settings, f.name)
        found |= flat(value, f"{prefix}{f.name}.") if is_dataclass(value) else {prefix + f.name: value}
    return found


def nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """Inverse of `flat`: tables in tables, as a TOML file is read."""
    tables: dict[str, Any] = {}
    for name, value in values.items():
        *path, key = name.split(".")
        table = tables
        for part in path:
            table = table.setdefault(part, {})
        table[key] = value
    return tables


def as_toml(values: Mapping[str, Any]) -> str:
    """TOML text that `read_config` reads back as these values by dotted name, one table after the other."""
    tables: dict[str, list[str]] = {}
    for name, value in values.items():
        table, _, key = name.rpartition(".")
        tables.setdefault(table, []).append(f"{key} = {value!r}")
    tables = dict(sorted(tables.items()))
    return "\n".join("\n".join(([f"[{table}]"] if table else []) + [*lines, ""]) for table, lines in tables.items())
