"""`slatewright serve`: answer gRPC calls from the published bundle."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path
from typing import get_args

from server import supervisor
from server.config import Clock, CopyPolicy, ServerConfig, load

HELP = "serve slates and pitches over gRPC"
EXAMPLE = "slatewright serve --bundles var/bundles --port 50051 --copy live"
FLAGS = (
    *("bundles", "cache", "state", "store", "host", "port", "admin_port", "clock", "copy", "rules", "callers"),
    *("features", "exposures", "insecure", "workers"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags; each overrides the same key of `[server]` in --config."""
    known = ServerConfig()
    parser.add_argument("--bundles", metavar="DIR", help=f"published bundles, or their URL ({known.bundles})")
    parser.add_argument("--cache", type=Path, help=f"local copies of bundles at a URL ({known.cache})")
    parser.add_argument("--state", type=Path, help="events, overlay, key (state beside bundles)")
    parser.add_argument("--store", metavar="URL", help="redis://HOST:PORT/0 for several hosts (SQLite in the state)")
    parser.add_argument("--host", help=f"address to listen on ({known.host})")
    parser.add_argument("--port", type=int, help=f"port, 0 for any free one ({known.port})")
    parser.add_argument("--admin-port", type=int, help="loopback port of /metrics, 0 for none (0)")
    parser.add_argument("--clock", choices=get_args(Clock), help=f"what now is ({known.clock})")
    parser.add_argument("--copy", choices=get_args(CopyPolicy), help=f"pitches by default ({known.copy})")
    parser.add_argument("--rules", type=Path, metavar="FILE", help="TOML of business rules, read again when it changes")
    parser.add_argument(
        "--features", type=Path, metavar="FILE", help="GrowthBook features of variants, read again when it changes"
    )
    parser.add_argument("--exposures", type=Path, metavar="DIR", help="log what is shown there, as Parquet by day")
    parser.add_argument("--callers", type=Path, metavar="FILE", help="TOML of who may call (docs/security.md)")
    parser.add_argument(
        "--insecure", action="store_const", const=True, help="listen beyond this machine without asking"
    )
    parser.add_argument("--workers", type=int, help=f"processes that answer ({known.workers})")
    parser.add_argument("--config", type=Path, help="TOML file with a table [server]")


def run(args: argparse.Namespace) -> int:
    """Serve until SIGTERM or Ctrl-C; prints `ready HOST:PORT` once calls are answered."""
    config = load(args.config, {name: getattr(args, name, None) for name in FLAGS})
    asyncio.run(supervisor.serve(config, ready=lambda address: print(f"ready {address}", flush=True)))
    return 0
