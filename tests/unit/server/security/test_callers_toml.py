"""The callers' file means what it says, or is refused with the entry's number."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from recsys.errors import ConfigError
from server.errors import UnauthenticatedError
from server.security.callers_toml import read_callers
from server.security.new_key import new_key
from server.security.quota import Quota
from server.security.scope import RPCS
from slatewright import cli

HASH = hashlib.sha256(b"sw_k").hexdigest()
GOOD = f'[[caller]]\nname = "a"\nkey_sha256 = ["{HASH}"]\nrpcs = ["Recommend"]\n'
JWT = '[jwt]\nissuer = "i"\naudience = "a"\nalgorithms = ["HS256"]\n'


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "callers.toml"
    path.write_text(text)
    return path


def test_a_full_entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every setting arrives; what is left out is no limit."""
    monkeypatch.setenv("SLATEWRIGHT_JWT_SECRET", "s" * 32)
    limits = 'placements = ["home"]\nrate = 5\nburst = 9\nmax_request_bytes = 7\n'
    rest = limits + 'jwt_subjects = ["s"]\ncertificates = ["c"]\n'
    known = read_callers(written(tmp_path, JWT + GOOD + rest))
    caller = known.of_key("sw_k")
    assert (caller.name, caller.rpcs, caller.placements) == ("a", {"Recommend"}, {"home"})
    assert (caller.quota, caller.max_request_bytes) == (Quota(5, 9), 7)
    assert known.of_certificate(["x", "c"]) is caller
    plain = read_callers(written(tmp_path, GOOD.replace('"Recommend"', '"*"'))).of_key("sw_k")
    assert (plain.rpcs, plain.placements, plain.quota) == (set(RPCS.values()), None, None)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "has nothing"),
        ("caller = 1", "expected .*caller"),
        ("[[caller", "not TOML"),
        (GOOD + "[other]", "caller, other"),
        (GOOD.replace('"a"', '"a b"'), "caller 1: name"),
        (GOOD + GOOD, "caller 2: name a is there twice"),
        (GOOD + GOOD.replace('"a"', '"b"'), "caller 2: a credential of b"),
        (GOOD.replace("rpcs", "rcps"), "rcps is no setting"),
        (GOOD.replace('["Recommend"]', "[]"), "rpcs of a is empty"),
        (GOOD.replace("Recommend", "Recomend"), "rpcs of a is Recomend"),
        (GOOD.replace('["Recommend"]', '"Recommend"'), "expected a list of texts"),
        (GOOD.replace(HASH, "sw_my-real-key"), "of 14 characters"),
        (GOOD.replace(HASH, HASH.upper()), "0-9, a-f"),
        (GOOD.replace(f'["{HASH}"]', "[]"), "give it one"),
        (GOOD + "placements = [1]", "expected a list of texts"),
        (GOOD + "rate = 0", "rate is 0"),
        (GOOD + "rate = inf", "rate is inf"),
        (GOOD + "rate = nan", "rate is nan"),
        (GOOD + "rate = true", "rate is bool"),
        (GOOD + "burst = 5", "burst without rate"),
        (GOOD + "rate = 1\nburst = 1.5", "burst is float"),
        (GOOD + "max_request_bytes = -1", "max_request_bytes is -1"),
        (GOOD + 'jwt_subjects = ["s"]', "go together"),
        (JWT + GOOD, "go together"),
        (JWT.replace("issuer", "isuer") + GOOD, "go together"),
        ('[jwt]\nissuer = "i"\n' + GOOD + 'jwt_subjects = ["s"]', "lacks algorithms, audience"),
        (JWT + "leeway_s = 'x'\n" + GOOD + 'jwt_subjects = ["s"]', "leeway_s is str"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, says: str) -> None:
    """ConfigError with the place, and never a value that may be a secret."""
    with pytest.raises(ConfigError, match=says) as caught:
        read_callers(written(tmp_path, text))
    assert "sw_my-real-key" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """The error says which."""
    with pytest.raises(ConfigError, match="cannot be read"):
        read_callers(tmp_path / "nope.toml")


def test_a_new_key_opens_what_its_hash_is_written_into(tmp_path: Path, capsys: Any) -> None:
    """`slatewright key` prints a fresh key once, and the line for the file."""
    assert cli.main(["key"]) == 0
    first, second = capsys.readouterr().out.splitlines()
    key, line = first.rpartition(" ")[2], second.partition(": ")[2]
    known = read_callers(written(tmp_path, f'[[caller]]\nname = "a"\nrpcs = ["*"]\n{line}\n'))
    assert known.of_key(key).name == "a"
    with pytest.raises(UnauthenticatedError):
        known.of_key(new_key())
    with pytest.raises(UnauthenticatedError, match="no bearer tokens"):
        known.of_token("x")
