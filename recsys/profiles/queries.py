"""From the words of a search to the leaf category they point at.

Each token votes for the categories whose item titles hold it, weighted by the token's rarity; the index is a
sparse (tokens, categories) matrix with tokens as sorted hashes, so it maps from disk without a dict.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys.ids import hash_id

_TOKEN = re.compile(r"\w{2,}")
MAX_QUERY_TOKENS = 16


def tokens(text: str) -> list[str]:
    """Lower-case words of at least two letters or digits."""
    return _TOKEN.findall(text.casefold())


@dataclass(frozen=True, slots=True)
class QueryIndex:
    """`hashes` uint64 (n_tokens,) ascending; `indptr`, `category`, `weight`: each token's votes."""

    hashes: NDArray[np.uint64]
    indptr: NDArray[np.int64]
    category: NDArray[np.int32]
    weight: NDArray[np.float32]

    @classmethod
    def build(cls, titles: Sequence[str], leaf_row: NDArray[np.int32]) -> QueryIndex:
        """Votes from item titles; a token's votes sum to its inverse document frequency."""
        votes: dict[int, Counter[int]] = {}
        for title, leaf in zip(titles, leaf_row.tolist(), strict=True):
            if leaf >= 0:
                for token in set(tokens(title)):
                    votes.setdefault(hash_id(token), Counter())[leaf] += 1
        ordered = sorted(votes)
        indptr, category, weight = [0], [], []
        for token_hash in ordered:
            counts = votes[token_hash].most_common(8)
            total = votes[token_hash].total()
            idf = float(np.log1p(len(titles) / total))
            category += [leaf for leaf, _ in counts]
            weight += [idf * n / total for _, n in counts]
            indptr.append(len(category))
        return cls(
            np.array(ordered, np.uint64),
            np.array(indptr, np.int64),
            np.array(category, np.int32),
            np.array(weight, np.float32),
        )

    def category_of(self, query: str) -> int:
        """Leaf category row with the most votes, the lower row on a tie; -1 where no word is known."""
        votes: dict[int, float] = {}
        for token in tokens(query)[:MAX_QUERY_TOKENS]:
            wanted = np.uint64(hash_id(token))
            at = int(np.searchsorted(self.hashes, wanted))
            if at < len(self.hashes) and self.hashes[at] == wanted:
                for i in range(int(self.indptr[at]), int(self.indptr[at + 1])):
                    leaf = int(self.category[i])
                    votes[leaf] = votes.get(leaf, 0.0) + float(self.weight[i])
        return min(votes, key=lambda leaf: (-votes[leaf], leaf)) if votes else -1
