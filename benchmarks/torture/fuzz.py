"""Wrong requests of every kind: a clear status each, no word of the inside, no crash, no growth, nobody let in."""

from __future__ import annotations

import hashlib
import random
import re
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import grpc
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from benchmarks.torture.messages import METHODS, garbage, messages
from benchmarks.torture.network import steady
from benchmarks.torture.raw_http2 import PREFACE, SETTINGS, call, frame
from benchmarks.torture.served import Server, Usage, serving, until
from benchmarks.torture.table import Bench, Row

INSIDE: Final = re.compile(r"Traceback|File \"|\.py\b|\b\w+(Error|Exception)\b|site-packages|numpy|lightgbm|sqlite")
"""Words that belong into no status."""
SOUND: Final = {
    *("OK", "INVALID_ARGUMENT", "NOT_FOUND", "RESOURCE_EXHAUSTED", "UNIMPLEMENTED", "DEADLINE_EXCEEDED"),
    *("UNAUTHENTICATED", "PERMISSION_DENIED"),
}
CLOSED: Final = {"UNAUTHENTICATED", "PERMISSION_DENIED"}
KEYS: Final = {"reader": "reader-key-0123456789", "writer": "writer-key-0123456789"}
GROWTH_MIB: Final = 80.0


@dataclass(slots=True)
class Answers:
    """Codes by name, the worst of them with what was sent, words that should not be there."""

    codes: Counter[str] = field(default_factory=Counter)
    bad: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    def note(self, code: str, said: str, sent: str, *, sound: set[str] | frozenset[str] = frozenset(SOUND)) -> None:
        """One answer."""
        self.codes[code] += 1
        if code not in sound:
            self.bad.append(f"{code} {said[:80]!r} for {sent[:200]}")
        if INSIDE.search(said):
            self.told.append(f"{said[:120]!r} for {sent[:120]}")


def run(at: Bench) -> list[Row]:
    """An open server, then a secured one."""
    n = at.sized(quick=5_000, full=100_000)
    return [_open(at, n), _secured(at, at.sized(quick=1_000, full=10_000))]


def _open(at: Bench, n: int) -> Row:
    answers = Answers()
    with serving(at.bundles, at.folder("fuzz")) as server:
        channel = grpc.insecure_channel(server.target)
        _structured(channel, answers, n // 20, at)  # warm: caches and pools fill once
        before = steady(server.usage)
        _structured(channel, answers, n // 2, at)
        _raw(channel, answers, n // 2, at)
        _bare(server, answers, n // 50)
        channel.close()
        after = steady(server.usage)
        restarts, errors = server.metric("slatewright_worker_restarts_total"), len(server.said("unexpected_error"))
    internal = answers.codes["INTERNAL"] + answers.codes["UNKNOWN"]
    growth = after.unique - before.unique
    first = "; ".join([*answers.bad, *answers.told][:3])
    return Row(
        "fuzz",
        f"{answers.codes.total():,} requests over {len(METHODS)} rpcs: structured ones, broken bytes, bare frames",
        f"{_shown(answers)}; {internal} INTERNAL or UNKNOWN, {errors} unexpected errors in the log, "
        f"{len(answers.told)} words of the inside, {restarts:.0f} workers replaced; before {before}, after {after}"
        f"{'; ' + first if first else ''}",
        not answers.bad
        and not answers.told
        and not restarts
        and not errors
        and growth < GROWTH_MIB
        and _closed_up(before, after),
        {"fuzz_internal": internal, "fuzz_requests": answers.codes.total(), "fuzz_growth_mib": growth},
    )


def _closed_up(before: Usage, after: Usage) -> bool:
    return after.fds <= before.fds + 8


def _shown(answers: Answers) -> str:
    return ", ".join(f"{n} {code}" for code, n in answers.codes.most_common())


def _structured(channel: grpc.Channel, answers: Answers, n: int, at: Bench) -> None:
    """Valid messages of wild content."""
    one = st.one_of(*(messages(kind.DESCRIPTOR).map(lambda m, p=path: (p, m)) for path, kind in METHODS))  # type: ignore[misc]

    @seed(5)
    @settings(
        max_examples=n,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(one)
    def send(wanted: Any) -> None:
        path, message = wanted
        answers.note(*_sent(channel, path, message.SerializeToString()), sent=f"{path} {message!r}")
        if answers.codes.total() % 2_000 == 0:
            at.tell(f"{answers.codes.total()} fuzzed: {_shown(answers)}")

    send()


def _raw(channel: grpc.Channel, answers: Answers, n: int, at: Bench) -> None:
    """Bytes that are mostly no messages."""
    draw = random.Random(6)
    valid = {path: kind().SerializeToString() for path, kind in METHODS}
    valid |= {path: _example(path) for path, _ in METHODS}
    for number in range(n):
        path, _ = draw.choice(METHODS)
        content = garbage(draw, valid[path])
        answers.note(*_sent(channel, path, content), sent=f"{path} {content[:60].hex()}")
        if number % 2_000 == 0:
            at.tell(f"{number} of {n} raw: {_shown(answers)}")


def _example(path: str) -> bytes:
    """A request of this rpc that is served."""
    from slatewright.v1 import feedback_pb2, recommendation_pb2  # noqa: PLC0415

    slate = recommendation_pb2.RecommendRequest(user_id="u0000001", request_id="r", page_size=3)
    slate.filter.categories.append("Grocery")
    event = feedback_pb2.Event(event_id="e", user_id="u0000001", item_id="i0000001", type=3, quantity=2.0)
    event.event_time.seconds = 1_700_000_000
    made: dict[str, Any] = {
        "Recommend": slate,
        "StreamRecommend": recommendation_pb2.StreamRecommendRequest(request=slate),
        "ListSimilarItems": recommendation_pb2.ListSimilarItemsRequest(item_id="i0000001", page_size=3),
        "RecordEvents": feedback_pb2.RecordEventsRequest(events=[event, event]),
        "UpdateItems": feedback_pb2.UpdateItemsRequest(
            items=[feedback_pb2.ItemUpdate(item_id="i0000001", price=2.0, stock=3)]
        ),
    }
    found = made.get(path.rpartition("/")[2])
    return found.SerializeToString() if found is not None else b""


def _sent(channel: grpc.Channel, path: str, content: bytes, sent: Any = None) -> tuple[str, str]:
    """(code, words) of a call of bytes; a stream is read to its end. `sent` is metadata."""
    try:
        if path.endswith("StreamRecommend"):
            for _ in channel.unary_stream(path)(content, timeout=20, metadata=sent):
                pass
        else:
            channel.unary_unary(path)(content, timeout=20, metadata=sent)
    except grpc.RpcError as error:
        return error.code().name, error.details() or ""  # type: ignore[attr-defined]
    return "OK", ""


def _bare(server: Server, answers: Answers, n: int) -> None:
    """Bytes below gRPC: garbage on the port, frames out of order, oversized lengths. Nothing is to come of them."""
    draw = random.Random(8)
    path, _ = METHODS[0]
    for number in range(n):
        hello = PREFACE + frame(SETTINGS, 0, 0, b"")
        kinds = [
            lambda: draw.randbytes(draw.randrange(1, 400)),
            lambda: b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
            lambda: hello + draw.randbytes(60),
            lambda: hello + frame(draw.randrange(12), draw.randrange(256), draw.randrange(5), draw.randbytes(30)),
            lambda: hello + call(path, 1, b"\xff" * 20)[: draw.randrange(20, 120)],
            lambda: hello + call(path, 1, b"")[:-5] + b"\x01\xff\xff\xff\xff",
        ]
        with socket.create_connection(("127.0.0.1", server.port), timeout=5) as peer:
            peer.sendall(kinds[number % len(kinds)]())
        answers.codes["(no answer)"] += 1


def _secured(at: Bench, n: int) -> Row:
    folder = at.folder("secured")
    callers = folder / "callers.toml"
    callers.write_text(
        _caller("reader", ["Recommend", "StreamRecommend"], 'placements = ["home"]')
        + _caller("writer", ["RecordEvents"])
    )
    answers, draw = Answers(), random.Random(9)
    with serving(at.bundles, folder, callers=callers) as server, _channel(server) as channel:
        allowed = [
            _sent(channel, METHODS[0][0], _example(METHODS[0][0]), (("x-api-key", KEYS["reader"]),))[0],
            _sent(channel, "/slatewright.v1.FeedbackService/RecordEvents", b"", (("x-api-key", KEYS["writer"]),))[0],
        ]
        for _ in range(n):
            path, _kind = draw.choice(METHODS)
            content = garbage(draw, _example(path)) if draw.random() < 0.5 else _example(path)
            metadata = _barred(draw, path)
            if metadata is None:  # the right caller, the wrong placement
                path, content = METHODS[0][0], b"\x22\x04side"
                metadata = (("x-api-key", KEYS["reader"]),)
            answers.note(*_sent(channel, path, content, metadata), sent=f"{path} {metadata}", sound=CLOSED)
        others = [
            _sent(channel, path, b"", None)[0]
            for path in ("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", "/nobody/serves", "/x")
        ]
        told = sum(key in server.log.read_text() for key in KEYS.values())
    first = "; ".join([*answers.bad, *answers.told][:3])
    return Row(
        "fuzz of a secured server",
        f"{n:,} calls without credentials, with wrong ones, or outside of the caller's scope",
        f"{_shown(answers)}; {len(answers.bad)} got through; those allowed: {allowed}; reflection and unknown calls "
        f"without credentials: {others}; {told} keys in the log{'; ' + first if first else ''}",
        not answers.bad and not answers.told and allowed == ["OK", "OK"] and "OK" not in others and not told,
        {"fuzz_breaches": len(answers.bad)},
    )


@contextmanager
def _channel(server: Server) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(server.target) as channel:
        until(lambda: server.metric("slatewright_workers_serving") == 2)
        yield channel


def _caller(name: str, rpcs: list[str], more: str = "") -> str:
    digest = hashlib.sha256(KEYS[name].encode()).hexdigest()
    return f'[[caller]]\nname = "{name}"\nkey_sha256 = ["{digest}"]\nrpcs = {rpcs}\n{more}\n'.replace("'", '"')


def _barred(draw: random.Random, path: str) -> Any:
    """Metadata with which this call must not get through; None for a call whose placement is to be wrong."""
    reads = path.endswith(("/Recommend", "/StreamRecommend"))
    writes = path.endswith("/RecordEvents")
    wrong = KEYS["writer"] if reads else KEYS["reader"] if writes else draw.choice(list(KEYS.values()))
    right = KEYS["reader"] if reads else KEYS["writer"]
    ways: list[Any] = [
        (),
        (("x-api-key", wrong),),
        (("x-api-key", ""),),
        (("x-api-key", right[:-1]),),
        (("x-api-key", right.upper()),),
        (("x-api-key", right + " x"),),
        (("x-api-key", right), ("x-api-key", right)),
        (("authorization", f"Bearer {right}"),),
        (("authorization", f"Basic {right}"),),
        (("x-api-key-bin", right.encode()),),
        (("x-api-key", "".join(draw.choice("0123456789abcdef") for _ in range(40))),),
        None,
    ]
    return draw.choice(ways)
