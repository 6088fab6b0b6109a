"""A search kept in a file: opened again it goes on, and a file of another search is refused.

Invariant: the trials are a function of what the search is about; an interrupted search that goes on makes the trials
that an uninterrupted one makes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import optuna
from numpy.typing import NDArray
from optuna.samplers import TPESampler
from optuna.trial import FrozenTrial, Trial, TrialState
from sqlalchemy.engine import URL
from sqlalchemy.exc import SQLAlchemyError

from recsys.errors import ConfigError

NAME: Final = "slatewright"
ABOUT: Final = "about"
DEFAULT: Final = "default"
"""Marks the trial of the settings that the search started from."""
PER_REQUEST: Final = "ndcg"

Objective = Callable[[Trial], NDArray[np.float64]]
"""NDCG@10 of every validation request, float64 (n,), with the settings of a trial."""


def open_study(path: Path, about: Mapping[str, str]) -> optuna.Study:
    """The study in the SQLite file, made where there is none; `ConfigError` where it is about something else."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    url = URL.create("sqlite", database=str(path.absolute())).render_as_string()
    try:
        study = optuna.create_study(study_name=NAME, storage=url, direction="maximize", load_if_exists=True)
        known = study.user_attrs.get(ABOUT)
        if known is None:
            study.set_user_attr(ABOUT, dict(about))
    except (SQLAlchemyError, optuna.exceptions.OptunaError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(
            f"--study {path} cannot be opened as a study: {reason}; name a new file, or one that this command made"
        ) from error
    if known is not None and known != dict(about):
        raise ConfigError(
            f"--study {path} is of another search: {_differences(known, about)}; repeat the command that made it, or "
            "name another file"
        )
    return study


def _differences(known: Mapping[str, str], about: Mapping[str, str]) -> str:
    names = [name for name in {**known, **about} if known.get(name) != about.get(name)]
    told = [f"{name} was {known.get(name, 'absent')}, is {about.get(name, 'absent')}" for name in names[:3]]
    return "; ".join(told) + (f"; and {len(names) - 3} more" if len(names) > 3 else "")


def finished(study: optuna.Study) -> list[FrozenTrial]:
    """The measured trials, oldest first."""
    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))


def default_trial(trials: Sequence[FrozenTrial]) -> FrozenTrial | None:
    """The trial of the settings that the search started from, once it is measured."""
    return next((trial for trial in trials if trial.user_attrs.get(DEFAULT)), None)


def best_trial(trials: Sequence[FrozenTrial]) -> FrozenTrial:
    """The trial with the highest mean, the oldest of equals."""
    return max(trials, key=lambda trial: (trial.values[0], -trial.number))


def search(
    study: optuna.Study,
    objective: Objective,
    start: Mapping[str, float],
    *,
    seed: int,
    minutes: float,
    n_trials: int | None,
    after: Callable[[list[FrozenTrial], float], None],
) -> None:
    """Run trials until the study has `n_trials` or `minutes` have passed; no trial is cut short.

    The first trial has the values of `start`, whatever the limits. `after` hears the finished trials and the share
    of the limits used up.
    """
    started = time.monotonic()
    done = finished(study)
    if default_trial(done) is None:
        waiting = study.get_trials(deepcopy=False, states=(TrialState.WAITING,))
        if not waiting:
            study.enqueue_trial(dict(start), user_attrs={DEFAULT: True})
    while True:
        share = (time.monotonic() - started) / (60 * minutes)
        if n_trials is not None:
            share = max(share, len(done) / n_trials)
        after(done, min(share, 1.0))
        if share >= 1 and default_trial(done) is not None:
            return
        # The sampler has no state of its own: what it proposes depends on the seed and the finished trials alone.
        study.sampler = TPESampler(seed=seed + len(done), constant_liar=False)
        trial = study.ask()
        try:
            values = objective(trial)
        except BaseException:
            study.tell(trial, state=TrialState.FAIL)
            raise
        trial.set_user_attr(PER_REQUEST, values.tolist())
        study.tell(trial, float(values.mean()))
        done = finished(study)
