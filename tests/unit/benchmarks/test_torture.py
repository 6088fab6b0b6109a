"""The torture bench: its garbage is garbage, its broken bundles are broken, its figures are right."""

from __future__ import annotations

import math
import os
import random
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from google.protobuf.message import DecodeError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.torture import shops
from benchmarks.torture.fuzz import Answers
from benchmarks.torture.load import Tally, poisson
from benchmarks.torture.messages import METHODS, garbage, messages
from benchmarks.torture.raw_http2 import call, frame
from benchmarks.torture.served import alive, tree, until, usage
from benchmarks.torture.table import Row, markdown, quantile, shown
from recsys import bundle as bundles
from recsys import versions
from recsys.errors import BundleError


@settings(max_examples=60, database=None, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_structured_requests_are_messages_of_every_rpc(data: st.DataObject) -> None:
    """Five rpcs are known by their descriptors; what is drawn survives the wire."""
    assert len(METHODS) == 5
    _path, kind = data.draw(st.sampled_from(METHODS))
    drawn = data.draw(messages(kind.DESCRIPTOR))
    assert kind.FromString(drawn.SerializeToString()).SerializeToString(deterministic=True) == (
        drawn.SerializeToString(deterministic=True)
    )


def test_garbage_is_often_no_message() -> None:
    """Some of it cannot be decoded, some can: both are wanted."""
    draw, (_path, kind) = random.Random(1), METHODS[0]
    valid = kind(user_id="u0000001", page_size=3).SerializeToString()
    refused = 0
    for _ in range(400):
        try:
            kind.FromString(garbage(draw, valid))
        except DecodeError:
            refused += 1
    assert 50 < refused < 380


@pytest.mark.parametrize("kind", shops.KINDS)
def test_a_spoilt_bundle_should_not_be_served(shop_bundles: Path, tmp_path: Path, kind: str) -> None:
    """Each is wrong in its one way, is current, and leaves the good one as it was."""
    folder = shops.copy_of(shop_bundles, tmp_path / "bundles")
    good = bundles.current(folder)
    name = shops.spoilt(folder, kind)
    assert bundles.current(folder).name == name != good.name
    sound = bundles.load(good)
    if kind == "worse":
        assert versions.why_worse(bundles.load(folder / name).manifest, sound.manifest)
    else:
        with pytest.raises(BundleError):
            bundles.load(folder / name)


def test_a_status_that_tells_of_the_inside_is_found() -> None:
    """A code that no caller may see, and words of Python, are kept with what was sent."""
    answers = Answers()
    answers.note("OK", "", "a")
    answers.note("INVALID_ARGUMENT", "page_size is -1; expected 0 to 100", "b")
    assert not answers.bad
    assert not answers.told
    answers.note("INTERNAL", "internal error", "c")
    answers.note("INVALID_ARGUMENT", "KeyError: 'x'", "d")
    assert len(answers.bad) == len(answers.told) == 1
    assert answers.codes.total() == 4


async def test_open_loop_latency_counts_from_the_intended_start() -> None:
    """A server that stands still for a while makes every call late that should have begun meanwhile."""
    tally = Tally()

    async def stalls(number: int) -> None:
        if number == 5:
            time.sleep(0.3)

    await poisson(stalls, rate=200, seconds=0.5, seed=1, tally=tally)
    assert 60 < tally.n < 140
    assert sum(s > 0.1 for s in tally.took["OK"]) > 20


def test_a_quantile_is_a_value_that_was_seen() -> None:
    """The smallest one that the share does not exceed."""
    assert quantile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert quantile(list(range(1, 101)), 0.99) == 99
    assert math.isnan(quantile([], 0.5))


def test_the_table_names_every_figure() -> None:
    """A line a figure, and a word for what passed, failed or was not run."""
    rows = [Row("a", "done", "seen", True, {"lost": 0.0}), Row("b", "done", "seen", False), Row("c", "x", "y", None)]
    text = shown(rows)
    assert "figure torture.lost 0" in text.splitlines()
    assert [line[:4].strip() for line in text.splitlines()[:6:2]] == ["pass", "FAIL", "-"]
    assert "| b | done | seen | **fail** |" in markdown(rows)


def test_frames_are_as_the_rfc_says() -> None:
    """Length, type, flags, stream; a call is HEADERS and DATA that ends the stream."""
    assert frame(6, 1, 0, b"12345678") == b"\x00\x00\x08\x06\x01\x00\x00\x00\x0012345678"
    sent = call("/a/b", 3, b"xy")
    assert sent[3:9] == bytes([1, 4, 0, 0, 0, 3])
    assert sent.endswith(b"\x00\x00\x07\x00\x01\x00\x00\x00\x03\x00\x00\x00\x00\x02xy")


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="reads /proc")
def test_usage_is_of_a_process_and_all_below_it() -> None:
    """Descriptors, threads and memory of a child are seen; the dead are not alive."""
    process = subprocess.Popen([shutil.which("sleep") or "sleep", "60"])
    assert process.pid in tree(os.getpid())
    used = usage([process.pid])
    assert used.processes == 1
    assert used.fds >= 3
    assert 0 < used.unique <= used.rss
    process.kill()
    assert until(lambda: not alive(process.pid), within_s=10) is not None
    process.wait()
