"""What a first slate would have to wait for is done before a bundle serves."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = """
import sys
from pathlib import Path
from numba.core.dispatcher import Dispatcher
from recsys import bundle as bundles
from recsys.recommender import Recommender
from recsys.slate import SlateRequest

def compiled():
    found = {}
    for module in [m for name, m in sys.modules.items() if name.startswith("recsys")]:
        for name, value in vars(module).items():
            if isinstance(value, Dispatcher):
                found[name] = len(value.signatures)
    return found

shop = Recommender.open(bundles.current(Path(sys.argv[1])))
shop.warm_up()
before = compiled()
for n in range(0, 400, 7):
    shop.recommend(SlateRequest(f"u{n:07d}", int(shop.manifest["as_of_ms"])))
changed = {name for name, count in compiled().items() if count != before[name]}
foreign = {"lightgbm", "pandas", "torch"} & set(sys.modules)
assert sum(before.values()) > 10, before
assert not changed, changed
assert not foreign, foreign
"""


def test_after_the_warm_up_nothing_is_compiled_and_nothing_heavy_is_imported(shop_bundles: Path) -> None:
    """No kernel meets new dtypes in the slates of the shop's users, and a slate needs no LightGBM, pandas or torch."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(shop_bundles)], capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stderr
