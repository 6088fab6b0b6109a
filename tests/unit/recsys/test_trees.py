"""The ranker's trees, walked here, give LightGBM's own scores."""

from __future__ import annotations

import lightgbm as lgb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from recsys.errors import BundleMismatchError
from recsys.rerank.trees import read_trees


def _matrix(seed: int, n: int, width: int) -> NDArray[np.float32]:
    """Random features, some missing, some infinite, some of few values."""
    rng = np.random.default_rng(seed)
    matrix = rng.standard_normal((n, width)).astype(np.float32)
    matrix[:, 0] = rng.integers(0, 3, n)
    matrix[rng.random((n, width)) < 0.15] = np.nan
    matrix[rng.random((n, width)) < 0.01] = np.inf
    matrix[rng.random((n, width)) < 0.01] = -np.inf
    return matrix


def _booster(seed: int, **params: object) -> lgb.Booster:
    matrix = _matrix(seed, 600, 8)
    rng = np.random.default_rng(seed)
    known = np.nan_to_num(matrix, posinf=3, neginf=-3)
    label = (known[:, 0] + known[:, 1] * known[:, 2] + rng.standard_normal(600) > 1).astype(int)
    data = lgb.Dataset(matrix, label, group=[30] * 20)
    fixed = {"objective": "lambdarank", "verbosity": -1, "num_threads": 1, "min_data_in_leaf": 5, "seed": seed}
    return lgb.train({**fixed, **params}, data, 25)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**31), st.integers(0, 41), st.integers(2, 40))
def test_scores_are_lightgbms_to_the_bit(seed: int, n: int, num_leaves: int) -> None:
    """Any number of rows, with missing and infinite values, by trees of any size; rows on a threshold included."""
    booster = _booster(seed, num_leaves=num_leaves)
    matrix = _matrix(seed + 1, n, 8)
    if n:
        cuts = [t["threshold"] for t in _nodes(booster) if t["split_feature"] == 1]
        with np.errstate(over="ignore"):  # a cut between known and missing is the largest double
            matrix[: len(cuts), 1] = np.array(cuts).astype(np.float32)[:n]
    expected = booster.predict(matrix, num_threads=1) if n else np.empty(0)
    np.testing.assert_array_equal(read_trees(booster.model_to_string()).predict(matrix), expected)


def _nodes(booster: lgb.Booster) -> list[dict[str, float]]:
    found: list[dict[str, float]] = []

    def visit(node: dict[str, object]) -> None:
        if "split_feature" in node:
            found.append(node)  # type: ignore[arg-type]
            visit(node["left_child"])  # type: ignore[arg-type]
            visit(node["right_child"])  # type: ignore[arg-type]

    for tree in booster.dump_model()["tree_info"]:
        visit(tree["tree_structure"])
    return found


def test_features_without_missing_values_and_trees_without_splits() -> None:
    """NaN counts as 0 where the fit met none; a tree that is one leaf adds it."""
    matrix = np.nan_to_num(_matrix(3, 400, 5), posinf=2, neginf=-2)
    label = (matrix[:, 1] > 0).astype(int)
    data = lgb.Dataset(matrix, label)
    booster = lgb.train({"objective": "regression", "verbosity": -1, "num_threads": 1}, data, 3)
    asked = _matrix(4, 50, 5)
    np.testing.assert_array_equal(
        read_trees(booster.model_to_string()).predict(asked), booster.predict(asked, num_threads=1)
    )
    single = lgb.train({"objective": "regression", "verbosity": -1}, lgb.Dataset(matrix, np.ones(400)), 2)
    found = read_trees(single.model_to_string()).predict(asked)
    np.testing.assert_array_equal(found, single.predict(asked))


def test_what_a_ranker_of_ours_never_has_is_refused() -> None:
    """Categorical splits, zeros as missing values and averaged forests would be scored wrongly: an error instead."""
    matrix = np.abs(np.nan_to_num(_matrix(5, 500, 4), posinf=1, neginf=1))
    matrix[:, 0] = np.arange(500) % 7
    label = (matrix[:, 0] % 2 + matrix[:, 1] > 1).astype(int)
    fixed = {"objective": "regression", "verbosity": -1, "num_threads": 1, "min_data_in_leaf": 5}
    for params, columns in (
        ({}, [0]),
        ({"zero_as_missing": True}, []),
        ({"boosting": "rf", "bagging_fraction": 0.5, "bagging_freq": 1}, []),
    ):
        data = lgb.Dataset(matrix, label, categorical_feature=columns)
        booster = lgb.train({**fixed, **params, "min_data_per_group": 5}, data, 3)
        with pytest.raises(BundleMismatchError):
            read_trees(booster.model_to_string())


def test_a_matrix_of_another_width_is_refused() -> None:
    """Fewer columns than the fit had would read beyond the row."""
    with pytest.raises(ValueError, match="expected"):
        read_trees(_booster(1).model_to_string()).predict(np.zeros((3, 7), np.float32))
