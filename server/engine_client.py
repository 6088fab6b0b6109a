"""The server's side of the copy engine: texts for prompts over a Unix socket.

Invariant: whatever happens to the engine, a caller gets texts or EngineUnavailableError, never a hang:
every call has a deadline. One engine serves many clients; `silent_s` is about the batches of all of them.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Final

import grpc

from copywriter.errors import EngineUnavailableError
from copywriter.prompt import Prompt
from slatewright.internal.v1 import copy_engine_pb2, copy_engine_pb2_grpc

GENERATE_TIMEOUT_S: Final = 120.0
STATUS_TIMEOUT_S: Final = 2.0
PROBE_S: Final = 0.5
"""Between two looks while it is not ready."""


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
        self.silent_s = 0.0
        """As the engine last said: how long it has brought no text although a batch is open."""
        self.answered_s = 0.0
        """`time.monotonic()` of its last answer; 0 before the first."""

    async def probe(self) -> bool:
        """Ask the engine whether it is loaded; sets `ready` and `model`."""
        try:
            status = await self._stub.Status(copy_engine_pb2.StatusRequest(), timeout=STATUS_TIMEOUT_S)
        except grpc.aio.AioRpcError:
            self.ready = False
        else:
            self.ready, self.model, self.silent_s = status.ready, status.model, status.silent_s
            self.answered_s = time.monotonic()
        return self.ready

    async def generate(self, prompts: Sequence[Prompt], *, max_new_tokens: int) -> AsyncIterator[tuple[int, str]]:
        """(index of the prompt, text) as each is finished. Raises EngineUnavailableError."""
        request = copy_engine_pb2.GenerateRequest(
            prompts=[_message(prompt) for prompt in prompts],
            max_new_tokens=max_new_tokens,
        )
        try:
            async for response in self._stub.Generate(request, timeout=GENERATE_TIMEOUT_S):
                yield response.index, response.text
        except grpc.aio.AioRpcError as error:
            if error.code() in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED}:
                self.ready = False
            raise EngineUnavailableError(
                f"the copy engine answered {error.code().name}; expected texts; "
                "it is restarted by itself, templates serve meanwhile"
            ) from error

    async def follow(self, on_ready: Callable[[str], None]) -> None:
        """Probe until cancelled; `on_ready` is told the model's name each time an engine has become ready."""
        while True:
            was_ready = self.ready
            if await self.probe() and not was_ready:
                on_ready(self.model)
            await asyncio.sleep(4 * PROBE_S if self.ready else PROBE_S)

    async def close(self) -> None:
        """Close the channel."""
        await self._channel.close(None)


def _message(prompt: Prompt) -> copy_engine_pb2.Prompt:
    return copy_engine_pb2.Prompt(segments=prompt.segments, stop=prompt.stop)
