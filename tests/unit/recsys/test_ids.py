"""External id <-> row."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.errors import DataError
from recsys.ids import IdMap


@given(st.lists(st.text(), unique=True))
def test_every_id_finds_its_own_row_and_back(external_ids: list[str]) -> None:
    """Row of an id is its position, and the id of a row is the text given, whatever the text."""
    ids = IdMap.build(external_ids)
    assert list(ids) == external_ids
    assert ids.rows_of(external_ids).tolist() == list(range(len(external_ids)))


@given(st.lists(st.text(), unique=True, max_size=20), st.text())
def test_an_unknown_id_has_no_row(external_ids: list[str], other: str) -> None:
    """An id that was not given is -1, never somebody else's row."""
    row = IdMap.build(external_ids).row(other)
    assert row == (external_ids.index(other) if other in external_ids else -1)


def test_a_hash_collision_never_gives_a_wrong_row() -> None:
    """Ids with the same hash are told apart by their text."""
    ids = IdMap.build(["a", "b", "c"])
    collided = IdMap(np.full(3, IdMap.build(["a"]).hashes[0]), np.arange(3, dtype=np.int32), ids.offsets, ids.blob)
    assert collided.row("a") == 0


def test_a_repeated_id_is_refused() -> None:
    """Two rows for one id would make every array ambiguous."""
    with pytest.raises(DataError, match="repeat"):
        IdMap.build(["x", "x"])
