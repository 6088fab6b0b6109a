"""Server settings: one file, flags over it, nothing unknown."""

from __future__ import annotations

from pathlib import Path

import pytest

from recsys.errors import ConfigError
from server.config import ServerConfig, load


def test_flags_win_over_the_file_and_the_file_over_defaults(tmp_path: Path) -> None:
    """Defaults, then [server], then flags that are set."""
    path = tmp_path / "slatewright.toml"
    path.write_text('[server]\nport = 1\nmargin_ms = 5\nbundles = "b"\n[other]\nx = 1\n')
    config = load(path, {"port": 2, "host": None})
    assert (config.port, config.margin_ms, config.host) == (2, 5, "127.0.0.1")
    assert config.state_dir == Path("state")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[server]\nprot = 1", "prot is not a setting"),
        ("port = 1", "outside of a table"),
        ("[server", "not TOML"),
        ('[server]\nport = "1"', "expected a value of type int"),
        ("[server]\nport = true", "expected a value of type int"),
        ("[server]\nport = 70000", "expected 0 to 65,?535"),
        ('[server]\nclock = "sun"', "one of bundle, wall"),
        ('[server]\ncopy = "all"', "one of none, cached, live"),
        ("[server]\nworkers = 0", "workers is 0; expected 1 to 256"),
        ("[server]\npoll_s = 0", "poll_s is 0"),
        ('[server]\nstore = "mysql://x"', "expected a URL such as redis://"),
        ('[server]\nstore = "redis://:hush@x"', "^store holds a password; expected none"),
        ('[server]\nhost = ""', "host is empty"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, text: str, says: str) -> None:
    """ConfigError with the key, its value and what is expected."""
    path = tmp_path / "c.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=says):
        load(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """A file that is not there is one clear error."""
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path / "nope.toml")


def test_defaults_are_valid() -> None:
    """A server starts without any setting."""
    assert ServerConfig().workers == 1
