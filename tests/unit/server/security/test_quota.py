"""A quota holds in every span of time, and says truly when to come back."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.errors import QuotaExceededError
from server.security.quota import Quota, Quotas


class Clock:
    """A time that tests set."""

    now = 1_000.0

    def __call__(self) -> float:
        """Seconds."""
        return self.now


def fresh(clock: Clock) -> Quotas:
    """Nobody has called yet."""
    with tempfile.TemporaryDirectory() as folder:  # a mapped file outlives its name
        return Quotas(Path(folder) / "quotas", clock=clock)


@given(
    st.floats(0.1, 1_000), st.integers(1, 50), st.lists(st.floats(0, 3, allow_subnormal=False), min_size=1, max_size=80)
)
def test_no_span_lets_more_through(rate: float, burst: int, pauses: list[float]) -> None:
    """At most burst + rate × t calls in any span t, against a slow count of what got through."""
    clock, passed = Clock(), []
    quotas = fresh(clock)
    for pause in pauses:
        clock.now += pause / rate
        try:
            quotas.spend("a", Quota(rate, burst))
            passed.append(clock.now)
        except QuotaExceededError:
            pass
    for first in range(len(passed)):
        for last in range(first, len(passed)):
            assert last - first + 1 <= burst + rate * (passed[last] - passed[first]) + 1e-3


@given(st.floats(0.1, 500), st.integers(1, 20))
def test_the_delay_given_is_enough_and_not_too_much(rate: float, burst: int) -> None:
    """After the burst the next call is refused; after the stated delay it passes, and a step earlier it did not."""
    clock = Clock()
    quotas, quota = fresh(clock), Quota(rate, burst)
    for _ in range(burst):
        quotas.spend("a", quota)
    with pytest.raises(QuotaExceededError) as caught:
        quotas.spend("a", quota)
    quotas.spend("b", quota)
    delay_s = caught.value.retry_after_ms / 1_000
    assert delay_s <= 1 / rate + 0.002
    clock.now += delay_s
    quotas.spend("a", quota)


def test_a_refused_call_costs_nothing() -> None:
    """Asking too often does not put the next call further away."""
    clock = Clock()
    quotas, quota = fresh(clock), Quota(1, 1)
    quotas.spend("a", quota)
    for _ in range(100):
        with pytest.raises(QuotaExceededError):
            quotas.spend("a", quota)
    clock.now += 1.001
    quotas.spend("a", quota)


SPEND = """
import sys, time
from pathlib import Path
from server.errors import QuotaExceededError
from server.security.quota import Quota, Quotas
quotas, passed = Quotas(Path(sys.argv[1])), 0
print("ready", flush=True)
sys.stdin.readline()
end = time.monotonic() + 0.5
while time.monotonic() < end:
    try:
        quotas.spend("a", Quota(100, 20))
        passed += 1
    except QuotaExceededError:
        pass
print(passed)
"""


def test_workers_count_as_one(tmp_path: Path) -> None:
    """Two processes together get what one would, not twice that; a new one starts where they left."""
    command = [sys.executable, "-c", SPEND, str(tmp_path / "quotas")]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    workers = [subprocess.Popen(command, text=True, **pipes) for _ in range(2)]  # type: ignore[call-overload]
    for worker in workers:
        assert worker.stdout.readline() == "ready\n"
    started = time.monotonic()
    passed = 0
    for worker in workers:
        worker.stdin.write("go\n")
        worker.stdin.flush()
    for worker in workers:
        passed += int(worker.stdout.readline())
        worker.communicate()
    assert 20 <= passed <= 20 + 100 * (time.monotonic() - started) + 1


def test_a_time_of_before_a_restart_bars_nobody_for_long(tmp_path: Path) -> None:
    """The machine's clock began anew, or the quota was made smaller: a time that cannot be counts for nothing."""
    clock = Clock()
    quotas, quota = Quotas(tmp_path / "quotas", clock=clock), Quota(10, 5)
    for _ in range(5):
        quotas.spend("a", quota)
    clock.now = 1.0
    for _ in range(5):
        quotas.spend("a", quota)
    with pytest.raises(QuotaExceededError):
        quotas.spend("a", quota)
    quotas.spend("a", Quota(10, 1))


def test_many_callers_keep_apart(tmp_path: Path) -> None:
    """A thousand callers, each with its own quota."""
    quotas = Quotas(tmp_path / "quotas", clock=Clock())
    for n in range(1_000):
        quotas.spend(f"caller-{n}", Quota(1, 1))
    for n in range(1_000):
        with pytest.raises(QuotaExceededError):
            quotas.spend(f"caller-{n}", Quota(1, 1))
