"""Off-policy estimators: planted answers, identities that hold on any log, and the joint policy of slate and words."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeRegressor

from recsys.errors import ConfigError, DataError
from recsys.experiments.ope import bandit, models, slates
from recsys.experiments.ope.diagnostics import diagnose, unsupported
from recsys.experiments.ope.intervals import Terms, bootstrap, by_user, normal
from recsys.experiments.ope.logged import Logged, joint, of_actions

VALUES = np.array([0.1, 0.3, 0.7])
"""Click rate of each of three items; the target shows the best 80 % of the time, the log the worst."""
LOGGING, TARGET = np.array([0.6, 0.3, 0.1]), np.array([0.1, 0.1, 0.8])
TRUTH = float(VALUES @ TARGET)


def log(n: int = 20_000, seed: int = 1, q: np.ndarray | None = None) -> tuple[Logged, np.ndarray]:
    rng = np.random.default_rng(seed)
    actions = rng.choice(3, n, p=LOGGING)
    clicks = (rng.random(n) < VALUES[actions]).astype(float)
    tables = {"propensities": np.tile(LOGGING, (n, 1)), "target": np.tile(TARGET, (n, 1))}
    return of_actions(clicks, actions, **tables, q=None if q is None else np.tile(q, (n, 1))), actions


def random_log(seed: int, *, places: int | None = None, model: bool = True) -> Logged:
    rng = np.random.default_rng(seed)
    shape = (40,) if places is None else (40, places)
    reward, propensity, target, predicted, expected = rng.uniform(0.05, 1, (5, *shape))
    return Logged(reward, propensity, target, *((predicted, expected) if model else ()))


def test_three_rows_by_hand() -> None:
    """Weights 2, 0.5 and 4 with rewards 1, 0, 1: every estimator's value worked out on paper."""
    logged = Logged(
        reward=np.array([1.0, 0.0, 1.0]),
        propensity=np.array([0.25, 0.8, 0.2]),
        target=np.array([0.5, 0.4, 0.8]),
        predicted=np.array([0.5, 0.25, 0.75]),
        expected=np.array([0.6, 0.3, 0.3]),
    )
    assert bandit.naive(logged).value == pytest.approx(2 / 3)
    assert bandit.ips(logged).value == pytest.approx((2 + 0 + 4) / 3)
    assert bandit.clipped_ips(logged, largest=3).value == pytest.approx((2 + 0 + 3) / 3)
    assert bandit.snips(logged).value == pytest.approx(6 / 6.5)
    assert bandit.direct_method(logged).value == pytest.approx(0.4)
    assert bandit.doubly_robust(logged).value == pytest.approx(0.4 + (2 * 0.5 - 0.5 * 0.25 + 4 * 0.25) / 3)
    assert bandit.switch_dr(logged, largest=3).value == pytest.approx(0.4 + (2 * 0.5 - 0.5 * 0.25) / 3)


def test_the_other_policy_is_found_from_a_log_of_this_one() -> None:
    """IPS, SNIPS and DR hold the target's planted value in their intervals; the log's own rate is far off."""
    logged, _ = log(q=np.array([0.3, 0.3, 0.5]))
    for estimator in (bandit.ips, bandit.snips, bandit.doubly_robust):
        for interval in (normal, bootstrap):
            found = interval(estimator(logged), alpha=0.001)
            assert found.low < TRUTH < found.high
    assert normal(bandit.naive(logged)).high < TRUTH / 2


def test_a_right_model_leaves_little_variance() -> None:
    """With the true click rates DM is right and DR as good or better than IPS; with a wrong model DM alone is wrong."""
    right, _ = log(q=VALUES)
    wrong, _ = log(q=VALUES[::-1].copy())
    assert bandit.direct_method(right).value == pytest.approx(TRUTH)
    assert normal(bandit.doubly_robust(right)).std_error < normal(bandit.ips(right)).std_error
    assert abs(bandit.direct_method(wrong).value - TRUTH) > 0.3
    assert abs(bandit.doubly_robust(wrong).value - TRUTH) < 4 * normal(bandit.doubly_robust(wrong)).std_error


@given(st.integers(0, 10_000))
def test_same_policy_gives_the_mean_reward(seed: int) -> None:
    """Where target and logging agree, IPS, clipped IPS and SNIPS are the mean of the rewards."""
    logged = random_log(seed)
    same = replace(logged, target=logged.propensity)
    for terms in (bandit.ips(same), bandit.clipped_ips(same, largest=1), bandit.snips(same)):
        assert terms.value == pytest.approx(same.reward.mean())


@given(st.integers(0, 10_000), st.floats(-5, 5))
def test_snips_moves_with_its_rewards(seed: int, shift: float) -> None:
    """Adding a constant to all rewards adds it to SNIPS, and SNIPS stays between smallest and largest reward."""
    logged = random_log(seed)
    plain, moved = bandit.snips(logged).value, bandit.snips(replace(logged, reward=logged.reward + shift)).value
    assert moved == pytest.approx(plain + shift)
    assert logged.reward.min() <= plain <= logged.reward.max()


@given(st.integers(0, 10_000))
def test_limits_of_the_family(seed: int) -> None:
    """Switch-DR is DM with no weight allowed and DR with all; DR with a model of 0 is IPS; clipping grows to IPS."""
    logged = random_log(seed)
    largest = float(logged.weights.max())
    nothing = replace(logged, predicted=np.zeros(40), expected=np.zeros(40))
    assert bandit.switch_dr(logged, largest=1e-9).value == pytest.approx(bandit.direct_method(logged).value)
    assert bandit.switch_dr(logged, largest=largest).value == pytest.approx(bandit.doubly_robust(logged).value)
    assert bandit.doubly_robust(nothing).value == pytest.approx(bandit.ips(logged).value)
    clipped = [bandit.clipped_ips(logged, largest=c).value for c in (0.5, 1.0, 2.0, largest)]
    assert clipped == sorted(clipped)
    assert clipped[-1] == pytest.approx(bandit.ips(logged).value)


@given(st.integers(0, 10_000))
def test_a_slate_of_one_place_is_a_round(seed: int) -> None:
    """With one place all slate estimators are IPS, and cascade-DR is DR."""
    slate = random_log(seed, places=1)
    columns = (slate.reward, slate.propensity, slate.target, slate.predicted, slate.expected)
    flat = Logged(*(column[:, 0] for column in columns if column is not None))
    for estimator in (slates.standard_ips, slates.independent_ips, slates.reward_interaction_ips):
        assert estimator(slate).value == pytest.approx(bandit.ips(flat).value)
    assert slates.cascade_dr(slate).value == pytest.approx(bandit.doubly_robust(flat).value)


@given(st.integers(0, 10_000))
def test_slates_equal_the_slow_loop(seed: int) -> None:
    """Reward interaction and cascade-DR equal the papers' recursions, run place by place and row by row."""
    logged = random_log(seed, places=3)
    assert logged.predicted is not None
    assert logged.expected is not None
    interaction, cascade = [], []
    for i in range(40):
        so_far, total, below = 1.0, 0.0, 0.0
        for k in range(3):
            so_far *= logged.target[i, k] / logged.propensity[i, k]
            total += so_far * logged.reward[i, k]
        for k in (2, 1, 0):  # V_k = v_k + w_k (r_k + V_(k+1) - q_k), Kiyohara et al. 2022
            weight = logged.target[i, k] / logged.propensity[i, k]
            below = logged.expected[i, k] + weight * (logged.reward[i, k] + below - logged.predicted[i, k])
        interaction.append(total)
        cascade.append(below)
    assert slates.reward_interaction_ips(logged).numerators == pytest.approx(np.array(interaction))
    assert slates.cascade_dr(logged).numerators == pytest.approx(np.array(cascade))


def two_steps(n: int, seed: int) -> tuple[Logged, np.ndarray, np.ndarray, float]:
    """A log of item and wording whose clicks need the right pair, and what the joint target earns in truth."""
    rng = np.random.default_rng(seed)
    clicks = np.array([[0.1, 0.6], [0.5, 0.1]])
    items, words = (np.array([0.5, 0.5]), np.array([[0.8, 0.2], [0.6, 0.4]]))
    items_target, words_target = (np.array([0.9, 0.1]), np.array([[0.1, 0.9], [0.9, 0.1]]))
    item = rng.choice(2, n, p=items)
    word = (rng.random(n) > words[item, 0]).astype(int)
    slate = Logged((rng.random(n) < clicks[item, word]).astype(float), items[item], items_target[item])
    return (
        slate,
        words[item, word],
        words_target[item, word],
        float((items_target[:, None] * words_target * clicks).sum()),
    )


def test_joint_policy_of_slate_and_words_is_a_product() -> None:
    """Evaluated jointly, the planted value is found; by the item's weights alone, the words' part is missed."""
    slate, copy_propensity, copy_target, truth = two_steps(20_000, seed=5)
    both = joint(slate, copy_propensity=copy_propensity, copy_target=copy_target)
    found, alone = normal(bandit.ips(both), alpha=0.001), normal(bandit.ips(slate), alpha=0.001)
    assert both.weights == pytest.approx(slate.weights * copy_target / copy_propensity)
    assert found.low < truth < found.high
    assert alone.high < truth


def test_one_wording_of_a_slate_belongs_to_its_first_place() -> None:
    """A wording for the whole slate weighs on every place below, and the slate's weight is the product of both."""
    slate = random_log(3, places=3, model=False)
    words = np.full(40, 0.25), np.full(40, 0.5)
    both = joint(slate, copy_propensity=words[0], copy_target=words[1])
    assert slates.reward_interaction_ips(both).value == pytest.approx(2 * slates.reward_interaction_ips(slate).value)
    each = joint(slate, copy_propensity=np.full((40, 3), 0.25), copy_target=np.full((40, 3), 0.5))
    assert slates.independent_ips(each).value == pytest.approx(2 * slates.independent_ips(slate).value)
    with pytest.raises(DataError, match="copy probabilities"):
        joint(slate, copy_propensity=np.ones(7), copy_target=np.ones(7))


def test_joint_drops_a_model_that_knew_no_words() -> None:
    """Model values fitted on slates alone do not survive the product."""
    both = joint(random_log(4), copy_propensity=np.full(40, 0.5), copy_target=np.full(40, 0.5))
    with pytest.raises(DataError, match="needs predicted"):
        bandit.doubly_robust(both)


def test_effective_size_of_known_weights() -> None:
    """Equal weights count fully; one weight of ten among zeros counts as one row."""
    equal = Logged(np.zeros(10), np.full(10, 0.5), np.full(10, 0.5))
    single = Logged(np.zeros(10), np.full(10, 0.1), np.append(1.0, np.zeros(9)))
    assert diagnose(equal).effective_size == pytest.approx(10)
    found = diagnose(single)
    assert (found.effective_size, found.largest, found.largest_share) == (pytest.approx(1), pytest.approx(10), 1)
    assert found.reached == 0.1
    assert len(found.warnings) == 2


def test_choices_that_were_never_logged_show_in_the_mean_weight() -> None:
    """Where the log never shows half of what the target does, the mean weight is 0.5 and a warning says so."""
    found = diagnose(Logged(np.zeros(1_000), np.full(1_000, 1.0), np.full(1_000, 0.5)))
    assert found.mean_weight == pytest.approx(0.5)
    assert "never logged" in found.warnings[-1]
    tables = np.tile([1.0, 0.0], (5, 1)), np.tile([0.5, 0.5], (5, 1))
    assert unsupported(*tables) == pytest.approx(0.5)


def test_a_log_that_says_nothing_is_refused() -> None:
    """If the target makes none of the logged choices there is no estimate."""
    with pytest.raises(DataError, match="says nothing"):
        diagnose(Logged(np.ones(5), np.full(5, 0.5), np.zeros(5)))


def test_good_log_has_no_warnings() -> None:
    """A large log of policies that overlap passes, and its effective size is below its rows."""
    found = diagnose(log()[0])
    assert found.warnings == ()
    assert 200 < found.effective_size < found.n


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"propensity": np.array([0.0, 0.5])}, "propensities"),
        ({"propensity": np.array([0.5, 1.5])}, "propensities"),
        ({"target": np.array([0.5, -0.1])}, "target"),
        ({"reward": np.array([1.0, np.nan])}, "reward holds NaN"),
        ({"reward": np.array([1.0, 1.0, 1.0])}, "shapes"),
    ],
)
def test_impossible_logs_are_refused(change: dict[str, np.ndarray], message: str) -> None:
    """Propensities of 0 or above 1, negative targets, NaN and unequal lengths are errors that name the field."""
    fields = {"reward": np.ones(2), "propensity": np.full(2, 0.5), "target": np.full(2, 0.5)}
    with pytest.raises(DataError, match=message):
        Logged(**(fields | change))


def test_rounds_and_slates_are_not_mixed_up() -> None:
    """A slate in a round's estimator, a round in a slate's, and a largest weight of 0 are errors with a remedy."""
    with pytest.raises(ConfigError, match=r"ope\.slates"):
        bandit.ips(random_log(1, places=2))
    with pytest.raises(ConfigError, match=r"ope\.bandit"):
        slates.standard_ips(random_log(1))
    with pytest.raises(ConfigError, match="largest"):
        bandit.clipped_ips(random_log(1), largest=0)


def test_users_with_many_rows_widen_the_interval() -> None:
    """Each row twice tells nothing new: by user the error is that of the rows once, and the estimate the same."""
    terms = bandit.snips(log(500)[0])
    assert terms.denominators is not None
    twice = Terms(np.repeat(terms.numerators, 2), np.repeat(terms.denominators, 2))
    grouped = by_user(twice, np.repeat(np.arange(500), 2), 500)
    assert grouped.value == pytest.approx(terms.value)
    assert normal(grouped).std_error == pytest.approx(normal(terms).std_error)
    assert normal(twice).std_error < 0.75 * normal(terms).std_error
    plain = by_user(Terms(np.array([1.0, 0.0, 1.0])), np.array([0, 0, 1]), 2)
    assert plain.value == pytest.approx(2 / 3)


def test_bootstrap_is_seeded_and_close_to_normal() -> None:
    """Same seed, same interval; on a good log both intervals agree within a tenth of their width."""
    terms = bandit.ips(log(2_000)[0])
    first, again, by_formula = bootstrap(terms), bootstrap(terms), normal(terms)
    assert first == again
    assert (first.low, first.high) == pytest.approx((by_formula.low, by_formula.high), abs=0.4 * by_formula.std_error)


def test_no_reward_reaches_its_own_prediction() -> None:
    """Changing the rewards of one fold changes no prediction of that fold, for every model."""
    rng = np.random.default_rng(2)
    n, fold = 200, models.folds(200)
    actions, target = rng.integers(0, 3, (n, 2)), np.full((n, 2, 3), 1 / 3)
    reward = rng.integers(0, 2, (n, 2)).astype(float)
    changed = np.where(fold[:, None] == 1, 1 - reward, reward)
    features = rng.normal(size=(n, 2))
    classifier = LogisticRegression()

    def predict(rewards: np.ndarray) -> list[np.ndarray]:
        first = rewards[:, 0]
        return [
            models.table_means(actions[:, 0], first, n_actions=3, fold=fold),
            models.cross_fitted(classifier, features, actions[:, 0], first, n_actions=3, fold=fold),
            models.slate_means(actions, rewards, target=target, fold=fold),
        ]

    for before, after in zip(predict(reward), predict(changed), strict=True):
        assert (before[fold == 1] == after[fold == 1]).all()
        assert (before[fold != 1] != after[fold != 1]).any()


def test_models_learn_what_was_planted() -> None:
    """Item means, a tree on a context that decides, and place values from below up come near the truth."""
    rng = np.random.default_rng(3)
    n, fold = 20_000, models.folds(20_000)
    actions = rng.integers(0, 3, n)
    table = models.table_means(actions, (rng.random(n) < VALUES[actions]) * 1.0, n_actions=3, fold=fold)
    assert table.mean(axis=0) == pytest.approx(VALUES, abs=0.03)
    context = rng.integers(0, 2, n)
    reward = (context == actions) * 1.0
    tree = models.cross_fitted(
        DecisionTreeRegressor(), context[:, None].astype(float), actions, reward, n_actions=3, fold=fold
    )
    assert tree == pytest.approx((context[:, None] == np.arange(3)) * 1.0)
    places = rng.integers(0, 3, (n, 2))
    target = np.tile(TARGET, (n, 2, 1))
    chain = models.slate_means(places, VALUES[places], target=target, fold=fold)
    assert chain[:, 1].mean(axis=0) == pytest.approx(VALUES, abs=0.01)
    assert chain[:, 0].mean(axis=0) == pytest.approx(VALUES + TRUTH, abs=0.01)


def test_a_class_never_seen_has_no_chance() -> None:
    """Folds without a single click predict 0, not the chance of the other class."""
    fold = np.tile([0, 1], 20)
    reward = np.where((fold == 0) & (np.arange(40) < 20), 1.0, 0.0)

    class Constant(LogisticRegression):
        def fit(self, rows: np.ndarray, y: np.ndarray) -> Constant:
            self.classes_ = np.unique(y)
            return self

        def predict_proba(self, rows: np.ndarray) -> np.ndarray:
            return np.full((len(rows), len(self.classes_)), 1 / len(self.classes_))

    q = models.cross_fitted(Constant(), np.zeros((40, 1)), np.zeros(40, int), reward, n_actions=1, fold=fold)
    assert (q[fold == 0] == 0).all()
    assert (q[fold == 1] == 0.5).all()


def test_folds_are_balanced_and_seeded() -> None:
    """Every fold has its share of rows, and one seed gives one split."""
    assert np.bincount(models.folds(103)).tolist() == [21, 21, 21, 20, 20]
    assert (models.folds(103) == models.folds(103)).all()
    with pytest.raises(ConfigError, match="folds"):
        models.folds(3, n_folds=4)
