from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class PitchOrigin(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PITCH_ORIGIN_UNSPECIFIED: _ClassVar[PitchOrigin]
    PITCH_ORIGIN_GENERATED: _ClassVar[PitchOrigin]
    PITCH_ORIGIN_CACHED: _ClassVar[PitchOrigin]
    PITCH_ORIGIN_TEMPLATE: _ClassVar[PitchOrigin]

class CopyMode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    COPY_MODE_UNSPECIFIED: _ClassVar[CopyMode]
    COPY_MODE_NONE: _ClassVar[CopyMode]
    COPY_MODE_CACHED: _ClassVar[CopyMode]
    COPY_MODE_LIVE: _ClassVar[CopyMode]

class Verdict(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    VERDICT_UNSPECIFIED: _ClassVar[Verdict]
    VERDICT_PASS: _ClassVar[Verdict]
    VERDICT_REPAIR: _ClassVar[Verdict]
    VERDICT_REVIEW: _ClassVar[Verdict]
    VERDICT_BLOCK: _ClassVar[Verdict]
PITCH_ORIGIN_UNSPECIFIED: PitchOrigin
PITCH_ORIGIN_GENERATED: PitchOrigin
PITCH_ORIGIN_CACHED: PitchOrigin
PITCH_ORIGIN_TEMPLATE: PitchOrigin
COPY_MODE_UNSPECIFIED: CopyMode
COPY_MODE_NONE: CopyMode
COPY_MODE_CACHED: CopyMode
COPY_MODE_LIVE: CopyMode
VERDICT_UNSPECIFIED: Verdict
VERDICT_PASS: Verdict
VERDICT_REPAIR: Verdict
VERDICT_REVIEW: Verdict
VERDICT_BLOCK: Verdict

class Pitch(_message.Message):
    __slots__ = ("text", "origin", "fact_ids", "model", "prompt_version", "policy_version", "locale", "ai_generated")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    FACT_IDS_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    PROMPT_VERSION_FIELD_NUMBER: _ClassVar[int]
    POLICY_VERSION_FIELD_NUMBER: _ClassVar[int]
    LOCALE_FIELD_NUMBER: _ClassVar[int]
    AI_GENERATED_FIELD_NUMBER: _ClassVar[int]
    text: str
    origin: PitchOrigin
    fact_ids: _containers.RepeatedScalarFieldContainer[str]
    model: str
    prompt_version: str
    policy_version: str
    locale: str
    ai_generated: bool
    def __init__(self, text: _Optional[str] = ..., origin: _Optional[_Union[PitchOrigin, str]] = ..., fact_ids: _Optional[_Iterable[str]] = ..., model: _Optional[str] = ..., prompt_version: _Optional[str] = ..., policy_version: _Optional[str] = ..., locale: _Optional[str] = ..., ai_generated: bool = ...) -> None: ...

class CopyOptions(_message.Message):
    __slots__ = ("mode", "locale", "max_chars")
    MODE_FIELD_NUMBER: _ClassVar[int]
    LOCALE_FIELD_NUMBER: _ClassVar[int]
    MAX_CHARS_FIELD_NUMBER: _ClassVar[int]
    mode: CopyMode
    locale: str
    max_chars: int
    def __init__(self, mode: _Optional[_Union[CopyMode, str]] = ..., locale: _Optional[str] = ..., max_chars: _Optional[int] = ...) -> None: ...

class CopyCandidate(_message.Message):
    __slots__ = ("pitch", "verdict", "findings")
    PITCH_FIELD_NUMBER: _ClassVar[int]
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    FINDINGS_FIELD_NUMBER: _ClassVar[int]
    pitch: Pitch
    verdict: Verdict
    findings: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, pitch: _Optional[_Union[Pitch, _Mapping]] = ..., verdict: _Optional[_Union[Verdict, str]] = ..., findings: _Optional[_Iterable[str]] = ...) -> None: ...

class Audience(_message.Message):
    __slots__ = ("traits",)
    TRAITS_FIELD_NUMBER: _ClassVar[int]
    traits: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, traits: _Optional[_Iterable[str]] = ...) -> None: ...

class CopyLimits(_message.Message):
    __slots__ = ("max_chars",)
    MAX_CHARS_FIELD_NUMBER: _ClassVar[int]
    max_chars: int
    def __init__(self, max_chars: _Optional[int] = ...) -> None: ...

class WriteCopyRequest(_message.Message):
    __slots__ = ("kind", "item_id", "audience", "user_id", "locale", "limits", "n", "request_id")
    KIND_FIELD_NUMBER: _ClassVar[int]
    ITEM_ID_FIELD_NUMBER: _ClassVar[int]
    AUDIENCE_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    LOCALE_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    N_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    kind: str
    item_id: str
    audience: Audience
    user_id: str
    locale: str
    limits: CopyLimits
    n: int
    request_id: str
    def __init__(self, kind: _Optional[str] = ..., item_id: _Optional[str] = ..., audience: _Optional[_Union[Audience, _Mapping]] = ..., user_id: _Optional[str] = ..., locale: _Optional[str] = ..., limits: _Optional[_Union[CopyLimits, _Mapping]] = ..., n: _Optional[int] = ..., request_id: _Optional[str] = ...) -> None: ...

class WriteCopyResponse(_message.Message):
    __slots__ = ("candidates", "request_id", "bundle_version")
    CANDIDATES_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    BUNDLE_VERSION_FIELD_NUMBER: _ClassVar[int]
    candidates: _containers.RepeatedCompositeFieldContainer[CopyCandidate]
    request_id: str
    bundle_version: str
    def __init__(self, candidates: _Optional[_Iterable[_Union[CopyCandidate, _Mapping]]] = ..., request_id: _Optional[str] = ..., bundle_version: _Optional[str] = ...) -> None: ...
