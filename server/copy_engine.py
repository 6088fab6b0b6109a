"""The copy-engine process: one language model behind a Unix socket.

    python -m server.copy_engine --socket PATH

Invariant: it knows prompts and texts only; what may be said is decided by the server's gate. It answers
while the model loads (not ready), computes one batch at a time, and leaves when its stdin ends, that is
when its server does.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc

from copywriter.engines.base import Engine
from copywriter.prompt import Prompt
from server import log
from server.child import leave_with_parent
from slatewright.internal.v1 import copy_engine_pb2, copy_engine_pb2_grpc

NICENESS = 10
MAX_PROMPTS = 128
READING_S = 0.3
"""A slow machine's time to read one prompt: a batch is read whole before its first text."""


class CopyEngineService(copy_engine_pb2_grpc.CopyEngineServiceServicer):
    """One model, one thread."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="engine")
        self.engine: Engine | None = None
        self._open = 0  # prompts of batches not ended
        self._heard = 0.0

    @property
    def silent_s(self) -> float:
        """How long no text has come beyond the time to read the open prompts; 0 without any."""
        return max(0.0, time.monotonic() - self._heard - READING_S * self._open) if self._open else 0.0

    async def load(self) -> None:
        """Bring the model in; until then the service says not ready."""
        self.engine = await asyncio.get_running_loop().run_in_executor(self._thread, _load)

    async def Status(  # noqa: N802  the contract's name
        self, _request: copy_engine_pb2.StatusRequest, _context: Any
    ) -> copy_engine_pb2.StatusResponse:
        """The model and whether it is loaded."""
        if self.engine is None:
            return copy_engine_pb2.StatusResponse()
        return copy_engine_pb2.StatusResponse(model=self.engine.model, ready=True, silent_s=self.silent_s)

    async def Generate(  # noqa: N802  the contract's name
        self, request: copy_engine_pb2.GenerateRequest, context: Any
    ) -> AsyncIterator[copy_engine_pb2.GenerateResponse]:
        """The texts of one batch, written together."""
        if self.engine is None:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "the model is loading")
            return
        whole = all(len(prompt.segments) == 3 for prompt in request.prompts)
        if not whole or not 0 < len(request.prompts) <= MAX_PROMPTS:
            said = f"1 to {MAX_PROMPTS} prompts of 3 segments"
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, said)
            return
        loop = asyncio.get_running_loop()
        finished: asyncio.Queue[tuple[int, str] | None] = asyncio.Queue()
        work = self._thread.submit(
            self.engine.generate,
            [_prompt(message) for message in request.prompts],
            deadline_s=context.time_remaining(),
            max_new_tokens=request.max_new_tokens,
            on_text=lambda index, text: _put(loop, finished, (index, text)),
        )
        work.add_done_callback(lambda _work: _put(loop, finished, None))
        if not self._open:
            self._heard = time.monotonic()
        self._open += len(request.prompts)
        try:
            while (row := await finished.get()) is not None:
                self._heard = time.monotonic()
                yield copy_engine_pb2.GenerateResponse(index=row[0], text=row[1])
        finally:
            self._open -= len(request.prompts)
        if error := work.exception():
            log.write("generate_failed", trace=log.frames(error))
            await context.abort(grpc.StatusCode.INTERNAL, "the batch failed")


def _put(loop: asyncio.AbstractEventLoop, rows: asyncio.Queue[Any], row: object) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(rows.put_nowait, row)


def _prompt(message: copy_engine_pb2.Prompt) -> Prompt:
    rules, audience, item = message.segments
    return Prompt(rules=rules, audience=audience, item=item, stop=tuple(message.stop))


def _load() -> Engine:
    from copywriter.engines.transformers_engine import TransformersEngine  # noqa: PLC0415  torch

    engine: Engine = TransformersEngine()
    return engine


async def serve(socket: str) -> None:
    """Answer on the socket until the model fails to load or the process ends."""
    service = CopyEngineService()
    server = grpc.aio.server()
    copy_engine_pb2_grpc.add_CopyEngineServiceServicer_to_server(service, server)
    server.add_insecure_port(f"unix:{socket}")
    await server.start()
    await service.load()
    await server.wait_for_termination()


def main() -> int:
    """Serve until stdin ends; 1 when the model cannot be loaded."""
    parser = argparse.ArgumentParser(description="Serve the language model on a Unix socket.")
    parser.add_argument("--socket", required=True, help="path of the socket to create")
    socket = parser.parse_args().socket
    os.nice(NICENESS)
    leave_with_parent()
    try:
        asyncio.run(serve(socket))
    except KeyboardInterrupt:
        return 130
    except Exception as error:  # the supervisor starts it again; the reason belongs into the log
        log.write("engine_failed", why=str(error), trace=log.frames(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
