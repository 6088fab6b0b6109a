"""`slatewright serve` as real processes, what they use, and what they say.

Invariant: whatever happens in the block, nothing of the server is alive after it.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

START_S = 240.0


@dataclass(frozen=True, slots=True)
class Usage:
    """Of some processes together; memory in MiB, `unique` is what they do not share with others."""

    processes: int
    fds: int
    threads: int
    rss: float
    unique: float

    def __str__(self) -> str:
        return f"{self.fds} fds, {self.threads} threads, {self.unique:.0f} MiB"


class Server:
    """A server on a port that stays the same over restarts, with its own state folder."""

    def __init__(self, bundles: Path, folder: Path, *, workers: int, settings: Mapping[str, Any], env: Any) -> None:
        self.folder, self.bundles, self.state = folder, bundles, folder / "state"
        self.port, self.admin = _free_port(), _free_port()
        self.target = f"127.0.0.1:{self.port}"
        self.log = folder / "log.jsonl"
        self._env = os.environ | (env or {})
        chosen = {"bundles": str(bundles), "state": str(self.state), "port": self.port, "admin_port": self.admin}
        chosen |= {"workers": workers, "poll_s": 0.2} | dict(settings)
        (folder / "server.toml").write_text(_toml(chosen))
        self.process: subprocess.Popen[str] | None = None
        self.ready_s = 0.0
        """From its last start until it was ready."""
        self._read = 0
        self._lines: list[dict[str, Any]] = []

    def start(self) -> float:
        """Start it; the seconds until it was ready."""
        began = time.monotonic()
        with self.log.open("a") as stderr:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "slatewright.cli", "serve", "--config", str(self.folder / "server.toml")],
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
                env=self._env,
                start_new_session=True,
            )
        assert self.process.stdout
        timer = threading.Timer(START_S, self.kill)
        timer.start()
        line = self.process.stdout.readline()
        timer.cancel()
        if not line.startswith("ready "):
            raise RuntimeError(f"the server did not start: {self.log.read_text()[-2_000:]}")
        self.ready_s = time.monotonic() - began
        return self.ready_s

    @property
    def pid(self) -> int:
        """Of the supervisor."""
        assert self.process
        return self.process.pid

    def kill(self) -> None:
        """SIGKILL of the supervisor."""
        self._end(signal.SIGKILL)

    def stop(self) -> int | None:
        """SIGTERM; its exit code, None where it had to be killed."""
        return self._end(signal.SIGTERM)

    def _end(self, number: int) -> int | None:
        if self.process is None:
            return None
        process, code = self.process, None
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(number)
        try:
            code = process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout:
            process.stdout.close()
        self.process = None
        return code

    def said(self, event: str) -> list[dict[str, Any]]:
        """Lines of its log of one event, `call` lines left out of what is kept."""
        with self.log.open("rb") as file:
            file.seek(self._read)
            fresh = file.read()
        fresh = fresh[: fresh.rfind(b"\n") + 1]
        self._read += len(fresh)
        for line in fresh.splitlines():
            if b'"event": "call"' not in line:
                with contextlib.suppress(ValueError):
                    self._lines.append(json.loads(line))
        return [line for line in self._lines if line.get("event") == event]

    def worker_pids(self) -> list[int]:
        """Worker processes by their number."""
        found = {int(line["worker"]): int(line["pid"]) for line in self.said("worker_started")}
        return [found[index] for index in sorted(found)]

    def metrics(self) -> dict[str, float]:
        """Every series of the page, by `name{labels}`."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.admin}/metrics", timeout=20) as page:
            lines = page.read().decode().splitlines()
        return {name: float(value) for name, _, value in (x.rpartition(" ") for x in lines if not x.startswith("#"))}

    def metric(self, name: str) -> float:
        """The sum of a metric's series; 0 where there is none."""
        return sum(v for key, v in self.metrics().items() if key == name or key.startswith(f"{name}{{"))

    def usage(self, *, workers_only: bool = False) -> Usage:
        """Of the supervisor and all below it."""
        return usage(self.worker_pids() if workers_only else tree(self.pid))


@contextmanager
def serving(
    bundles: Path, folder: Path, *, workers: int = 2, env: Mapping[str, str] | None = None, **settings: Any
) -> Iterator[Server]:
    """A started server inside the block."""
    server = Server(bundles, folder, workers=workers, settings=settings, env=env)
    try:
        server.start()
        yield server
    finally:
        family = tree(server.pid) if server.process else []
        server.kill()
        until(lambda: not any(alive(pid) for pid in family), within_s=20)


def until(condition: Callable[[], object], *, within_s: float = 60.0, pause_s: float = 0.1) -> float | None:
    """Seconds until the condition held; None where it never did."""
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > within_s:
            return None
        time.sleep(pause_s)
    return time.monotonic() - began


def alive(pid: int) -> bool:
    """Whether it runs: the dead that nobody has asked about do not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def tree(pid: int) -> list[int]:
    """A process and all below it."""
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            children.setdefault(int(path.read_text().rpartition(")")[2].split()[1]), []).append(int(path.parent.name))
    found, queue = [], [pid]
    while queue:
        found.append(queue.pop())
        queue += children.get(found[-1], [])
    return found


def usage(pids: list[int]) -> Usage:
    """Of these processes, those that are gone left out."""
    fds = threads = n = 0
    rss = unique = 0.0
    for pid in pids:
        with contextlib.suppress(OSError):
            held = len(list(Path(f"/proc/{pid}/fd").iterdir()))
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
            threads += len(list(Path(f"/proc/{pid}/task").iterdir()))
            fds, n = fds + held, n + 1
            rss += _kib(rollup, "Rss") / 1_024
            unique += (_kib(rollup, "Private_Clean") + _kib(rollup, "Private_Dirty")) / 1_024
    return Usage(n, fds, threads, rss, unique)


def _kib(rollup: str, field: str) -> int:
    found = re.search(rf"^{field}:\s+(\d+) kB", rollup, re.MULTILINE)
    return int(found[1]) if found else 0


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _toml(settings: Mapping[str, Any]) -> str:
    lines = ["[server]"]
    for key, value in settings.items():
        plain = value if isinstance(value, bool | int | float) else str(value)
        lines.append(f"{key} = {json.dumps(plain)}")
    return "\n".join(lines) + "\n"
