"""Around every call of every service: decoding, status, limit and log.

Invariant: no exception text of ours or of a library reaches a caller, except the messages that
`status.py` shows on purpose. grpc.aio answers bytes it cannot decode with UNKNOWN and the exception's
text; so decoders return a marker instead of raising, and the marker becomes INVALID_ARGUMENT.

Calls are bounded in two kinds, so that streams whose readers are slow never take the places of slates. Health's Watch
is a stream like any other here; its Check is never refused.
"""

from __future__ import annotations

import asyncio
import inspect
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
from google.protobuf.message import Message

from server import log, metrics
from server.errors import OverloadedError, UndecodableError, UnservedMethodError
from server.status import DETAILS_KEY, row, status

_UNDECODABLE = object()
_UNTOLD = ("/grpc.health.", "/grpc.reflection.")


class Guard(grpc.aio.ServerInterceptor):  # type: ignore[type-arg]
    """Wraps each method's handler once."""

    def __init__(self, *, in_flight_limit: int, stream_limit: int) -> None:
        self._limits = {"calls": in_flight_limit, "streams": stream_limit}
        self._wrapped: dict[str, grpc.RpcMethodHandler[Any, Any]] = {}
        self.at_work = {"calls": 0, "streams": 0}

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any]]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any]:
        """The handler of a method, guarded; of a method nobody serves, one that says so."""
        method = handler_call_details.method
        if method not in self._wrapped:
            handler = await continuation(handler_call_details)
            if handler is None:  # not kept: callers may think of any number of names
                return self._guarded(_NOBODY, method)
            self._wrapped[method] = self._guarded(handler, method)
        return self._wrapped[method]

    def _guarded(self, handler: Any, method: str) -> grpc.RpcMethodHandler[Any, Any]:
        kinds = (handler.request_streaming, handler.response_streaming)
        name, make = {
            (False, False): ("unary_unary", grpc.unary_unary_rpc_method_handler),
            (False, True): ("unary_stream", grpc.unary_stream_rpc_method_handler),
            (True, False): ("stream_unary", grpc.stream_unary_rpc_method_handler),
            (True, True): ("stream_stream", grpc.stream_stream_rpc_method_handler),
        }[kinds]
        inner = getattr(handler, name)
        kind = "streams" if handler.response_streaming and handler is not _NOBODY else "calls"
        told = not method.startswith(_UNTOLD)
        limited = told or kind == "streams"

        async def call(request: Any, context: Any) -> Any:
            fields, started = log.begin_call(request_id=uuid.uuid4().hex), time.perf_counter()
            code = "OK"
            self.at_work[kind] += limited
            try:
                if limited and self.at_work[kind] > self._limits[kind]:
                    raise OverloadedError(f"{self._limits[kind]} {kind} are at work; expected fewer; try again later")
                return await _serve(inner, _decoded(request), context)
            except grpc.aio.AbortError:
                code = "ABORTED_BY_SERVICE"
                raise
            except asyncio.CancelledError:
                code = "CANCELLED"
                raise
            except Exception as error:  # the boundary: whatever it is becomes a status
                code = row(error).code.name
                if code == "INTERNAL":
                    log.write("unexpected_error", rpc=method, trace=log.frames(error), **fields)
                await _abort(context, error, str(fields.get("request_id", "")))
            finally:
                self.at_work[kind] -= limited
                if told:
                    spent_s = time.perf_counter() - started
                    metrics.call_ended(method if method in self._wrapped else "unserved", code, spent_s)
                    log.write("call", rpc=method, code=code, ms=round(1_000 * spent_s, 2), **fields)

        decode = handler.request_deserializer
        return make(call, decode and _forgiving(decode), handler.response_serializer)


async def _unserved(_requests: Any, _context: Any) -> Any:
    raise UnservedMethodError("no such method is served here; expected one that server reflection lists; correct it")


_NOBODY = grpc.stream_stream_rpc_method_handler(_unserved)
"""Streams of bytes both ways: what fits a call of any shape."""


async def _serve(inner: Any, request: Any, context: Any) -> Any:
    if not inspect.isasyncgenfunction(inner):
        return await inner(request, context)
    async for message in inner(request, context):
        await context.write(message)
    return None


def _forgiving(decode: Callable[[bytes], Message]) -> Callable[[bytes], object]:
    def decode_or_mark(data: bytes) -> object:
        try:
            return decode(data)
        except Exception:  # upb raises DecodeError, other runtimes more
            return _UNDECODABLE

    return decode_or_mark


def _decoded(request: Any) -> Any:
    if hasattr(request, "__aiter__"):
        return _decoded_stream(request)
    if request is _UNDECODABLE:
        raise UndecodableError(
            "the request is not a message of this method; expected protobuf bytes of its request "
            "type; generate the client from slatewright's protos"
        )
    return request


async def _decoded_stream(requests: AsyncIterator[Any]) -> AsyncIterator[Any]:
    async for request in requests:
        yield _decoded(request)


async def _abort(context: Any, error: Exception, request_id: str) -> None:
    details = status(error, request_id=request_id)
    await context.abort(row(error).code, details.message, ((DETAILS_KEY, details.SerializeToString()),))
