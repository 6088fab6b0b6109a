"""The seam to any language model: a list of prompts is one batch, late rows are None."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from copywriter.prompt import Prompt


class Engine(Protocol):
    """Writes texts for prompts. Implementations raise `EngineUnavailableError` when they cannot."""

    model: str
    """Name and revision of the weights, as shown in provenance and used in cache keys."""

    def generate(
        self,
        prompts: Sequence[Prompt | Sequence[str]],
        *,
        deadline_s: float | None = None,
        max_new_tokens: int = 48,
        on_text: Callable[[int, str], None] | None = None,
    ) -> list[str | None]:
        """Write one text a prompt, all in one batch.

        A prompt may also be given as its segments, as it arrives over a wire.
        `deadline_s` is the time this call may take, in seconds; rows unfinished by then are None.
        `on_text(index, text)` is called as each row ends, before the others have.
        """
        ...
