"""`slatewright demo`: build on real data, serve it, and show three contrasting people their slates with pitches."""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
from rich.console import Console
from rich.table import Table

from copywriter.audience import category_trait, traits
from copywriter.lexicon.sensitive import is_sensitive
from offline_jobs import build
from offline_jobs.ingest import ingest
from offline_jobs.progress import Steps
from recsys import bundle as bundles
from recsys.bundle import Bundle
from recsys.errors import BundleNotFoundError, DataError
from recsys.profiles.user import user_profile
from recsys.recommender import Recommender
from slatewright.client import Client
from slatewright.v1 import copy_pb2, recommendation_pb2

HELP: Final = "build on Complete Journey, start a server, show three households their slates with pitches"
EXAMPLE: Final = "slatewright demo --dir var/demo"

DATASET: Final = "complete_journey"
N_PEOPLE: Final = 3
N_SHOWN: Final = 6
N_SAMPLED: Final = 300
MIN_EVENTS: Final = 100
PITCH_DEADLINE_S: Final = 60.0
WHY: Final = {
    "bought_before": "you buy it again and again",
    "looked_at_before": "you looked at it",
    "you_searched_for_it": "you searched for it",
    "often_bought_next": "often follows {}",
    "often_bought_with": "often goes with {}",
    "goes_with": "goes with {}",
    "pinned": "picked by the shop",
    "similar_to": "like {}",
    "popular_in_your_category": "popular where you shop",
    "people_like_you": "people with your taste take it",
    "popular_now": "popular now",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `slatewright demo`."""
    parser.add_argument("--dir", type=Path, default=Path("var/demo"), help="where log and bundle go (kept)")
    parser.add_argument("--sample-users", type=int, metavar="N", help="a small run on about N households")
    parser.add_argument("--rebuild", action="store_true", help="build again even where a bundle is there")


def run(args: argparse.Namespace) -> int:
    """Build where nothing is built yet, serve, show, stop."""
    console = Console(width=150)
    bundles_dir: Path = args.dir / "bundles"
    _ensure_bundle(args, bundles_dir, console)
    directory = bundles.current(bundles_dir)
    bundle, recommender = bundles.load(directory), Recommender.open(directory, verify=False)
    with _server(bundles_dir, args.dir / "state") as (target, ready_s), Client(target, timeout_s=5) as client:
        console.rule(f"server ready on {target} after {ready_s:.1f} s, bundle {bundle.version}")
        _wait_for_copy(client, console)
        for user_id in contrasting_users(bundle):
            _show(client, recommender, user_id, console)
        _show_timing(client, bundle, console)
    console.print(
        "\nCall it yourself:\n"
        f"  .venv/bin/slatewright serve --bundles {bundles_dir} --port 50051 --clock bundle\n"
        f"  .venv/bin/slatewright recommend --target localhost:50051 --user {next(iter(bundle.users))}",
        highlight=False,
    )
    return 0


def _ensure_bundle(args: argparse.Namespace, bundles_dir: Path, console: Console) -> None:
    try:
        found = bundles.current(bundles_dir)
        if not args.rebuild:
            console.print(f"using {found} (--rebuild makes a new one)", highlight=False)
            return
    except BundleNotFoundError:
        pass
    console.rule(f"1. build: log → profiles → candidates → ranker → bundle ({DATASET}: real grocery baskets)")
    log_dir: Path = args.dir / "log"
    with Steps().step(f"ingest {DATASET}"):
        options = {"sample_users": args.sample_users} if args.sample_users else {}
        info = ingest(DATASET, None, log_dir, options=options)
    console.print(
        f"{info.n_events:,} events of {info.n_users:,} households on {info.n_items:,} items; "
        f"quarantined: {dict(info.quarantined)}"
    )
    parser = argparse.ArgumentParser()
    build.add_arguments(parser)
    build.run(parser.parse_args(["--log", str(log_dir), "--out", str(bundles_dir), "--force"]))


def contrasting_users(bundle: Bundle, *, n: int = N_PEOPLE) -> list[str]:
    """Users whose tastes lie far apart: farthest-first over the categories' shares, from the most typical one.

    Only users with a history of some length and at least two traits that copy may use.
    """
    events = np.diff(bundle.histories.indptr)
    rows = np.flatnonzero(events >= min(MIN_EVENTS, int(np.median(events))))[:N_SAMPLED]
    people: list[tuple[str, Any]] = []
    recommender = Recommender(bundle)
    for row in rows.tolist():
        user_id = bundle.users.id(row)
        if len(traits(recommender.profile(user_id, bundle.model.as_of_ms))) >= 2:
            history = bundle.histories.of(row).before(bundle.model.as_of_ms)
            profile = user_profile(history, bundle.model.items, time_ms=bundle.model.as_of_ms)
            vector = np.sqrt(np.maximum(profile.parent_affinity, 0))
            people.append((user_id, vector))
    if not people:
        raise DataError("no user of this log has a history long enough for a demonstration; use a larger sample")
    vectors = np.stack([vector for _, vector in people])
    chosen = [int((vectors @ vectors.mean(axis=0)).argmax())]
    while len(chosen) < min(n, len(people)):
        chosen.append(int((vectors @ vectors[chosen].T).max(axis=1).argmin()))
    return [people[i][0] for i in chosen]


@contextmanager
def _server(bundles_dir: Path, state_dir: Path) -> Iterator[tuple[str, float]]:
    """A server process on a free port; yields its address and the seconds it took to answer."""
    command = [sys.executable, "-m", "slatewright.cli", "serve", "--bundles", str(bundles_dir), "--port", "0"]
    command += ["--clock", "bundle", "--copy", "live", "--state", str(state_dir)]
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)  # noqa: S603
    try:
        assert process.stdout is not None  # noqa: S101 - given PIPE above
        line = process.stdout.readline()
        if not line.startswith("ready "):
            raise DataError(f"the server did not start; run it to see why: {' '.join(command)}")
        yield line.split()[1], time.perf_counter() - started
    finally:
        process.terminate()
        process.wait(timeout=20)


def _wait_for_copy(client: Client, console: Console) -> None:
    """Give the copy engine time to load its model; without it every pitch would be a template."""
    console.print("(the copy engine loads its language model; the server already answers)")
    request = recommendation_pb2.RecommendRequest(page_size=1, copy=copy_pb2.CopyOptions(mode=copy_pb2.COPY_MODE_LIVE))
    until = time.perf_counter() + PITCH_DEADLINE_S
    while time.perf_counter() < until:
        started = time.perf_counter()
        for _ in client.stream_recommend(request, timeout_s=PITCH_DEADLINE_S):
            pass
        if time.perf_counter() - started > 0.5:  # a model wrote, whatever the gate said of it
            return
        time.sleep(1)


def _show(client: Client, recommender: Recommender, user_id: str, console: Console) -> None:
    now = int(recommender.manifest["as_of_ms"])
    profile = recommender.profile(user_id, now)
    console.rule(f"household {user_id}")
    bought = ", ".join(
        f"{path.split(' > ')[-1]} {share:.0%}" for path, share in profile["top_categories"] if category_trait(path)
    )
    console.print(f"buys most: {bought}", highlight=False)
    console.print(f"traits copy may use: {'; '.join(t.text for t in traits(profile)) or 'none'}", highlight=False)
    request = recommendation_pb2.RecommendRequest(
        user_id=user_id,
        page_size=N_SHOWN,
        copy=copy_pb2.CopyOptions(mode=copy_pb2.COPY_MODE_LIVE),
        explain=True,
    )
    started = time.perf_counter()
    slate_ms, items, pitches = 0.0, [], {}
    for message in client.stream_recommend(request, timeout_s=PITCH_DEADLINE_S):
        if message.HasField("slate"):
            slate_ms = 1000 * (time.perf_counter() - started)
            items = list(message.slate.items)
            pitches = {item.item_id: item.pitch for item in items}
        elif message.HasField("pitch"):
            pitches[message.pitch.item_id] = message.pitch.pitch
    pitch_ms = 1000 * (time.perf_counter() - started)
    table = Table(show_lines=False)
    for column in ("", "item", "pitch", "origin", "why"):
        table.add_column(column, overflow="fold")
    for item in items:
        pitch = pitches[item.item_id]
        origin = copy_pb2.PitchOrigin.Name(pitch.origin).removeprefix("PITCH_ORIGIN_").lower()
        title = str(recommender.item(item.item_id)["title"])
        table.add_row(str(item.rank), title, pitch.text, origin, _why(recommender, item))
    console.print(table)
    console.print(f"slate after {slate_ms:.1f} ms, all pitches final after {pitch_ms:.0f} ms", highlight=False)


def _why(recommender: Recommender, item: recommendation_pb2.SlateItem) -> str:
    words = []
    for reason in item.reasons[:2]:
        evidence: Mapping[str, Any] = recommender.item(reason.evidence_item_id) if reason.evidence_item_id else {}
        title = str(evidence.get("title", ""))
        words.append(WHY[reason.code].format("something you bought" if is_sensitive(title) else title))
    return "; ".join(words)


def _show_timing(client: Client, bundle: Bundle, console: Console) -> None:
    """Round trips over loopback, slates of ten without copy and with templates or cached pitches."""
    for mode, name in ((copy_pb2.COPY_MODE_NONE, "without copy"), (copy_pb2.COPY_MODE_CACHED, "with pitches")):
        times = []
        for user_row in range(min(100, len(bundle.users))):
            request = recommendation_pb2.RecommendRequest(
                user_id=bundle.users.id(user_row), copy=copy_pb2.CopyOptions(mode=mode)
            )
            started = time.perf_counter()
            client.recommend(request)
            times.append(1000 * (time.perf_counter() - started))
        times.sort()
        console.print(
            f"Recommend, ten items {name}: {statistics.median(times):.1f} ms median, "
            f"{times[int(0.95 * len(times))]:.1f} ms at the 95th percentile "
            f"({len(times)} households, one at a time, over loopback)",
            highlight=False,
        )
