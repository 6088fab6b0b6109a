"""The profile that words are written for is that of the slate, whether or not it was at hand."""

from __future__ import annotations

from pathlib import Path

from recsys import bundle as bundles
from recsys.recommender import Recommender
from recsys.slate import RecentEvent, SlateRequest


def test_the_profile_at_hand_is_the_profile_computed_anew(shop_bundles: Path) -> None:
    """After a slate of the same user, of another one, at another time and with other events: always the same."""
    shop = Recommender.open(bundles.current(shop_bundles))
    anew = Recommender.open(bundles.current(shop_bundles))
    now = int(shop.manifest["as_of_ms"])
    item = shop.recommend(SlateRequest("u0000001", now)).items[0].item_id
    clicked = (RecentEvent(item, "click", now - 1),)
    for user in ("u0000001", "u0000002", "nobody", ""):
        for time_ms in (now, now - 30 * 86_400_000):
            for recent in ((), clicked):
                shop.recommend(SlateRequest(user, time_ms), recent)
                for asked in (user, "u0000003"):
                    for given in (recent, clicked, ()):
                        assert shop.profile(asked, time_ms, given) == anew.profile(asked, time_ms, given)
