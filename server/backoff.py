"""How long to wait before a child that died is started again.

Invariant: a child that dies at once, again and again, is started ever more rarely;
one that had lived well is back soon.
"""

from __future__ import annotations

from typing import Final

FIRST_PAUSE_S: Final = 0.5
LONGEST_PAUSE_S: Final = 30.0
STEADY_S: Final = 60.0
"""A life this long was not a crash at start: the next pause is short again."""


class Backoff:
    """The pauses of one child."""

    def __init__(self) -> None:
        self._pause_s = 0.0

    def pause_s(self, *, lived_s: float) -> float:
        """What to wait after a life of `lived_s`."""
        first = lived_s > STEADY_S or not self._pause_s
        self._pause_s = FIRST_PAUSE_S if first else min(2 * self._pause_s, LONGEST_PAUSE_S)
        return self._pause_s
