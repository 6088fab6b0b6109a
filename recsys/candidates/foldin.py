"""The served half of ALS: item factors, and the least-squares solution for one user's history."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


def confidence(weight: NDArray[np.float32], alpha: float) -> NDArray[np.float32]:
    """Confidence of a summed event weight: 1 + alpha * log(1 + w)."""
    return (1 + np.float32(alpha) * np.log1p(weight)).astype(np.float32)


@dataclass(frozen=True, slots=True)
class ItemFactors:
    """`factors` float32 (n_items, d); `gram` float64 (d, d) = Y'Y + regularization * I; `alpha` (1,)."""

    factors: NDArray[np.float32]
    gram: NDArray[np.float64]
    alpha: NDArray[np.float32]

    @classmethod
    def build(cls, factors: NDArray[np.float32], *, regularization: float, alpha: float) -> ItemFactors:
        """Precompute what every fold-in shares."""
        exact = factors.astype(np.float64)
        gram = exact.T @ exact + regularization * np.eye(factors.shape[1])
        return cls(factors, gram, np.array([alpha], np.float32))

    def user_factor(self, items: NDArray[np.int32], weight: NDArray[np.float32]) -> NDArray[np.float32]:
        """Solve (Y'Y + Y'(C - I)Y + rI) x = Y'C p for one user; zeros without items.

        Hot path: `benchmarks/serve_path.py`; d² operations per item of the history plus d³/3.
        """
        if len(items) == 0:
            return np.zeros(self.factors.shape[1], np.float32)
        y = self.factors[items].astype(np.float64)
        c = confidence(weight, float(self.alpha[0])).astype(np.float64)
        system = self.gram + (y.T * (c - 1)) @ y
        return np.linalg.solve(system, y.T @ c).astype(np.float32)

    def scores(self, user_factor: NDArray[np.float32]) -> NDArray[np.float32]:
        """Inner product with every item; float32 (n_items,)."""
        return self.factors @ user_factor
