"""Items whose texts are alike: cosine of TF-IDF vectors over words and word pairs.

Titles say more than descriptions, and their first words (a brand, a line) more than the rest: the fields are weighed
apart, each of length one, as in BM25F (Robertson, Zaragoza, Taylor 2004).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.preprocessing import normalize

from recsys.candidates.neighbours import Neighbours
from recsys.candidates.topk import top_k

_WORD = r"(?u)\b\w+\b"


@dataclass(frozen=True, slots=True)
class ContentConfig:
    """Weights of the fields: first `n_head` words of the title, title, everything.

    Terms in more than `max_share` of a large catalogue say little and cost the most.
    """

    k: int = 60
    max_share: float = 0.03
    head: float = 0.5
    title: float = 1.0
    text: float = 1.0
    n_head: int = 3


def fit(titles: Sequence[str], texts: Sequence[str], config: ContentConfig) -> Neighbours:
    """Neighbours of every item by text; `texts` hold everything said of an item, its title too.

    Items without any usable term have none.
    """
    heads = [" ".join(title.split()[: config.n_head]) for title in titles]
    fields = (
        (config.head, _vectors(heads, 1.0)),
        (config.title, _vectors(titles, config.max_share)),
        (config.text, _vectors(texts, config.max_share)),
    )
    joined = sparse.hstack([weight * vectors for weight, vectors in fields], format="csr", dtype=np.float32)
    matrix = normalize(joined)
    return top_k(matrix, matrix.T.tocsr(), config.k)


def _vectors(texts: Sequence[str], max_share: float) -> sparse.csr_matrix:
    """TF-IDF rows of length one (zero without terms), float32 (n_texts, n_terms)."""
    large = len(texts) * max_share >= 100
    vectorizer = TfidfVectorizer(
        ngram_range=(1, 2),
        sublinear_tf=True,
        min_df=2 if large else 1,
        max_df=max_share if large else 1.0,
        token_pattern=_WORD,
        dtype=np.float32,
    )
    try:
        return sparse.csr_matrix(vectorizer.fit_transform(texts))
    except ValueError:  # no text holds any term
        return sparse.csr_matrix((len(texts), 1), dtype=np.float32)
