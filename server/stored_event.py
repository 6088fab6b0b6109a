"""One accepted event, as it is kept."""

from __future__ import annotations

from dataclasses import dataclass

from recsys.slate import RecentEvent


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """One accepted event; times in UTC epoch milliseconds."""

    event_id: str
    user_id: str
    item_id: str
    event_type: str
    time_ms: int
    query: str = ""
    attribution_token: str = ""
    position: int = 0
    quantity: float = 1.0
    price: float | None = None

    def recent(self) -> RecentEvent:
        """The event as the recommender sees it."""
        return RecentEvent(self.item_id, self.event_type, self.time_ms, self.quantity, self.price, self.query)

    def row(self, *, received_ms: int) -> tuple[object, ...]:
        """The values of table `events`, in its order, without `seq`."""
        return (
            *(self.event_id, self.user_id, self.item_id, self.event_type, self.time_ms),
            *(self.query, self.attribution_token, self.position, self.quantity, self.price),
            received_ms,
        )
