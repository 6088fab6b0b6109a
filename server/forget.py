"""`slatewright forget USER…`: remove people from the server's state and from every bundle to come, and prove it.

Works while a server runs: it looks at the list of tombstones before each request. The order is: events first, then the
tombstone, so that what a server reads again after the tombstone is already gone. Killed in between, it is run again.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType
from typing import Final

import pyarrow as pa

from recsys import bundle as bundles
from recsys import exposure_log
from recsys.errors import BundleError, ConfigError
from recsys.files import read_arrays
from recsys.ids import IdMap
from recsys.secret_key import VARIABLE, read_key
from recsys.tombstones import FILE, Tombstone, add_tombstone, read_tombstones
from server.attribution import pseudonym
from server.config import ServerConfig
from server.erase import MIN_SCANNED_BYTES, Traces, erase_events, left_in, traces
from server.known_stores import known_exposures, known_redis

HELP: Final = "remove people from events, memory and every bundle to come"
EXAMPLE: Final = "slatewright forget 1228 --state var/state"
EVENTS: Final = "events.sqlite"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was done for one person; `events_left` came after the removal, if any."""

    pseudonym: str
    events_removed: int
    events_left: int
    exposures_removed: int
    traces: Traces | None
    tombstone: Tombstone
    bundles_without: tuple[str, ...]
    """Bundles that were made without this tombstone and know the user."""

    @property
    def clean(self) -> bool:
        """False where bytes of the id are left that no other row explains."""
        return not (self.traces and self.traces.files and not self.traces.others and not self.events_left)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Who, and where the state is."""
    known = ServerConfig()
    parser.add_argument(
        "users", nargs="*", metavar="USER", help="ids; they would stay in the shell's history: see --from"
    )
    parser.add_argument("--from", dest="source", metavar="FILE", help="read ids from a file, one a line; - for stdin")
    parser.add_argument("--bundles", type=Path, default=known.bundles, help=f"published bundles ({known.bundles})")
    parser.add_argument("--state", type=Path, help="the server's state folder (state beside bundles)")
    parser.add_argument("--json", action="store_true", help="print what was done as JSON")


def run(args: argparse.Namespace) -> int:
    """Forget; 0 when nothing is left, 1 when something is."""
    state_dir = ServerConfig(bundles=args.bundles, state=args.state).state_dir
    outcomes = forget(_users(args), state_dir=state_dir, bundles_dir=args.bundles)
    if args.json:
        print(json.dumps([{**asdict(outcome), "clean": outcome.clean} for outcome in outcomes], indent=1))
    else:
        for outcome in outcomes:
            _show(outcome)
        print(f"honoured by: a running server from its next request; slatewright build --tombstones {state_dir / FILE}")
        if known_redis(state_dir):
            print(f"on the other hosts of this Redis: put a copy of {state_dir / FILE} into each state folder")
    return 0 if all(outcome.clean for outcome in outcomes) else 1


def forget(user_ids: Sequence[str], *, state_dir: Path, bundles_dir: Path) -> list[Outcome]:
    """Remove people, one tombstone each. Raises ConfigError where the state cannot be changed; then run it again."""
    key = read_key(state_dir)
    if key is None or not state_dir.is_dir():
        raise ConfigError(
            f"{state_dir} is no state folder of a server: no key in it, and no {VARIABLE}; name it with --state"
        )
    redis = known_redis(state_dir)
    if redis and VARIABLE not in os.environ:
        raise ConfigError(f"{VARIABLE} is not set; expected the key of all hosts of {redis[-1]}; set it, as for serve")
    read_tombstones(state_dir / FILE, key)  # a list of another key is refused before anything is removed
    removed = Counter(erase_events(state_dir / EVENTS, user_ids))
    for url in redis:
        removed.update(_redis().erase(url, user_ids))
    now_ms = time.time_ns() // 1_000_000
    stones = {u: add_tombstone(state_dir / FILE, key, u, time_ms=now_ms) for u in user_ids}
    exposed = _erase_exposures(known_exposures(state_dir), [pseudonym(key, u) for u in user_ids])
    return [
        Outcome(
            pseudonym=pseudonym(key, user_id),
            events_removed=removed[user_id],
            events_left=left_in(state_dir / EVENTS, user_id) + sum(_redis().left_in(url, user_id) for url in redis),
            exposures_removed=exposed[pseudonym(key, user_id)],
            traces=traces(state_dir, user_id),
            tombstone=stones[user_id],
            bundles_without=tuple(_bundles_without(bundles_dir, user_id, state_dir / FILE, key)),
        )
        for user_id in user_ids
    ]


def _erase_exposures(folders: Sequence[Path], users: Sequence[str]) -> Counter[str]:
    """Slates removed by pseudonym, after the tombstones: what a server still writes, it looks at those for."""
    removed: Counter[str] = Counter()
    for folder in folders:
        for path in exposure_log.files(folder) if folder.is_dir() else ():
            try:
                removed.update(exposure_log.erase(path, frozenset(users)))
            except (OSError, pa.ArrowInvalid) as error:
                raise ConfigError(
                    f"exposures {path} could not be cleaned ({error}); check the disk, then run the command again"
                ) from error
    return removed


def _users(args: argparse.Namespace) -> list[str]:
    listed = list(args.users)
    if args.source is not None:
        try:
            content = sys.stdin.read() if args.source == "-" else Path(args.source).read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise ConfigError(f"--from {args.source} cannot be read as text; name a file of ids, one a line") from error
        listed += [line.rstrip("\r") for line in content.split("\n") if line.strip()]
    if not listed or not all(listed):
        raise ConfigError("nobody is named, or an id is empty; expected ids as arguments or lines of --from; name them")
    return list(dict.fromkeys(listed))


def _redis() -> ModuleType:
    try:
        from server import erase_redis  # noqa: PLC0415  an extra of its own
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"events are in Redis too, which needs {error.name}; run pip install 'slatewright[redis]'"
        ) from error
    return erase_redis


def _bundles_without(bundles_dir: Path, user_id: str, tombstones: Path, key: bytes) -> list[str]:
    stones = read_tombstones(tombstones, key)
    found = []
    for path in sorted(bundles_dir.glob(f"*/{bundles.MANIFEST}")):
        try:
            manifest = bundles.read_manifest(path.parent)
            users = IdMap(**read_arrays(path.parent / "users"))  # type: ignore[arg-type]
        except (BundleError, OSError, TypeError, ValueError):  # another version's, or damaged: nobody serves it
            found.append(f"{path.parent.name} (cannot be read)")
            continue
        if stones.open_for(user_id, manifest.get("tombstones") or {}) and users.row(user_id) >= 0:
            found.append(path.parent.name)
    return found


def _show(outcome: Outcome) -> None:
    print(f"user {outcome.pseudonym} (the pseudonym in the log)")
    print(f"  events removed   {outcome.events_removed}")
    print(f"  events left      {outcome.events_left}" + (" (came after the removal)" if outcome.events_left else ""))
    print(f"  slates removed   {outcome.exposures_removed} (of the exposure log)")
    if outcome.traces is None:
        print(
            f"  bytes            not searched: an id of less than {MIN_SCANNED_BYTES} bytes stands in other words too"
        )
    elif not outcome.traces.files:
        print(f"  bytes            in none of {outcome.traces.n_files} files of the state folder")
    else:
        why = f"part of {outcome.traces.others} other rows" if outcome.traces.others else "LEFT; run the command again"
        print(f"  bytes            in {', '.join(outcome.traces.files)}: {why}")
    print("  pitches          are kept by item and traits, never by user")
    print(f"  tombstone        {outcome.tombstone.seq}")
    if outcome.bundles_without:
        print(
            f"  still in bundles {', '.join(outcome.bundles_without)}: masked when served; build anew, then remove them"
        )
