"""The server's side of the copy engine: texts for prompts over a Unix socket.

Invariant: whatever happens to the engine, a caller gets texts or EngineUnavailableError, never a hang:
every call has a deadline. `silent_s` tells the supervisor of an engine that takes batches and writes nothing.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Final

import grpc

from copywriter.errors import EngineUnavailableError
from copywriter.prompt import Prompt
from slatewright.internal.v1 import copy_engine_pb2, copy_engine_pb2_grpc

GENERATE_TIMEOUT_S: Final = 120.0
STATUS_TIMEOUT_S: Final = 2.0
READING_S: Final = 0.3
"""A slow machine's time to read one prompt: a batch is read whole before its first text."""


class EngineClient:
    """One channel; `ready` says whether a batch may be sent now."""

    def __init__(self, socket: Path) -> None:
        options = [
            ("grpc.enable_http_proxy", 0),
            ("grpc.initial_reconnect_backoff_ms", 200),
            ("grpc.max_reconnect_backoff_ms", 1_000),
        ]
        self._channel = grpc.aio.insecure_channel(f"unix:{socket}", options=options)
        self._stub = copy_engine_pb2_grpc.CopyEngineServiceStub(self._channel)
        self.ready = False
        self.model = ""
        self._open = 0  # prompts of batches not ended
        self._heard = 0.0

    @property
    def silent_s(self) -> float:
        """How long the engine has brought no text beyond the time to read its open prompts; 0 without any."""
        if not self._open:
            return 0.0
        return max(0.0, time.monotonic() - self._heard - READING_S * self._open)

    async def probe(self) -> bool:
        """Ask the engine whether it is loaded; sets `ready` and `model`."""
        try:
            status = await self._stub.Status(copy_engine_pb2.StatusRequest(), timeout=STATUS_TIMEOUT_S)
        except grpc.aio.AioRpcError:
            self.ready = False
        else:
            self.ready, self.model = status.ready, status.model
        return self.ready

    async def generate(self, prompts: Sequence[Prompt], *, max_new_tokens: int) -> AsyncIterator[tuple[int, str]]:
        """(index of the prompt, text) as each is finished. Raises EngineUnavailableError."""
        request = copy_engine_pb2.GenerateRequest(
            prompts=[_message(prompt) for prompt in prompts],
            max_new_tokens=max_new_tokens,
        )
        if not self._open:
            self._heard = time.monotonic()
        self._open += len(prompts)
        try:
            async for response in self._stub.Generate(request, timeout=GENERATE_TIMEOUT_S):
                self._heard = time.monotonic()
                yield response.index, response.text
        except grpc.aio.AioRpcError as error:
            if error.code() in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED}:
                self.ready = False
            raise EngineUnavailableError(
                f"the copy engine answered {error.code().name}; expected texts; "
                "it is restarted by itself, templates serve meanwhile"
            ) from error
        finally:
            self._open -= len(prompts)

    async def close(self) -> None:
        """Close the channel."""
        await self._channel.close(None)


def _message(prompt: Prompt) -> copy_engine_pb2.Prompt:
    return copy_engine_pb2.Prompt(segments=prompt.segments, stop=prompt.stop)
