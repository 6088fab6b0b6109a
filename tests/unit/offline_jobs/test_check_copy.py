"""`slatewright check-copy`: a verdict for every line, and one clear error for a line that cannot be read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from copywriter.policies import REGIONS, pack
from slatewright.cli import main

LAMP = {
    "item_id": "l1",
    "title": "Halden Desk Lamp, Black, 10 W",
    "brand": "Halden",
    "category": ["Lighting", "Desk Lamps"],
}
SOAP = {"item_id": "s1", "title": "Biodegradable Dish Soap Lemon 25 oz", "category": ["Household", "Dish Soap"]}


def checked(tmp_path: Path, *rows: object, policy: str = "us") -> list[dict[str, object]]:
    source, out = tmp_path / "copy.jsonl", tmp_path / "checked.jsonl"
    source.write_text("\n".join(json.dumps(row) for row in rows), "utf-8")
    assert main(["check-copy", "--in", str(source), "--out", str(out), "--policy", policy, "--quiet"]) == 0
    return [json.loads(line) for line in out.read_text("utf-8").splitlines()]


def test_every_line_gets_its_verdict_in_order(tmp_path: Path) -> None:
    """True copy passes, a lie is found where it stands, a price is blocked."""
    rows = checked(
        tmp_path,
        {"item": LAMP, "pitch": "A black desk lamp by Halden", "locale": "en"},
        {"item": LAMP, "pitch": "A brass desk lamp by Halden."},
        {"item": LAMP, "pitch": "A black desk lamp by Halden for $9."},
    )
    assert [row["verdict"] for row in rows] == ["PASS", "REPAIR", "BLOCK"]
    assert [row["line"] for row in rows] == [1, 2, 3]
    finding = rows[1]["findings"][0]  # type: ignore[index]
    assert (finding["text"], finding["rule"], finding["severity"]) == ("brass", "grounding.material", "repair")
    assert finding["span"] == [2, 7]


def test_each_region_has_its_own_law(tmp_path: Path) -> None:
    """A generic environmental claim of the title passes in the US and goes to a person in the EU."""
    row = {"item": SOAP, "pitch": "Biodegradable dish soap with a lemon scent, 25 oz."}
    assert checked(tmp_path, row)[0]["verdict"] != "REVIEW"
    rules = {finding["rule"] for finding in checked(tmp_path, row, policy="eu")[0]["findings"]}  # type: ignore[attr-defined]
    assert "claims_law.generic_environment" in rules
    for region in REGIONS:
        assert checked(tmp_path, row, policy=region)[0]["policy_version"] == pack(region).version


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("not json", "is no JSON"),
        ("[1]", "expected an object"),
        ('{"pitch": "A lamp."}', '"item" is missing'),
        ('{"item": {"title": "Lamp"}, "pitch": ""}', "\"pitch\" is ''"),
        ('{"item": {"title": "Lamp"}, "pitch": 3}', '"pitch" is 3'),
        ('{"item": {"title": "Lamp"}, "pitch": "A lamp.", "locale": 3}', '"locale" is 3'),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str], line: str, said: str) -> None:
    """One error with file, line and expectation; no half-written output is left."""
    source, out = tmp_path / "copy.jsonl", tmp_path / "checked.jsonl"
    source.write_text(json.dumps({"item": LAMP, "pitch": "A lamp."}) + "\n" + line + "\n", "utf-8")
    assert main(["check-copy", "--in", str(source), "--out", str(out)]) == 2
    error = capsys.readouterr().err
    assert "line 2" in error
    assert said in error
    assert list(tmp_path.iterdir()) == [source]


def test_a_missing_file_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The option, the file and the remedy."""
    assert main(["check-copy", "--in", str(tmp_path / "no.jsonl")]) == 2
    assert "cannot be read" in capsys.readouterr().err


def test_help_shows_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    """As every command does."""
    with pytest.raises(SystemExit):
        main(["check-copy", "--help"])
    assert "slatewright check-copy --in" in capsys.readouterr().out
