"""What a caller may be allowed: calls by name, and the placements they are for.

Invariant: a call that is not named here is allowed to nobody, so a new service is closed until it is listed.
"""

from __future__ import annotations

from typing import Final

from slatewright.v1 import feedback_pb2, recommendation_pb2

RPCS: Final = {
    f"/{service.full_name}/{method.name}": method.name
    for file in (recommendation_pb2.DESCRIPTOR, feedback_pb2.DESCRIPTOR)
    for service in file.services_by_name.values()
    for method in service.methods
}
"""Path of a call -> its name in the callers' file."""
OPEN: Final = ("/grpc.health.",)
"""What balancers ask without credentials; it says up or not, and nothing else."""
ANY_CALLER: Final = ("/grpc.reflection.",)
"""What every known caller may ask: the contract, which is public, and the server's memory."""


def placement(request: object) -> str | None:
    """The placement a request is for, None where calls of its kind have none."""
    if isinstance(request, recommendation_pb2.StreamRecommendRequest):
        request = request.request
    if isinstance(request, recommendation_pb2.RecommendRequest):
        return request.placement or "home"
    if isinstance(request, recommendation_pb2.ListSimilarItemsRequest):
        return request.placement or "detail"
    return None
