"""What variants and the exposure log cost a slate, on the server's own parts.

Each of the three layers has a running experiment of three variants with targeting, so each is evaluated to its end.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from pathlib import Path

import numpy as np

from copywriter.writer import Pitch
from recsys.slate import Slate, SlateItem
from server import variants
from server.choosing import choosing
from server.config import ServerConfig
from server.convert import SlateCall, slate_call
from server.exposure_rows import Shown
from server.exposures import Exposures
from slatewright.v1 import recommendation_pb2 as pb

N_CALLS = 5_000
N_SLATES = 2_000
SETTINGS = {"ranking": {"ranker": "fused"}, "copy": {"mode": "template"}, "slate": {"explore": {"slots": 2}}}


def measure() -> dict[str, float]:
    """Milliseconds: `resolve_ms` a layer, `expose_ms` a slate for its call (medians), `expose_write_ms` CPU later."""
    with tempfile.TemporaryDirectory() as folder:
        figures = asyncio.run(_resolving(Path(folder)))
        return figures | _exposing(Path(folder) / "exposures")


async def _resolving(folder: Path) -> dict[str, float]:
    path = folder / "features.json"
    path.write_text(json.dumps(features()))
    calls = [_call(n) for n in range(N_CALLS)]
    found = {}
    for name, config in (("resolve_ms", ServerConfig(features=path)), ("resolve_off_ms", ServerConfig())):
        took = []
        async with choosing(config, want=lambda _names: None) as choose:
            for call in calls:
                started = time.perf_counter()
                await choose(call)
                took.append(time.perf_counter() - started)
        found[name] = 1_000 * float(np.median(took)) / len(variants.LAYERS)
    return found


def _exposing(folder: Path) -> dict[str, float]:
    _written(folder / "warm-up")
    return _written(folder)


def _written(folder: Path) -> dict[str, float]:
    item = SlateItem("item-1234567", 1, 0.5, ("next", "together", "content"), ())
    slate = Slate((item,) * 10, "known", "20250701-97b3ce359438")
    pitch = Pitch("A fine pan for the stove.", "TEMPLATE", ("f1",), "template", "template-3", "policy-9", "en", False)
    exposures = Exposures(folder, b"k" * 32, every_s=3_600, writer="0")
    took = []
    for n in range(N_SLATES):
        call = _call(n)
        started = time.perf_counter()
        shown = Shown("recommend", call, variants.ALL_CONTROL, slate, f"token-{n}" * 30, "user", "cached", n, n)
        exposures.offer(shown, [pitch] * 10)
        took.append(time.perf_counter() - started)
    before_s = time.process_time()  # of the thread: this one waits
    exposures.close()
    wrote_s = time.process_time() - before_s
    return {"expose_ms": 1_000 * float(np.median(took)), "expose_write_ms": 1_000 * wrote_s / N_SLATES}


def features() -> dict[str, object]:
    """An experiment a layer."""
    made: dict[str, object] = {}
    for layer, settings in SETTINGS.items():
        rule = {
            "key": f"of-{layer}",
            "condition": {"country": {"$in": ["DE", "AT", "CH"]}},
            "variations": [{}, {"variant": "b", **settings}, {"variant": "c"}],
            "weights": [0.4, 0.3, 0.3],
        }
        made[f"slatewright.{layer}"] = {"defaultValue": {}, "rules": [rule]}
    return made


def _call(n: int) -> SlateCall:
    request = pb.RecommendRequest(user_id=f"user-{n}", context={"country": "DE", "locale": "de-DE", "device": "phone"})
    return slate_call(request, request_id=f"request-{n}", placement="home")
