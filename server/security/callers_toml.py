"""The callers' file: who may call, how they are known, what they may do.

    [[caller]]
    name = "feed"                       # as it appears in the log
    key_sha256 = ["9f86d0…"]            # of `slatewright key`; two while a key is exchanged
    rpcs = ["Recommend", "StreamRecommend", "ListSimilarItems"]
    placements = ["home"]               # left out: any
    rate = 200                          # calls a second; left out: no limit
    burst = 400

Invariant: what is unknown, of the wrong type or said twice is an error, so no misspelt limit is silently none.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Hashable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

from recsys.errors import ConfigError
from server.security.callers import Caller, Callers
from server.security.quota import Quota
from server.security.scope import RPCS
from server.security.tokens import Tokens, TokenSettings

MAX_KEYS: Final = 1_000
"""Every presented key is compared with each."""
_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_CALLER: Final[Mapping[str, type]] = {
    **dict.fromkeys(("key_sha256", "jwt_subjects", "certificates", "rpcs", "placements"), list),
    **{"name": str, "rate": float, "burst": int, "max_request_bytes": int},
}
_JWT: Final[Mapping[str, type]] = {
    **{"issuer": str, "audience": str, "algorithms": list, "public_keys": list, "leeway_s": float},
}

K = TypeVar("K", bound=Hashable)


def read_callers(path: Path) -> Callers:
    """Parse the file. Raises ConfigError naming the entry, its value and what is expected."""
    document = _document(path)
    keys: dict[bytes, Caller] = {}
    subjects: dict[str, Caller] = {}
    certificates: dict[str, Caller] = {}
    names: set[str] = set()
    for place, entry in enumerate(document["caller"], start=1):
        where = f"{path}: caller {place}"
        fields = _checked(where, entry, _CALLER)
        caller = _caller(where, fields)
        if caller.name in names:
            raise ConfigError(f"{where}: name {caller.name} is there twice; expected each once; rename one")
        names.add(caller.name)
        digests = [_digest(where, text) for text in fields.get("key_sha256", [])]
        if not (digests or fields.get("jwt_subjects") or fields.get("certificates")):
            raise ConfigError(f"{where}: {caller.name} has no key_sha256, jwt_subjects or certificates; give it one")
        _give(where, keys, digests, caller)
        _give(where, subjects, fields.get("jwt_subjects", []), caller)
        _give(where, certificates, fields.get("certificates", []), caller)
    if len(keys) > MAX_KEYS:
        raise ConfigError(f"{path} has {len(keys)} keys; expected at most {MAX_KEYS}; use certificates or tokens")
    if bool(subjects) != ("jwt" in document):
        raise ConfigError(f"{path}: jwt_subjects and [jwt] go together; expected both or none; add the other")
    tokens = Tokens(_token_settings(path, document["jwt"])) if subjects else None
    return Callers(keys, subjects, certificates, tokens)


def _document(path: Path) -> dict[str, Any]:
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read ({error.strerror}); name the callers' file") from error
    except ValueError as error:
        raise ConfigError(f"{path} is not TOML: {error}; correct that line") from error
    entries = document.get("caller")
    if set(document) - {"caller", "jwt"} or not isinstance(entries, list) or not entries:
        found = ", ".join(document) or "nothing"
        raise ConfigError(f"{path} has {found}; expected [[caller]] and perhaps [jwt]; correct it")
    return document


def _give(where: str, known: dict[K, Caller], credentials: Iterable[K], caller: Caller) -> None:
    for credential in credentials:
        if known.setdefault(credential, caller) is not caller:
            raise ConfigError(f"{where}: a credential of {caller.name} is also another's; give each its own")


def _token_settings(path: Path, table: Any) -> TokenSettings:
    """`[jwt]`; paths are relative to the callers' file."""
    fields = _checked(f"{path}: [jwt]", table, _JWT)
    missing = {"issuer", "audience", "algorithms"} - set(fields)
    if missing:
        raise ConfigError(f"{path}: [jwt] lacks {', '.join(sorted(missing))}; set it")
    fields["algorithms"] = tuple(fields["algorithms"])
    fields["public_keys"] = tuple(path.parent / name for name in fields.get("public_keys", []))
    return TokenSettings(**fields)


def _caller(where: str, fields: Mapping[str, Any]) -> Caller:
    name = fields.get("name", "")
    if not _NAME.fullmatch(name):
        raise ConfigError(f"{where}: name is {name!r}; expected 1 to 64 letters, digits, dots, dashes; set one")
    rpcs = set(fields.get("rpcs", []))
    known = set(RPCS.values())
    if not rpcs or not rpcs <= known | {"*"}:
        wrong = ", ".join(sorted(rpcs - known)) or "empty"
        raise ConfigError(f'{where}: rpcs of {name} is {wrong}; expected some of {", ".join(sorted(known))}, or "*"')
    placements = fields.get("placements")
    return Caller(
        name=name,
        rpcs=frozenset(known if "*" in rpcs else rpcs),
        placements=None if placements is None else frozenset(placements),
        quota=_quota(where, fields),
        max_request_bytes=_positive(where, fields, "max_request_bytes"),
    )


def _quota(where: str, fields: Mapping[str, Any]) -> Quota | None:
    rate, burst = _positive(where, fields, "rate"), _positive(where, fields, "burst")
    if rate is None:
        if burst is not None:
            raise ConfigError(f"{where}: burst without rate; expected both; set rate")
        return None
    return Quota(rate, int(burst) if burst is not None else max(1, round(rate)))


def _positive(where: str, fields: Mapping[str, Any], key: str) -> Any:
    value = fields.get(key)
    if value is not None and not 0 < value <= 1e9:
        raise ConfigError(f"{where}: {key} is {value}; expected more than 0, at most a billion; correct it")
    return value


def _digest(where: str, text: str) -> bytes:
    if not _DIGEST.fullmatch(text):
        raise ConfigError(  # the value is not shown: somebody may have put the key itself
            f"{where}: a key_sha256 of {len(text)} characters; expected 64 of 0-9, a-f; make it with `slatewright key`"
        )
    return bytes.fromhex(text)


def _checked(where: str, table: Any, kinds: Mapping[str, type]) -> dict[str, Any]:
    """The table with its types checked; lists hold non-empty texts."""
    if not isinstance(table, dict):
        raise ConfigError(f"{where} is {type(table).__name__}; expected a table; correct it")
    unknown = sorted(set(table) - set(kinds))
    if unknown:
        raise ConfigError(f"{where}: {unknown[0]} is no setting; known are {', '.join(sorted(kinds))}; correct it")
    for key, value in table.items():
        kind = kinds[key]
        fits = isinstance(value, (int, float) if kind is float else kind) and not isinstance(value, bool)
        if not fits or (kind is list and not all(isinstance(entry, str) and entry for entry in value)):
            wanted = "a list of texts" if kind is list else f"a value of type {kind.__name__}"
            raise ConfigError(f"{where}: {key} is {type(value).__name__}; expected {wanted}; correct it")
    return dict(table)
