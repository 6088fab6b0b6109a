"""Loops compiled to machine code: what numpy would do in many passes, or one Python step an item, is one pass here.

Numba compiles a function once and keeps the result beside the source (or where `NUMBA_CACHE_DIR` says); compiled
code is per machine and never in a bundle. Kernels do IEEE arithmetic in the order they are written, so a kernel and
its numpy form give the same bits, and other threads run meanwhile.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Final, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

Kernel = TypeVar("Kernel", bound=Callable[..., Any])
ABSENT: Final = -1
_own = threading.local()


def kernel(function: Kernel) -> Kernel:
    """Compile a function of arrays and numbers on its first call, once per machine and combination of dtypes."""
    try:
        compiled = numba.njit(cache=True, nogil=True, error_model="numpy")(function)
    except RuntimeError:  # no folder can be written: compile in every process
        compiled = numba.njit(nogil=True, error_model="numpy")(function)
    return cast(Kernel, compiled)


def blank_slots(n: int) -> NDArray[np.int32]:
    """int32 (n,) of `ABSENT`, this thread's own; who writes into it puts `ABSENT` back before anything else runs.

    Clearing what was written costs a few hundred stores where a fresh array would cost `n`.
    """
    slots: dict[int, NDArray[np.int32]] | None = getattr(_own, "slots", None)
    if slots is None:
        slots = _own.slots = {}
    if n not in slots:
        slots[n] = np.full(n, ABSENT, np.int32)
    return slots[n]
