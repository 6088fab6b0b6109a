"""What it costs a worker to notice that another process has committed: microseconds per slate.

    python -m benchmarks.catch_up [--n 20000]

Beside the store's own `catch_up` (`PRAGMA data_version`): a query for rows after the last one, and a number in shared
memory. Then the same right after a commit, with the row taken in, and the commit itself (one fsync) for scale.
"""

from __future__ import annotations

import argparse
import asyncio
import mmap
import struct
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from server.sqlite_store import SqliteStore
from server.store import Store
from server.store_file import connect_reader
from server.stored_event import StoredEvent


async def _timed(
    call: Callable[[], Awaitable[object]], n: int, before: Callable[[], Awaitable[object]] | None = None
) -> str:
    took = []
    for _ in range(n):
        if before:
            await before()
        started = time.perf_counter()
        await call()
        took.append(1e6 * (time.perf_counter() - started))
    took.sort()
    return f"{took[n // 2]:9.1f} {took[n * 99 // 100]:9.1f}"


async def measure(folder: Path, *, n: int) -> None:
    """Print the table."""
    store = Store(folder / "events")
    view = SqliteStore(folder / "events", store)
    reader = connect_reader(folder / "events")
    numbers = iter(range(10**9))

    async def commit() -> None:
        await store.append([StoredEvent(f"e{next(numbers)}", "u", "i", "click", 1)])

    async def query() -> object:
        return reader.execute("SELECT seq FROM events WHERE seq > ? LIMIT 1", (10**9,)).fetchall()

    for _ in range(200):
        await commit()
    await view.catch_up()
    with (folder / "number").open("wb+") as file:
        file.truncate(8)
        number, unpack = mmap.mmap(file.fileno(), 8), struct.Struct("q").unpack_from

        async def peek() -> object:
            return unpack(number)[0]

        print(f"{'microseconds':38s} {'p50':>9s} {'p99':>9s}")
        print(f"{'catch_up, nothing new (data_version)':38s} {await _timed(view.catch_up, n)}")
        print(f"{'a query for newer rows, none there':38s} {await _timed(query, n)}")
        print(f"{'a number in shared memory':38s} {await _timed(peek, n)}")
        print(f"{'catch_up right after a commit':38s} {await _timed(view.catch_up, 500, commit)}")
        print(f"{'the commit':38s} {await _timed(commit, 500)}")
    reader.close()
    await view.close()
    store.close()


def main() -> None:
    """Measure in a temporary folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=20_000, help="looks")
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(measure(Path(folder), n=parser.parse_args().n))


if __name__ == "__main__":
    main()
