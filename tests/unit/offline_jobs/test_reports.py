"""The report page: self-contained, escaped, complete, the same for the same figures, and words beside every plot."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import numpy as np
import pytest

from offline_jobs.ablate import Ablation, Without
from offline_jobs.cold_start import ColdItems, ColdRow, ColdStart
from offline_jobs.measure import measure, text_vectors
from offline_jobs.reports import plots
from offline_jobs.reports.page import Section, bullets, facts, figure, page, paragraph, table
from offline_jobs.reports.ranking import ranking_page
from recsys.metrics import Comparison, Interval

if TYPE_CHECKING:
    from tests.conftest import Trial

HALF = Interval(0.5, 0.4, 0.6)
LEAD = Comparison(0.1, 0.05, 0.15, 0.001, 0.002)
ABLATION = Ablation(30, 20, HALF, {"price & more": Without(3, HALF, LEAD), "user": Without(2, HALF, LEAD)})
COLD = ColdStart(
    15,
    100,
    [ColdRow("none", 9, HALF, HALF, HALF, HALF, LEAD)],
    ColdItems(8, 20, HALF, HALF, 0.01, 0.08, 4, HALF, HALF, HALF, HALF, LEAD),
)


class _Tags(HTMLParser):
    """Collects every tag with its attributes, and checks that what opens closes in order."""

    VOID = ("meta", "br", "path", "use", "rect", "stop")

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def _tags(html: str) -> list[tuple[str, dict[str, str | None]]]:
    parser = _Tags()
    parser.feed(html)
    assert parser.open == []
    return parser.tags


@pytest.fixture(scope="module")
def ranking(shop_trial: Trial) -> str:
    """The page of the generated shop, with every optional section."""
    held = shop_trial.held
    vectors = text_vectors(shop_trial.source.catalogue.texts)
    args = (held.model, shop_trial.booster, held.earlier, held.later, held.requests[:120])
    reports = {
        "all": measure(*args, vectors=vectors, n_deep=40),
        "new": measure(*args, purchased="exclude", vectors=vectors, n_deep=40),
    }
    config = shop_trial.config
    return ranking_page(shop_trial.source, shop_trial.split, config, reports, ablation=ABLATION, cold_start=COLD)


def test_the_page_fetches_nothing(ranking: str) -> None:
    """No script, no address beyond XML names, and every reference points into the page itself."""
    tags = _tags(ranking)
    ids = [attributes["id"] for _, attributes in tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    for tag, attributes in tags:
        assert tag not in ("script", "link", "img", "iframe", "object")
        for name, value in attributes.items():
            if name in ("src", "href", "xlink:href"):
                assert value is not None
                assert value[0] == "#"
                assert value[1:] in ids
    assert set(re.findall(r"url\(#([^)]+)\)", ranking)) <= set(ids)
    assert "@import" not in ranking


def test_every_plot_says_in_words_what_it_shows(ranking: str) -> None:
    """Each figure of the page carries a role and a label with figures in it."""
    plotted = [attributes for tag, attributes in _tags(ranking) if tag == "svg"]
    assert len(plotted) == 8
    for attributes in plotted:
        assert attributes["role"] == "img"
        assert re.search(r"\d", attributes["aria-label"] or "")


def test_every_part_is_on_the_page(ranking: str) -> None:
    """What was measured has its section; the settings and the honest notes are there; names are escaped."""
    for title in ("Result", "Lists", "Candidates", "Segments", "Scores", "Ablation", "Cold start", "Data and settings"):
        assert f"<h2>{title}</h2>" in ranking
    for word in ("ranking.ranker.num_leaves", "reads item texts", "price &amp; more", "New items only", "Holm"):
        assert word in ranking
    assert "nan" not in re.sub(r"<[^>]*>", " ", ranking).lower().split()


def test_parts_escape_what_they_are_given() -> None:
    """Markup in any text of any part stays text."""
    bad = "<script>alert('x')</script>"
    svg = "<svg ></svg>"
    parts = [paragraph(bad), bullets([bad]), facts([(bad, bad)]), table([bad], [[bad]], caption=bad, strong=[bad])]
    parts.append(figure(svg, alt=bad + '"', caption=bad))
    html = page(bad, lead=bad, sections=[Section(bad, parts)])
    assert "script" not in {tag for tag, _ in _tags(html)}


def test_the_same_numbers_draw_the_same_plot() -> None:
    """Byte for byte, and another name gives other ids, so that two plots live on one page."""
    values = {"slate": HALF, "popular": Interval(0.2, 0.1, 0.3)}
    first = plots.interval_plot(values, name="a", xlabel="x")
    assert first == plots.interval_plot(values, name="a", xlabel="x")
    ids = [set(re.findall(r'\bid="([^"]+)"', plots.interval_plot(values, name=name, xlabel="x"))) for name in "ab"]
    assert ids[0]
    assert not ids[0] & ids[1]


def test_a_curve_of_zeros_is_drawn() -> None:
    """A source that finds nothing, a score whose lowest tenth holds no wanted item, one group alone: no warning."""
    zero = Interval(0.0, 0.0, 0.0)
    plots.curves({"merged": {10: zero, 20: zero}}, name="c", xlabel="k", ylabel="recall", strong="merged")
    plots.reliability([zero, HALF], name="r", xlabel="tenth", ylabel="share")
    plots.reliability([zero], name="z", xlabel="tenth", ylabel="share")
    plots.grouped_bars(["0"], {"slate": [zero]}, name="g", xlabel="events", ylabel="ndcg")
    plots.lorenz({"slate": np.linspace(0, 1, 11)}, name="l", strong="slate")
