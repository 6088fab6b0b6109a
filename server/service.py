"""RecommendationService: one slate a call, with the pitches that were ready in time.

Invariant: copy never fails a slate and never takes it past its deadline: what is not ready a margin
before the deadline is a template, and its generation goes on for the next caller.
"""

from __future__ import annotations

import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from copywriter.writer import Pitch
from recsys.recommender import Recommender
from recsys.slate import RecentEvent, Slate, SlateRequest
from recsys.treatment import UNTREATED, Treatment
from server import attribution, log, metrics, variants
from server.bundles import Bundles
from server.choosing import Choose, controls
from server.clock import now_ms, wall_ms
from server.config import ServerConfig
from server.convert import SlateCall, SlateMessage, check_currency, slate_call
from server.drafting import Wanted
from server.errors import UnknownItemError, shown
from server.executor import CpuThread
from server.exposure_rows import Call, Shown
from server.exposures import Exposures
from server.fields import required, text
from server.pitches import NO_PLAN, Pitches
from server.recent import RecentIndex
from server.reply import Answer, filled, pitch
from slatewright.v1 import recommendation_pb2 as pb
from slatewright.v1 import recommendation_pb2_grpc

_MAX_MARGIN_S: Final = 0.5
_MAX_PATIENCE_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class _Ready:
    """A slate, and the copy it still wants: None when none was asked for."""

    answer: Answer
    wanted: Wanted | None
    copy_until: float
    """`time.monotonic()` at which the pitches must be taken as they are."""
    exposed: Callable[[Sequence[Pitch | None]], None]
    """To be told once what was shown."""


def _unlogged(_pitches: Sequence[Pitch | None]) -> None:
    """Without an exposure log."""


class RecommendationService(recommendation_pb2_grpc.RecommendationServiceServicer):
    """The three calls; all state is in the parts handed in."""

    def __init__(
        self,
        config: ServerConfig,
        *,
        bundles: Bundles,
        cpu: CpuThread,
        recent: RecentIndex,
        pitches: Pitches,
        key: bytes,
        known_as: Callable[[str, Mapping[str, Any]], str] = lambda user_id, _manifest: user_id,
        choose: Choose = controls,
        exposures: Exposures | None = None,
    ) -> None:
        self._config = config
        self._bundles = bundles
        self._cpu = cpu
        self._recent = recent
        self._pitches = pitches
        self._key = key
        self._known_as = known_as
        self._choose = choose
        self._exposures = exposures

    async def Recommend(  # noqa: N802  the contract's name
        self, request: pb.RecommendRequest, context: Any
    ) -> pb.RecommendResponse:
        """One slate."""
        ready = await self._ready(request, context, placement="home", kind="recommend")
        pitches = await self._copy(ready)
        with metrics.timed("encode"):
            response = filled(pb.RecommendResponse(), ready.answer, pitches)
        ready.exposed(pitches)
        return response

    async def ListSimilarItems(  # noqa: N802  the contract's name
        self, request: pb.ListSimilarItemsRequest, context: Any
    ) -> pb.ListSimilarItemsResponse:
        """Items like one item."""
        ready = await self._ready(request, context, placement="detail", kind="similar")
        pitches = await self._copy(ready)
        response = filled(pb.ListSimilarItemsResponse(), ready.answer, pitches)
        ready.exposed(pitches)
        return response

    async def StreamRecommend(  # noqa: N802  the contract's name
        self, request: pb.StreamRecommendRequest, context: Any
    ) -> AsyncIterator[pb.StreamRecommendResponse]:
        """The slate, its pitches as they are ready, done."""
        ready = await self._ready(request.request, context, placement="home", kind="stream")
        items = ready.answer.slate.items
        shown: list[Pitch | None] = [None] * len(items)
        yield pb.StreamRecommendResponse(slate=filled(pb.RecommendResponse(), ready.answer, shown))
        sent = 0
        try:
            async for place, served in self._served(ready):
                item = items[place]
                message = pb.PitchReady(item_id=item.item_id, rank=item.rank, pitch=pitch(served))
                yield pb.StreamRecommendResponse(pitch=message)
                metrics.counted(metrics.PITCHES, {served.origin: 1})
                shown[place] = served
                sent += 1
        finally:  # a caller that left has seen the slate
            ready.exposed(shown)
        yield pb.StreamRecommendResponse(done=pb.StreamDone(pitches=sent))

    async def _served(self, ready: _Ready) -> AsyncIterator[tuple[int, Pitch]]:
        plan = NO_PLAN if ready.wanted is None else await self._pitches.plan(ready.wanted, until=ready.copy_until)
        async for place, served in self._pitches.as_ready(plan, until=ready.copy_until):
            yield place, served

    async def _copy(self, ready: _Ready) -> list[Pitch | None]:
        served: list[Pitch | None] = [None] * len(ready.answer.slate.items)
        with metrics.timed("copy"):
            async for place, finished in self._served(ready):
                served[place] = finished
        origins = Counter(one.origin for one in served if one)
        metrics.counted(metrics.PITCHES, origins)
        log.note(pitches=origins)
        return served

    async def _ready(self, message: SlateMessage, context: Any, *, placement: str, kind: Call) -> _Ready:
        """Validate, resolve, compute."""
        arrived, remaining_s = time.monotonic(), context.time_remaining()
        until = None if remaining_s is None else arrived + remaining_s
        self._cpu.admit(until)  # first: a refusal must cost as little as it can
        request_id = text("request_id", message.request_id) or uuid.uuid4().hex
        log.note(request_id=request_id)  # first, so that an error about anything else carries it
        bundle = self._bundles.serving()
        like = required("item_id", message.item_id) if isinstance(message, pb.ListSimilarItemsRequest) else ""
        call = slate_call(message, request_id=request_id, placement=placement)
        user = attribution.pseudonym(self._key, call.user_id)
        choice = await self._choose(call)
        if choice.bundle:
            bundle, choice = self._named(choice, bundle)
        manifest = bundle.manifest
        log.note(user=user, bundle=manifest["version"])
        if choice is not variants.ALL_CONTROL:
            log.note(variants=choice.names)
        check_currency(call.filter, str(manifest.get("currency") or ""))
        metrics.observe("validate", time.monotonic() - arrived)
        started = time.monotonic()
        known_as = self._known_as(call.user_id, manifest)  # first: it drops what memory must not hold
        await self._recent.catch_up()
        time_ms = await self._time_ms(call, manifest)
        recent = await self._recent.events(call.user_id, after_seq=int(str(manifest.get("feedback_seq", 0))))

        metrics.observe("recent", time.monotonic() - started)
        handed_in = time.monotonic()

        def work() -> tuple[Slate, Sequence[str]]:
            metrics.observe("wait", time.monotonic() - handed_in)
            metrics.SLATE_LAPS.start()
            slate = _slate(bundle, _slate_request(call, known_as, time_ms), recent, like, choice.treatment)
            titles = [str(bundle.item(item.item_id)["title"]) for item in slate.items] if call.explain else []
            return slate, titles

        slate, titles = await self._cpu.run(work, until=until)
        log.note(n_items=len(slate.items), user_status=slate.user_status)
        explored = [item for item in slate.items if item.propensity < 1]
        if explored:
            log.note(explored=[(item.rank, item.item_id, item.propensity) for item in explored])
        token = attribution.seal(
            self._key,
            attribution.Attribution(
                *(call.request_id, slate.bundle_version, choice.names, time_ms, user),
                explored=tuple((item.rank, round(item.propensity, 9)) for item in explored),
            ),
        )
        mode = choice.copy or self._config.copy if call.copy == "default" else call.copy
        exposed: Callable[[Sequence[Pitch | None]], None] = _unlogged
        if self._exposures is not None:
            exposed = partial(
                self._exposures.offer, Shown(kind, call, choice, slate, token, user, mode, time_ms, wall_ms())
            )
        wanted = Wanted(
            [item.item_id for item in slate.items],
            bundle.item,
            lambda: bundle.profile(known_as, time_ms, recent),
            mode=mode,
            locale=call.locale or str(manifest.get("locale") or ""),
            max_chars=call.max_chars,
        )
        return _Ready(
            Answer(slate, token, call.request_id, choice.names, titles),
            None if mode == "none" else wanted,
            arrived + self._patience_s(remaining_s),
            exposed,
        )

    def _named(self, choice: variants.Choice, serving: Recommender) -> tuple[Recommender, variants.Choice]:
        """The bundle that a variant names; while it is not ready the one that serves, for the layer's control."""
        found = self._bundles.named(choice.bundle)
        return (serving, choice.without_bundle()) if found is None else (found, choice)

    def _patience_s(self, remaining_s: float | None) -> float:
        """How long after its arrival a call may wait for pitches."""
        if remaining_s is None:
            return self._config.patience_ms / 1_000
        margin_s = max(self._config.margin_ms / 1_000, min(remaining_s / 10, _MAX_MARGIN_S))
        return min(remaining_s - margin_s, _MAX_PATIENCE_S)

    async def _time_ms(self, call: SlateCall, manifest: Any) -> int:
        if call.time_ms is not None:
            return call.time_ms
        return now_ms(
            self._config.clock,
            as_of_ms=int(str(manifest["as_of_ms"])),
            newest_ms=await self._recent.newest_ms(call.user_id),
        )


def _slate_request(call: SlateCall, known_as: str, time_ms: int) -> SlateRequest:
    return SlateRequest(
        user_id=known_as,
        time_ms=time_ms,
        page_size=call.page_size,
        placement=call.placement,
        seed_text=f"{call.request_id}|{time_ms}",
        exclude_item_ids=call.exclude_item_ids,
        filter=call.filter,
        explain=call.explain,
    )


def _slate(
    bundle: Recommender, wanted: SlateRequest, recent: Sequence[RecentEvent], like: str, treatment: Treatment
) -> Slate:
    if not like:
        changed = {} if treatment is UNTREATED else {"treatment": treatment}
        return bundle.recommend(wanted, recent, **changed)
    try:
        bundle.item(like)
    except KeyError:
        raise UnknownItemError(
            f"item_id is {shown(like)}; expected an item of bundle {bundle.manifest['version']}; publish it first"
        ) from None
    return bundle.similar(like, wanted, recent)
