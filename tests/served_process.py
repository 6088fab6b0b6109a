"""`slatewright serve` as real processes on the generated shop, and connections to it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from slatewright import Event, EventType, ItemUpdate, RecommendRequest
from slatewright.v1 import copy_pb2, feedback_pb2, feedback_pb2_grpc, recommendation_pb2_grpc

SILENT = {"mode": copy_pb2.COPY_MODE_NONE}


class Door:
    """One connection to one worker: a channel of its own never shares a connection."""

    def __init__(self, target: str, *, secure: grpc.ChannelCredentials | None = None, key: str = "") -> None:
        options = [("grpc.use_local_subchannel_pool", 1)]
        self.channel = (
            grpc.secure_channel(target, secure, options) if secure else grpc.insecure_channel(target, options)
        )
        self._sent = (("x-api-key", key),) if key else ()
        self._slates = recommendation_pb2_grpc.RecommendationServiceStub(self.channel)
        self._feedback = feedback_pb2_grpc.FeedbackServiceStub(self.channel)

    def items(self, user_id: str, **fields: object) -> list[str]:
        """Ids of a slate as long as there may be."""
        request = RecommendRequest(user_id=user_id, page_size=100, copy=SILENT, **fields)
        answer = self._slates.Recommend(request, timeout=20, metadata=self._sent)
        return [item.item_id for item in answer.items]

    def record(self, *events: Event) -> int:
        """Events accepted."""
        request = feedback_pb2.RecordEventsRequest(events=events)
        return self._feedback.RecordEvents(request, timeout=20, metadata=self._sent).accepted

    def update(self, **fields: object) -> int:
        """Version of the overlay."""
        request = feedback_pb2.UpdateItemsRequest(items=[ItemUpdate(**fields)])
        return self._feedback.UpdateItems(request, timeout=20, metadata=self._sent).version


class Served:
    """`slatewright serve` and its log."""

    def __init__(self, process: subprocess.Popen[str], target: str, log: Path) -> None:
        self.process, self.target, self._log = process, target, log

    def said(self, event: str) -> list[dict[str, object]]:
        """Lines of its log of one event."""
        lines = self._log.read_text().splitlines()
        return [line for line in map(json.loads, lines) if line["event"] == event]

    def pids(self) -> dict[int, int]:
        """The newest process id of each worker."""
        lines = [line for line in self.said("worker_started") if line["worker"] != "mirror"]
        return {int(str(line["worker"])): int(str(line["pid"])) for line in lines}

    def served_by(self) -> set[object]:
        """Workers that answered calls."""
        return {line["worker"] for line in self.said("call")}


Serve = Callable[..., AbstractContextManager[Served]]


@pytest.fixture
def serve(shop_bundles: Path, tmp_path: Path) -> Serve:
    """A function that starts `slatewright serve` on the generated shop, to be used with `with`."""

    @contextmanager
    def started(*flags: str, workers: int = 2, state: str = "state", **env: str) -> Iterator[Served]:
        log = tmp_path / f"log-{time.monotonic_ns()}"
        command = [sys.executable, "-m", "slatewright.cli", "serve", "--port", "0", "--workers", str(workers)]
        folders = ["--bundles", str(shop_bundles), "--state", str(tmp_path / state)]
        with log.open("w") as stderr:
            process = subprocess.Popen(
                [*command, *folders, *flags],
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
                env=os.environ | (env or {}),
            )
        assert process.stdout
        try:
            line = process.stdout.readline()
            assert line.startswith("ready "), log.read_text()
            yield Served(process, line.split()[1], log)
        finally:
            process.kill()
            process.wait()
            process.stdout.close()

    return started


@contextmanager
def doors(served: Served, n: int = 12, **how: Any) -> Iterator[list[Door]]:
    """Connections enough that every worker has one, in all likelihood; the tests check that."""
    with ExitStack() as stack:
        opened = [Door(served.target, **how) for _ in range(n)]
        for door in opened:
            stack.callback(door.channel.close)
        yield opened


def click(event_id: str, **fields: object) -> Event:
    """A click, or what the fields make of it."""
    known = {"user_id": "u", "item_id": "i", "type": EventType.Value("EVENT_TYPE_CLICK")}
    return Event(event_id=event_id, **(known | fields))


def dislike(event_id: str, *, user_id: str, item_id: str) -> Event:
    """What bars an item."""
    return click(event_id, user_id=user_id, item_id=item_id, type=EventType.Value("EVENT_TYPE_DISLIKE"))


def until(condition: Callable[[], object], *, within_s: float = 60) -> None:
    """Wait for what must happen."""
    end = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.05)
