"""The gate: no pitch leaves without passing every check. Deterministic, total, and without I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from copywriter.audience import Trait
from copywriter.checks import claims_law, grounding, injection, personal, pii, pricing, style
from copywriter.checks.claims_law import POLICY_VERSION
from copywriter.checks.finding import Context, Finding
from copywriter.facts import FactSheet

__all__ = ["POLICY_VERSION", "Decision", "Verdict", "review"]

Decision = Literal["PASS", "REPAIR", "REVIEW", "BLOCK"]

MAX_TEXT_CHARS = 2000
_CHECKS = (
    claims_law.check,
    pricing.check,
    pii.check,
    injection.check,
    personal.check,
    style.check,
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The worst finding decides; `fact_ids` are the facts the text rests on."""

    decision: Decision
    findings: tuple[Finding, ...]
    fact_ids: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether the text may be shown."""
        return self.decision == "PASS"

    @property
    def rules(self) -> tuple[str, ...]:
        """The broken rules, each once, in order of place of first finding."""
        return tuple(dict.fromkeys(finding.rule for finding in self.findings))


def without_numbers(text: str, verdict: Verdict) -> str | None:
    """`text` less the trailing clauses whose only fault is a wrong number, or None.

    "the Desk Lamp, 12 oz." becomes "the Desk Lamp."; the result has to be reviewed again.
    """
    if verdict.rules != ("grounding.number",):
        return None
    starts = [text.rfind(",", 0, finding.span[0]) for finding in verdict.findings]
    end = text[-1:]
    cut = min(starts)
    if cut < 1 or end not in ".!?":
        return None
    return text[:cut] + end


def review(
    text: str,
    sheet: FactSheet,
    traits: tuple[Trait, ...] = (),
    *,
    locale: str = "en",
    max_chars: int = 160,
) -> Verdict:
    """Judge `text` as a pitch for the item of `sheet`, written for people with `traits`."""
    context = Context(traits=traits, locale=locale, max_chars=max_chars)
    read = text[:MAX_TEXT_CHARS]
    grounded = grounding.ground(read, sheet, context)
    findings = list(grounded.findings)
    for check in _CHECKS:
        findings += check(read, sheet, context)
    severities = {finding.severity for finding in findings}
    decision: Decision = "PASS"
    if "block" in severities:
        decision = "BLOCK"
    elif "review" in severities:
        decision = "REVIEW"
    elif "repair" in severities:
        decision = "REPAIR"
    return Verdict(decision, tuple(findings), grounded.fact_ids)
