"""Environments of the peers that cannot share ours: made once beside `.venv`, from pinned constraints."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
READY: Final = ".ready"
_DIRECT: Final = {
    "irspack": ("irspack", "pyarrow"),
    "rectools": ("RecTools", "lightgbm", "scikit-learn", "pyarrow"),
}


def python_of(name: str, constraints: Path | None = None) -> Path:
    """The interpreter of `.venv-<name>`, which is made where it is missing or its constraints have changed.

    Constraints given by path are the whole list of packages and installed as they stand, without their dependencies.
    """
    folder = ROOT / f".venv-{name}"
    whole, constraints = constraints is not None, constraints or Path(__file__).with_name(f"constraints-{name}.txt")
    wanted = hashlib.sha256(constraints.read_bytes()).hexdigest()
    marker, python = folder / READY, folder / "bin" / "python"
    if not marker.is_file() or marker.read_text(encoding="utf-8") != wanted:
        sys.stderr.write(f"  making {folder.name} from {constraints.name} (once)\n")
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        wishes = ["--no-deps", "-r", str(constraints)] if whole else ["-c", str(constraints), *_DIRECT[name]]
        subprocess.run([*install, *wishes], check=True)
        marker.write_text(wanted, encoding="utf-8")
    return python
