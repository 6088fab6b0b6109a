"""What a caller of Slatewright imports: clients and messages. Needs grpcio and protobuf only."""

from slatewright.channels import tls
from slatewright.client import AsyncClient, Client
from slatewright.v1.copy_pb2 import CopyMode, CopyOptions, Pitch, PitchOrigin
from slatewright.v1.feedback_pb2 import Event, EventType, ItemUpdate
from slatewright.v1.recommendation_pb2 import (
    ItemFilter,
    ListSimilarItemsRequest,
    ListSimilarItemsResponse,
    PurchasedPolicy,
    RecommendRequest,
    RecommendResponse,
    RequestContext,
    SlateItem,
    UserStatus,
)

__version__ = "0.1.0"

__all__ = [
    "AsyncClient",
    "Client",
    "CopyMode",
    "CopyOptions",
    "Event",
    "EventType",
    "ItemFilter",
    "ItemUpdate",
    "ListSimilarItemsRequest",
    "ListSimilarItemsResponse",
    "Pitch",
    "PitchOrigin",
    "PurchasedPolicy",
    "RecommendRequest",
    "RecommendResponse",
    "RequestContext",
    "SlateItem",
    "UserStatus",
    "tls",
]
