"""What the commands that call a server share: flags, errors in one line, a readable table."""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import sys
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, TypeVar

import grpc
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

from slatewright.channels import tls
from slatewright.client import DEFAULT_TARGET, Client
from slatewright.v1 import copy_pb2, recommendation_pb2

M = TypeVar("M", bound=Message)
Slate = recommendation_pb2.RecommendResponse | recommendation_pb2.ListSimilarItemsResponse

API_KEY: Final = "SLATEWRIGHT_API_KEY"
TOKEN: Final = "SLATEWRIGHT_TOKEN"  # noqa: S105  the names of variables
MAX_WIDTH: Final = 100
_LONGEST_S: Final = 86_400.0
_COPY: Final = {
    "default": copy_pb2.COPY_MODE_UNSPECIFIED,
    "none": copy_pb2.COPY_MODE_NONE,
    "cached": copy_pb2.COPY_MODE_CACHED,
    "live": copy_pb2.COPY_MODE_LIVE,
}


def text(value: str) -> str:
    """An argument that can be sent: the shell hands over any bytes."""
    try:
        value.encode()
    except UnicodeEncodeError:
        raise argparse.ArgumentTypeError(f"{value!a} is not UTF-8 text; send it as UTF-8") from None
    return value


def count(value: str) -> int:
    """A whole number that fits the wire; whether it makes sense is the server's word."""
    if not re.fullmatch(r"[+-]?[0-9]{1,9}", value):
        raise argparse.ArgumentTypeError(f"{value!a} is not a whole number of at most nine digits; correct it")
    return int(value)


def seconds(value: str) -> float:
    """A time to wait."""
    try:
        found = float(value)
    except ValueError:
        found = 0.0
    if not 0 < found <= _LONGEST_S:
        raise argparse.ArgumentTypeError(f"{value!a} is not a time of more than 0 and at most {_LONGEST_S:g} s")
    return found


def add_server(parser: argparse.ArgumentParser) -> None:
    """Flags every call has. Keys and tokens are in the environment: arguments are seen by everybody on the machine."""
    parser.add_argument("--target", type=text, default=DEFAULT_TARGET, metavar="HOST:PORT", help=f"({DEFAULT_TARGET})")
    parser.add_argument("--timeout", type=seconds, default=10.0, metavar="S", help="deadline in seconds (10)")
    parser.add_argument("--ca", type=Path, metavar="FILE", help="PEM of who signs the server's certificate: use TLS")
    parser.add_argument("--cert", type=Path, metavar="FILE", help="PEM of this caller's certificate; with --key")
    parser.add_argument("--key", type=Path, metavar="FILE", help="PEM of its key")
    parser.add_argument("--json", action="store_true", help="print the answer as JSON")


def add_slate(parser: argparse.ArgumentParser) -> None:
    """Flags of a call for a slate."""
    add_server(parser)
    parser.add_argument("--n", type=count, default=10, metavar="N", help="items wanted (10)")
    parser.add_argument("--copy", choices=tuple(_COPY), default="default", help="pitches wanted")
    parser.add_argument(
        "--category", type=text, action="append", default=[], help='only this path, as "Grocery > Cheese"'
    )
    parser.add_argument("--request-id", type=text, default="", help="the same id gives the same slate")


def slate_filter(args: argparse.Namespace) -> recommendation_pb2.ItemFilter:
    """The filter of `add_slate`'s flags."""
    return recommendation_pb2.ItemFilter(categories=args.category)


def copy_options(args: argparse.Namespace) -> copy_pb2.CopyOptions:
    """The copy options of `add_slate`'s flags."""
    return copy_pb2.CopyOptions(mode=_COPY[args.copy])


def run(
    args: argparse.Namespace,
    call: Callable[[Client], M],
    show: Callable[[M], None],
    refused: Callable[[M], str] = lambda _answer: "",
) -> int:
    """Call the server and show the answer; 2 with one line on stderr when it fails or `refused` says why."""
    try:
        secure = tls(args.ca, cert=args.cert, key=args.key) if args.ca or args.cert or args.key else None
        with Client(
            args.target,
            timeout_s=args.timeout,
            credentials=secure,
            api_key=os.environ.get(API_KEY, ""),
            token=os.environ.get(TOKEN, ""),
            n_channels=1,
        ) as client:
            answer = call(client)
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except grpc.RpcError as error:
        print(f"error: {_explained(error, args.target)}", file=sys.stderr)
        return 2
    if args.json:
        print(json.dumps(MessageToDict(answer, preserving_proto_field_name=True), indent=2, ensure_ascii=False))
    elif not refused(answer):
        show(answer)
    if why := refused(answer):
        print(f"error: {why}", file=sys.stderr)
        return 2
    return 0


def show_slate(answer: Slate) -> None:
    """A table as wide as the terminal, at most 100: rank, item, pitch, its origin and why."""
    width = min(shutil.get_terminal_size((MAX_WIDTH, 24)).columns, MAX_WIDTH)
    status = recommendation_pb2.UserStatus.Name(answer.user_status).removeprefix("USER_STATUS_")
    print(f"bundle {answer.bundle_version}, user {status.lower()}, request {answer.request_id}")
    titles = {item.item_id: item.title for item in answer.items if item.title}
    for item in answer.items:
        print()
        _print(f"{item.rank:>3}. ", f"{item.title or 'item'}  [{item.item_id}]", width)
        if item.HasField("pitch"):
            origin = copy_pb2.PitchOrigin.Name(item.pitch.origin).removeprefix("PITCH_ORIGIN_")
            _print("     ", f"“{item.pitch.text}” ({origin.lower()})", width)
        why = "; ".join(_why(reason, item.item_id, titles) for reason in item.reasons)
        if why or item.sources:
            _print("     why: ", why or f"found by {', '.join(item.sources)}", width)
    if answer.shortfall:
        print()
        _print("", f"shortfall: {answer.shortfall}", width)


def _why(reason: recommendation_pb2.Reason, item_id: str, titles: Mapping[str, str]) -> str:
    """A reason in words; the item it rests on by its title where the slate tells it."""
    code = reason.code.replace("_", " ")
    evidence = reason.evidence_item_id
    if evidence in {"", item_id}:  # "bought before" rests on the item itself
        return code
    joint = ", because of" if reason.code == "people_like_you" else ""
    return f"{code}{joint} {titles.get(evidence) or f'item {evidence}'}"


def _print(lead: str, said: str, width: int) -> None:
    print(textwrap.fill(said, width, initial_indent=lead, subsequent_indent=" " * len(lead)))


def _explained(error: grpc.RpcError, server: str) -> str:
    code, details = error.code(), error.details() or ""
    if code is grpc.StatusCode.UNAVAILABLE and "handshake" in details.lower():
        return (
            f"no secure connection to {server}; check --ca, --cert and --key, and the name in the server's certificate"
        )
    if code is grpc.StatusCode.UNAVAILABLE and "bundle" not in details:
        return f"no server answers at {server}; start one with `slatewright serve`"
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return f"no answer from {server} in time; allow more with --timeout"
    return f"{code.name}: {details}"
