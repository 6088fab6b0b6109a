"""A worker is started, heard, replaced and stopped; the worker is a few lines of Python here."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from recsys.errors import ConfigError
from server.backoff import Backoff
from server.boot import Boot
from server.config import ServerConfig
from server.security.tls import TlsFiles
from server.worker_process import WorkerProcess

SERVES = "import sys; boot = sys.stdin.readline(); print('ready', flush=True); sys.stdin.read()"
BEATS = (
    "import sys, time; sys.stdin.readline(); print('ready', flush=True)\n"
    "while True: time.sleep(0.05); print('alive', flush=True)"
)
DEAF = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SERVES}; import time; time.sleep(60)"


@asynccontextmanager
async def started(code: str, **how: Any) -> AsyncIterator[WorkerProcess]:
    worker = WorkerProcess(0, b"boot\n", command=(sys.executable, "-c", code), **how)
    task = asyncio.create_task(worker.run())
    try:
        yield worker
    finally:
        await worker.stop(drain_s=0)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def until(condition: Any) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end, "it never happened"
        await asyncio.sleep(0.02)


async def test_a_dead_worker_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """However it ends, another one serves; the count says how often."""
    monkeypatch.setattr("server.backoff.FIRST_PAUSE_S", 0.02)
    async with started(SERVES) as worker:
        await worker.first
        for turn, number in enumerate((signal.SIGKILL, signal.SIGTERM), start=1):
            pid = worker.pid
            assert pid
            os.kill(pid, number)
            await until(lambda pid=pid: worker.pid not in {None, pid} and worker.serving)
            assert worker.n_restarts == turn


async def test_what_a_worker_cannot_do_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """`error WHY` before the first `ready` is the server's error; later it is tried again."""
    monkeypatch.setattr("server.backoff.FIRST_PAUSE_S", 0.02)
    async with started("print('error port 1 is taken', flush=True); raise SystemExit(2)") as worker:
        with pytest.raises(ConfigError, match=r"^port 1 is taken$"):
            await worker.first
        await until(lambda: worker.n_restarts > 1)


async def test_a_worker_that_does_not_leave_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked and deaf: ended all the same, and not replaced."""
    monkeypatch.setattr("server.worker_process.KILL_AFTER_S", 0.1)
    async with started(DEAF) as worker:
        await worker.first
        pid = worker.pid
        await worker.stop(drain_s=0.1)
        assert worker.pid is None
        await asyncio.sleep(0.1)
        assert worker.n_restarts == 0
    with pytest.raises(ProcessLookupError):
        os.kill(pid or 0, 0)


async def test_a_worker_that_hangs_is_replaced(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    """As long as it says `alive` it is left alone; stopped, it is killed after the silence and another one serves."""
    monkeypatch.setattr("server.backoff.FIRST_PAUSE_S", 0.02)
    async with started(BEATS, silence_s=2.0) as worker:
        await worker.first
        pid = worker.pid
        assert pid
        await asyncio.sleep(2.5)
        assert worker.pid == pid
        os.kill(pid, signal.SIGSTOP)
        await until(lambda: worker.pid not in {None, pid} and worker.serving)
        assert worker.n_restarts == 1
    assert '"event": "worker_hangs"' in capsys.readouterr().err


async def test_a_worker_that_never_says_a_word_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its start may take longer than its silence, not forever."""
    monkeypatch.setattr("server.backoff.FIRST_PAUSE_S", 0.02)
    monkeypatch.setattr("server.worker_process.FIRST_WORD_S", 0.5)
    async with started("import time; time.sleep(60)", silence_s=0.1) as worker:
        await until(lambda: worker.n_restarts > 0)


async def test_a_draining_worker_may_be_silent() -> None:
    """Who was asked to end has its time to drain, whatever it says."""
    drains = SERVES.replace(
        "import sys", "import sys, signal, time; signal.signal(15, lambda *_: (time.sleep(0.6), sys.exit()))"
    )
    async with started(drains, silence_s=0.2) as worker:
        await worker.first
        started_at = time.monotonic()
        await worker.stop(drain_s=5)
        assert time.monotonic() - started_at > 0.5


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel does it on Linux only")
def test_a_stopped_child_ends_with_its_parent() -> None:
    """SIGKILL of the parent reaches a child that can do nothing itself: it would keep its share of the port."""
    child = (
        "import os, sys, time; from server.child import leave_with_parent; leave_with_parent(); "
        "print(os.getpid(), flush=True); time.sleep(60)"
    )
    parent = (
        f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {child!r}], stdin=subprocess.PIPE).wait()"
    )
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        pid = int(process.stdout.readline())
        os.kill(pid, signal.SIGSTOP)
        process.kill()
    end = time.monotonic() + 10
    while _alive(pid):
        assert time.monotonic() < end, "it never ended"
        time.sleep(0.02)


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_pauses_grow_while_it_keeps_dying_and_shrink_after_a_good_life() -> None:
    """Half a second first, doubled up to half a minute."""
    backoff = Backoff()
    assert [backoff.pause_s(lived_s=1) for _ in range(8)] == [0.5, 1, 2, 4, 8, 16, 30, 30]
    assert backoff.pause_s(lived_s=3_600) == 0.5


def test_a_boot_reads_as_it_was_written(tmp_path: Path) -> None:
    """Paths, numbers, certificates and what is unset come back as they were."""
    first = ServerConfig(bundles=tmp_path, rules=tmp_path / "r.toml", workers=4, drain_s=0.5)
    tls = TlsFiles(tmp_path / "cert.pem", tmp_path / "key.pem")
    second = ServerConfig(bundles=tmp_path, remote="s3://a/b", host="0.0.0.0", tls=tls, callers=tmp_path / "c.toml")
    third = ServerConfig(tls=TlsFiles(tls.cert, tls.key, tmp_path / "ca.pem"), host="::", insecure=True)
    for config in (first, second, third):
        boot = Boot(3, config, tmp_path / "s")
        assert Boot.read(boot.line()) == boot
        assert boot.line().count(b"\n") == 1


def test_the_supervisor_imports_nothing_of_the_slates() -> None:
    """It stays small and starts at once: no numpy, no ranker, nothing of an extra that was not asked for."""
    heavy = ["numpy", "scipy", "pyarrow", "lightgbm", "torch", "prometheus_client", "redis", "fsspec", "jwt"]
    code = f"import sys, server.serve; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
