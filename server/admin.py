"""The metrics of all workers and of the supervisor, as one page on a loopback port.

Invariant: it listens on 127.0.0.1 only, and a scrape asks nothing of the workers: their values are in mapped files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

from recsys.errors import ConfigError
from server.backstage import Backstage
from server.worker_process import WorkerProcess

HOST: Final = "127.0.0.1"
FOLDER_VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"


class SupervisorCollector(Collector):
    """What only the supervisor knows."""

    def __init__(self, workers: Sequence[WorkerProcess], shared: Backstage) -> None:
        self._workers = workers
        self._shared = shared

    def collect(self) -> Iterable[Metric]:
        """The values of this moment."""
        workers, store, engine = self._workers, self._shared.store, self._shared.engine
        yield _gauge("slatewright_workers", "Workers there should be.", len(workers))
        yield _gauge("slatewright_workers_serving", "Workers that serve.", sum(w.serving for w in workers))
        restarts = sum(worker.n_restarts for worker in workers)
        yield _counter("slatewright_worker_restarts", "Workers started again after their death.", restarts)
        if store is not None:
            yield _counter("slatewright_store_commits", "Commits of the event store.", store.commits)
            yield _gauge("slatewright_store_waiting", "Events and updates that wait for the disk.", store.waiting)
        if engine is not None:
            yield _gauge("slatewright_engine_ready", "1 while the copy engine can write.", int(engine.ready))
            yield _counter("slatewright_engine_restarts", "Copy engines started again.", engine.n_restarts)


@contextmanager
def endpoint(port: int, *, folder: Path, collectors: Sequence[Collector]) -> Iterator[None]:
    """`http://127.0.0.1:PORT/metrics` inside the block; `folder` holds the workers' values. Raises ConfigError."""
    registry = CollectorRegistry()
    MultiProcessCollector(registry, path=str(folder))  # type: ignore[no-untyped-call]
    for collector in collectors:
        registry.register(collector)
    try:
        server, thread = start_http_server(port, HOST, registry)
    except OSError as error:
        raise ConfigError(
            f"admin port {HOST}:{port} cannot be listened on ({error.strerror}); choose another with --admin-port, "
            "or 0 for none"
        ) from error
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def forget_gauges(folder: Path) -> Callable[[int], None]:
    """What to tell of a worker's death: its gauges count no longer, its counters do."""
    return lambda pid: mark_process_dead(pid, str(folder))  # type: ignore[no-untyped-call]


def _gauge(name: str, help_text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, help_text, value=value)


def _counter(name: str, help_text: str, value: float) -> Metric:
    return CounterMetricFamily(name, help_text, value=value)
