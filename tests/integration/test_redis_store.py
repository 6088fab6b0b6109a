"""The store for many hosts, against a real redis-server that the test starts."""

from __future__ import annotations

import asyncio
import random
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

pytest.importorskip("redis", reason="the redis extra is not installed")
from recsys.errors import ConfigError
from recsys.slate import ItemUpdate
from server import erase_redis
from server.errors import StoreError
from server.forget import forget
from server.known_stores import note_redis
from server.redis_store import RedisStore
from server.stored_event import StoredEvent
from tests.served_process import Door, Serve, click, dislike, doors, until

pytestmark = pytest.mark.skipif(
    shutil.which("redis-server") is None, reason="no redis-server here; apt-get install redis-server"
)


class Redis:
    """One redis-server that syncs every write, on a port and in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._folder = folder
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self, **settings: str) -> None:
        """Start it, with what it has on disk, and wait until it answers."""
        asked = {"port": str(self.port), "bind": "127.0.0.1", "dir": str(self._folder), "save": ""}
        asked |= {"appendonly": "yes", "appendfsync": "always"} | settings
        flags = [part for name, value in asked.items() for part in (f"--{name}", value)]
        self.process = subprocess.Popen(["redis-server", *flags], stdout=subprocess.DEVNULL)
        until(self._answers, within_s=20)

    def stop(self, number: int = signal.SIGKILL) -> None:
        """End it."""
        assert self.process
        self.process.send_signal(number)
        self.process.wait()

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(7) == b"+PONG\r\n"
        except OSError:
            return False


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Redis]:
    folder = tmp_path / "redis"
    folder.mkdir()
    started = Redis(folder)
    yield started
    started.stop()


def event(event_id: str, **fields: Any) -> StoredEvent:
    known = {"user_id": "u", "item_id": "i", "event_type": "click", "time_ms": 1_000}
    return StoredEvent(event_id, **(known | fields))


class View:
    """A store and what it was told."""

    def __init__(self, store: RedisStore) -> None:
        self.store = store
        self.heard: list[tuple[int, StoredEvent]] = []
        self.shown: list[ItemUpdate] = []
        self.gaps = 0
        store.listener.on_event = lambda seq, e: self.heard.append((seq, e))
        store.listener.on_items = self.shown.extend
        store.listener.on_gap = self._gap

    def _gap(self) -> None:
        self.gaps += 1


@pytest.fixture
async def view(redis: Redis) -> Any:
    """A function that opens a store."""
    opened: list[RedisStore] = []

    async def open_view() -> View:
        opened.append(await RedisStore.connect(redis.url))
        return View(opened[-1])

    yield open_view
    for store in opened:
        await store.close()


async def test_a_repeat_is_kept_once_and_every_view_hears_of_it_once(view: Any) -> None:
    """Within a call, over calls and over stores; in the order of commits, every field as it was."""
    one, other = await view(), await view()
    full = event("b", query="größer", price=1.5, quantity=2.25, position=3, attribution_token="t", time_ms=2_000)
    assert await one.store.append([event("a"), full, event("a")]) == 2
    assert await other.store.append([event("a", item_id="x"), event("c", user_id="v")]) == 1
    for each in (one, other):
        await each.store.catch_up()
        await each.store.catch_up()
        assert each.heard == [(1, event("a")), (2, full), (3, event("c", user_id="v"))]
    late = await view()
    await late.store.catch_up()
    assert late.heard == []
    assert list((await late.store.of_user("u"))["click"]) == [(2, full), (1, event("a"))]
    assert not any((await late.store.of_user("nobody")).values())


async def test_a_users_events_are_bounded_by_time_and_dislikes_are_not(view: Any, monkeypatch: Any) -> None:
    """The newest of each type are kept, whatever order they came in; no dislike is ever dropped."""
    one = await view()
    times = list(range(2_400))
    random.Random(1).shuffle(times)
    for start in range(0, 2_400, 800):
        part = times[start : start + 800]
        await one.store.append([event(f"c{t}", time_ms=t) for t in part])
        await one.store.append([event(f"d{t}", time_ms=t, event_type="dislike", item_id=f"i{t}") for t in part])
    kinds = await one.store.of_user("u")
    assert [e.time_ms for _, e in kinds["click"]] == list(range(2_399, 1_399, -1))
    assert len(kinds["dislike"]) == 2_400
    monkeypatch.setattr("server.redis_store.MAX_NEWS", 10)
    await one.store.catch_up()
    assert (one.gaps, one.heard) == (1, [])
    await one.store.append([event("next")])
    await one.store.catch_up()
    assert [e.event_id for _, e in one.heard] == ["next"]


async def test_items_are_visible_when_available_and_in_stock(view: Any) -> None:
    """Both facts as last sent, on every view; the version grows with every call that updates."""
    one, other = await view(), await view()
    sent = [
        (ItemUpdate("a", price=1.25), ItemUpdate("a", 1.25, None)),
        (ItemUpdate("a", stock=0), ItemUpdate("a", 1.25, False)),
        (ItemUpdate("a", available=True), ItemUpdate("a", 1.25, False)),
        (ItemUpdate("a", stock=4), ItemUpdate("a", 1.25, True)),
        (ItemUpdate("a", available=False), ItemUpdate("a", 1.25, False)),
        (ItemUpdate("b", price=0.0), ItemUpdate("b", 0.0, None)),
    ]
    for version, (update, shown) in enumerate(sent, start=1):
        assert await one.store.overlay([update]) == version
        await other.store.catch_up()
        assert other.shown[-1] == shown
    assert await one.store.overlay([]) == len(sent)
    assert sorted(await one.store.overlays(), key=lambda u: u.item_id) == [sent[4][1], sent[5][1]]


async def test_looks_that_wait_share_a_round_trip_and_miss_nothing(view: Any) -> None:
    """A hundred callers at once, commits between them: whoever looks after an OK has heard of it."""
    one, other = await view(), await view()

    async def tell_and_look(n: int) -> None:
        await one.store.append([event(str(n))])
        await other.store.catch_up()
        assert str(n) in {e.event_id for _, e in other.heard}

    await asyncio.gather(*(tell_and_look(n) for n in range(100)))
    assert [seq for seq, _ in other.heard] == list(range(1, 101))


@pytest.mark.parametrize(
    "setting", [{"appendfsync": "everysec"}, {"appendonly": "no"}, {"maxmemory-policy": "allkeys-lru"}]
)
async def test_a_redis_that_may_lose_writes_is_refused(redis: Redis, setting: dict[str, str]) -> None:
    """At the start by ConfigError with the remedy; one that comes back so acknowledges nothing."""
    store = await RedisStore.connect(redis.url)
    assert await store.append([event("a")]) == 1
    redis.stop()
    redis.start(**setting)
    for _ in range(3):
        with pytest.raises(StoreError, match="may lose"):
            await store.append([event("b")])
    with pytest.raises(ConfigError, match="CONFIG SET"):
        await RedisStore.connect(redis.url)
    await store.close()


async def test_killed_under_load_it_loses_and_doubles_nothing(redis: Redis) -> None:
    """SIGKILL of Redis: what was acknowledged is there once; the rest fails clearly; it goes on when Redis is back."""
    store = await RedisStore.connect(redis.url)
    acknowledged: list[str] = []

    async def load(worker: int) -> None:
        for n in range(100_000):
            ids = [f"{worker}-{n}-{k}" for k in range(3)]
            await store.append([event(i, event_type="dislike") for i in ids])
            acknowledged.extend(ids)

    loads = [asyncio.create_task(load(worker)) for worker in range(4)]
    await asyncio.sleep(0.7)
    redis.stop()
    for failure in await asyncio.gather(*loads, return_exceptions=True):
        assert isinstance(failure, StoreError)
    started = time.monotonic()
    with pytest.raises(StoreError, match="does not answer"):
        await store.catch_up()
    with pytest.raises(StoreError):
        await store.of_user("u")
    assert time.monotonic() - started < 2
    redis.start()
    assert await store.append([event(i, event_type="dislike") for i in acknowledged[-900:]]) == 0
    kept = [e.event_id for _, e in (await store.of_user("u"))["dislike"]]
    assert acknowledged
    assert len(kept) == len(set(kept))
    assert set(acknowledged) <= set(kept)
    await store.close()


async def test_a_forgotten_person_is_in_no_byte_of_redis(
    redis: Redis, view: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    """`slatewright forget`: log, keys, ids and files; trimmed events too. Every view empties its memory at its next
    look, others keep everything, and an event id used before is new again.
    """
    monkeypatch.setenv("SLATEWRIGHT_KEY", "k" * 32)
    state, user = tmp_path / "state", "maria.lópez@example.org"
    state.mkdir()
    note_redis(state, redis.url)
    one, other = await view(), await view()
    for n in range(60):
        kind = ("click", "dislike", "purchase")[n % 3]
        await one.store.append(
            [event(f"{who}-{n}", user_id=who, event_type=kind, query="ü\\") for who in (user, "x" + user)]
        )
    subprocess.run(
        ["redis-cli", "-p", str(redis.port), "XTRIM", "slatewright:log", "MAXLEN", "=", "50"],
        check=True,
        capture_output=True,
    )
    await other.store.catch_up()
    [outcome] = await asyncio.to_thread(lambda: forget([user], state_dir=state, bundles_dir=tmp_path / "none"))
    assert (outcome.events_removed, outcome.events_left, outcome.tombstone.seq, outcome.clean) == (60, 0, 1, True)
    assert not any((await other.store.of_user(user)).values())
    assert sum(len(rows) for rows in (await other.store.of_user("x" + user)).values()) == 60
    for each in (one, other):
        await each.store.catch_up()
        assert each.gaps == 1
    await one.store.append([event("next", user_id="x" + user)])
    await other.store.catch_up()
    assert other.heard[-1] == (121, event("next", user_id="x" + user))
    await one.store.append([event("x" + user + "-0")])  # known as ever
    assert await one.store.append([event(user + "-0", user_id="v")]) == 1
    assert await asyncio.to_thread(erase_redis.erase, redis.url, ["v", "x" + user]) == {"v": 1, "x" + user: 61}
    redis.stop(signal.SIGTERM)
    files = [path for path in (tmp_path / "redis").rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if b"pez@example.org" in path.read_bytes()]
    with pytest.raises(ConfigError, match="could not be cleaned"):
        forget([user], state_dir=state, bundles_dir=tmp_path / "none")
    monkeypatch.delenv("SLATEWRIGHT_KEY")
    (state / "key").write_bytes(b"k" * 32)
    with pytest.raises(ConfigError, match="SLATEWRIGHT_KEY is not set"):
        forget([user], state_dir=state, bundles_dir=tmp_path / "none")
    redis.start()


async def test_no_redis_is_one_clear_error() -> None:
    """ConfigError with the address."""
    with pytest.raises(ConfigError, match=r"no usable Redis at redis://127\.0\.0\.1:1/0"):
        await RedisStore.connect("redis://127.0.0.1:1/0")


@pytest.mark.slow
def test_two_hosts_share_what_happened_and_outlive_redis(serve: Serve, redis: Redis) -> None:
    """Told to one host, seen on the other; Redis gone: events are refused, slates go on; back: both go on."""
    shared: dict[str, Any] = {"workers": 1, "SLATEWRIGHT_KEY": "k" * 32}
    flags = ("--store", redis.url)
    with (
        serve(*flags, state="a", **shared) as a,
        serve(*flags, state="b", **shared) as b,
        doors(a, 1) as (here,),
        doors(b, 1) as (there,),
    ):
        first = here.items("u0000001")[0]
        assert here.record(dislike("d1", user_id="u0000001", item_id=first)) == 1
        assert first not in there.items("u0000001")
        sold = here.items("u0000002")[0]
        assert there.update(item_id=sold, stock=0) == 1
        assert sold not in here.items("u0000002")
        redis.stop()
        for door in (here, there):
            code = refused(lambda door=door: door.record(click("c1", user_id="u0000001")))  # type: ignore[misc]
            assert code is grpc.StatusCode.UNAVAILABLE  # type: ignore[attr-defined]
            assert first not in door.items("u0000001")  # what is in memory
            assert door.items("u0000099")  # who is not
        redis.start()
        until(lambda: accepts(there), within_s=20)
        second = there.items("u0000001")[0]
        assert there.record(dislike("d2", user_id="u0000001", item_id=second)) == 1
        until(lambda: second not in here.items("u0000001"), within_s=5)


def refused(call: Callable[[], object]) -> object:
    with pytest.raises(grpc.RpcError) as caught:
        call()
    return caught.value.code()  # type: ignore[attr-defined]


def accepts(door: Door) -> bool:
    try:
        return door.record(click("back", user_id="u0000001")) == 1
    except grpc.RpcError:
        return False
