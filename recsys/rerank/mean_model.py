"""Several boosted models as one: the mean of their scores is a sum over all their trees.

LambdaRank starts every score at 0, so a model is nothing but its trees, and dividing their leaf values by the number of
models makes the sum of all trees the mean (bagging: Breiman 1996). What is saved and served stays one model text.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import Final

import lightgbm as lgb

_TREE: Final = "Tree="
_END: Final = "end of trees"
_VALUES: Final = ("leaf_value=", "internal_value=")


def mean_model(boosters: Sequence[lgb.Booster], *, n_rounds: int) -> lgb.Booster:
    """The mean of the `boosters`' scores after `n_rounds` rounds each, as one booster of all their trees.

    All must be of one objective that starts at 0 and of the same features. Head and parameters are the first's.
    """
    texts = [booster.model_to_string(num_iteration=n_rounds) for booster in boosters]
    if len(texts) == 1:
        return lgb.Booster(model_str=texts[0])
    head = texts[0][: texts[0].index(_TREE)]
    tail = texts[0][texts[0].index(_END) :]
    # The sizes of the trees' texts no longer hold; without them LightGBM reads tree after tree.
    lines = [line for line in head.splitlines(keepends=True) if not line.startswith("tree_sizes=")]
    number = count()
    for text in texts:
        for line in text[text.index(_TREE) : text.index(_END)].splitlines(keepends=True):
            if line.startswith(_TREE):
                lines.append(f"{_TREE}{next(number)}\n")
            elif line.startswith(_VALUES):
                lines.append(_divided(line, len(texts)))
            else:
                lines.append(line)
    # Read and written once more, so that sizes and importances are those of all trees.
    return lgb.Booster(model_str="".join([*lines, tail]))


def _divided(line: str, by: int) -> str:
    name, values = line.rstrip("\n").split("=")
    return f"{name}={' '.join(repr(float(value) / by) for value in values.split())}\n"
