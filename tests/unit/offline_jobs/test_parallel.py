"""Requests prepared by several processes."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from offline_jobs import parallel
from recsys.rerank.training_set import PastRequest


def echo(model: Any, earlier: Any, later: Any, chunk: Sequence[Any], *, add: int) -> list[int]:
    """Something of everything a chunk is given."""
    return [model + earlier + later + request + add for request in chunk]


@pytest.mark.parametrize("n_processes", [1, 2])
def test_the_number_of_processes_changes_nothing(n_processes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks come in the order of the requests, each worked on with the same arguments, alone or in a pool."""
    fake = SimpleNamespace(sched_getaffinity=lambda _: set(range(n_processes)))
    monkeypatch.setattr(parallel, "os", fake)
    requests: list[PastRequest] = list(range(parallel.MIN_REQUESTS + 5))  # type: ignore[arg-type]
    told: list[float] = []
    found = list(parallel.in_chunks(echo, 1, 10, 100, requests, progress=told.append, add=1000))  # type: ignore[arg-type]
    assert [value for _, values in found for value in values] == [1111 + i for i in range(len(requests))]
    assert [request for chunk, _ in found for request in chunk] == requests
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_an_error_in_a_process_is_raised_here() -> None:
    """A request that cannot be prepared ends the job with its own error, not with a hang."""
    requests: list[Any] = ["x"] * (parallel.MIN_REQUESTS + 1)
    with pytest.raises(TypeError):
        list(parallel.in_chunks(echo, 1, 10, 100, requests, add=1000))  # type: ignore[arg-type]
