"""The server as a process of its own: start, kill, drain."""

from __future__ import annotations

import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import grpc
import pytest

from slatewright import Client, Event, EventType, RecommendRequest


@contextmanager
def server(folder: Path, *flags: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`slatewright serve` on a free port: (process, HOST:PORT)."""
    command = [sys.executable, "-m", "slatewright.cli", "serve", "--port", "0"]
    process = subprocess.Popen(
        [*command, "--bundles", str(folder / "bundles"), "--state", str(folder / "state"), *flags],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout
    try:
        line = process.stdout.readline()
        assert line.startswith("ready "), line
        yield process, line.split()[1]
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def stored(folder: Path) -> list[str]:
    """Event ids on disk, read as the next server would."""
    with closing(sqlite3.connect(folder / "state" / "events.sqlite")) as connection:
        return [event_id for (event_id,) in connection.execute("SELECT event_id FROM events ORDER BY seq")]


@pytest.mark.slow
@pytest.mark.parametrize("moment", range(5))
def test_sigkill_loses_and_doubles_nothing(tmp_path: Path, moment: int) -> None:
    """Killed at a random moment under load: every acknowledged event is on disk exactly once.

    The unacknowledged ones are sent again to the next server, as a caller would, and then all are there once.
    """
    delay_s = random.Random(moment).uniform(0.05, 0.8)
    sent: list[str] = []
    acknowledged: list[str] = []
    lock = threading.Lock()

    def load(target: str, worker: int) -> None:
        with Client(target, timeout_s=5) as client:
            for call in range(10_000):
                ids = [f"{worker}-{call}-{n}" for n in range(3)]
                with lock:
                    sent.extend(ids)
                try:
                    answer = client.record_events(events(ids))
                except grpc.RpcError:
                    return
                assert answer.accepted == 3
                with lock:
                    acknowledged.extend(ids)

    def events(ids: list[str]) -> list[Event]:
        kind = EventType.Value("EVENT_TYPE_CLICK")
        return [Event(event_id=i, user_id="u", item_id="i", type=kind) for i in ids]

    with server(tmp_path) as (process, target):
        workers = [threading.Thread(target=load, args=(target, n)) for n in range(4)]
        for worker in workers:
            worker.start()
        time.sleep(delay_s)
        process.send_signal(signal.SIGKILL)
        for worker in workers:
            worker.join(20)
        process.wait()
    on_disk = stored(tmp_path)
    assert acknowledged
    assert len(on_disk) == len(set(on_disk))
    assert set(acknowledged) <= set(on_disk) <= set(sent)
    with server(tmp_path) as (_, target), Client(target, timeout_s=10) as client:
        for start in range(0, len(sent), 900):
            assert client.record_events(events(sent[start : start + 900])).accepted
    again = stored(tmp_path)
    assert len(again) == len(set(again))
    assert set(again) == set(sent)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_signal_drains_and_leaves_with_0(tmp_path: Path, number: signal.Signals) -> None:
    """Asked to stop, the server ends by itself, and nothing is left locked."""
    for _ in range(2):
        with server(tmp_path) as (process, target), Client(target, timeout_s=5) as client:
            with pytest.raises(grpc.RpcError) as caught:
                client.recommend(RecommendRequest(), timeout_s=5)
            assert caught.value.code() is grpc.StatusCode.UNAVAILABLE  # type: ignore[attr-defined]
            process.send_signal(number)
            assert process.wait(15) == 0


@pytest.mark.slow
def test_start_errors_are_one_line_on_stderr(tmp_path: Path) -> None:
    """A wrong setting, a taken port and rules that a worker refuses: exit 2, `error: …`, no traceback."""
    command = [sys.executable, "-m", "slatewright.cli", "serve", "--bundles", str(tmp_path / "b")]
    wrong = subprocess.run([*command, "--workers", "0"], capture_output=True, text=True, check=False)
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert wrong.stderr.startswith("error: workers is 0")
    with server(tmp_path) as (_, target):
        taken = subprocess.run(
            [*command, "--port", target.rpartition(":")[2], "--state", str(tmp_path / "other")],
            capture_output=True,
            text=True,
            check=False,
        )
    rules = ["--port", "0", "--state", str(tmp_path / "third"), "--rules", str(tmp_path / "none.toml")]
    ruled = subprocess.run([*command, *rules], capture_output=True, text=True, check=False)
    assert (ruled.returncode, ruled.stdout) == (2, "")
    assert ruled.stderr.splitlines()[-1].startswith("error: ")
    assert "none.toml" in ruled.stderr.splitlines()[-1]
    assert taken.returncode == 2
    assert "error: 127.0.0.1:" in taken.stderr
    assert "Traceback" not in taken.stderr
