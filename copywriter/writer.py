"""The facade: which pitches are ready, which are worth generating, and what may be shown.

No I/O but the cache, no waiting, no threads. Server and offline jobs drive the same object with
their own engine transport: `plan`, hand the jobs' prompts to an engine, `accept` what it wrote.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from copywriter.audience import Trait, relevant
from copywriter.cache import CachedCopy, CopyCache, CopyKey
from copywriter.engines import template
from copywriter.facts import PASSING_FACTS, FactSheet
from copywriter.gate import POLICY_VERSION, Verdict, review, shortened
from copywriter.memo import Memo
from copywriter.phrasings import language_of
from copywriter.prompt import MAX_NEW_TOKENS, PROMPT_VERSION, Prompt, pitch_prompt, read_answer

Mode = Literal["none", "template", "cached", "live"]
Origin = Literal["GENERATED", "CACHED", "TEMPLATE"]

DEFAULT_MAX_CHARS: Final = 160
MAX_MAX_CHARS: Final = 500


@dataclass(frozen=True, slots=True)
class CopyRequest:
    """One pitch wanted. `item` maps item columns to plain values; `traits` are the user's.

    `max_chars` is coerced to 40..500 (0 means 160).
    """

    item: Mapping[str, object]
    traits: tuple[Trait, ...] = ()
    locale: str = "en"
    max_chars: int = DEFAULT_MAX_CHARS
    kind: str = "pitch"


@dataclass(frozen=True, slots=True)
class Pitch:
    """Copy that passed the gate, with its provenance. `ai_generated`: a language model wrote it."""

    text: str
    origin: Origin
    fact_ids: tuple[str, ...]
    model: str
    prompt_version: str
    policy_version: str
    locale: str
    ai_generated: bool


@dataclass(frozen=True, slots=True)
class Job:
    """A pitch worth generating: `index` is its place in the plan's requests."""

    index: int
    prompt: Prompt
    request: CopyRequest
    sheet: FactSheet
    traits: tuple[Trait, ...]
    key: CopyKey
    max_chars: int
    max_new_tokens: int = MAX_NEW_TOKENS


@dataclass(frozen=True, slots=True)
class Plan:
    """`pitches[i]` answers request i at once; `jobs` may better some of them. Mode "none": both empty."""

    pitches: tuple[Pitch, ...]
    jobs: tuple[Job, ...]


@dataclass(frozen=True, slots=True)
class Accepted:
    """The gate's word on a generated text: a pitch, or None and the findings in `verdict`."""

    pitch: Pitch | None
    verdict: Verdict


class Writer:
    """Plans and accepts copy. `model` names the engine's weights ("" when there is no engine)."""

    def __init__(self, cache: CopyCache | None = None, *, model: str = "") -> None:
        self.model = model
        self.cache = cache if cache is not None else CopyCache()
        self.tally: Counter[str] = Counter()
        """Pitches by origin ("origin.TEMPLATE"), verdicts ("verdict.PASS") and findings by rule."""
        self._memo = Memo()
        self._lock = threading.Lock()

    def plan(self, requests: Sequence[CopyRequest], *, mode: Mode = "cached", avoid: set[str] | None = None) -> Plan:
        """Ready pitches for all requests (of one slate), and in mode "live" jobs for the uncached; "template" looks at
        no approved copy.

        A slate planned piece by piece hands the same `avoid` to each call: it collects the phrasings already used.
        """
        if mode == "none":
            return Plan((), ())
        pitches: list[Pitch] = []
        jobs: list[Job] = []
        phrasings = set() if avoid is None else avoid
        for index, request in enumerate(requests):
            sheet = self._memo.sheet(request.item)
            language = language_of(request.locale)
            traits = relevant(sheet, request.traits)
            max_chars = _coerced(request.max_chars)
            key = self._key(sheet, traits, request)
            cached = self.cache.get(key) if self.model and mode != "template" else None
            if cached is not None and len(cached.text) <= max_chars:
                pitches.append(self._pitch(cached, "CACHED", language))
                continue
            draft = self._memo.draft(sheet, traits, locale=language, max_chars=max_chars, avoid=phrasings)
            phrasings.add(draft.phrasing)
            pitches.append(_template_pitch(draft))
            if mode == "live" and self.model and _worth_generating(sheet, request):
                prompt = pitch_prompt(sheet, traits)
                jobs.append(Job(index, prompt, request, sheet, traits, key, max_chars))
        self._count(f"origin.{pitch.origin}" for pitch in pitches)
        return Plan(tuple(pitches), tuple(jobs))

    def accept(self, job: Job, text: str | None) -> Accepted:
        """Gate what an engine wrote for `job` and keep it if it passes. None means "late"."""
        if text is None:
            self._count(("verdict.LATE",))
            return Accepted(None, Verdict("BLOCK", (), ()))
        answer = read_answer(text, opening=job.prompt.opening, max_chars=job.max_chars)
        locale = job.key.locale
        verdict = review(answer, job.sheet, job.traits, locale=locale, max_chars=job.max_chars)
        self._count((f"verdict.{verdict.decision}", *verdict.rules))
        for shorter in shortened(answer, verdict):
            second = review(shorter, job.sheet, job.traits, locale=locale, max_chars=job.max_chars)
            if second.passed:
                answer, verdict = shorter, second
                self._count(("verdict.REPAIRED",))
                break
        if not verdict.passed:
            return Accepted(None, verdict)
        copy = CachedCopy(answer, verdict.fact_ids)
        if not set(verdict.fact_ids) & PASSING_FACTS:
            self.cache.put(job.key, copy)
        self._count(("origin.GENERATED",))
        return Accepted(self._pitch(copy, "GENERATED", locale), verdict)

    def _key(self, sheet: FactSheet, traits: tuple[Trait, ...], request: CopyRequest) -> CopyKey:
        return CopyKey(
            item_id=sheet.item_id,
            fact_hash=sheet.fact_hash,
            kind=request.kind,
            locale=language_of(request.locale),
            audience=tuple(sorted(trait.id for trait in traits)),
            prompt_version=PROMPT_VERSION,
            model=self.model,
            policy_version=POLICY_VERSION,
        )

    def _pitch(self, copy: CachedCopy, origin: Origin, locale: str) -> Pitch:
        return Pitch(
            text=copy.text,
            origin=origin,
            fact_ids=copy.fact_ids,
            model=self.model,
            prompt_version=PROMPT_VERSION,
            policy_version=POLICY_VERSION,
            locale=locale,
            ai_generated=True,
        )

    def _count(self, names: Iterable[str]) -> None:
        with self._lock:
            self.tally.update(names)


def bare_pitch(item_id: str, locale: str = "en") -> Pitch:
    """A sentence that says nothing of the item, at once: for when there is no time to plan a pitch."""
    return _template_pitch(template.bare(item_id, locale=locale))


def _template_pitch(draft: template.Draft) -> Pitch:
    return Pitch(
        text=draft.text,
        origin="TEMPLATE",
        fact_ids=draft.fact_ids,
        model=template.MODEL,
        prompt_version=template.TEMPLATE_VERSION,
        policy_version=POLICY_VERSION,
        locale=draft.locale,
        ai_generated=False,
    )


def _coerced(max_chars: int) -> int:
    if max_chars <= 0:
        return DEFAULT_MAX_CHARS
    return min(max(max_chars, template.MIN_CHARS), MAX_MAX_CHARS)


def _worth_generating(sheet: FactSheet, request: CopyRequest) -> bool:
    """A model writes English about named, harmless items; the rest stays with the templates."""
    return bool(sheet.name) and not sheet.sensitive and not sheet.restricted and language_of(request.locale) == "en"
