"""Progress of long work on standard error: named steps with their seconds, and a live bar on a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn


class Steps:
    """Names each step as it runs and prints its seconds; silent when `quiet`. `notes` keeps what was decided."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._console = Console(file=sys.stderr, quiet=quiet)
        self.seconds: dict[str, float] = {}
        self.notes: dict[str, str] = {}
        self._prefix = ""

    @contextmanager
    def under(self, prefix: str) -> Iterator[None]:
        """Prefix the names of the steps inside."""
        before, self._prefix = self._prefix, f"{prefix}: "
        try:
            yield
        finally:
            self._prefix = before

    def say(self, text: str) -> None:
        """Print a line, above the bar where one is shown."""
        self._console.print(f"  {text}", highlight=False)

    @contextmanager
    def step(self, name: str) -> Iterator[Callable[[float], None]]:
        """Run one step; call the yielded function with the share done (0 to 1) where it is known."""
        title, started = self._prefix + name, time.perf_counter()
        columns = (TextColumn("  {task.description:<42}"), BarColumn(24), TimeElapsedColumn())
        bar = Progress(*columns, console=self._console, transient=True)
        with bar if self._console.is_terminal else nullcontext():
            task = bar.add_task(title, total=None)
            yield lambda share: bar.update(task, total=1.0, completed=share)
        self.seconds[title] = time.perf_counter() - started
        self._console.print(f"  {title:<42} {self.seconds[title]:6.1f} s", highlight=False)

    def note(self, name: str, text: str) -> None:
        """Say and keep a decision of the work."""
        title = self._prefix + name
        self.notes[title] = text
        self._console.print(f"  {title}: {text}", highlight=False, markup=False, soft_wrap=True)
