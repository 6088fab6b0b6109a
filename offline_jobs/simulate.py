"""`slatewright simulate`: SIMULATED shoppers on a real server, to try experiments, attribution and reports on.

The server, the slates, the assignment, the exposure log and the feedback are the real ones; only the people are not.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console

from offline_jobs.attribution import attribute
from offline_jobs.progress import Steps
from offline_jobs.simulated_shoppers import BASE, BUYS, TASTE, plant
from offline_jobs.simulated_visits import TREATED, answer_all, name_of
from recsys import bundle as bundle_files
from recsys.errors import ConfigError, DataError
from recsys.exposure_log import SIMULATED

HELP: Final = "SIMULATED shoppers on a real server: two variants, a planted effect, position bias"
EXAMPLE: Final = "slatewright simulate --bundles var/bundles --out var/simulated"
EXPERIMENT: Final = "simulated-words"
INFO_FILE: Final = "simulation.json"


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
    if importlib.util.find_spec("growthbook") is None:
        raise ModuleNotFoundError("the server needs it for --features", name="growthbook")
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
        counted = asyncio.run(answer_all(target, bundle, shoppers, lift=lift, eta=eta, seed=seed, progress=progress))
    names = [bundle.category_names[at] for at in range(len(bundle.category_names))]
    liked = [[names[at] for at in np.flatnonzero(row)] for row in shoppers.liked]
    pq.write_table(
        pa.table({"user_id": [name_of(n) for n in range(n_shoppers)], "liked": liked}), out / "tastes.parquet"
    )
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
