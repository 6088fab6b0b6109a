"""Write a folder as one step: it appears complete and durable, or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from recsys.errors import ConfigError
from recsys.files import sync_path, sync_tree


@contextlib.contextmanager
def replace_dir(target: Path, *, marker: str) -> Iterator[Path]:
    """Yield an empty sibling folder that takes the place of `target` when the block ends well.

    A folder already at `target` is replaced only if it is empty or holds `marker`, the file that
    shows we wrote it. Every file is fsynced before the rename. On an error the sibling is removed
    and `target` is as it was; what a killed run left is removed by the next one. A kill between the
    two renames leaves the old folder beside `target`, from where the next run brings it back.
    """
    target = Path(os.path.abspath(target))  # noqa: PTH100 (resolve() would follow a link we replace)
    parent = target.parent
    if target.exists() and not target.is_dir():
        raise ConfigError(f"output {target} is a file; expected a folder to write; choose another")
    if target.is_dir() and any(target.iterdir()) and not (target / marker).exists():
        raise ConfigError(f"output {target} is a folder without {marker}, so not ours to replace; choose another")
    partial = parent / f".{target.name}.partial-{os.getpid()}"
    retired = parent / f".{target.name}.retired"
    try:
        parent.mkdir(parents=True, exist_ok=True)
        _clear_remains(target, retired)
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
    except OSError as error:
        raise ConfigError(f"cannot write beside {target}: {error.strerror}; choose a writable folder") from error
    try:
        yield partial
        sync_tree(partial)
        if target.exists():
            target.rename(retired)
        partial.rename(target)
        sync_path(parent)
    except BaseException:
        if retired.exists() and not target.exists():
            retired.rename(target)
        raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    shutil.rmtree(retired, ignore_errors=True)


def _clear_remains(target: Path, retired: Path) -> None:
    """Undo what a killed run left: bring a retired folder back, drop partial ones of dead processes."""
    if retired.exists():
        if target.exists():
            shutil.rmtree(retired)
        else:
            retired.rename(target)
    for stale in target.parent.glob(f".{target.name}.partial-[0-9]*"):
        if not _alive(int(stale.name.rpartition("-")[2])):
            shutil.rmtree(stale, ignore_errors=True)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # alive, but somebody else's
        return True
    return True
