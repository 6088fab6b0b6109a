"""External id <-> dense row, memory-mappable: sorted hashes and a string blob, no dict per worker.

Rows are the order in which ids were given. A lookup is one binary search over 64-bit BLAKE2b hashes
and one comparison of the bytes, so a hash collision can cost a step but never a wrong row.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys.errors import DataError


def hash_id(external_id: str) -> int:
    """64-bit BLAKE2b of the UTF-8 bytes, as an unsigned integer."""
    digest = hashlib.blake2b(external_id.encode("utf-8", "surrogatepass"), digest_size=8)
    return int.from_bytes(digest.digest(), "little")


@dataclass(frozen=True, slots=True)
class IdMap:
    """Aligned arrays of one id space; `n` ids.

    Attributes
    ----------
    hashes : uint64 (n,), ascending
    rows : int32 (n,), the row of the id with that hash
    offsets : int64 (n + 1,), byte range of each row's id in `blob`
    blob : uint8, the ids' UTF-8 bytes one after another, in row order
    """

    hashes: NDArray[np.uint64]
    rows: NDArray[np.int32]
    offsets: NDArray[np.int64]
    blob: NDArray[np.uint8]

    @classmethod
    def build(cls, external_ids: Iterable[str]) -> IdMap:
        """Give each id the row of its position; a repeated id raises `DataError`."""
        encoded = [i.encode("utf-8", "surrogatepass") for i in external_ids]
        if len(set(encoded)) != len(encoded):
            raise DataError("ids repeat; expected each once; remove duplicates before building ids")
        hashes = np.fromiter(
            (int.from_bytes(hashlib.blake2b(e, digest_size=8).digest(), "little") for e in encoded),
            dtype=np.uint64,
            count=len(encoded),
        )
        order = np.argsort(hashes, kind="stable").astype(np.int32)
        offsets = np.zeros(len(encoded) + 1, np.int64)
        np.cumsum([len(e) for e in encoded], out=offsets[1:])
        blob = np.frombuffer(b"".join(encoded), np.uint8).copy()
        return cls(hashes[order], order, offsets, blob)

    def __len__(self) -> int:
        return len(self.rows)

    def row(self, external_id: str) -> int:
        """Row of an id, or -1 where it is unknown."""
        wanted = np.uint64(hash_id(external_id))
        at = int(np.searchsorted(self.hashes, wanted))
        while at < len(self.hashes) and self.hashes[at] == wanted:
            row = int(self.rows[at])
            if self.id(row) == external_id:
                return row
            at += 1
        return -1

    def rows_of(self, external_ids: Sequence[str]) -> NDArray[np.int32]:
        """Rows of many ids, -1 where unknown; int32 (len(external_ids),)."""
        return np.fromiter((self.row(i) for i in external_ids), np.int32, len(external_ids))

    def id(self, row: int) -> str:
        """Id of a row."""
        start, stop = int(self.offsets[row]), int(self.offsets[row + 1])
        return self.blob[start:stop].tobytes().decode("utf-8", "surrogatepass")

    def __iter__(self) -> Iterator[str]:
        return (self.id(row) for row in range(len(self)))

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """The four arrays by name, for saving."""
        return {n: getattr(self, n) for n in ("hashes", "rows", "offsets", "blob")}
