"""Answers from the library's terms to protobuf."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from copywriter.writer import Origin, Pitch
from recsys.slate import Slate, SlateItem, UserStatus
from slatewright.v1 import copy_pb2, recommendation_pb2

R = TypeVar("R", recommendation_pb2.RecommendResponse, recommendation_pb2.ListSimilarItemsResponse)

_STATUS: Final[dict[UserStatus, recommendation_pb2.UserStatus]] = {
    "known": recommendation_pb2.USER_STATUS_KNOWN,
    "cold": recommendation_pb2.USER_STATUS_COLD,
    "anonymous": recommendation_pb2.USER_STATUS_ANONYMOUS,
}
_ORIGIN: Final[dict[Origin, copy_pb2.PitchOrigin]] = {
    "GENERATED": copy_pb2.PITCH_ORIGIN_GENERATED,
    "CACHED": copy_pb2.PITCH_ORIGIN_CACHED,
    "TEMPLATE": copy_pb2.PITCH_ORIGIN_TEMPLATE,
}


@dataclass(frozen=True, slots=True)
class Answer:
    """A slate and what is said around it; `titles` holds one per item when explained, else none."""

    slate: Slate
    token: str
    request_id: str
    variants: Mapping[str, str]
    titles: Sequence[str] = ()


def filled(response: R, answer: Answer, pitches: Sequence[Pitch | None]) -> R:
    """`response` with the answer in it; `pitches` is aligned with the slate's items."""
    response.attribution_token = answer.token
    response.request_id = answer.request_id
    response.bundle_version = answer.slate.bundle_version
    response.user_status = _STATUS[answer.slate.user_status]
    response.shortfall = answer.slate.shortfall
    response.variants.update(answer.variants)
    for place, (item, served) in enumerate(zip(answer.slate.items, pitches, strict=True)):
        title = answer.titles[place] if answer.titles else ""
        response.items.append(_item(item, title, served, explained=bool(answer.titles)))
    return response


def pitch(served: Pitch) -> copy_pb2.Pitch:
    """One pitch as a message."""
    return copy_pb2.Pitch(
        text=served.text,
        origin=_ORIGIN[served.origin],
        fact_ids=served.fact_ids,
        model=served.model,
        prompt_version=served.prompt_version,
        policy_version=served.policy_version,
        locale=served.locale,
        ai_generated=served.ai_generated,
    )


def _item(item: SlateItem, title: str, served: Pitch | None, *, explained: bool) -> recommendation_pb2.SlateItem:
    message = recommendation_pb2.SlateItem(item_id=item.item_id, rank=item.rank, score=item.score)
    message.propensity = item.propensity
    if served is not None:
        message.pitch.CopyFrom(pitch(served))
    if explained:
        message.title = title
        message.sources.extend(item.sources)
        message.features.update(item.features)
        message.contributions.update(item.contributions)
        for reason in item.reasons:
            message.reasons.add(code=reason.code, evidence_item_id=reason.evidence_item_id)
    return message
