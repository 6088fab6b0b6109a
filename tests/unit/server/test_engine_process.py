"""The supervisor brings the copy engine back from whatever happens to it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from typing import Any

import pytest

from copywriter.gate import Verdict
from slatewright.v1 import copy_pb2

HANGING = """
import sys, threading
from server import copy_engine

class Engine:
    model = "hanging"
    def generate(self, prompts, **named):
        threading.Event().wait()

copy_engine._load = Engine
sys.exit(copy_engine.main())
"""


async def until(condition: Any, *, within_s: float = 20) -> None:
    end = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < end, "it never happened"
        await asyncio.sleep(0.02)


async def test_an_engine_that_hangs_is_started_again(
    open_shop: Any, monkeypatch: pytest.MonkeyPatch, capfd: Any
) -> None:
    """It answers Status and never writes: it is killed, the flights land as templates, another one starts."""
    monkeypatch.setattr("copywriter.writer.review", lambda *_args, **_named: Verdict("PASS", (), ()))
    settings = {"engine_command": (sys.executable, "-c", HANGING), "engine_silence_s": 0.3}
    async with open_shop(copy="live", **settings) as shop:
        await until(lambda: shop.back.engine.ready)
        first = shop.back.engine.pid
        started = time.monotonic()
        answer = await shop.recommend(copy={"mode": copy_pb2.COPY_MODE_LIVE})
        assert time.monotonic() - started < 8  # not at the deadline: the flights have landed
        assert all(item.pitch.text and not item.pitch.ai_generated for item in answer.items)
        await until(lambda: shop.back.engine.pid not in {None, first})
    assert "engine_hangs" in capfd.readouterr().err


async def test_an_engine_that_does_not_even_answer_is_started_again(open_shop: Any, capfd: Any) -> None:
    """Stopped by a signal while idle: no batch is open, yet it is ended and another one becomes ready."""
    settings = {"engine_command": (sys.executable, "-c", HANGING), "engine_silence_s": 0.3}
    async with open_shop(copy="live", **settings) as shop:
        await until(lambda: shop.back.engine.ready)
        first = shop.back.engine.pid
        os.kill(first, signal.SIGSTOP)
        await until(lambda: shop.back.engine.pid not in {None, first} and shop.back.engine.ready)
        assert shop.back.engine.n_restarts == 1
    assert "engine_hangs" in capfd.readouterr().err


async def test_an_engine_that_never_says_a_word_is_started_again(
    open_shop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped before its first answer: it has longer for that, not forever."""
    monkeypatch.setattr("server.engine_process.FIRST_ANSWER_S", 0.5)
    settings = {"engine_command": (sys.executable, "-c", "import time; time.sleep(60)"), "engine_silence_s": 0.1}
    async with open_shop(copy="live", **settings) as shop:
        await until(lambda: shop.back.engine.n_restarts > 0)
        assert (await shop.recommend()).items


async def test_an_engine_that_cannot_be_started_is_tried_again(
    open_shop: Any, monkeypatch: pytest.MonkeyPatch, capfd: Any
) -> None:
    """A spawn the system refuses is logged and tried again; slates go on with templates."""
    monkeypatch.setattr("server.backoff.FIRST_PAUSE_S", 0.02)
    async with open_shop(copy="live", engine_command=("/nowhere/engine",)) as shop:
        await asyncio.sleep(0.3)
        answer = await shop.recommend(copy={"mode": copy_pb2.COPY_MODE_LIVE})
        assert all(item.pitch.text for item in answer.items)
    assert capfd.readouterr().err.count('"engine_failed"') >= 2
