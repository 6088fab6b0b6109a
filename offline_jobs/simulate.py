"""`slatewright simulate`: SIMULATED shoppers on a real server, to try experiments, attribution and reports on.

The server, the slates, the assignment, the exposure log and the feedback are the real ones; only the people are not.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from google.protobuf.timestamp_pb2 import Timestamp
from numpy.typing import NDArray
from rich.console import Console

from offline_jobs.attribute import attribute
from offline_jobs.progress import Steps
from offline_jobs.simulated_shoppers import BASE, BUYS, TASTE, Shoppers, Visit, plant, responses
from recsys import bundle as bundle_files
from recsys.bundle import Bundle
from recsys.errors import ConfigError, DataError
from recsys.exposure_log import SIMULATED
from slatewright import AsyncClient
from slatewright.v1 import feedback_pb2 as feedback
from slatewright.v1 import recommendation_pb2 as pb

HELP: Final = "SIMULATED shoppers on a real server: two variants, a planted effect, position bias"
EXAMPLE: Final = "slatewright simulate --bundles var/bundles --out var/simulated"
EXPERIMENT: Final = "simulated-words"
TREATED: Final = "words"
INFO_FILE: Final = "simulation.json"
_AT_ONCE: Final = 8


@dataclass(frozen=True, slots=True)
class Simulation:
    """What `simulation.json` says: the planted truth, and what came of it."""

    simulated: bool
    experiment: str
    treated: str
    n_shoppers: int
    n_slates: int
    n_clicks: int
    n_purchases: int
    lift: float
    eta: float
    base: float
    taste: float
    buys: float
    seed: int
    bundle: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("--bundles", type=Path, required=True, metavar="DIR", help="published bundles, to serve from")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of all that comes of it")
    parser.add_argument("--shoppers", type=int, default=1_000, help="how many (1000), about three slates each")
    parser.add_argument("--lift", type=float, default=0.2, help="planted: what words add to clicks (0.2 is 20 %%)")
    parser.add_argument("--eta", type=float, default=1.0, help="planted: place k is looked at with 1 / k**eta (1)")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--json", action="store_true", help="print what was done as JSON")


def run(args: argparse.Namespace) -> int:
    """Serve, simulate, attribute; print where everything is."""
    steps = Steps(quiet=args.json)
    done = simulate(
        args.bundles, args.out, n_shoppers=args.shoppers, lift=args.lift, eta=args.eta, seed=args.seed, steps=steps
    )
    if args.json:
        print(json.dumps(asdict(done), indent=1))
        return 0
    Console().print(
        f"SIMULATED: {done.n_shoppers:,} shoppers, {done.n_slates:,} slates, {done.n_clicks:,} clicks, "
        f"{done.n_purchases:,} purchases; planted lift of {TREATED}: {done.lift:+.0%}\n"
        f"exposures in {args.out / 'exposures'}, tables in {args.out / 'attributed'}; next:\n"
        f"  slatewright report {EXPERIMENT} --attributed {args.out / 'attributed'} --out report.html",
        highlight=False,
        markup=False,
    )
    return 0


def simulate(
    bundles_dir: Path, out: Path, *, n_shoppers: int, lift: float, eta: float, seed: int, steps: Steps
) -> Simulation:
    """Everything into `out`, which is emptied where an earlier simulation filled it. Raises ConfigError, DataError."""
    if n_shoppers < 2 or not 0 <= eta <= 5 or not -1 <= lift <= 1:
        raise ConfigError(
            f"--shoppers {n_shoppers}, --eta {eta:g}, --lift {lift:g}; expected at least 2, 0 to 5, -1 to 1; correct it"
        )
    _emptied(out)
    bundle = bundle_files.load(bundle_files.current(bundles_dir))
    category = np.asarray(bundle.model.items.leaf_row)
    sizes = np.bincount(category[category >= 0], minlength=len(bundle.category_names))
    shoppers = plant(n_shoppers, sizes, from_ms=bundle.model.as_of_ms, seed=seed)
    features = out / "features.json"
    rule = {"key": EXPERIMENT, "variations": [{}, {"variant": TREATED, "mode": "template"}], "weights": [0.5, 0.5]}
    features.write_text(json.dumps({"features": {"slatewright.copy": {"defaultValue": {}, "rules": [rule]}}}, indent=1))
    (out / "exposures").mkdir()
    (out / "exposures" / SIMULATED).write_text("Nobody was shown any of this.\n", encoding="utf-8")
    with _server(bundles_dir, out) as target, steps.step(f"{len(shoppers.visits):,} slates") as progress:
        counted = asyncio.run(_visits(target, bundle, shoppers, lift=lift, eta=eta, seed=seed, progress=progress))
    names = [bundle.category_names[at] for at in range(len(bundle.category_names))]
    liked = [[names[at] for at in np.flatnonzero(row)] for row in shoppers.liked]
    pq.write_table(pa.table({"user_id": [_name(n) for n in range(n_shoppers)], "liked": liked}), out / "tastes.parquet")
    attribute(out / "exposures", out / "attributed", state=out / "state", steps=steps)
    done = Simulation(
        simulated=True,
        experiment=EXPERIMENT,
        treated=TREATED,
        n_shoppers=n_shoppers,
        n_slates=len(shoppers.visits),
        n_clicks=counted[0],
        n_purchases=counted[1],
        lift=lift,
        eta=eta,
        base=BASE,
        taste=TASTE,
        buys=BUYS,
        seed=seed,
        bundle=bundle.version,
    )
    (out / INFO_FILE).write_text(json.dumps(asdict(done), indent=1) + "\n", encoding="utf-8")
    return done


async def _visits(
    target: str, bundle: Bundle, shoppers: Shoppers, *, lift: float, eta: float, seed: int, progress: object
) -> tuple[int, int]:
    """(clicks, purchases) of all visits, in the order of their times; one shopper's never at once."""
    clicks = purchases = 0
    told = progress if callable(progress) else lambda _share: None
    async with AsyncClient(target, timeout_s=30) as client:

        async def one(visit: Visit) -> tuple[int, int]:
            request = pb.RecommendRequest(
                user_id=_name(visit.shopper),
                request_id=f"sim-{seed}-{visit.number}",
                request_time=_stamp(visit.time_ms),
            )
            answer = await client.recommend(request)
            rows = np.array([bundle.item_ids.row(item.item_id) for item in answer.items], np.int64)
            wanted = _wanted(bundle, shoppers.liked[visit.shopper], rows)
            treated = answer.variants["copy"] == TREATED
            clicked, bought = responses(visit, wanted, treated=treated, lift=lift, eta=eta, seed=seed)
            events = _events(visit, answer, clicked, bought, np.asarray(bundle.model.items.price)[rows])
            if events:
                kept = await client.record_events(events)
                if kept.rejected:
                    raise DataError(f"the server refused an event: {kept.rejected[0].reason}")
            return int(clicked.sum()), int(bought.sum())

        for at, group in _groups(shoppers.visits):
            for n_clicked, n_bought in await asyncio.gather(*(one(visit) for visit in group)):
                clicks, purchases = clicks + n_clicked, purchases + n_bought
            told(at / len(shoppers.visits))
    return clicks, purchases


def _groups(visits: Sequence[Visit]) -> Iterator[tuple[int, list[Visit]]]:
    """Neighbouring visits of different shoppers, and how many are begun by then."""
    group: list[Visit] = []
    for at, visit in enumerate(visits):
        if len(group) == _AT_ONCE or any(visit.shopper == other.shopper for other in group):
            yield at, group
            group = []
        group.append(visit)
    yield len(visits), group


def _wanted(bundle: Bundle, liked: NDArray[np.bool_], rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    category = np.asarray(bundle.model.items.leaf_row)[rows]
    wanted: NDArray[np.bool_] = (category >= 0) & liked[category]
    return wanted


def _events(
    visit: Visit,
    answer: pb.RecommendResponse,
    clicked: NDArray[np.bool_],
    bought: NDArray[np.bool_],
    price: NDArray[np.float32],
) -> list[feedback.Event]:
    events = []
    for at in np.flatnonzero(clicked).tolist():
        item = answer.items[at]
        when = visit.time_ms + 1_000 * item.rank
        event = feedback.Event(
            event_id=f"sim-{visit.number}-{item.rank}-c",
            user_id=_name(visit.shopper),
            item_id=item.item_id,
            type=feedback.EVENT_TYPE_CLICK,
            event_time=_stamp(when),
            attribution_token=answer.attribution_token,
            position=item.rank,
        )
        events.append(event)
        if bought[at]:
            purchase = feedback.Event()
            purchase.CopyFrom(event)
            purchase.event_id = f"sim-{visit.number}-{item.rank}-p"
            purchase.type = feedback.EVENT_TYPE_PURCHASE
            purchase.event_time.CopyFrom(_stamp(when + 60_000))
            purchase.quantity = 1
            if not np.isnan(price[at]):
                purchase.unit_price = float(price[at])
            events.append(purchase)
    return events


def _name(shopper: int) -> str:
    return f"sim-{shopper:06d}"


def _stamp(ms: int) -> Timestamp:
    return Timestamp(seconds=ms // 1_000, nanos=ms % 1_000 * 1_000_000)


def _emptied(out: Path) -> None:
    """A folder with nothing in it."""
    if out.exists() and any(out.iterdir()) and not (out / "features.json").exists():
        raise ConfigError(
            f"output {out} holds other things; expected an empty folder or an earlier simulation; name one"
        )
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)


@contextmanager
def _server(bundles_dir: Path, out: Path) -> Iterator[str]:
    """A server process on a free port; its address. Its log goes to `server.log`."""
    command = [sys.executable, "-m", "slatewright.cli", "serve", "--bundles", str(bundles_dir), "--port", "0"]
    command += ["--clock", "bundle", "--copy", "none", "--state", str(out / "state")]
    command += ["--features", str(out / "features.json"), "--exposures", str(out / "exposures")]
    with (out / "server.log").open("w") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)  # noqa: S603
        try:
            assert process.stdout is not None  # noqa: S101 - given PIPE above
            line = process.stdout.readline()
            if not line.startswith("ready "):
                raise DataError(f"the server did not start; {out / 'server.log'} says why")
            yield line.split()[1]
        finally:
            process.terminate()
            process.wait(timeout=60)
            if process.stdout is not None:
                process.stdout.close()
