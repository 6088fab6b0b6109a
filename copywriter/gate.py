"""The gate: no pitch leaves without passing every check. Deterministic, total, and without I/O."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from copywriter.audience import Trait
from copywriter.checks import claims_law, grounding, injection, personal, pii, pricing, restricted, style
from copywriter.checks.claims_law import POLICY_VERSION
from copywriter.checks.finding import Context, Finding
from copywriter.facts import FactSheet

__all__ = ["POLICY_VERSION", "Decision", "Verdict", "review"]

Decision = Literal["PASS", "REPAIR", "REVIEW", "BLOCK"]

MAX_TEXT_CHARS = 2000
MAX_CUTS = 3
_JOINT = re.compile(r",? (?:in|with|from|and|for)\b|,")
_CHECKS = (
    claims_law.check,
    pricing.check,
    pii.check,
    injection.check,
    personal.check,
    restricted.check,
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


def shortened(text: str, verdict: Verdict) -> tuple[str, ...]:
    """`text` less the tail that holds its first fault, for texts that fail but say nothing forbidden.

    "the Desk Lamp in 12 oz." becomes "the Desk Lamp."; a result has to be reviewed again.
    """
    if verdict.decision != "REPAIR" or text[-1:] not in (".", "!", "?"):
        return ()
    first = min((f.span[0] for f in verdict.findings if f.rule.startswith("grounding.")), default=len(text))
    cuts = [match.start() for match in _JOINT.finditer(text) if match.start() < first]
    return tuple(text[:cut] + text[-1] for cut in reversed(cuts[-MAX_CUTS:]))


def review(
    text: str,
    sheet: FactSheet,
    traits: tuple[Trait, ...] = (),
    *,
    locale: str = "en",
    max_chars: int = 160,
    policy: str = "us",
    headline: bool = False,
) -> Verdict:
    """Judge `text` as a pitch for the item of `sheet`, written for people with `traits`.

    `policy` names the region whose claims-law pack applies; a `headline` needs no full stop.
    """
    context = Context(traits=traits, locale=locale, max_chars=max_chars, policy=policy, headline=headline)
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
