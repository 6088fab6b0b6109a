"""What a search found: the file for `--config`, and tables for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from optuna.trial import FrozenTrial
from rich.console import Console

from offline_jobs.config import BuildConfig, as_toml, flat
from offline_jobs.search_space import Range, settings_of
from offline_jobs.study import PER_REQUEST, best_trial
from offline_jobs.tables import lead_text, p_text, print_table
from recsys import metrics
from recsys.metrics import Comparison


@dataclass(frozen=True, slots=True)
class Tuned:
    """The measured trials, those of the starting and of the best settings, and the paired lead of the best."""

    trials: Sequence[FrozenTrial]
    default: FrozenTrial
    best: FrozenTrial
    lead: Comparison
    n_requests: int


def tuned(trials: Sequence[FrozenTrial], default: FrozenTrial) -> Tuned:
    """The best of `trials` beside `default`, on the same requests."""
    best = best_trial(trials)
    values = [np.array(trial.user_attrs[PER_REQUEST]) for trial in (default, best)]
    lead = metrics.compare((values[1] - values[0])[:, None])[0]
    return Tuned(trials, default, best, lead, len(values[0]))


def written(found: Tuned, base: BuildConfig, space: Mapping[str, Range], *, name: str) -> str:
    """The best settings as TOML: all that were searched, and what `base` changes of the defaults."""
    chosen, defaults = flat(settings_of(found.best.params, base)), flat(BuildConfig())
    values = {key: value for key, value in chosen.items() if key in space or value != defaults[key]}
    comments = [
        f"Chosen by `slatewright tune` for {name}, on the window before the test window.",
        f"NDCG@10 of {found.n_requests} validation requests: {found.best.values[0]:.4f}; "
        f"{found.default.values[0]:.4f} before, {lead_text(found.lead)} paired.",
        f"The best of {len(found.trials)} trials on these requests, so its lead there flatters it.",
        f"{_minutes(found.trials):.1f} minutes of trials.",
    ]
    return "".join(f"# {line}\n" for line in comments) + "\n" + as_toml(values)


def print_tuned(found: Tuned, base: BuildConfig, *, name: str) -> None:
    """How the best came about, what it changes, and what it is worth."""
    console = Console(width=132)
    history = [trial for i, trial in enumerate(found.trials) if best_trial(found.trials[: i + 1]) is trial]
    rows = [[str(trial.number), f"{trial.values[0]:.4f}", _told(trial, found)] for trial in history]
    print_table(console, f"{name}: better and better trials of {len(found.trials)}", ["trial", "ndcg@10", ""], rows)
    before, after = flat(base), flat(settings_of(found.best.params, base))
    changed = [[key, _number(before[key]), _number(after[key])] for key in after if after[key] != before[key]]
    if changed:
        print_table(console, "what the best one changes", ["setting", "before", "best"], changed)
    lead = f"{lead_text(found.lead)}, p {p_text(found.lead)}" if changed else "the same: none was better"
    console.print(
        f"ndcg@10 on {found.n_requests} validation requests: {found.default.values[0]:.4f} before, "
        f"{found.best.values[0]:.4f} best ({lead})\n"
        "the best of many on these very requests: its lead there flatters it; the test window was not looked at\n",
        soft_wrap=True,
        highlight=False,
    )


def _told(trial: FrozenTrial, found: Tuned) -> str:
    return "the settings before" if trial is found.default else ""


def _number(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _minutes(trials: Sequence[FrozenTrial]) -> float:
    return sum(trial.duration.total_seconds() for trial in trials if trial.duration) / 60
