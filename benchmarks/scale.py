"""How a build grows: time and peak memory of every stage over SIMULATED logs of growing size.

    .venv/bin/python -m benchmarks.scale --events 1e6 1e7 5e7 --work var/scale --markdown scale.md

Writes each log once (`benchmarks/scale_log.py`: items = 10 * sqrt(events), ten events a user), ingests it through
`slatewright ingest --dataset tables` and builds a bundle with the functions of `slatewright build`, each in a process
of its own. A stage's memory is the process's peak resident set while it ran, reset by the kernel when it begins, plus
that of worker processes; so a stage includes what earlier ones left loaded. Growth exponents are slopes of log CPU
seconds (of all threads and workers: wall time depends on who else is there) and log memory over log events. Needs
Linux. Prints a table, then lines such as `figure scale.STAGE.EVENTS.seconds N` (also `cpu_s` and `mib`).
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from benchmarks.scale_log import Size, write
from offline_jobs.build import built
from offline_jobs.config import read_config
from offline_jobs.ingest import ingest
from offline_jobs.progress import Steps
from offline_jobs.publish import publish
from offline_jobs.source_log import read
from offline_jobs.train_candidates import fit

PHASES = ("log", "ingest", "fit", "build")
"""`fit` is the last of a build's three fits alone, for sizes where a whole build takes too long."""
SAMPLE_S = 0.2


@dataclass(frozen=True, slots=True)
class Stage:
    """What one stage of one size took: wall seconds, CPU seconds of all threads and workers, peak MiB."""

    name: str
    n_events: int
    seconds: float
    cpu_s: float
    peak_mib: float


class MeasuredSteps(Steps):
    """Steps that also remember their CPU seconds and peak memory."""

    def __init__(self, n_events: int) -> None:
        super().__init__()
        self._n_events = n_events
        self.stages: list[Stage] = []

    @contextmanager
    def step(self, name: str) -> Iterator[Callable[[float], None]]:
        """Run one step and measure it."""
        title, cpu, began = self._prefix + name, _cpu_s(), time.perf_counter()
        with _peak_mib() as peak, super().step(name) as advance:
            yield advance
        self.stages.append(Stage(title, self._n_events, time.perf_counter() - began, _cpu_s() - cpu, max(peak)))


def _cpu_s() -> float:
    usage = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in usage)


@contextmanager
def _peak_mib() -> Iterator[list[float]]:
    """A list that ends up holding peaks in MiB: this process's own by the kernel, and with its workers as sampled."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # VmHWM begins anew
    found, done = [0.0], threading.Event()

    def watch() -> None:
        while not done.wait(SAMPLE_S):
            found.append(sum(_status_mib(pid, "VmRSS") for pid in ("self", *_workers())))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield found
    finally:
        done.set()
        watcher.join()
        found.append(_status_mib("self", "VmHWM"))


def _workers() -> list[str]:
    children = Path("/proc/self/task").glob("*/children")
    return [pid for path in children for pid in path.read_text(encoding="ascii").split()]


def _status_mib(pid: str, field: str) -> float:
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0.0  # it has just ended
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{field}:")), 0.0)


def run_phase(phase: str, size: Size, work: Path, config: Path | None) -> list[Stage]:
    """Run one phase of one size in this process."""
    folder = work / f"{size.n_events}"
    steps = MeasuredSteps(size.n_events)
    if phase == "log":
        with steps.step("simulate") as advance:
            write(folder / "raw", size, progress=advance)
    elif phase == "ingest":
        with steps.step("ingest"):
            ingest("tables", None, folder / "log", mapping=folder / "raw" / "mapping.toml")
    else:
        with steps.step("read the log"):
            source = read(folder / "log")
        if phase == "fit":
            with steps.under("refit"):
                fit(source, as_of_ms=source.log.info.end_ms, config=read_config(config).candidates, steps=steps)
            return steps.stages
        bundle, _ = built(source, read_config(config), steps)
        with steps.step("publish"):
            publish(bundle, folder / "bundles", force=True)
    return steps.stages


def exponent(stages: list[Stage], field: str) -> float:
    """Slope of the logarithm of a field over that of the events, by least squares; NaN for one size."""
    if len(stages) < 2:
        return math.nan
    x = np.log([stage.n_events for stage in stages])
    y = np.log([max(getattr(stage, field), 1e-3) for stage in stages])
    return float(np.polyfit(x, y, 1)[0])


def markdown(stages: list[Stage]) -> str:
    """A table with one row a stage: seconds and peak MiB at each size, and the exponents."""
    sizes = sorted({stage.n_events for stage in stages})
    head = ["stage", *(f"{n / 1e6:g} M: s (CPU s), MiB" for n in sizes), "CPU ~ n^", "memory ~ n^"]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for name in dict.fromkeys(stage.name for stage in stages):
        of = {stage.n_events: stage for stage in stages if stage.name == name}
        cells = [f"{of[n].seconds:.1f} ({of[n].cpu_s:.1f}), {of[n].peak_mib:,.0f}" if n in of else "" for n in sizes]
        rows = [of[n] for n in sizes if n in of]
        growth = [f"{exponent(rows, field):.2f}" for field in ("cpu_s", "peak_mib")]
        lines.append("| " + " | ".join([name, *cells, *growth]) + " |")
    return "\n".join(lines) + "\n"


def _measured(args: argparse.Namespace, size: Size) -> list[Stage]:
    """Run the phases in child processes; what is already measured in the work folder is kept unless `--fresh`."""
    stages = []
    for phase in PHASES:
        result = args.work / f"{size.n_events}" / f"{phase}.json"
        if phase in args.stages and (args.fresh or not result.is_file()):
            result.unlink(missing_ok=True)
            command = [sys.executable, "-m", "benchmarks.scale", "--work", str(args.work), "--phase", phase]
            command += ["--size", str(size.n_events), str(size.n_users), str(size.n_items)]
            command += ["--config", str(args.config)] if args.config else []
            print(f"{size.n_events / 1e6:g} M SIMULATED events: {phase}", file=sys.stderr, flush=True)
            if subprocess.run(command, check=False).returncode:
                print(f"{size.n_events / 1e6:g} M: {phase} failed; see above", file=sys.stderr)
                break
        if result.is_file():
            found = [Stage(**fields) for fields in json.loads(result.read_text(encoding="utf-8"))]
            stages += [stage for stage in found if stage.name not in {s.name for s in stages}]
    return stages


def main() -> None:
    """Measure every size, then print the table and the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=float, nargs="+", default=[1e6, 1e7], help="sizes, such as 1e6 1e7 5e7")
    parser.add_argument("--users", type=float, nargs="+", help="users of each size (default: a tenth of the events)")
    parser.add_argument("--items", type=float, nargs="+", help="items of each size (default: 10 * sqrt(events))")
    parser.add_argument("--stages", nargs="+", choices=PHASES, default=["log", "ingest", "build"], help="what to run")
    parser.add_argument("--work", type=Path, default=Path("var/scale"), help="logs, bundles and measurements go here")
    parser.add_argument("--config", type=Path, help="TOML with settings of the build")
    parser.add_argument("--fresh", action="store_true", help="measure again what the work folder already has")
    parser.add_argument("--clean", action="store_true", help="remove logs and bundles of a size once it is measured")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="also write the table there")
    parser.add_argument("--phase", choices=PHASES, help=argparse.SUPPRESS)
    parser.add_argument("--size", type=int, nargs=3, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.phase:
        size = Size(*args.size)
        stages = run_phase(args.phase, size, args.work, args.config)
        result = args.work / f"{size.n_events}" / f"{args.phase}.json"
        result.write_text(json.dumps([asdict(stage) for stage in stages], indent=1), encoding="utf-8")
        return
    users = args.users or [n / 10 for n in args.events]
    items = args.items or [10 * math.sqrt(n) for n in args.events]
    if not len(users) == len(items) == len(args.events):
        parser.error(
            f"{len(args.events)} --events, {len(users)} --users, {len(items)} --items: expected as many of each"
        )
    stages = []
    for n_events, n_users, n_items in zip(args.events, users, items, strict=True):
        size = Size(int(n_events), int(n_users), int(n_items))
        stages += _measured(args, size)
        if args.clean:
            for part in ("raw", "log", "bundles"):
                shutil.rmtree(args.work / f"{size.n_events}" / part, ignore_errors=True)
    table = markdown(stages)
    if args.markdown:
        args.markdown.write_text(table, encoding="utf-8")
    print(table)
    for stage in stages:
        name = f"scale.{stage.name.replace(': ', '.').replace(' ', '_')}.{stage.n_events}"
        print(f"figure {name}.seconds {stage.seconds:.2f}")
        print(f"figure {name}.cpu_s {stage.cpu_s:.2f}\nfigure {name}.mib {stage.peak_mib:.0f}")


if __name__ == "__main__":
    main()
