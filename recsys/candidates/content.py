"""Items whose texts are alike: cosine of TF-IDF vectors over words and word pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer

from recsys.candidates.neighbours import Neighbours
from recsys.candidates.topk import top_k


@dataclass(frozen=True, slots=True)
class ContentConfig:
    """Terms in more than `max_share` of a large catalogue say little and cost the most."""

    k: int = 60
    max_share: float = 0.03


def fit(texts: Sequence[str], config: ContentConfig) -> Neighbours:
    """Neighbours of every item by text; items without any usable term have none."""
    large = len(texts) * config.max_share >= 100
    vectorizer = TfidfVectorizer(
        ngram_range=(1, 2),
        sublinear_tf=True,
        min_df=2 if large else 1,
        max_df=config.max_share if large else 1.0,
        token_pattern=r"(?u)\b\w+\b",  # noqa: S106 - a pattern, not a password
        dtype=np.float32,
    )
    try:
        matrix = vectorizer.fit_transform(texts).tocsr()
    except ValueError:  # no text holds any term
        matrix = sparse.csr_matrix((len(texts), 1), dtype=np.float32)
    return top_k(matrix, matrix.T.tocsr(), config.k)
