"""Past requests prepared by several processes, in order: the work of training and measuring is almost all of it.

Invariant: what comes out does not depend on the number of processes.
"""

from __future__ import annotations

import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from itertools import islice
from typing import Any, TypeVar

import numpy as np

from recsys.profiles.store import Histories
from recsys.rerank.prepare import Model
from recsys.rerank.training_set import Request

CHUNK = 128
MIN_REQUESTS = 2_000
"""Fewer requests than this are answered here: a process takes about two seconds to start."""
MAX_PROCESSES = 8

Result = TypeVar("Result")
_given: list[Any] = []


def _start(*given: Any) -> None:
    _given[:] = given


def _run(work: Callable[..., Result], chunk: Sequence[Request], options: dict[str, Any]) -> Result:
    return work(*_given, chunk, **options)


def in_chunks(
    work: Callable[..., Result],
    model: Model,
    earlier: Histories,
    later: Histories,
    requests: Sequence[Request],
    *,
    progress: Callable[[float], None] | None = None,
    **options: Any,
) -> Iterator[tuple[Sequence[Request], Result]]:
    """Each chunk of requests and `work(model, earlier, later, chunk, **options)`, in the order of the requests.

    `work` must be a function of a module. Processes are spawned, one a core; each holds a copy of the model and of the
    histories of the users who make requests.
    """
    chunks = [requests[at : at + CHUNK] for at in range(0, len(requests), CHUNK)]
    n_processes = min(len(os.sched_getaffinity(0)), MAX_PROCESSES)
    if n_processes < 2 or len(requests) < MIN_REQUESTS:
        for i, chunk in enumerate(chunks):
            yield chunk, work(model, earlier, later, chunk, **options)
            if progress is not None:
                progress((i + 1) / len(chunks))
        return
    users = np.unique([request.user_row for request in requests])
    pool = ProcessPoolExecutor(
        n_processes,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_start,
        initargs=(model, earlier.only(users), later.only(users)),
    )
    with pool:
        waiting: deque[tuple[Sequence[Request], Future[Result]]] = deque()
        left = iter(chunks)
        for i in range(len(chunks)):
            waiting.extend(
                (chunk, pool.submit(_run, work, chunk, options))
                for chunk in islice(left, 3 * n_processes - len(waiting))
            )
            done, future = waiting.popleft()
            yield done, future.result()
            if progress is not None:
                progress((i + 1) / len(chunks))
