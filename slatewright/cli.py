"""`slatewright COMMAND`: finds the command's module and runs it.

Invariant: only the module of the command that runs is imported, so that a base install (grpcio and protobuf)
can show every help line and call a server. What is wrong is said in one line on stderr.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Command:
    """One command: its module (imported when it runs), its line in `--help`, and the extra it needs."""

    module: str
    help: str
    extra: str = ""


_ALL: Final = "server,offline,experiments"
COMMANDS: Final[dict[str, Command]] = {
    "ingest": Command("offline_jobs.ingest", "turn a raw behaviour log into a validated log", "offline"),
    "build": Command("offline_jobs.build", "learn from a log and publish a bundle", "offline"),
    "evaluate": Command("offline_jobs.evaluate", "measure slate and sources on held-out events", "offline"),
    "simulate": Command("offline_jobs.simulate", "SIMULATED shoppers on a real server, to try experiments on", _ALL),
    "report": Command("offline_jobs.report", "the page of one experiment: split, effects, segments", "offline"),
    "tune": Command("offline_jobs.tune", "choose settings on the window before the test window", "tune"),
    "attribute": Command("offline_jobs.attribute", "join slates shown with the feedback that followed", "offline"),
    "bundles": Command("server.manage_bundles", "list, choose, roll back and remove bundles", "server"),
    "serve": Command("server.serve", "serve slates and pitches over gRPC", "server"),
    "recommend": Command("slatewright.commands.recommend", "ask a running server for one user's slate"),
    "similar": Command("slatewright.commands.similar", "ask a running server for items like one item"),
    "events": Command("slatewright.commands.events", "hand one event to a running server"),
    "forget": Command("server.forget", "remove people from events, memory and every bundle to come", "server"),
    "key": Command("server.security.new_key", "make an API key for a caller of the server", "server"),
    "check-copy": Command("offline_jobs.check_copy", "check copy of any origin against the facts of its items"),
    "demo": Command("offline_jobs.demo", "build, serve and show slates of real people", "demo"),
}

_DELIBERATE: Final = (("recsys.errors", "RecsysError"), ("copywriter.errors", "CopyError"))
"""Errors whose message is meant for people, looked up only where their module was imported."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; its exit code, 2 for an error that is explained, 130 for Ctrl-C."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    top = _parser()
    if not arguments or arguments[0] not in COMMANDS:
        top.parse_args(arguments or ["--help"])
        return 2
    name = arguments[0]
    try:
        module = importlib.import_module(COMMANDS[name].module)
        parser = argparse.ArgumentParser(
            f"slatewright {name}",
            description=module.HELP,
            epilog=f"example: {module.EXAMPLE}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.add_arguments(parser)
        return int(module.run(parser.parse_args(arguments[1:])))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader, such as `head`, has left
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except ModuleNotFoundError as error:
        if not _foreign(error):
            raise
        return _fail(_missing(name, str(error.name)))
    except Exception as error:
        if not isinstance(error, _deliberate()):
            raise
        return _fail(str(error))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("slatewright", description="Recommendations that come with their own words.")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, command in COMMANDS.items():
        commands.add_parser(name, help=command.help)
    return parser


def _deliberate() -> tuple[type[Exception], ...]:
    loaded = ((sys.modules.get(module), name) for module, name in _DELIBERATE)
    known: list[Any] = [getattr(module, name) for module, name in loaded if module]
    return tuple(known)


def _foreign(error: ModuleNotFoundError) -> bool:
    """True for a library that is not installed, False for a module of ours, which would be a bug."""
    root = (error.name or "").partition(".")[0]
    return root not in {"", "recsys", "copywriter", "server", "slatewright"}


def _missing(name: str, module: str) -> str:
    extra = COMMANDS[name].extra
    install = f"pip install 'slatewright[{extra}]'" if extra else "pip install slatewright"
    return f"`slatewright {name}` needs {module}, which is not installed; run {install}, or make setup in a clone"


def _fail(message: str) -> int:
    print(f"error: {message}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
