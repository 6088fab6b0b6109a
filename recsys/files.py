"""Durable writes and mapped reads: what a bundle and a log need of a file system.

Only `replace_text` is atomic by itself: other callers write under a temporary name, sync, rename, and sync the parent.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


def read_arrays(folder: Path) -> dict[str, NDArray[np.generic]]:
    """Every `.npy` of a folder by its stem, mapped read-only."""
    return {
        path.stem: np.load(path, mmap_mode="r", allow_pickle=False).view(np.ndarray)
        for path in sorted(folder.glob("*.npy"))
    }


def write_arrow(path: Path, table: pa.Table) -> None:
    """Write a table as it reads back, so that a reopened bundle is written to the same bytes."""
    buffer = pa.BufferOutputStream()
    for sink in (buffer, pa.OSFile(str(path), "wb")):
        with sink, pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table.combine_chunks())
        table = pa.ipc.open_file(buffer.getvalue()).read_all()


def read_arrow(path: Path) -> pa.Table:
    """A table of an Arrow IPC file, mapped."""
    return pa.ipc.open_file(pa.memory_map(str(path), "r")).read_all()


def sha256(path: Path) -> str:
    """Hex digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file and fsync it."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def replace_text(path: Path, text: str) -> None:
    """Write a text file so that a kill at any moment leaves the old one or the new one."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        write_bytes(draft, text.encode("utf-8"))
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    sync_path(path.absolute().parent)


def sync_path(path: Path) -> None:
    """Fsync a file or a folder."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_tree(root: Path) -> None:
    """Fsync everything below a folder, then the folder."""
    for path in [*root.rglob("*"), root]:
        sync_path(path)
