"""A real `slatewright serve` and a bare echo server as processes, and what the kernel says of them."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc

READY_S = 120


@dataclass(frozen=True, slots=True)
class Running:
    """A server that answers: its address, process id, and seconds from start to the line that says so."""

    target: str
    pid: int
    ready_s: float

    def processes(self) -> list[int]:
        """It and all its descendants."""
        found, waiting = [], [self.pid]
        while waiting:
            pid = waiting.pop()
            found.append(pid)
            for path in Path(f"/proc/{pid}/task").glob("*/children"):
                waiting += [int(child) for child in path.read_text(encoding="ascii").split()]
        return found

    def workers(self) -> list[int]:
        """Its worker processes."""
        return [pid for pid in self.processes() if "server.worker" in _command(pid)]

    def cpu_s(self) -> float:
        """CPU seconds of all threads of all its processes so far."""
        return sum(_cpu_s(pid) for pid in self.processes())


def _command(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()


def _cpu_s(pid: int) -> float:
    spent = [path.read_text(encoding="ascii").split()[0] for path in Path(f"/proc/{pid}/task").glob("*/schedstat")]
    return sum(int(ns) for ns in spent) / 1e9


def unique_mib(pid: int) -> float:
    """Memory that no other process shares with it, in MiB."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    fields = {line.split(":")[0]: line.split()[1] for line in lines if line.endswith("kB")}
    return (int(fields["Private_Clean"]) + int(fields["Private_Dirty"])) / 1024


@contextmanager
def served(bundles: Path, state: Path, *, workers: int = 1, copy: str = "cached") -> Iterator[Running]:
    """`slatewright serve` on a free port; ended at the end."""
    options = ["--bundles", str(bundles), "--state", str(state), "--port", "0", "--copy", copy]
    options += ["--workers", str(workers)]
    yield from _running([sys.executable, "-m", "slatewright.cli", "serve", *options], log=state.with_suffix(".log"))


@contextmanager
def echo(reply: bytes, log: Path) -> Iterator[Running]:
    """A bare asyncio gRPC server that answers any Recommend with `reply`."""
    payload = log.with_suffix(".reply")
    payload.write_bytes(reply)
    yield from _running([sys.executable, "-m", "benchmarks.serve.process", str(payload)], log=log)


def _running(command: list[str], *, log: Path) -> Iterator[Running]:
    log.parent.mkdir(parents=True, exist_ok=True)
    began = time.perf_counter()
    with log.open("w", encoding="utf-8") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)
        try:
            assert process.stdout is not None
            for line in process.stdout:
                if line.startswith("ready "):
                    yield Running(line.split()[1], process.pid, time.perf_counter() - began)
                    break
            else:
                raise RuntimeError(f"{' '.join(command)} ended with {process.wait()}; see {log}")
        finally:
            process.terminate()
            process.wait(timeout=60)


async def _echo(payload: Path) -> None:
    reply = payload.read_bytes()

    async def answer(_request: bytes, _context: object) -> bytes:
        return reply

    server = grpc.aio.server()
    handler = grpc.unary_unary_rpc_method_handler(answer)
    name = "slatewright.v1.RecommendationService"
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(name, {"Recommend": handler}),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(f"ready 127.0.0.1:{port}", flush=True)
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(_echo(Path(sys.argv[1])))
