"""The one table from exception to gRPC status.

Invariant: every deliberate exception of `server`, `recsys` and `copywriter` has a row, and what has none
is INTERNAL without a word of the inside. Every status carries `google.rpc.ErrorInfo` with a stable reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from copywriter import errors as copy_errors
from recsys import errors as library_errors
from server import errors

DOMAIN: Final = "slatewright"
INTERNAL_MESSAGE: Final = "internal error; the server's log has it under this request id"
DETAILS_KEY: Final = "grpc-status-details-bin"


@dataclass(frozen=True, slots=True)
class Row:
    """How one exception type looks to a caller. `message` None shows the exception's own text."""

    code: grpc.StatusCode
    reason: str
    message: str | None = None


_C: Final = grpc.StatusCode
_NO_BUNDLE: Final = "no usable bundle is loaded; try again once one is published"

TABLE: Final[dict[type[Exception], Row]] = {
    errors.ServerError: Row(_C.INTERNAL, "INTERNAL", INTERNAL_MESSAGE),
    errors.InvalidFieldError: Row(_C.INVALID_ARGUMENT, "INVALID_FIELD"),
    errors.UndecodableError: Row(_C.INVALID_ARGUMENT, "UNDECODABLE_REQUEST"),
    errors.UnservedMethodError: Row(_C.UNIMPLEMENTED, "UNSERVED_METHOD"),
    errors.UnauthenticatedError: Row(_C.UNAUTHENTICATED, "UNAUTHENTICATED"),
    errors.PermissionDeniedError: Row(_C.PERMISSION_DENIED, "OUT_OF_SCOPE"),
    errors.RequestTooLargeError: Row(_C.RESOURCE_EXHAUSTED, "REQUEST_TOO_LARGE"),
    errors.UnknownItemError: Row(_C.NOT_FOUND, "UNKNOWN_ITEM"),
    errors.OverloadedError: Row(_C.RESOURCE_EXHAUSTED, "OVERLOADED"),
    errors.QuotaExceededError: Row(_C.RESOURCE_EXHAUSTED, "QUOTA_EXCEEDED"),
    errors.NoBundleError: Row(_C.UNAVAILABLE, "NO_BUNDLE"),
    errors.SlateTimeoutError: Row(_C.DEADLINE_EXCEEDED, "DEADLINE_TOO_SHORT"),
    errors.StoreError: Row(_C.UNAVAILABLE, "STORE_UNAVAILABLE"),
    library_errors.RecsysError: Row(_C.INTERNAL, "INTERNAL", INTERNAL_MESSAGE),
    library_errors.ConfigError: Row(_C.INVALID_ARGUMENT, "INVALID_FIELD"),
    library_errors.DataError: Row(_C.INTERNAL, "INTERNAL", INTERNAL_MESSAGE),
    library_errors.SchemaError: Row(_C.INTERNAL, "INTERNAL", INTERNAL_MESSAGE),
    library_errors.EmptyWindowError: Row(_C.INTERNAL, "INTERNAL", INTERNAL_MESSAGE),
    library_errors.BundleError: Row(_C.UNAVAILABLE, "NO_BUNDLE", _NO_BUNDLE),
    library_errors.BundleNotFoundError: Row(_C.UNAVAILABLE, "NO_BUNDLE", _NO_BUNDLE),
    library_errors.BundleMismatchError: Row(_C.UNAVAILABLE, "NO_BUNDLE", _NO_BUNDLE),
    copy_errors.CopyError: Row(_C.INTERNAL, "INTERNAL", INTERNAL_MESSAGE),
    copy_errors.PolicyError: Row(_C.INTERNAL, "INTERNAL", INTERNAL_MESSAGE),
    copy_errors.AuditError: Row(_C.INTERNAL, "INTERNAL", INTERNAL_MESSAGE),
    copy_errors.CopyTimeoutError: Row(_C.UNAVAILABLE, "COPY_UNAVAILABLE", "no copy in time"),
    copy_errors.CopyRejectedError: Row(_C.FAILED_PRECONDITION, "COPY_REJECTED", "no text passed the checks"),
    copy_errors.EngineUnavailableError: Row(_C.UNAVAILABLE, "COPY_UNAVAILABLE", "the copy engine is not running"),
}
_UNEXPECTED: Final = Row(_C.INTERNAL, "INTERNAL", INTERNAL_MESSAGE)


def row(error: BaseException) -> Row:
    """The row of an exception: of its type, else of its nearest base, else INTERNAL."""
    return next((TABLE[base] for base in type(error).__mro__ if base in TABLE), _UNEXPECTED)


def status(error: BaseException, *, request_id: str = "") -> status_pb2.Status:
    """The rich status of an exception, with ErrorInfo, and BadRequest or RetryInfo where they apply."""
    found = row(error)
    message = str(error) if found.message is None else found.message
    info = error_details_pb2.ErrorInfo(reason=found.reason, domain=DOMAIN)
    if request_id:
        info.metadata["request_id"] = request_id
    details: list[Message] = [info]
    if isinstance(error, errors.InvalidFieldError):
        info.metadata["field"] = error.field
        violation = error_details_pb2.BadRequest.FieldViolation(field=error.field, description=message)
        details.append(error_details_pb2.BadRequest(field_violations=[violation]))
    if isinstance(error, errors.OverloadedError):
        delay = duration_pb2.Duration()
        delay.FromMilliseconds(error.retry_after_ms)
        details.append(error_details_pb2.RetryInfo(retry_delay=delay))
    return status_pb2.Status(code=found.code.value[0], message=message, details=[_packed(part) for part in details])


def _packed(message: Message) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(message)
    return packed
