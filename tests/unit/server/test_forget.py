"""A forgotten person is in no byte of the state, no line of the log and no slate; who comes back is somebody new."""

from __future__ import annotations

import asyncio
import json
import random
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import timestamp_pb2

from recsys.errors import ConfigError
from recsys.tombstones import FILE, read_tombstones
from server.erase import erase_events
from server.forget import Outcome, forget
from server.store_file import connect
from slatewright import cli

USER = "maria.lopez@example.org"
PURCHASE, DISLIKE = 6, 7


def event(number: int, user: str, item: str = "i1", kind: int = PURCHASE) -> dict[str, Any]:
    return {"event_id": f"{user}-{number}", "user_id": user, "item_id": item, "type": kind}


def files_with(folder: Path, text: str) -> list[str]:
    """Every file of a folder that has these bytes."""
    return [p.name for p in folder.rglob("*") if p.is_file() and text.encode() in p.read_bytes()]


def ordered(tmp_path: Path, *users: str) -> list[Outcome]:
    """The command's work, as it is done beside a running server."""
    return forget(users, state_dir=tmp_path / "state", bundles_dir=tmp_path / "bundles")


async def filled(shop: Any, users: Sequence[str], n: int) -> None:
    """Events of many users in a wild order, so that index pages split in the middle."""
    dice = random.Random(7)
    events = [event(number, user, f"i{number % 40}") for user in users for number in range(n)]
    dice.shuffle(events)
    for first in range(0, len(events), 500):
        assert (await shop.record(*events[first : first + 500])).accepted == len(events[first : first + 500])


async def test_with_a_running_server(open_shop: Any, tmp_path: Path, capfd: Any) -> None:
    """Gone from the next slate, the file's bytes and the log, at once and after a restart; others keep everything."""
    others = [f"maria.lopez{n}@example.org" for n in range(30)]
    async with open_shop() as shop:
        await filled(shop, [USER, *others], 60)
        await shop.record(event(100, USER, "i3", DISLIKE))
        assert "i3" not in {i.item_id for i in (await shop.recommend(user_id=USER, page_size=100)).items}
        assert files_with(tmp_path / "state", USER)
        [outcome] = await asyncio.to_thread(ordered, tmp_path, USER)
        assert (outcome.events_removed, outcome.events_left, outcome.clean) == (61, 0, True)
        assert outcome.traces and outcome.traces.files == ()
        assert files_with(tmp_path / "state", USER) == []
        answer = await shop.recommend(user_id=USER, page_size=100)
        assert "i3" in {i.item_id for i in answer.items}
        request, recent = shop.fake.seen[-1]
        assert (request.user_id == USER, recent) == (False, ())
        await shop.recommend(user_id=others[0])
        request, recent = shop.fake.seen[-1]
        assert (request.user_id, len(recent)) == (others[0], 60)
    async with open_shop() as shop:
        await shop.recommend(user_id=USER)
        assert USER not in shop.fake.seen[-1][0].user_id
    assert files_with(tmp_path / "state", USER) == []
    assert USER not in capfd.readouterr().err


async def test_later_events_are_a_new_users(open_shop: Any, tmp_path: Path) -> None:
    """What comes after counts, also under an event id used before; forgotten again, that goes too."""
    async with open_shop() as shop:
        await shop.record(event(1, USER, "i1", DISLIKE))
        ordered(tmp_path, USER)
        assert (await shop.record(event(1, USER, "i2", DISLIKE))).accepted == 1
        shown = {i.item_id for i in (await shop.recommend(user_id=USER, page_size=100)).items}
        assert ("i1" in shown, "i2" in shown) == (True, False)
        [outcome] = ordered(tmp_path, USER)
        assert (outcome.events_removed, outcome.tombstone.seq) == (1, 2)
        shown = {i.item_id for i in (await shop.recommend(user_id=USER, page_size=100)).items}
        assert {"i1", "i2"} <= shown


async def test_a_bundle_made_with_the_tombstone_is_asked_for_the_new_person(open_shop: Any, tmp_path: Path) -> None:
    """Only bundles that were made without it are asked for nobody."""
    async with open_shop() as shop:
        ordered(tmp_path, USER)
        stones = read_tombstones(tmp_path / "state" / FILE, (tmp_path / "state" / "key").read_bytes())
        for honoured, asked in (({}, False), (stones.honoured, True), ({"another": 5}, False)):
            shop.fake.manifest = {**shop.fake.manifest, "tombstones": honoured}
            await shop.recommend(user_id=USER)
            assert (shop.fake.seen[-1][0].user_id == USER) is asked


async def test_an_event_without_a_time_does_not_follow_forgotten_ones(open_shop: Any, tmp_path: Path) -> None:
    """The clock of who comes back begins anew, though no slate was asked for since."""
    async with open_shop(poll_s=60) as shop:
        late = 1_500_000_000 + 3_600
        await shop.record({**event(1, USER), "event_time": timestamp_pb2.Timestamp(seconds=late)})
        await shop.recommend(user_id=USER)
        assert shop.fake.seen[-1][0].time_ms > 1_000 * late
        ordered(tmp_path, USER)
        await shop.record(event(2, USER))
        with closing(sqlite3.connect(tmp_path / "state" / "events.sqlite")) as stored:
            [(time_ms,)] = stored.execute("SELECT event_time_ms FROM events").fetchall()
        assert time_ms < 1_000 * late


async def test_memory_is_rid_of_people_without_a_request(open_shop: Any, tmp_path: Path) -> None:
    """The server looks by itself."""
    async with open_shop() as shop:
        await shop.record(event(1, USER))
        await shop.recommend(user_id=USER)
        assert USER in shop.up.recent._users
        ordered(tmp_path, USER)
        for _ in range(200):
            if USER not in shop.up.recent._users:
                return
            await asyncio.sleep(0.02)
        raise AssertionError("it is still there")


async def test_events_are_taken_while_people_are_forgotten(open_shop: Any, tmp_path: Path) -> None:
    """Not one acknowledged event of others is lost, not one call fails for it."""
    async with open_shop() as shop:
        await filled(shop, [f"leaving-{n}" for n in range(10)], 50)
        removal = asyncio.create_task(asyncio.to_thread(ordered, tmp_path, *(f"leaving-{n}" for n in range(10))))
        n_kept = 0
        while not removal.done():
            n_kept += (await shop.record(event(n_kept, "staying"))).accepted
        assert all(outcome.clean for outcome in await removal)
        with closing(sqlite3.connect(tmp_path / "state" / "events.sqlite")) as stored:
            rows = stored.execute("SELECT user_id, count(*) FROM events GROUP BY user_id").fetchall()
        assert rows == [("staying", n_kept)]


def test_without_a_server(tmp_path: Path, capsys: Any) -> None:
    """A stopped server's folder, from the command line; the output names nobody and says what was done."""
    state = tmp_path / "state"
    state.mkdir()
    (state / "key").write_bytes(b"k" * 32)
    connection = connect(state / "events.sqlite")
    values = "(NULL, ?, ?, 'i', 'click', 1, '', '', 0, 1.0, NULL, 1)"
    for number in range(3_000):
        connection.execute(f"INSERT INTO events VALUES {values}", (f"e{number}", USER if number % 3 else f"u{number}"))
    connection.close()
    flags = ["--state", str(state), "--bundles", str(tmp_path / "none")]
    assert cli.main(["forget", USER, *flags, "--json"]) == 0
    said = capsys.readouterr().out
    [told] = json.loads(said)
    assert (told["events_removed"], told["clean"], told["tombstone"]["seq"]) == (2_000, True, 1)
    assert files_with(state, USER) == []
    (tmp_path / "ids.txt").write_text(f"{USER}\n12\n")
    assert cli.main(["forget", "--from", str(tmp_path / "ids.txt"), *flags]) == 0
    said += capsys.readouterr().out
    assert USER not in said
    assert "not searched" in said  # an id of two bytes stands in anything


def test_a_trace_is_found_and_told(tmp_path: Path) -> None:
    """A file with the id in it fails the command; an id that is part of another's is told apart."""
    state = tmp_path / "state"
    state.mkdir()
    (state / "key").write_bytes(b"k" * 32)
    connection = connect(state / "events.sqlite")
    connection.execute(f"INSERT INTO events VALUES (NULL, 'e', 'x-{USER}', 'i', 'click', 1, '', '', 0, 1.0, NULL, 1)")
    connection.close()
    [outcome] = ordered(tmp_path, USER)
    assert outcome.traces and (outcome.traces.files, outcome.traces.others) == (("events.sqlite",), 1)
    assert outcome.clean
    [outcome] = ordered(tmp_path, f"x-{USER}")
    assert outcome.clean
    (state / "notes.txt").write_text(f"seen {USER}")
    [outcome] = ordered(tmp_path, USER)
    assert outcome.traces and outcome.traces.files == ("notes.txt",)
    assert not outcome.clean


def test_nothing_is_removed_under_a_wrong_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A list of another key is refused first; so is a folder that is nobody's state, and nobody at all."""
    state = tmp_path / "state"
    state.mkdir()
    with pytest.raises(ConfigError, match="no state folder"):
        ordered(tmp_path, USER)
    (state / "key").write_bytes(b"k" * 32)
    connection = connect(state / "events.sqlite")
    connection.execute(f"INSERT INTO events VALUES (NULL, 'e', '{USER}', 'i', 'click', 1, '', '', 0, 1.0, NULL, 1)")
    connection.close()
    ordered(tmp_path, "somebody-else")
    monkeypatch.setenv("SLATEWRIGHT_KEY", "x" * 32)
    with pytest.raises(ConfigError, match="another key"):
        ordered(tmp_path, USER)
    assert files_with(state, USER)
    assert cli.main(["forget", "--state", str(state)]) == 2
    assert cli.main(["forget", "", "--state", str(state)]) == 2


def test_a_file_that_is_no_store_is_an_error(tmp_path: Path) -> None:
    """Said in one line, with the remedy."""
    (tmp_path / "events.sqlite").write_bytes(b"not a database at all" * 100)
    with pytest.raises(ConfigError, match="could not be cleaned"):
        erase_events(tmp_path / "events.sqlite", [USER])
    assert erase_events(tmp_path / "none.sqlite", [USER]) == {USER: 0}
