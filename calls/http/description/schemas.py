"""The schemas of the responses, derived from the structs that they are made of."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta, inspect

from calls.http.acs_health import AcsHealth
from calls.http.description.parts import SCHEMAS, Json
from calls.http.documents import AuditPage, Call, CallPage, Deletion, Health, Hold, Me
from calls.http.event_documents import Delivery, DeliveryPage, EventList
from calls.http.links import Links
from calls.http.problem_codes import CODES
from calls.http.result_documents import (
    CallDetails,
    Export,
    Failure,
    FailureList,
    Timeline,
    Transcript,
)
from calls.records.model import ResultState


class FieldError(msgspec.Struct, kw_only=True):
    """One invalid member, parameter or header."""

    field: Annotated[str, Meta(examples=["to"])]
    message: Annotated[str, Meta(examples=["is required"])]


class AcsError(msgspec.Struct, kw_only=True):
    """ACS's own status, code and message."""

    status: Annotated[str, Meta(examples=["409"])]
    code: Annotated[str, Meta(examples=["8501"])] | msgspec.UnsetType = msgspec.UNSET
    message: str | msgspec.UnsetType = msgspec.UNSET


class Problem(msgspec.Struct, kw_only=True):
    """Problem details (RFC 9457)."""

    type: str
    title: Annotated[str, Meta(examples=["Conflict"])]
    status: Annotated[int, Meta(examples=[409])]
    detail: Annotated[
        str, Meta(description="what is wrong, and what to do", examples=["the call has ended"])
    ]
    code: Annotated[
        str,
        Meta(
            description="the same for programs; there may be more codes in the future",
            # Not an enum: clients that are generated from one fail at a code that it does not have.
            extra_json_schema={"x-extensible-enum": sorted(CODES)},
            examples=["call_ended"],
        ),
    ]
    result_state: (
        Annotated[ResultState, Meta(description="the call's, where its result is not final")]
        | msgspec.UnsetType
    ) = msgspec.UNSET
    errors: Annotated[list[FieldError], Meta(description="what is invalid")] | msgspec.UnsetType = (
        msgspec.UNSET
    )
    acs: AcsError | msgspec.UnsetType = msgspec.UNSET


STRUCTS = (
    AcsHealth,
    AuditPage,
    Call,
    CallDetails,
    CallPage,
    Deletion,
    Delivery,
    DeliveryPage,
    Export,
    EventList,
    Failure,
    FailureList,
    Health,
    Hold,
    Links,
    Me,
    Problem,
    Timeline,
    Transcript,
)
"""What responses contain. The structs that these refer to are described, too."""


def schemas() -> Json:
    """Return all schemas by name."""
    _, components = msgspec.json.schema_components(STRUCTS, ref_template=SCHEMAS + "{name}")
    structs = _find_structs(STRUCTS)
    for name, schema in components.items():
        if name in structs:
            _describe(schema, structs[name])
    return components


def _find_structs(types: tuple[Any, ...]) -> dict[str, inspect.StructType]:
    """Return the structs that types refer to, by name."""
    found: dict[str, inspect.StructType] = {}

    def visit(part: Any) -> None:
        if isinstance(part, inspect.Metadata):
            visit(part.type)
        elif isinstance(part, inspect.ListType):
            visit(part.item_type)
        elif isinstance(part, inspect.UnionType):
            for option in part.types:
                visit(option)
        elif isinstance(part, inspect.StructType) and part.cls.__name__ not in found:
            found[part.cls.__name__] = part
            for field in part.fields:
                visit(field.type)

    for type_ in types:
        visit(inspect.type_info(type_))
    return found


def _describe(schema: Json, struct: inspect.StructType) -> None:
    """Say in a struct's schema what msgspec does not.

    The description is plain text, times have a format, and members with defaults are there, too.
    """
    if "description" in schema:
        schema["description"] = " ".join(schema["description"].replace("``", "`").split())
    for field in struct.fields:
        member = schema["properties"][field.encode_name]
        for option in member.get("anyOf", [member]):
            if option.get("type") == "string" and _holds_time(field.type):
                option["format"] = "date-time"
        member.pop("default", None)
    if not struct.cls.__struct_config__.omit_defaults:
        fields = msgspec.structs.fields(struct.cls)
        schema["required"] = [f.encode_name for f in fields if f.default is not msgspec.UNSET]


def _holds_time(type_: Any) -> bool:
    if isinstance(type_, inspect.Metadata):
        return _holds_time(type_.type)
    if isinstance(type_, inspect.UnionType):
        return any(map(_holds_time, type_.types))
    return isinstance(type_, inspect.DateTimeType)
