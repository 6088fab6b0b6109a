"""What the commands that call a server share: flags, errors in one line, a readable table."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import textwrap
from collections.abc import Callable
from typing import Final, TypeVar

import grpc
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

from slatewright.client import DEFAULT_TARGET, Client
from slatewright.v1 import copy_pb2, recommendation_pb2

M = TypeVar("M", bound=Message)
Slate = recommendation_pb2.RecommendResponse | recommendation_pb2.ListSimilarItemsResponse

_COPY: Final = {
    "default": copy_pb2.COPY_MODE_UNSPECIFIED,
    "none": copy_pb2.COPY_MODE_NONE,
    "cached": copy_pb2.COPY_MODE_CACHED,
    "live": copy_pb2.COPY_MODE_LIVE,
}


def add_server(parser: argparse.ArgumentParser) -> None:
    """Flags every call has."""
    parser.add_argument("--target", default=DEFAULT_TARGET, metavar="HOST:PORT", help=f"({DEFAULT_TARGET})")
    parser.add_argument("--timeout", type=float, default=10.0, metavar="S", help="deadline in seconds (10)")
    parser.add_argument("--json", action="store_true", help="print the answer as JSON")


def add_slate(parser: argparse.ArgumentParser) -> None:
    """Flags of a call for a slate."""
    add_server(parser)
    parser.add_argument("--n", type=int, default=10, metavar="N", help="items wanted (10)")
    parser.add_argument("--copy", choices=tuple(_COPY), default="default", help="pitches wanted")
    parser.add_argument("--category", action="append", default=[], help='only this path, as "Grocery > Cheese"')
    parser.add_argument("--request-id", default="", help="the same id gives the same slate")


def slate_filter(args: argparse.Namespace) -> recommendation_pb2.ItemFilter:
    """The filter of `add_slate`'s flags."""
    return recommendation_pb2.ItemFilter(categories=args.category)


def copy_options(args: argparse.Namespace) -> copy_pb2.CopyOptions:
    """The copy options of `add_slate`'s flags."""
    return copy_pb2.CopyOptions(mode=_COPY[args.copy])


def run(args: argparse.Namespace, call: Callable[[Client], M], show: Callable[[M], None]) -> int:
    """Call the server and show the answer; 2 with one line on stderr when it fails."""
    try:
        with Client(args.target, timeout_s=args.timeout) as client:
            answer = call(client)
    except grpc.RpcError as error:
        print(f"error: {_explained(error, args.target)}", file=sys.stderr)
        return 2
    if args.json:
        content = MessageToDict(answer, preserving_proto_field_name=True)
        print(json.dumps(content, indent=2, ensure_ascii=False))
    else:
        show(answer)
    return 0


def show_slate(answer: Slate) -> None:
    """A table: rank, item, pitch, its origin and why."""
    status = recommendation_pb2.UserStatus.Name(answer.user_status).removeprefix("USER_STATUS_")
    print(f"bundle {answer.bundle_version}, user {status.lower()}, request {answer.request_id}")
    width = min(shutil.get_terminal_size((100, 24)).columns, 120)
    for item in answer.items:
        print(f"\n{item.rank:>3}. {item.title or item.item_id}  [{item.item_id}]")
        if item.HasField("pitch"):
            origin = copy_pb2.PitchOrigin.Name(item.pitch.origin).removeprefix("PITCH_ORIGIN_")
            said = f"“{item.pitch.text}” ({origin.lower()})"
            print(textwrap.fill(said, width, initial_indent=" " * 5, subsequent_indent=" " * 5))
        why = [
            reason.code.replace("_", " ") + (f" {reason.evidence_item_id}" if reason.evidence_item_id else "")
            for reason in item.reasons
        ]
        if why or item.sources:
            print(f"     why: {'; '.join(why) or '—'}   from: {', '.join(item.sources) or '—'}")
    if answer.shortfall:
        print(f"\nshortfall: {answer.shortfall}")


def _explained(error: grpc.RpcError, server: str) -> str:
    code, details = error.code(), error.details() or ""
    if code is grpc.StatusCode.UNAVAILABLE and "bundle" not in details:
        return f"no server answers at {server}; start one with `slatewright serve`"
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return f"no answer from {server} in time; allow more with --timeout"
    return f"{code.name}: {details}"
