"""CPU time of a server's processes, and a bare echo server to compare with."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc

from benchmarks.torture.served import tree


def cpu_s(pid: int) -> float:
    """CPU seconds of all threads of a process and all below it so far."""
    threads = [path for one in tree(pid) for path in Path(f"/proc/{one}/task").glob("*/schedstat")]
    return sum(int(path.read_text(encoding="ascii").split()[0]) for path in threads) / 1e9


@contextmanager
def echo(reply: bytes, payload: Path) -> Iterator[str]:
    """The address of a bare asyncio gRPC server that answers any Recommend with `reply`, kept in `payload`."""
    payload.write_bytes(reply)
    command = [sys.executable, "-m", "benchmarks.serve.process", str(payload)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().split()[1]
        finally:
            process.terminate()


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
