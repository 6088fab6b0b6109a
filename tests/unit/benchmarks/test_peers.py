"""The peers' bench: what a peer may see, what counts as right, and that every list keeps the rules."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from benchmarks.ranking import exchange, export, lists, ours, score, tables, tifu, tuned
from benchmarks.ranking.datasets import datasets
from benchmarks.ranking.exchange import NO_ITEM, READINGS, Answer, K, Pairs, Stage
from benchmarks.ranking.run import main, parse
from offline_jobs.config import BuildConfig
from offline_jobs.evaluate import windows_of
from offline_jobs.ingest import ingest
from offline_jobs.progress import Steps
from recsys import metrics
from recsys.errors import ConfigError
from recsys.events import EVENTS_FILE, load_events
from recsys.profiles.build import build_items
from recsys.schema import MS_PER_DAY


def _pairs(rows: list[tuple[int, int, int]]) -> Pairs:
    row, item, day = (np.array(column) for column in zip(*rows, strict=True))
    return Pairs(
        row.astype(np.int32),
        item.astype(np.int32),
        day * MS_PER_DAY,
        np.ones(len(row), np.float32),
        np.ones(len(row), bool),
    )


def _stage(train: list[tuple[int, int, int]], history: list[tuple[int, int, int]], wanted: list[set[int]]) -> Stage:
    n_items, n = 40, len(wanted)
    row = [i for i, items in enumerate(wanted) for _ in items]
    return Stage(
        name="valid",
        clock="wall",
        as_of_ms=100 * MS_PER_DAY,
        n_users=max(max(r for r, _, _ in train) + 1, n),
        n_items=n_items,
        train=_pairs(train),
        history=_pairs(history),
        user=np.arange(n, dtype=np.int32),
        time_ms=np.full(n, 100 * MS_PER_DAY),
        leaf=np.full(n_items, -1, np.int32),
        brand=np.full(n_items, -1, np.int32),
        wanted=exchange.as_csr(np.array(row), np.array([i for items in wanted for i in items]), (n, n_items)),
    )


@pytest.fixture(scope="module")
def sequences_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An ordered log of three users."""
    folder = tmp_path_factory.mktemp("sequences")
    (folder / "sequences.txt").write_text("a 1 2 3 4 5 6\nb 2 3 1 6 5 4\nc 9 8 7 6 5 9\n")
    ingest("sequences", folder, folder / "log")
    return folder / "log"


def _stages(log: Path) -> tuple[Stage, Stage, list[list[str]]]:
    source = export.read_source(log)
    split = windows_of(source, BuildConfig())
    items = build_items(
        log / EVENTS_FILE, source.catalogue, source.events, as_of_ms=split.test.as_of_ms, catalogue_is_known=False
    )
    test, requests = export.stage_of(source, items, split.test, name="test", with_wanted=False)
    valid, _ = export.stage_of(source, items, export.earlier(split.test), name="valid", with_wanted=True)
    return valid, test, [[source.catalogue.ids.id(int(i)) for i in r.wanted] for r in requests]


def test_leave_one_out_as_the_benchmark_says(sequences_log: Path) -> None:
    """Nothing is learned from anyone's last two items; the last but one is history, the last is wanted."""
    valid, test, wanted = _stages(sequences_log)
    ids = export.read_source(sequences_log).catalogue.ids

    def by_row(pairs: Pairs, row: int) -> list[str]:
        return [ids.id(int(i)) for i in pairs.item[pairs.row == row]]

    assert [by_row(test.train, u) for u in range(3)] == [
        ["1", "2", "3", "4"],
        ["2", "3", "1", "6"],
        ["9", "8", "7", "6"],
    ]
    assert [by_row(test.history, r) for r in range(3)] == [
        ["1", "2", "3", "4", "5"],
        ["2", "3", "1", "6", "5"],
        ["9", "8", "7", "6", "5"],
    ]
    assert wanted == [["6"], ["4"], ["9"]]
    assert by_row(valid.train, 0) == ["1", "2", "3"]
    assert by_row(valid.history, 0) == ["1", "2", "3", "4"]
    assert [ids.id(int(i)) for i in valid.wanted[0].indices] == ["5"]


def test_a_peer_sees_nothing_from_the_window_on(shop_log: Path, tmp_path: Path) -> None:
    """Training events end before the fit, histories before the request, and no written file holds a test target."""
    valid, test, _ = _stages(shop_log)
    for stage in (valid, test):
        assert stage.train.time_ms.max() < stage.as_of_ms
        assert (stage.history.time_ms < stage.time_ms[stage.history.row]).all()
    assert valid.time_ms.max() <= test.as_of_ms
    exchange.write_stage(tmp_path / "test", test)
    assert {path.name for path in (tmp_path / "test").iterdir()} == {
        "train.parquet",
        "history.parquet",
        "requests.parquet",
        "items.parquet",
        "stage.json",
    }
    with pytest.raises(ValueError, match="carries no wanted items"):
        lists.quality(np.zeros((test.n_requests, K), np.int32), exchange.read_stage(tmp_path / "test"), "all")


def test_a_stage_survives_the_disk(shop_log: Path, tmp_path: Path) -> None:
    """What a peer in another environment reads is what was exported."""
    valid, _, _ = _stages(shop_log)
    exchange.write_stage(tmp_path, valid)
    back = exchange.read_stage(tmp_path)
    for name in ("row", "item", "time_ms", "weight", "taken"):
        assert (getattr(back.train, name) == getattr(valid.train, name)).all()
        assert (getattr(back.history, name) == getattr(valid.history, name)).all()
    assert (back.wanted != valid.wanted).nnz == 0
    assert (back.as_of_ms, back.clock, back.n_users, back.n_items) == (
        valid.as_of_ms,
        valid.clock,
        valid.n_users,
        valid.n_items,
    )


def test_a_log_of_often_bought_items(shop_log: Path, tmp_path: Path) -> None:
    """The cut log keeps exactly the items taken often enough before the moment, and all of their events."""
    source = export.read_source(shop_log)
    before_ms = windows_of(source, BuildConfig()).test.as_of_ms
    cut = export.often_bought(source, tmp_path / "log", before_ms=before_ms, at_least=3)
    events = source.events
    bought = events.visible(before_ms) & (events.type_code == 5)
    count = np.bincount(events.item_row[bought], minlength=len(source.catalogue.ids))
    expected = {source.catalogue.ids.id(int(row)) for row in np.flatnonzero(count >= 3)}
    assert {cut.catalogue.ids.id(row) for row in range(len(cut.catalogue.ids))} == expected
    assert 0 < len(expected) < len(source.catalogue.ids)
    kept = np.isin(events.item_row, np.flatnonzero(count >= 3))
    assert len(load_events(tmp_path / "log")) == int(kept.sum()) == cut.log.info.n_events


@given(st.data())
def test_figures_are_those_of_recsys_metrics(data: st.DataObject) -> None:
    """The scorer over many requests equals the library's definition, request by request."""
    n, n_items = data.draw(st.integers(1, 5)), 15
    made = np.full((n, K), NO_ITEM, np.int32)
    wanted = []
    for i in range(n):
        ranked = data.draw(st.lists(st.integers(0, n_items - 1), max_size=K, unique=True))
        made[i, : len(ranked)] = ranked
        wanted.append(data.draw(st.lists(st.integers(0, n_items - 1), min_size=1, max_size=14, unique=True)))
    row = np.repeat(np.arange(n), [len(w) for w in wanted])
    found = score.figures(made, exchange.as_csr(row, np.concatenate(wanted), (n, n_items)))
    for i in range(n):
        ranked, want = made[i][made[i] != NO_ITEM], np.array(wanted[i], np.int32)
        assert found["hr@10"][i] == metrics.hit_rate(ranked, want, K)
        assert found["recall@10"][i] == pytest.approx(metrics.recall(ranked, want, K))
        assert found["ndcg@10"][i] == pytest.approx(metrics.ndcg(ranked, want, K))


def _answer(first: int, n: int) -> Answer:
    made = np.full((n, K), NO_ITEM, np.int32)
    made[:, 0] = first
    return Answer(dict.fromkeys(READINGS, made), {}, {"tune": 0.0, "fit": 0.0, "score": 0.0})


def test_planted_boards() -> None:
    """A system that is always right scores 1, one that is never right 0; "new" drops requests for items had."""
    n = 20
    wanted = exchange.as_csr(np.arange(n), np.full(n, 3), (n, 9))
    seen = exchange.as_csr(np.arange(5), np.full(5, 3), (n, 9))
    boards = score.boards("planted", {"slate": _answer(3, n), "wrong": _answer(4, n)}, wanted, seen)
    assert [(b.reading, b.n_requests) for b in boards] == [("all", 20), ("new", 15)]
    slate, wrong = boards[0].rows
    assert (slate.means["ndcg@10"], wrong.means["ndcg@10"]) == (1.0, 0.0)
    assert (wrong.lead.mean, wrong.lead.low, wrong.lead.high) == (1.0, 1.0, 1.0)
    assert tables.figure_lines(boards)[0] == "figure ranking.planted.slate.ndcg10 1.000000"
    assert tables.figure_lines(boards)[-1] == "figure ranking.planted.wrong.ndcg10_new 0.000000"
    assert "no interval touching zero" in tables.verdict(boards[0])[0]


def test_a_peer_that_wins_is_named() -> None:
    """Where the slate is behind, the line says who wins."""
    n = 20
    wanted = exchange.as_csr(np.arange(n), np.full(n, 3), (n, 9))
    seen = exchange.as_csr(np.empty(0, int), np.empty(0, int), (n, 9))
    board = score.boards("planted", {"slate": _answer(4, n), "right": _answer(3, n)}, wanted, seen)[0]
    assert tables.verdict(board)[0].startswith("right WINS: slate minus it -1.0000")


def test_holm_by_hand() -> None:
    """Smallest p times m, next times m-1, never decreasing, at most 1 (Holm 1979)."""
    assert score.holm([0.01, 0.04, 0.03, 0.9]) == pytest.approx([0.04, 0.09, 0.09, 0.9])
    assert score.holm([0.6, 0.7]) == pytest.approx([1.0, 1.0])


def test_no_difference_is_not_significant() -> None:
    """Under equal systems the p-value is not small; under a clear lead it is, but never zero."""
    rng = np.random.default_rng(3)
    noise = rng.normal(0, 1, (200, 1)) - rng.normal(0, 1, (200, 1))
    assert score.two_sided_p(score.resampled_means(noise - noise.mean())[:, 0]) > 0.5
    assert 0 < score.two_sided_p(score.resampled_means(noise + 2)[:, 0]) < 0.001


def _reference_vector(baskets: list[set[int]], n_items: int, within: float, between: float, groups: int):
    """User vector of Hu et al. 2020, written down as in the paper: one loop a sum."""
    m = min(len(baskets), groups)
    base, extra = divmod(len(baskets), m)
    sizes = [base] * (m - extra) + [base + 1] * extra
    vector, start = np.zeros(n_items), 0
    for j, k in enumerate(sizes, 1):
        group = np.zeros(n_items)
        for i, basket in enumerate(baskets[start : start + k], 1):
            for item in basket:
                group[item] += within ** (k - i)
        vector += between ** (m - j) * group / k
        start += k
    return vector / m


@given(st.data())
def test_tifu_knn_equals_the_paper(data: st.DataObject) -> None:
    """Vectors, neighbours and scores equal a slow reference for any baskets, settings and number of groups."""
    n_users, n_items = 5, 8
    basket = st.sets(st.integers(0, n_items - 1), min_size=1, max_size=3)
    baskets = [data.draw(st.lists(basket, min_size=1, max_size=9)) for _ in range(n_users)]
    within, between = data.draw(st.sampled_from([0.6, 0.9, 1.0])), data.draw(st.sampled_from([0.5, 0.7]))
    groups, alpha, k = data.draw(st.integers(1, 4)), 0.3, 2
    events = [
        (u, i, d) for u, own in enumerate(baskets) for d, items in enumerate(own) for i in items for _ in range(2)
    ]
    pairs = _pairs(events)
    vectors = tifu.user_vectors(pairs, (n_users, n_items), within=within, between=between, groups=groups)
    slow = np.array([_reference_vector(own, n_items, within, between, groups) for own in baskets])
    assert vectors.toarray() == pytest.approx(slow, rel=1e-5)
    own_rows = np.arange(n_users, dtype=np.int32)
    near = tifu.nearest(vectors, vectors, own_rows, k)
    fast = (alpha * vectors + (1 - alpha) * (near @ vectors)).toarray()
    distance = ((slow[:, None] - slow[None]) ** 2).sum(axis=2)
    np.fill_diagonal(distance, np.inf)
    for u in range(n_users):
        chosen = near[u].indices
        assert u not in chosen
        assert np.sort(distance[u][chosen]) == pytest.approx(np.sort(distance[u])[:k], abs=1e-5)
        assert fast[u] == pytest.approx(alpha * slow[u] + (1 - alpha) * slow[chosen].mean(axis=0), rel=1e-4, abs=1e-6)


def test_most_bought_by_hand() -> None:
    """Own items by count, newer first on ties, then what is popular; nothing twice."""
    train = [(0, 1, 1), (0, 1, 2), (0, 2, 3), (0, 3, 4), (1, 7, 99), (1, 7, 98), (1, 8, 97)]
    stage = _stage(train, [row for row in train if row[0] == 0], [{1}, {7}])
    made = tuned.most_bought(stage, stage).lists["all"]
    assert made[0, :5].tolist() == [1, 3, 2, 7, 8]
    assert made[1, :2].tolist() == [1, 7]


@pytest.mark.parametrize("system", ["popular", "tifu_knn", "als", "bm25"])
def test_new_lists_hold_no_item_had(system: str) -> None:
    """In the reading "new" no list holds an item of the history, and no list any item twice."""
    from benchmarks.ranking import peers_implicit

    rng = np.random.default_rng(5)
    train = [
        (u, int(i), int(d))
        for u in range(30)
        for i, d in zip(rng.integers(0, 40, 12), rng.integers(0, 90, 12), strict=True)
    ]
    stage = _stage(train, [row for row in train if row[0] < 20], [{int(i)} for i in rng.integers(0, 40, 20)])
    answer = {
        "popular": lambda: tuned.popular(stage, stage),
        "tifu_knn": lambda: tifu.tifu_knn(stage, stage, budget_s=0),
        "als": lambda: peers_implicit.als(stage, stage, budget_s=0),
        "bm25": lambda: peers_implicit.item_item_bm25(stage, stage, budget_s=0),
    }[system]()
    assert set(answer.lists) == set(READINGS)
    seen = stage.had()
    for made in answer.lists.values():
        for ranked in made:
            kept = ranked[ranked != NO_ITEM]
            assert len(np.unique(kept)) == len(kept) == K
    for row, ranked in enumerate(answer.lists["new"]):
        assert not seen[row, ranked].sum()


def test_settings_are_chosen_by_validation() -> None:
    """Of two settings the one that answers validation right is taken, and the test stage gets its lists."""
    train = [(u, i, u) for u in range(4) for i in (0, 1, 2)]
    stage = _stage(train, train, [{5}, {5}, {5}, {5}])

    def fit(at: Stage, config: tuned.Config):
        scores = sparse.csr_matrix(
            (np.ones(at.n_requests), (np.arange(at.n_requests), [config["item"]] * at.n_requests)),
            (at.n_requests, at.n_items),
        )
        return lambda part: scores[part]

    answer = tuned.tuned(fit, [{"item": 9}, {"item": 5}, {"item": 8}], stage, stage, budget_s=9, above=0.0)
    assert answer.chosen["all"]["item"] == 5
    assert (answer.lists["all"][:, 0] == 5).all()
    assert (answer.lists["all"][:, 1] != NO_ITEM).all()  # the rest is completed by what is popular


def test_the_slates_lists_are_those_of_evaluate(shop_log: Path) -> None:
    """The replay gives the figures of `slatewright evaluate`, for the slate and for every source."""
    from offline_jobs.evaluate import evaluate

    source = export.read_source(shop_log)
    split, config = windows_of(source, BuildConfig()), BuildConfig()
    _, test, _ = _stages(shop_log)
    items = build_items(
        shop_log / EVENTS_FILE, source.catalogue, source.events, as_of_ms=split.test.as_of_ms, catalogue_is_known=False
    )
    requests = export.stage_of(source, items, split.test, name="test", with_wanted=False)[1]
    answers = ours.answers(source, split, config, requests, Steps(quiet=True))
    _, reports = evaluate(source, split, config, Steps(quiet=True))
    boards = score.boards("shop", answers, export.wanted_matrix(requests, test.n_items), test.had())
    for board in boards:
        for row in board.rows:
            figures = reports[board.reading].systems.get(row.system.removeprefix("source_"))
            if figures is not None:
                assert row.means["ndcg@10"] == pytest.approx(figures["ndcg@10"].mean), (board.reading, row.system)


def test_data_sets_without_a_path_are_skipped(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing given: every data set is named as skipped with the option that would give it; no table, no failure."""
    assert datasets(parse([])) == []
    assert main([]) == 0
    said = capsys.readouterr()
    assert all(option in said.err for option in ("--beauty", "--office", "--online-retail", "--complete-journey"))
    assert "figure" not in said.out


def test_an_unknown_system_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """A misspelt system ends the command at once and lists the known ones."""
    with pytest.raises(SystemExit):
        parse(["--systems", "slate,nobody"])
    assert "nobody" in capsys.readouterr().err


def test_one_command_from_sequences_to_figures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A small ordered log: the command prints a table, a figure line a system, and writes the Markdown asked for."""
    rng = np.random.default_rng(1)
    lines = [f"u{u} " + " ".join(str(i) for i in rng.permutation(30)[:9]) for u in range(60)]
    (tmp_path / "sequences.txt").write_text("\n".join(lines) + "\n")
    arguments = ["--beauty", str(tmp_path), "--systems", "popular,tifu_knn", "--budget", "1"]
    assert main([*arguments, "--markdown", str(tmp_path / "out.md"), "--work", str(tmp_path / "work")]) == 0
    out = capsys.readouterr().out
    assert "figure ranking.beauty.tifu_knn.ndcg10 " in out
    assert "figure ranking.beauty.popular.ndcg10_new " in out
    assert "| tifu_knn |" in (tmp_path / "out.md").read_text()

    answers = tmp_path / "work" / "beauty" / "answers"
    before = (answers / "popular" / "answer.json").stat().st_mtime_ns
    assert main([*arguments, "--work", str(tmp_path / "work")]) == 0
    assert (answers / "popular" / "answer.json").stat().st_mtime_ns == before, "an answer that is there is reused"
    np.save(answers / "popular" / "all.npy", np.zeros((3, K), np.int32))
    with pytest.raises(ConfigError, match="--fresh"):
        main([*arguments, "--work", str(tmp_path / "work")])
    assert main([*arguments, "--work", str(tmp_path / "work"), "--fresh"]) == 0
