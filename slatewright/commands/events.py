"""`slatewright events`: hand one event to a running server; the next slate reflects it."""

from __future__ import annotations

import argparse
import uuid

from slatewright import call
from slatewright.client import Client
from slatewright.v1 import feedback_pb2

HELP = "hand one event to a running server"
EXAMPLE = "slatewright events --user 1228 dislike 1082185"

_KINDS = ("impression", "view", "click", "search", "add_to_cart", "purchase", "dislike")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Who did what with which item."""
    parser.add_argument("--user", type=call.text, required=True, metavar="ID", help="who")
    parser.add_argument("type", choices=_KINDS)
    parser.add_argument("object", type=call.text, help="the item's id; the words of a search")
    parser.add_argument("--event-id", type=call.text, default="", help="a repeat is stored once (made up)")
    call.add_server(parser)


def run(args: argparse.Namespace) -> int:
    """Record the event; 2 when it is rejected."""
    event = feedback_pb2.Event(
        event_id=args.event_id or uuid.uuid4().hex,
        user_id=args.user,
        type=f"EVENT_TYPE_{args.type.upper()}",
    )
    if args.type == "search":
        event.query = args.object
    else:
        event.item_id = args.object

    def ask(client: Client) -> feedback_pb2.RecordEventsResponse:
        return client.record_events([event])

    return call.run(args, ask, _show, _refused)


def _show(answer: feedback_pb2.RecordEventsResponse) -> None:
    print(f"accepted {answer.accepted}")


def _refused(answer: feedback_pb2.RecordEventsResponse) -> str:
    return "; ".join(f"rejected: {rejected.reason}" for rejected in answer.rejected)
