"""`slatewright similar`: items like one item, from a running server."""

from __future__ import annotations

import argparse

from slatewright import call
from slatewright.client import Client
from slatewright.v1 import recommendation_pb2 as pb

HELP = "ask a running server for items like one item"
EXAMPLE = "slatewright similar --item 1082185 --n 5"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The item and the flags of a slate."""
    parser.add_argument("--item", type=call.text, required=True, metavar="ID", help="the item to start from")
    parser.add_argument("--user", type=call.text, default="", metavar="ID", help="for whom; left out: anyone")
    call.add_slate(parser)


def run(args: argparse.Namespace) -> int:
    """Print the items."""
    request = pb.ListSimilarItemsRequest(
        item_id=args.item,
        user_id=args.user,
        request_id=args.request_id,
        page_size=args.n,
        filter=call.slate_filter(args),
        copy=call.copy_options(args),
        explain=True,
    )

    def ask(client: Client) -> pb.ListSimilarItemsResponse:
        return client.list_similar_items(request)

    return call.run(args, ask, call.show_slate)
