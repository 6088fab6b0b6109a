"""The interceptor that asks who calls, and whether they may.

Invariant: nothing of a request is received or decoded before its caller is known, may make this call and is within
its quota; nothing is computed before its size and placement are allowed. Every call but health is asked.

To check before the first byte is received, each method is served as if its request were a stream, which is the same
on the wire: grpc.aio reads a unary request before its handler starts, a stream's when the handler asks.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final

import grpc

from server import log
from server.errors import PermissionDeniedError, RequestTooLargeError, UnauthenticatedError, UndecodableError
from server.security.callers import Caller, Callers
from server.security.quota import Quotas
from server.security.scope import ANY_CALLER, OPEN, RPCS, placement

KEY_HEADER: Final = "x-api-key"
TOKEN_HEADER: Final = "authorization"  # noqa: S105  a header's name
RECEIVE_S: Final = 10.0
_NAMES: Final = "x509_subject_alternative_name"


class Access(grpc.aio.ServerInterceptor):  # type: ignore[type-arg]
    """Wraps every method's handler; `callers` gives those in force now."""

    def __init__(self, callers: Callable[[], Callers], *, quotas: Quotas) -> None:
        self._callers = callers
        self._quotas = quotas

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any]]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any]:
        """The handler of a method, asked for; None of a method nobody serves."""
        handler, method = await continuation(handler_call_details), handler_call_details.method
        if handler is None or method.startswith(OPEN):
            return handler
        return self._asked(handler, method)

    def _asked(self, handler: Any, method: str) -> grpc.RpcMethodHandler[Any, Any]:
        decode = handler.request_deserializer or bytes

        async def admitted(requests: AsyncIterator[bytes], context: Any) -> Any:
            caller = self._admit(method, context)
            if handler.request_streaming:
                return _each(requests, caller, decode)
            request = _request(await _first(requests), caller, decode)
            _check_placement(caller, placement(request))
            return request

        if not handler.response_streaming:
            inner = handler.stream_unary if handler.request_streaming else handler.unary_unary

            async def answer(requests: Any, context: Any) -> Any:
                return await inner(await admitted(requests, context), context)

            return grpc.stream_unary_rpc_method_handler(answer, None, handler.response_serializer)

        stream = handler.stream_stream if handler.request_streaming else handler.unary_stream

        async def answers(requests: Any, context: Any) -> AsyncIterator[Any]:
            async for message in stream(await admitted(requests, context), context):
                yield message

        return grpc.stream_stream_rpc_method_handler(answers, None, handler.response_serializer)

    def _admit(self, method: str, context: Any) -> Caller:
        caller = _known(self._callers(), context)
        log.note(caller=caller.name)
        rpc = RPCS.get(method, method)
        if rpc not in caller.rpcs and not method.startswith(ANY_CALLER):
            raise PermissionDeniedError(
                f"caller {caller.name} may not call {rpc}; expected one of {', '.join(sorted(caller.rpcs))}; "
                "ask the operator for it"
            )
        if caller.quota:
            self._quotas.spend(caller.name, caller.quota)
        return caller


def _known(callers: Callers, context: Any) -> Caller:
    """Who calls: by API key, else by bearer token, else by the certificate of the connection."""
    sent = [(name, value) for name, value in context.invocation_metadata() or () if name in (KEY_HEADER, TOKEN_HEADER)]
    if len(sent) > 1:
        raise UnauthenticatedError(f"{len(sent)} credentials were sent; expected one key or one token; send one only")
    if not sent:
        names = context.auth_context().get(_NAMES, ())
        if not names:
            raise UnauthenticatedError(
                f"no credentials were sent; expected {KEY_HEADER}, a bearer token in {TOKEN_HEADER}, or a client "
                "certificate; send one"
            )
        return callers.of_certificate(name.decode("utf-8", "replace") for name in names)
    [(name, value)] = sent
    if name == KEY_HEADER:
        return callers.of_key(value)
    scheme, _, token = value.partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise UnauthenticatedError(f"{TOKEN_HEADER} holds no bearer token; expected `Bearer TOKEN`; correct it")
    return callers.of_token(token.strip())


async def _first(requests: AsyncIterator[bytes]) -> bytes | None:
    """The message of a unary call; None where the caller sends none, or not in time: an open call holds a place."""
    try:
        async with asyncio.timeout(RECEIVE_S):
            return await anext(aiter(requests), None)
    except TimeoutError:
        return None


def _request(data: bytes | None, caller: Caller, decode: Callable[[bytes], Any]) -> Any:
    if data is None:
        raise UndecodableError(f"the call brought no message within {RECEIVE_S:g} s; expected one request; send it")
    if caller.max_request_bytes is not None and len(data) > caller.max_request_bytes:
        raise RequestTooLargeError(
            f"the request has {len(data)} bytes; expected at most {caller.max_request_bytes} of caller {caller.name}; "
            "send less at once"
        )
    try:
        return decode(data)
    except Exception as error:  # upb raises DecodeError, other runtimes more
        raise UndecodableError(
            "the request is not a message of this method; expected protobuf bytes of its request type; generate the "
            "client from slatewright's protos"
        ) from error


async def _each(requests: AsyncIterator[bytes], caller: Caller, decode: Callable[[bytes], Any]) -> AsyncIterator[Any]:
    async for data in requests:
        yield _request(data, caller, decode)


def _check_placement(caller: Caller, asked: str | None) -> None:
    if asked is not None and caller.placements is not None and asked not in caller.placements:
        allowed = ", ".join(sorted(caller.placements)) or "none"
        raise PermissionDeniedError(
            f"caller {caller.name} may not ask for this placement; expected one of {allowed}; ask the operator for it"
        )
