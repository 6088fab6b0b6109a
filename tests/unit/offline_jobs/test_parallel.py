"""Requests prepared by several processes."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from offline_jobs import parallel
from recsys.profiles.store import Histories, History
from recsys.rerank.training_set import PastRequest


def echo(model: Any, earlier: Histories, later: Histories, chunk: Sequence[PastRequest], *, add: int) -> list[int]:
    """Something of everything a chunk is given."""
    return [
        model + add + int(earlier.of(request.user_row).time_ms.sum() + later.of(request.user_row).time_ms.sum())
        for request in chunk
    ]


def _histories(times_ms: NDArray[np.int64]) -> Histories:
    """One event a user."""
    n = len(times_ms)
    nothing = np.zeros(n, np.float32)
    events = History(np.zeros(n, np.int32), np.zeros(n, np.int32), times_ms, np.zeros(n, np.int8), *(nothing,) * 3)
    return Histories(np.arange(n + 1), events)


@pytest.mark.parametrize("n_processes", [1, 2])
def test_the_number_of_processes_changes_nothing(n_processes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks come in the order of the requests, each worked on with the same arguments, alone or in a pool; the
    histories of users who make no request are not needed.
    """
    fake = SimpleNamespace(sched_getaffinity=lambda _: set(range(n_processes)))
    monkeypatch.setattr(parallel, "os", fake)
    n = parallel.MIN_REQUESTS + 5
    users = 2 * np.arange(n)[::-1]
    requests = [PastRequest(int(user), 0, np.empty(0, np.int32)) for user in users]
    earlier, later = _histories(np.arange(2 * n)), _histories(10_000 * np.arange(2 * n))
    told: list[float] = []
    found = list(parallel.in_chunks(echo, 1, earlier, later, requests, progress=told.append, add=1000))  # type: ignore[arg-type]
    assert [value for _, values in found for value in values] == (1001 + 10_001 * users).tolist()
    assert [request for chunk, _ in found for request in chunk] == requests
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_an_error_in_a_process_is_raised_here() -> None:
    """A request that cannot be prepared ends the job with its own error, not with a hang."""
    requests = [PastRequest(0, 0, np.empty(0, np.int32))] * (parallel.MIN_REQUESTS + 1)
    none = _histories(np.zeros(1, np.int64))
    with pytest.raises(TypeError):
        list(parallel.in_chunks(echo, "x", none, none, requests, add=1000))  # type: ignore[arg-type]
