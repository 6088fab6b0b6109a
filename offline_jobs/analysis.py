"""The analysis tables: one row a place shown, and one row a unit of an experiment.

Invariant: a response stands in one row of `places`; sums over it are sums over counted events. `units` leaves out calls
that tests overrode and slates that fell back to the control, because neither is what the experiment assigned.
"""

from __future__ import annotations

from typing import Any, Final

import ibis
from ibis.backends import BaseBackend
from ibis.expr.types import Table

from offline_jobs.judge import COUNTED

LAYERS: Final = ("ranking", "copy", "slate")
COUNTS: Final = {
    "impressions": "impression",
    "views": "view",
    "clicks": "click",
    "carts": "add_to_cart",
    "purchases": "purchase",
    "dislikes": "dislike",
}
"""Column -> the event type it counts."""
OUTCOMES: Final = (*COUNTS, "quantity", "revenue")


def place_table(con: BaseBackend, shown: Table, events: Table, verdicts: Table, *, until: Any, window_ms: int) -> Table:
    """Every place with what followed; `complete` once its window has closed by `until`, the newest time seen."""
    counted = verdicts.filter(verdicts.verdict == COUNTED).select("event_id", "token_id", "position")
    answers = counted.inner_join(events.drop("token_id", "position"), "event_id")
    bought = answers.event_type == "purchase"
    kinds = {name: (answers.event_type == kind).sum() for name, kind in COUNTS.items()}
    grouped = answers.group_by(["token_id", "position"]).agg(
        **kinds,
        quantity=ibis.ifelse(bought, answers.quantity, 0.0).sum(),
        revenue=ibis.ifelse(bought, answers.quantity * answers.price.fill_null(0.0), 0.0).sum(),
        first_answer=ibis.ifelse(answers.event_type == "impression", ibis.null("timestamp"), answers.event_time).min(),
    )
    joined = shown.left_join(grouped, ["token_id", "position"]).drop("token_id_right", "position_right")
    whole = joined.mutate(
        **{name: joined[name].fill_null(0) for name in OUTCOMES},
        complete=joined.time + ibis.interval(milliseconds=window_ms) <= until,
        **{f"{layer}_variant": joined.variants.get(layer, "control") for layer in LAYERS},
        **{f"{layer}_experiment": joined.experiments.get(layer, "") for layer in LAYERS},
    )
    return con.create_table("places", whole.order_by(["time", "token_id", "position"]), temp=True)


def unit_table(places: Table) -> Table:
    """Sums per unit and the variants it was served; `mixed` where a unit got more than one variant of a layer."""
    valid = places.filter((places.overridden.length() == 0) & (places.fallbacks.keys().length() == 0))
    names = [f"{layer}_{part}" for layer in LAYERS for part in ("variant", "experiment")]
    grouped = valid.group_by(["unit", *names]).agg(
        n_slates=valid.token_id.nunique(),
        n_places=valid.count(),
        **{name: valid[name].sum() for name in OUTCOMES},
        first_time=valid.time.min(),
        last_time=valid.time.max(),
        complete=valid.complete.all(),
    )
    rows = ibis.window(group_by=grouped.unit)
    several = [grouped[f"{layer}_variant"].nunique().over(rows) > 1 for layer in LAYERS]
    return grouped.mutate(mixed=several[0] | several[1] | several[2]).order_by(["unit", *names])
