"""`slatewright recommend`: one user's slate from a running server."""

from __future__ import annotations

import argparse

from slatewright import call
from slatewright.client import Client
from slatewright.v1 import recommendation_pb2 as pb

HELP = "ask a running server for one user's slate"
EXAMPLE = "slatewright recommend --user 1228 --n 8 --copy live"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The user and the flags of a slate."""
    parser.add_argument("--user", type=call.text, default="", metavar="ID", help="left out: an anonymous visitor")
    parser.add_argument("--exclude", type=call.text, action="append", default=[], metavar="ITEM", help="not this item")
    call.add_slate(parser)


def run(args: argparse.Namespace) -> int:
    """Print the slate."""
    request = pb.RecommendRequest(
        user_id=args.user,
        request_id=args.request_id,
        page_size=args.n,
        exclude_item_ids=args.exclude,
        filter=call.slate_filter(args),
        copy=call.copy_options(args),
        explain=True,
    )

    def ask(client: Client) -> pb.RecommendResponse:
        return client.recommend(request)

    return call.run(args, ask, call.show_slate)
