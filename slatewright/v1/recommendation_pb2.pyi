import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from slatewright.v1 import copy_pb2 as _copy_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class UserStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    USER_STATUS_UNSPECIFIED: _ClassVar[UserStatus]
    USER_STATUS_KNOWN: _ClassVar[UserStatus]
    USER_STATUS_COLD: _ClassVar[UserStatus]
    USER_STATUS_ANONYMOUS: _ClassVar[UserStatus]

class PurchasedPolicy(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PURCHASED_POLICY_UNSPECIFIED: _ClassVar[PurchasedPolicy]
    PURCHASED_POLICY_EXCLUDE: _ClassVar[PurchasedPolicy]
    PURCHASED_POLICY_INCLUDE: _ClassVar[PurchasedPolicy]
USER_STATUS_UNSPECIFIED: UserStatus
USER_STATUS_KNOWN: UserStatus
USER_STATUS_COLD: UserStatus
USER_STATUS_ANONYMOUS: UserStatus
PURCHASED_POLICY_UNSPECIFIED: PurchasedPolicy
PURCHASED_POLICY_EXCLUDE: PurchasedPolicy
PURCHASED_POLICY_INCLUDE: PurchasedPolicy

class RequestContext(_message.Message):
    __slots__ = ("country", "locale", "device")
    COUNTRY_FIELD_NUMBER: _ClassVar[int]
    LOCALE_FIELD_NUMBER: _ClassVar[int]
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    country: str
    locale: str
    device: str
    def __init__(self, country: _Optional[str] = ..., locale: _Optional[str] = ..., device: _Optional[str] = ...) -> None: ...

class ItemFilter(_message.Message):
    __slots__ = ("categories", "exclude_categories", "brands", "min_price", "max_price", "currency", "in_stock_only", "purchased")
    CATEGORIES_FIELD_NUMBER: _ClassVar[int]
    EXCLUDE_CATEGORIES_FIELD_NUMBER: _ClassVar[int]
    BRANDS_FIELD_NUMBER: _ClassVar[int]
    MIN_PRICE_FIELD_NUMBER: _ClassVar[int]
    MAX_PRICE_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    IN_STOCK_ONLY_FIELD_NUMBER: _ClassVar[int]
    PURCHASED_FIELD_NUMBER: _ClassVar[int]
    categories: _containers.RepeatedScalarFieldContainer[str]
    exclude_categories: _containers.RepeatedScalarFieldContainer[str]
    brands: _containers.RepeatedScalarFieldContainer[str]
    min_price: float
    max_price: float
    currency: str
    in_stock_only: bool
    purchased: PurchasedPolicy
    def __init__(self, categories: _Optional[_Iterable[str]] = ..., exclude_categories: _Optional[_Iterable[str]] = ..., brands: _Optional[_Iterable[str]] = ..., min_price: _Optional[float] = ..., max_price: _Optional[float] = ..., currency: _Optional[str] = ..., in_stock_only: bool = ..., purchased: _Optional[_Union[PurchasedPolicy, str]] = ...) -> None: ...

class RecommendRequest(_message.Message):
    __slots__ = ("user_id", "session_id", "request_id", "placement", "page_size", "request_time", "context", "exclude_item_ids", "filter", "copy", "variant_overrides", "explain")
    class VariantOverridesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    PLACEMENT_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    REQUEST_TIME_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    EXCLUDE_ITEM_IDS_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    COPY_FIELD_NUMBER: _ClassVar[int]
    VARIANT_OVERRIDES_FIELD_NUMBER: _ClassVar[int]
    EXPLAIN_FIELD_NUMBER: _ClassVar[int]
    user_id: str
    session_id: str
    request_id: str
    placement: str
    page_size: int
    request_time: _timestamp_pb2.Timestamp
    context: RequestContext
    exclude_item_ids: _containers.RepeatedScalarFieldContainer[str]
    filter: ItemFilter
    copy: _copy_pb2.CopyOptions
    variant_overrides: _containers.ScalarMap[str, str]
    explain: bool
    def __init__(self, user_id: _Optional[str] = ..., session_id: _Optional[str] = ..., request_id: _Optional[str] = ..., placement: _Optional[str] = ..., page_size: _Optional[int] = ..., request_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., context: _Optional[_Union[RequestContext, _Mapping]] = ..., exclude_item_ids: _Optional[_Iterable[str]] = ..., filter: _Optional[_Union[ItemFilter, _Mapping]] = ..., copy: _Optional[_Union[_copy_pb2.CopyOptions, _Mapping]] = ..., variant_overrides: _Optional[_Mapping[str, str]] = ..., explain: bool = ...) -> None: ...

class Reason(_message.Message):
    __slots__ = ("code", "evidence_item_id")
    CODE_FIELD_NUMBER: _ClassVar[int]
    EVIDENCE_ITEM_ID_FIELD_NUMBER: _ClassVar[int]
    code: str
    evidence_item_id: str
    def __init__(self, code: _Optional[str] = ..., evidence_item_id: _Optional[str] = ...) -> None: ...

class SlateItem(_message.Message):
    __slots__ = ("item_id", "rank", "score", "sources", "reasons", "pitch", "features", "title", "propensity", "contributions")
    class FeaturesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    class ContributionsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    ITEM_ID_FIELD_NUMBER: _ClassVar[int]
    RANK_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    SOURCES_FIELD_NUMBER: _ClassVar[int]
    REASONS_FIELD_NUMBER: _ClassVar[int]
    PITCH_FIELD_NUMBER: _ClassVar[int]
    FEATURES_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    PROPENSITY_FIELD_NUMBER: _ClassVar[int]
    CONTRIBUTIONS_FIELD_NUMBER: _ClassVar[int]
    item_id: str
    rank: int
    score: float
    sources: _containers.RepeatedScalarFieldContainer[str]
    reasons: _containers.RepeatedCompositeFieldContainer[Reason]
    pitch: _copy_pb2.Pitch
    features: _containers.ScalarMap[str, float]
    title: str
    propensity: float
    contributions: _containers.ScalarMap[str, float]
    def __init__(self, item_id: _Optional[str] = ..., rank: _Optional[int] = ..., score: _Optional[float] = ..., sources: _Optional[_Iterable[str]] = ..., reasons: _Optional[_Iterable[_Union[Reason, _Mapping]]] = ..., pitch: _Optional[_Union[_copy_pb2.Pitch, _Mapping]] = ..., features: _Optional[_Mapping[str, float]] = ..., title: _Optional[str] = ..., propensity: _Optional[float] = ..., contributions: _Optional[_Mapping[str, float]] = ...) -> None: ...

class RecommendResponse(_message.Message):
    __slots__ = ("attribution_token", "request_id", "items", "variants", "bundle_version", "user_status", "shortfall")
    class VariantsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    ATTRIBUTION_TOKEN_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    VARIANTS_FIELD_NUMBER: _ClassVar[int]
    BUNDLE_VERSION_FIELD_NUMBER: _ClassVar[int]
    USER_STATUS_FIELD_NUMBER: _ClassVar[int]
    SHORTFALL_FIELD_NUMBER: _ClassVar[int]
    attribution_token: str
    request_id: str
    items: _containers.RepeatedCompositeFieldContainer[SlateItem]
    variants: _containers.ScalarMap[str, str]
    bundle_version: str
    user_status: UserStatus
    shortfall: str
    def __init__(self, attribution_token: _Optional[str] = ..., request_id: _Optional[str] = ..., items: _Optional[_Iterable[_Union[SlateItem, _Mapping]]] = ..., variants: _Optional[_Mapping[str, str]] = ..., bundle_version: _Optional[str] = ..., user_status: _Optional[_Union[UserStatus, str]] = ..., shortfall: _Optional[str] = ...) -> None: ...

class StreamRecommendRequest(_message.Message):
    __slots__ = ("request",)
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    request: RecommendRequest
    def __init__(self, request: _Optional[_Union[RecommendRequest, _Mapping]] = ...) -> None: ...

class PitchReady(_message.Message):
    __slots__ = ("item_id", "rank", "pitch")
    ITEM_ID_FIELD_NUMBER: _ClassVar[int]
    RANK_FIELD_NUMBER: _ClassVar[int]
    PITCH_FIELD_NUMBER: _ClassVar[int]
    item_id: str
    rank: int
    pitch: _copy_pb2.Pitch
    def __init__(self, item_id: _Optional[str] = ..., rank: _Optional[int] = ..., pitch: _Optional[_Union[_copy_pb2.Pitch, _Mapping]] = ...) -> None: ...

class StreamDone(_message.Message):
    __slots__ = ("pitches",)
    PITCHES_FIELD_NUMBER: _ClassVar[int]
    pitches: int
    def __init__(self, pitches: _Optional[int] = ...) -> None: ...

class StreamRecommendResponse(_message.Message):
    __slots__ = ("slate", "pitch", "done")
    SLATE_FIELD_NUMBER: _ClassVar[int]
    PITCH_FIELD_NUMBER: _ClassVar[int]
    DONE_FIELD_NUMBER: _ClassVar[int]
    slate: RecommendResponse
    pitch: PitchReady
    done: StreamDone
    def __init__(self, slate: _Optional[_Union[RecommendResponse, _Mapping]] = ..., pitch: _Optional[_Union[PitchReady, _Mapping]] = ..., done: _Optional[_Union[StreamDone, _Mapping]] = ...) -> None: ...

class ListSimilarItemsRequest(_message.Message):
    __slots__ = ("item_id", "user_id", "session_id", "request_id", "placement", "page_size", "request_time", "context", "exclude_item_ids", "filter", "copy", "variant_overrides", "explain")
    class VariantOverridesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    ITEM_ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    PLACEMENT_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    REQUEST_TIME_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    EXCLUDE_ITEM_IDS_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    COPY_FIELD_NUMBER: _ClassVar[int]
    VARIANT_OVERRIDES_FIELD_NUMBER: _ClassVar[int]
    EXPLAIN_FIELD_NUMBER: _ClassVar[int]
    item_id: str
    user_id: str
    session_id: str
    request_id: str
    placement: str
    page_size: int
    request_time: _timestamp_pb2.Timestamp
    context: RequestContext
    exclude_item_ids: _containers.RepeatedScalarFieldContainer[str]
    filter: ItemFilter
    copy: _copy_pb2.CopyOptions
    variant_overrides: _containers.ScalarMap[str, str]
    explain: bool
    def __init__(self, item_id: _Optional[str] = ..., user_id: _Optional[str] = ..., session_id: _Optional[str] = ..., request_id: _Optional[str] = ..., placement: _Optional[str] = ..., page_size: _Optional[int] = ..., request_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., context: _Optional[_Union[RequestContext, _Mapping]] = ..., exclude_item_ids: _Optional[_Iterable[str]] = ..., filter: _Optional[_Union[ItemFilter, _Mapping]] = ..., copy: _Optional[_Union[_copy_pb2.CopyOptions, _Mapping]] = ..., variant_overrides: _Optional[_Mapping[str, str]] = ..., explain: bool = ...) -> None: ...

class ListSimilarItemsResponse(_message.Message):
    __slots__ = ("attribution_token", "request_id", "items", "variants", "bundle_version", "user_status", "shortfall")
    class VariantsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    ATTRIBUTION_TOKEN_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    VARIANTS_FIELD_NUMBER: _ClassVar[int]
    BUNDLE_VERSION_FIELD_NUMBER: _ClassVar[int]
    USER_STATUS_FIELD_NUMBER: _ClassVar[int]
    SHORTFALL_FIELD_NUMBER: _ClassVar[int]
    attribution_token: str
    request_id: str
    items: _containers.RepeatedCompositeFieldContainer[SlateItem]
    variants: _containers.ScalarMap[str, str]
    bundle_version: str
    user_status: UserStatus
    shortfall: str
    def __init__(self, attribution_token: _Optional[str] = ..., request_id: _Optional[str] = ..., items: _Optional[_Iterable[_Union[SlateItem, _Mapping]]] = ..., variants: _Optional[_Mapping[str, str]] = ..., bundle_version: _Optional[str] = ..., user_status: _Optional[_Union[UserStatus, str]] = ..., shortfall: _Optional[str] = ...) -> None: ...
