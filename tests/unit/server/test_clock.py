"""What time it is for a request."""

from __future__ import annotations

import pytest

from server.clock import latest_event_ms, now_ms, wall_ms
from server.convert_feedback import Times, event
from server.errors import InvalidFieldError
from slatewright.v1 import feedback_pb2

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


def test_events_are_taken_after_the_clock_was_put_back() -> None:
    """A user has events of the wrong time: further ones, which state none, come after those and are no future."""
    ahead = wall_ms() + 2 * 86_400_000
    times = Times(now_ms=lambda _user: now_ms("wall", as_of_ms=AS_OF, newest_ms=ahead), latest_ms=wall_ms() + 600_000)
    message = feedback_pb2.Event(event_id="e", user_id="u", item_id="i", type=feedback_pb2.EVENT_TYPE_DISLIKE)
    assert event(message, times, genuine=lambda *_: True).time_ms == ahead + 1
    message.event_time.FromMilliseconds(ahead)
    with pytest.raises(InvalidFieldError, match="no time in the future"):
        event(message, times, genuine=lambda *_: True)
