"""Several workers on one port: fresh everywhere, replaced when killed, drained when asked."""

from __future__ import annotations

import os
import random
import signal
import socket
import threading
import time
import urllib.request
from pathlib import Path

import grpc
import pytest

from tests.served_process import Door, Serve, click, dislike, doors, until

pytestmark = pytest.mark.slow


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_an_acknowledged_event_is_in_the_next_slate_of_every_worker(serve: Serve) -> None:
    """A dislike told to one worker bars the item on all, call after call; so does an item that is sold out."""
    with serve() as served, doors(served) as opened:
        draw = random.Random(3)
        for turn in range(12):
            user = f"u{turn:07d}"
            teller, *others = draw.sample(opened, len(opened))
            first = teller.items(user)[0]
            assert all(first in door.items(user) for door in others[:3])
            assert teller.record(dislike(f"d{turn}", user_id=user, item_id=first)) == 1
            assert all(first not in door.items(user) for door in (teller, *others))
        sold_out = opened[0].items("u0000050")[0]
        assert opened[1].update(item_id=sold_out, stock=0)
        assert all(sold_out not in door.items("u0000050") for door in opened)
        assert opened[2].update(item_id=sold_out, stock=9)
        assert all(sold_out in door.items("u0000050") for door in opened)
        assert served.served_by() == {0, 1}


def test_a_killed_worker_is_replaced_and_the_others_go_on(serve: Serve) -> None:
    """SIGKILL under load: no call on another worker fails, the replacement serves, nothing acknowledged is lost."""
    with serve() as served, doors(served) as opened:
        first_pid = served.pids()
        failures: dict[int, int] = {}
        acknowledged: list[str] = []
        stop = threading.Event()

        def load(place: int, door: Door) -> None:
            n = 0
            while not stop.is_set():
                n += 1
                try:
                    door.items("u0000001")
                    if door.record(click(f"{place}-{n}", user_id="u0000001")):
                        acknowledged.append(f"{place}-{n}")
                except grpc.RpcError as error:
                    assert error.code() is grpc.StatusCode.UNAVAILABLE  # type: ignore[attr-defined]
                    failures[place] = failures.get(place, 0) + 1

        def serving_place(door: Door) -> object:
            before = len(served.said("call"))
            door.items("u0000002", request_id=f"who-{id(door)}")
            until(lambda: len(served.said("call")) > before)
            return next(c["worker"] for c in served.said("call") if c.get("request_id") == f"who-{id(door)}")

        at = [serving_place(door) for door in opened]
        assert set(at) == {0, 1}
        threads = [threading.Thread(target=load, args=pair) for pair in enumerate(opened)]
        for thread in threads:
            thread.start()
        time.sleep(0.5)
        os.kill(first_pid[1], signal.SIGKILL)
        until(lambda: served.pids()[1] != first_pid[1])
        until(lambda: len(served.said("listening")) == 3)
        stop.set()
        for thread in threads:
            thread.join(30)
        assert failures
        assert all(at[place] == 1 for place in failures)
        assert served.pids()[0] == first_pid[0]
        with doors(served) as again:
            for door in again:
                door.items("u0000003")
            until(lambda: any(c.get("user") and c["worker"] == 1 for c in served.said("call")[-12:]))
            for start in range(0, len(acknowledged), 900):
                repeats = [click(i, user_id="u0000001") for i in acknowledged[start : start + 900]]
                assert again[0].record(*repeats) == len(repeats)
        assert [line["code"] for line in served.said("worker_died")] == [-signal.SIGKILL]


def test_killed_together_they_lose_and_double_nothing(serve: Serve, tmp_path: Path) -> None:
    """SIGKILL of supervisor and workers during RecordEvents, five times: what was acknowledged is there once."""
    import sqlite3

    acknowledged: list[str] = []
    sent: list[str] = []
    for turn in range(5):
        with serve() as served, doors(served, 4) as opened:

            def load(place: int, door: Door, turn: int = turn) -> None:
                for n in range(10_000):
                    ids = [f"{turn}-{place}-{n}-{k}" for k in range(3)]
                    sent.extend(ids)
                    try:
                        door.record(*map(click, ids))
                    except grpc.RpcError:
                        return
                    acknowledged.extend(ids)

            threads = [threading.Thread(target=load, args=pair) for pair in enumerate(opened)]
            for thread in threads:
                thread.start()
            time.sleep(random.Random(turn).uniform(0.1, 0.8))
            children = list(served.pids().values())
            for pid in random.Random(turn).sample([served.process.pid, *children], 3):
                os.kill(pid, signal.SIGKILL)
            for thread in threads:
                thread.join(30)
    connection = sqlite3.connect(tmp_path / "state" / "events.sqlite")
    on_disk = [event_id for (event_id,) in connection.execute("SELECT event_id FROM events")]
    connection.close()
    assert acknowledged
    assert len(on_disk) == len(set(on_disk))
    assert set(acknowledged) <= set(on_disk) <= set(sent)


def test_workers_leave_with_their_supervisor(serve: Serve) -> None:
    """Killed, it takes its workers with it, and port and state are free for the next server; asked, all drain."""
    with serve() as served:
        pids, port = served.pids(), served.target.rpartition(":")[2]
        served.process.kill()
        until(lambda: all(gone(pid) for pid in pids.values()), within_s=10)
    with serve("--port", port) as served, doors(served, 2) as opened:
        pids = served.pids()
        assert opened[0].items("u0000001")
        served.process.send_signal(signal.SIGTERM)
        assert served.process.wait(20) == 0
        assert all(gone(pid) for pid in pids.values())
        assert len(served.said("stopped")) == 3


def test_one_copy_engine_serves_all_workers(serve: Serve) -> None:
    """With pitches written live there is one engine process for two workers."""
    with serve("--copy", "live") as served:
        until(lambda: served.said("engine_started"))
        time.sleep(0.5)
        children = Path(f"/proc/{served.process.pid}/task/{served.process.pid}/children").read_text().split()
        assert len(children) == 3
        assert len(served.said("engine_started")) == 1


def test_one_page_has_the_metrics_of_all_workers(serve: Serve, tmp_path: Path) -> None:
    """Sums over workers; a killed worker's counts stay, its gauges go, its restart is counted."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def read() -> dict[str, float]:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as page:
            lines = [line for line in page.read().decode().splitlines() if not line.startswith("#")]
        return {name: float(number) for name, _, number in (line.rpartition(" ") for line in lines)}

    calls = 'slatewright_calls_total{code="OK",rpc="/slatewright.v1.RecommendationService/Recommend"}'
    with serve("--admin-port", str(port)) as served:
        with doors(served) as opened:
            for door in opened:
                door.items("u0000001")
            assert opened[0].record(click("a", user_id="u0000001")) == 1
        assert served.served_by() == {0, 1}
        page = read()
        assert page[calls] == len(opened)
        for stage in ("validate", "recent", "wait", "history", "prepare", "rank", "page", "reasons", "copy", "encode"):
            assert page[f'slatewright_stage_seconds_count{{stage="{stage}"}}'] >= len(opened), stage
        assert page['slatewright_events_accepted_total{type="click"}'] == 1
        assert page["slatewright_store_commits_total"] == 1
        versions = {name: n for name, n in page.items() if name.startswith("slatewright_bundle_workers")}
        assert list(versions.values()) == [2]
        assert (page["slatewright_workers_serving"], page["slatewright_worker_restarts_total"]) == (2, 0)
        os.kill(served.pids()[1], signal.SIGKILL)
        until(lambda: read()["slatewright_workers_serving"] == 1, within_s=10)
        assert {name: read()[name] for name in versions} == dict.fromkeys(versions, 1)
        until(lambda: read()["slatewright_workers_serving"] == 2)
        page = read()
        assert page[calls] == len(opened)
        assert page["slatewright_worker_restarts_total"] == 1
        assert {name: page[name] for name in versions} == versions
