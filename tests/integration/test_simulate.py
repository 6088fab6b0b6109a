"""`slatewright simulate`: real server, simulated people, everything labelled."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from slatewright import cli


@pytest.mark.slow
def test_a_simulation_ends_in_a_report(shop_bundles: Path, tmp_path: Path, capsys: Any) -> None:
    """Every slate is logged and every event counted; tables and page say that they are simulated."""
    out = tmp_path / "simulated"
    command = ["simulate", "--bundles", str(shop_bundles), "--out", str(out), "--shoppers", "120", "--json"]
    assert cli.main(command) == 0
    done = json.loads(capsys.readouterr().out)
    found = json.loads((out / "attributed" / "attribution.json").read_text())
    assert done["simulated"] is found["simulated"] is True
    assert found["n_slates"] == done["n_slates"] > 120
    assert found["counted"] == {"click": done["n_clicks"], "purchase": done["n_purchases"]}
    assert found["verdicts"]["counted"] == sum(found["verdicts"].values())
    page = tmp_path / "page.html"
    report = ["report", "simulated-words", "--attributed", str(out / "attributed"), "--out", str(page)]
    assert cli.main(report) == 0
    assert "SIMULATED" in page.read_text(encoding="utf-8")
    assert cli.main(["simulate", "--bundles", str(shop_bundles), "--out", str(tmp_path)]) == 2
    assert "holds other things" in capsys.readouterr().err
