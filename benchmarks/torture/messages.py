"""Requests that nobody sane sends: Hypothesis strategies over the contract's messages, and bytes that are no message.

Invariant: strategies follow the descriptors, so a new field is fuzzed without a change here. Values lean towards the
edges: ids that exist, empty, overlong or full of control characters; numbers at their bounds, NaN and infinities.
"""

from __future__ import annotations

import random
from typing import Any, Final

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from hypothesis import strategies as st

from slatewright.v1 import feedback_pb2, recommendation_pb2

METHODS: Final = tuple(
    (f"/{service.full_name}/{method.name}", GetMessageClass(method.input_type))
    for file in (recommendation_pb2.DESCRIPTOR, feedback_pb2.DESCRIPTOR)
    for service in file.services_by_name.values()
    for method in service.methods
)
"""Path and request class of every rpc."""
MAX_DEPTH: Final = 4

_F = FieldDescriptor
_KNOWN = ["", "u0000001", "u0000999", "i0000001", "i0000500", "home", "EUR", "de-DE", "DE", "x" * 257, "x" * 5_000]
_ODD = ["\x00", "\u202e", "\ud7ff\uffff", "a\nb", "💥" * 90, "' OR 1=1 --", "../../etc/passwd", "%s%n{0}", "ﷺ" * 260]
_TEXT = st.one_of(st.sampled_from(_KNOWN), st.sampled_from(_ODD), st.text(max_size=40))
_DOUBLE = st.one_of(
    st.sampled_from([0.0, -0.0, 1.0, -1.0, 1e9, 1e308, float("inf"), float("-inf"), float("nan"), 5e-324]), st.floats()
)


def _int(bits: int, *, signed: bool) -> st.SearchStrategy[int]:
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    return st.one_of(st.sampled_from([0, 1, 10, 100, low, high]), st.integers(low, high))


_SCALARS: Final[dict[int, st.SearchStrategy[Any]]] = {
    _F.CPPTYPE_INT32: _int(32, signed=True),
    _F.CPPTYPE_INT64: _int(64, signed=True),
    _F.CPPTYPE_UINT32: _int(32, signed=False),
    _F.CPPTYPE_UINT64: _int(64, signed=False),
    _F.CPPTYPE_DOUBLE: _DOUBLE,
    _F.CPPTYPE_FLOAT: _DOUBLE.map(lambda x: x if abs(x) < 3e38 else 0.0),
    _F.CPPTYPE_BOOL: st.booleans(),
    _F.CPPTYPE_ENUM: st.one_of(st.integers(0, 8), _int(32, signed=True)),
    _F.CPPTYPE_STRING: _TEXT,
}


def messages(descriptor: Descriptor, *, depth: int = MAX_DEPTH) -> st.SearchStrategy[Message]:
    """Messages of a type, each field there or not."""
    kind = GetMessageClass(descriptor)
    fields = {f.name: _field(f, depth) for f in descriptor.fields if depth or f.message_type is None}
    return st.fixed_dictionaries({}, optional=fields).map(lambda values: _made(kind, descriptor, values))


def _field(field: FieldDescriptor, depth: int) -> st.SearchStrategy[Any]:
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        key, value = (field.message_type.fields_by_name[name] for name in ("key", "value"))
        return st.dictionaries(_one(key, depth), _one(value, depth), max_size=12)
    one = _one(field, depth)
    return st.lists(one, max_size=6) if field.is_repeated else one


def _one(field: FieldDescriptor, depth: int) -> st.SearchStrategy[Any]:
    if field.message_type is not None:
        return messages(field.message_type, depth=depth - 1)
    if field.type == _F.TYPE_BYTES:
        return st.binary(max_size=40)
    return _SCALARS[field.cpp_type]


def _made(kind: type[Message], descriptor: Descriptor, values: dict[str, Any]) -> Message:
    message = kind()
    for name, value in values.items():
        field = descriptor.fields_by_name[name]
        if field.message_type is None and not field.is_repeated:
            setattr(message, name, value)
        elif isinstance(value, dict):
            getattr(message, name).update(value)
        elif field.is_repeated:
            getattr(message, name).extend(value)
        else:
            getattr(message, name).CopyFrom(value)
    return message


def garbage(draw: random.Random, valid: bytes) -> bytes:
    """Bytes that may or may not be a message: random ones, or valid ones with something done to them."""
    kind = draw.randrange(6)
    if kind == 0 or not valid:
        return draw.randbytes(draw.choice([0, 1, 2, 7, 64, 1_000]))
    content = bytearray(valid)
    place = draw.randrange(len(content))
    if kind == 1:
        content[place] ^= 1 << draw.randrange(8)
    elif kind == 2:
        del content[place:]
    elif kind == 3:
        content[place:place] = draw.randbytes(draw.randrange(1, 20))
    elif kind == 4:
        content += content * draw.randrange(1, 4)
    else:
        content[place : place + 1] = b"\xff" * draw.randrange(1, 12)
    return bytes(content)
