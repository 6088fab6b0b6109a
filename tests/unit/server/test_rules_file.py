"""The rules' file: the last good rules stay in force whatever becomes of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from recsys.errors import ConfigError
from server.attribution import Attribution, seal, unseal
from server.rules_file import RulesFile

GOOD = '[[rule]]\nname = "a"\naction = "bury"\nitems = ["{}"]\n'


def test_a_file_is_read_again_when_it_changes(tmp_path: Path, capfd: Any) -> None:
    """New rules count at the next look; a bad or missing file is told once and changes nothing."""
    path = tmp_path / "rules.toml"
    path.write_text(GOOD.format("x"))
    file = RulesFile(path)
    first = file.rules
    assert not file.poll()
    path.write_text(GOOD.format("other"))
    assert file.poll()
    second = file.rules
    assert (first.rules[0].items, second.rules[0].items) == (("x",), ("other",))
    path.write_text("[[rule]]\nname = 'broken'")
    assert [file.poll() for _ in range(3)] == [False] * 3
    path.unlink()
    assert [file.poll() for _ in range(3)] == [False] * 3
    assert file.rules is second
    log = capfd.readouterr().err
    assert log.count("rules_refused") == 2
    assert "rule 'broken': action is None" in log
    assert "cannot be read" in log
    path.write_text(GOOD.format("x"))
    assert file.poll()
    assert file.rules == first


def test_a_touched_file_is_the_same_rules(tmp_path: Path) -> None:
    """Only other bytes are other rules."""
    path = tmp_path / "rules.toml"
    path.write_text(GOOD.format("x"))
    file = RulesFile(path)
    path.unlink()
    path.write_text(GOOD.format("x"))
    assert not file.poll()


@pytest.mark.parametrize("content", [None, "action = 1"])
def test_a_bad_file_at_the_start_is_an_error(tmp_path: Path, content: str | None) -> None:
    """There are no last good rules yet: the server says what is wrong and does not start."""
    path = tmp_path / "rules.toml"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ConfigError, match=r"rules\.toml"):
        RulesFile(path)


def test_a_token_carries_what_was_drawn() -> None:
    """Ranks and propensities of exploration slots come back as sealed, the longest token among them."""
    key = b"k" * 32
    drawn = tuple((rank, 0.123456789) for rank in range(51, 101))
    longest = Attribution("\U0001f600" * 256, "b" * 64, {"ranking": "control"}, 2**42, "f" * 16, drawn)
    assert unseal(key, seal(key, longest)) == longest
