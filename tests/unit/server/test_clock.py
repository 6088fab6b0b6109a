"""What time it is for a request."""

from __future__ import annotations

from server.clock import latest_event_ms, now_ms, wall_ms

AS_OF = 1_500_000_000_000


def test_under_the_bundles_clock_time_stands_at_the_logs_end() -> None:
    """Without events of the user, now is the bundle's as_of."""
    assert now_ms("bundle", as_of_ms=AS_OF, newest_ms=None) == AS_OF
    assert now_ms("bundle", as_of_ms=AS_OF, newest_ms=AS_OF - 5) == AS_OF


def test_a_users_newest_event_is_always_in_the_past() -> None:
    """Under either clock now is after the user's newest event, even one ahead of our clock."""
    assert now_ms("bundle", as_of_ms=AS_OF, newest_ms=AS_OF) == AS_OF + 1
    ahead = wall_ms() + 5_000
    assert now_ms("wall", as_of_ms=AS_OF, newest_ms=ahead) == ahead + 1


def test_the_wall_clock_is_the_wall_clock() -> None:
    """Without newer events, now is now."""
    assert abs(now_ms("wall", as_of_ms=AS_OF, newest_ms=AS_OF) - wall_ms()) < 1_000


def test_the_future_begins_after_both_clocks() -> None:
    """A bundle whose log ends after today (pseudo-times) still takes events at its end."""
    assert latest_event_ms(as_of_ms=AS_OF) > wall_ms()
    assert latest_event_ms(as_of_ms=wall_ms() + 10**9) > wall_ms() + 10**9
