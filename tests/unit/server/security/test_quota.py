"""A quota holds in every span of time, and says truly when to come back."""

from __future__ import annotations

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


@given(
    st.floats(0.1, 1_000), st.integers(1, 50), st.lists(st.floats(0, 3, allow_subnormal=False), min_size=1, max_size=80)
)
def test_no_span_lets_more_through(rate: float, burst: int, pauses: list[float]) -> None:
    """At most burst + rate × t calls in any span t, against a slow count of what got through."""
    clock, passed = Clock(), []
    quotas = Quotas(clock)
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
    quotas, quota = Quotas(clock), Quota(rate, burst)
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
    quotas, quota = Quotas(clock), Quota(1, 1)
    quotas.spend("a", quota)
    for _ in range(100):
        with pytest.raises(QuotaExceededError):
            quotas.spend("a", quota)
    clock.now += 1.001
    quotas.spend("a", quota)
