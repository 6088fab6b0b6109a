"""What a check reports: a rule broken at a span of the text, and how bad that is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from copywriter.audience import Trait

Severity = Literal["repair", "review", "block"]


@dataclass(frozen=True, slots=True)
class Finding:
    """`rule` is "check.kind"; `span` is (start, end) in the text, end exclusive."""

    rule: str
    span: tuple[int, int]
    severity: Severity
    message: str


@dataclass(frozen=True, slots=True)
class Context:
    """What a check may know beside text and facts."""

    traits: tuple[Trait, ...] = ()
    locale: str = "en"
    max_chars: int = 160
    policy: str = "us"
    """The region whose claims-law pack judges the text."""
    headline: bool = False
    """Whether the text may stand without a full stop or a capital, as people write headlines."""
