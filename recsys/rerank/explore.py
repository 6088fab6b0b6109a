"""Exploration slots: places of a slate drawn at random with exactly known propensities.

A slate of n places with m exploration slots keeps its first n - m places. The ranked items that follow are dealt
to m disjoint pools, slot j getting the j-th, the (j + m)-th, the (j + 2m)-th and so on. Each slot draws from its own
pool on its own: with probability 1 - epsilon the pool's best (what the slate would hold there anyway), else any of
its items alike. So an item's probability of being shown at its slot is

    epsilon / |pool|, and 1 - epsilon more for the pool's best,

whatever the other slots drew: the marginal propensity that inverse propensity scoring divides by (Horvitz and
Thompson 1952; Li et al. 2011; Bottou et al. 2013), and slots multiply. Drawing without replacement from one pool
would need a sum over all earlier draws instead (docs/decisions/0006-slate.md).

Of the m slots the last `fresh` may be kept for items that few users have met: their pools hold nothing else, dealt from
the ranker's order of such items. A ranker learns to doubt what nobody had; without a place of their own new items may
never be seen, and never be learned about.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from recsys.errors import ConfigError


@dataclass(frozen=True, slots=True)
class ExploreConfig:
    """`slots` places at the end of each slate, at most half of it; 0 shows what the ranker says and nothing else.

    `pool` items are dealt to the slots, those that would have filled them included. `fresh` of the slots draw only from
    items that fewer than `fresh_users` users have met, while there are any.
    """

    slots: int = 0
    epsilon: float = 0.2
    pool: int = 30
    fresh: int = 0
    fresh_users: int = 5

    def __post_init__(self) -> None:
        if not 0 <= self.slots <= 50:
            raise ConfigError(f"explore.slots is {self.slots}; expected 0 to 50; 0 explores nothing")
        if not 0 <= self.epsilon <= 1:
            raise ConfigError(f"explore.epsilon is {self.epsilon}; expected 0 to 1; it is a probability")
        if not 1 <= self.pool <= 500:
            raise ConfigError(f"explore.pool is {self.pool}; expected 1 to 500 items; choose one of these")
        if not 0 <= self.fresh <= self.slots:
            raise ConfigError(f"explore.fresh is {self.fresh}; expected 0 to {self.slots}, explore.slots; raise slots")
        if self.fresh_users < 1:
            raise ConfigError(f"explore.fresh_users is {self.fresh_users}; expected 1 or more; 1 means never met")


def n_slots(config: ExploreConfig, n: int) -> int:
    """Exploration slots of a slate of `n` places: never more than half."""
    return min(config.slots, n // 2)


def depth(config: ExploreConfig, n: int) -> int:
    """How many ranked items `explore` looks at for a slate of `n` places."""
    slots = n_slots(config, n)
    return n - slots + max(slots, config.pool) if slots else n


def propensity(place: int, n_pool: int, epsilon: float) -> float:
    """Probability that a slot shows the item at `place` (0 is the best) of its pool of `n_pool`."""
    return epsilon / n_pool + (1 - epsilon if place == 0 else 0.0)


def explore(
    ranked: list[int], *, n: int, config: ExploreConfig, seed_text: str, fresh: list[int] | None = None
) -> tuple[list[int], list[float]]:
    """(chosen, propensities) of a slate of at most `n` places from `ranked`, best first and free of repeats.

    `fresh` are items for the fresh slots, best first, none of them in the first `depth` of `ranked`. The same
    `seed_text` draws the same items. A pool of one item has nothing to draw: propensity 1.
    """
    fresh = (fresh or [])[: config.pool]
    slots = n_slots(config, n)
    n_fresh = min(config.fresh, slots, len(fresh))
    usual = slots - n_fresh
    chosen = ranked[: n - slots]
    propensities = [1.0] * len(chosen)
    dealt = ranked[n - slots : depth(config, n)]
    pools = [dealt[slot::usual] for slot in range(usual)] + [fresh[slot::n_fresh] for slot in range(n_fresh)]
    for slot, pool in enumerate(pools):
        if not pool:
            continue
        place = _draw(len(pool), config.epsilon, f"{seed_text}|explore|{slot}")
        chosen.append(pool[place])
        propensities.append(propensity(place, len(pool), config.epsilon))
    return chosen, propensities


def _draw(n_pool: int, epsilon: float, seed_text: str) -> int:
    """A place of a pool, by one uniform number that is a hash of the seed: no generator, no state."""
    digest = hashlib.blake2b(seed_text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    uniform = (int.from_bytes(digest, "little") >> 11) / 2**53
    if uniform >= epsilon:
        return 0
    return min(int(uniform / epsilon * n_pool), n_pool - 1)
