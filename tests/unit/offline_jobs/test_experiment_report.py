"""The report of an experiment: its figures are the library's, and it says what must not be believed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from offline_jobs.attribution import attribute
from offline_jobs.experiment import read_experiment
from offline_jobs.reports.experiment import experiment_page
from offline_jobs.simulated_shoppers import BASE, TASTE, plant, responses
from recsys.errors import ConfigError, DataError
from recsys.experiments import effects, moments
from recsys.exposure_log import SIMULATED
from recsys.secret_key import load_key
from slatewright import cli
from tests.shown_slates import T0, expose, happened, slate, store

KEY, N, PLACES = "words", 600, 5
DAY_MS = 86_400_000


@pytest.fixture(scope="module")
def attributed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, np.ndarray]]:
    """Tables of 600 units in halves over ten days, with clicks at 10 and 25 per cent; and the clicks by arm."""
    folder = tmp_path_factory.mktemp("experiment")
    state = folder / "state"
    state.mkdir()
    load_key(state)
    rng = np.random.default_rng(4)
    slates, events, clicks = [], [], {"control": np.zeros(N // 2), "warm": np.zeros(N // 2)}
    for n in range(N):
        arm = "warm" if n % 2 else "control"
        at = T0 + int(rng.integers(0, 10 * DAY_MS))
        layers: dict[str, Any] = {"variants": [("copy", arm)], "experiments": [("copy", KEY)]}
        kind = {"country": "DE" if n % 3 else "FR", "user_status": "known", "placement": "home", "device": ""}
        slates.append(slate(state, f"t{n}", f"u{n}", [f"i{k}" for k in range(PLACES)], at, **layers, **kind))
        for k in np.flatnonzero(rng.random(PLACES) < (0.25 if n % 2 else 0.10)).tolist():
            events.append(happened(f"e{n}-{k}", f"u{n}", f"i{k}", "click", at + 5, f"t{n}"))
            clicks[arm][n // 2] += 1
    slates.append(slate(state, "m1", "mixed", ["i1"], variants=[("copy", "warm")], experiments=[("copy", KEY)]))
    slates.append(
        slate(state, "m2", "mixed", ["i1"], T0 + 9, variants=[("copy", "control")], experiments=[("copy", KEY)])
    )
    slates.append(slate(state, "outside", "nobody", ["i1"]))
    expose(folder / "exposures", slates)
    (folder / "exposures" / SIMULATED).touch()
    store(state, events)
    attribute(folder / "exposures", folder / "out", state=state)
    return folder / "out", clicks


def test_effects_are_those_of_the_library(attributed: Any) -> None:
    """Units, split, rates, lifts and corrected p of the planted arms; who got both variants is in neither."""
    out, clicks = attributed
    found = read_experiment(out, KEY)
    assert (found.layer, found.n_mixed, found.simulated) == ("copy", 1, True)
    assert [(arm.name, arm.n_units) for arm in found.arms] == [("control", 300), ("warm", 300)]
    assert not found.split.mismatch
    [warm] = found.comparisons
    ratio = [moments.of_ratio(clicks[arm], np.full(N // 2, float(PLACES))) for arm in ("control", "warm")]
    expected = effects.lift(*ratio)
    lift = warm.lifts["clicks per place shown"]
    assert [float(lift.value), float(lift.low), float(lift.high)] == pytest.approx(
        [float(expected.value), float(expected.low), float(expected.high)]
    )
    assert float(lift.low) < 1.5 < float(lift.high)
    assert warm.p["clicks per place shown"] < 1e-6
    assert np.isnan(warm.p["revenue per unit"])
    looks = warm.looks
    assert len(looks.value) == 10
    assert looks.value[-1] == pytest.approx(float(ratio[1].mean - ratio[0].mean))
    assert looks.low[-1] > 0
    names, of = warm.segments["country"]
    assert names == ["DE", "FR"]
    assert of.n_control.sum() + of.n_treatment.sum() == N
    assert set(warm.segments) == {"country"}


def test_the_page_stands_alone_and_says_what_it_is(attributed: Any, tmp_path: Path, capsys: Any) -> None:
    """Labelled as simulated, no link to the outside, every section there, and the command prints the lifts."""
    out, _ = attributed
    page = experiment_page(read_experiment(out, KEY))
    assert page.count("SIMULATED") >= 3
    assert not re.search(r"(src|href)=\"(?!#)", page.replace('xmlns:xlink="', ""))
    for words in (
        "as planned",
        "clicks per place shown",
        "By place",
        "valid at every look",
        "country",
        "1 units were served",
    ):
        assert words in page
    target = tmp_path / "page.html"
    assert cli.main(["report", KEY, "--attributed", str(out), "--out", str(target)]) == 0
    assert target.read_text(encoding="utf-8") == page
    assert "SIMULATED" in capsys.readouterr().out


def test_a_split_that_is_not_as_planned_outweighs_every_effect(attributed: Any) -> None:
    """With other weights planned, the lead says that nothing holds."""
    out, _ = attributed
    found = read_experiment(out, KEY, weights=[0.8, 0.2])
    assert found.split.mismatch
    page = experiment_page(found)
    assert "no effect below can be trusted" in page
    assert "NOT as planned" in page


def test_what_is_not_there_is_named(attributed: Any, tmp_path: Path) -> None:
    """Unknown experiment, control, weights and folder, each with what there is."""
    out, _ = attributed
    with pytest.raises(DataError, match="experiment other is not there; known are words"):
        read_experiment(out, "other")
    with pytest.raises(DataError, match="expected cold and another one"):
        read_experiment(out, KEY, control="cold")
    with pytest.raises(ConfigError, match="3 weights and 2 variants"):
        read_experiment(out, KEY, weights=[1, 1, 1])
    with pytest.raises(DataError, match="no tables of"):
        read_experiment(tmp_path, KEY)


def test_simulated_shoppers_do_what_was_planted() -> None:
    """Clicks fall as 1 / place, rise by the lift, and depend on taste as planned; times are in order."""
    sizes = np.array([5, 1, 0, 10, 4])
    shoppers = plant(2_000, sizes, from_ms=0, seed=1)
    assert (shoppers.liked.sum(axis=1) == 3).all()
    assert not shoppers.liked[:, 2].any()
    assert shoppers.liked[:, 3].mean() > shoppers.liked[:, 1].mean()
    times = [visit.time_ms for visit in shoppers.visits]
    assert times == sorted(times)
    wanted = np.array([True, False] * 3)
    for treated, lift in ((False, 0.4), (True, 0.4)):
        clicks = np.mean(
            [responses(v, wanted, treated=treated, lift=lift, eta=1.0, seed=2)[0] for v in shoppers.visits], axis=0
        )
        chance = (BASE + TASTE * wanted) * (1 + lift * treated) / np.arange(1, 7)
        assert np.abs(clicks - chance).max() < 5 * np.sqrt(0.25 / len(times))
