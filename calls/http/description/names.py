"""Names for the shared parts of the document, so that generated clients have them, too.

A generator names a schema by its place, such as ``CallDetailsDirectionType0``, unless it is a
component. So enumerations, request bodies and titled objects become components.
"""

from __future__ import annotations

from typing import Any, get_args

from calls.audit import Outcome
from calls.http.description.parts import SCHEMAS, Json
from calls.index.selection import Sort
from calls.principals import Kind, Role
from calls.records.announcement import AnnouncementState, PlayState, Policy
from calls.records.model import CallState, Direction, MilestoneType, ResultState, StreamingState
from calls.results.renditions import FORMATS, MIXES
from calls.retention.model import Scope
from calls.retention.model import State as DeletionState
from calls.settings import TokenCheck
from calls.transcripts.model import State as TranscriptState
from contract.grants import DtmfMode

ENUMERATIONS: dict[str, tuple[Any, ...]] = {
    "ActorKind": get_args(Kind),
    "AnnouncementPolicy": get_args(Policy),
    "AnnouncementSource": ("call", "setting"),
    "AnnouncementState": get_args(AnnouncementState),
    "AuditOutcome": get_args(Outcome),
    "CallState": get_args(CallState),
    "Channels": ("mixed", "unmixed"),
    "DeletionScope": get_args(Scope),
    "DeletionState": get_args(DeletionState),
    "Direction": get_args(Direction),
    "EventType": get_args(MilestoneType),
    "DtmfMode": get_args(DtmfMode),
    "ListCallsSort": get_args(Sort),
    "PlayState": get_args(PlayState),
    "RecordingFormat": tuple(FORMATS),
    "RecordingMix": tuple(MIXES),
    "ResultState": get_args(ResultState),
    "Role": get_args(Role),
    "SampleRate": (16_000, 24_000),
    "StreamingState": get_args(StreamingState),
    "TokenCheck": get_args(TokenCheck),
    "TranscriptFormat": ("json", "vtt", "txt", "csv"),
    "TranscriptState": get_args(TranscriptState),
}
"""The values of each enumeration. An enumeration that is not here is named by its place."""

JSON = "application/json"

_NAMES = {frozenset(values): name for name, values in ENUMERATIONS.items()}
_STRINGS_BY_KEY: Json = {"type": "object", "additionalProperties": {"type": "string"}}


def name_parts(paths: Json, schemas: Json) -> tuple[Json, Json]:
    """Return the paths and the schemas with their shared parts as components.

    Args:
        paths: The operations, by path and method.
        schemas: The components so far, by name. Those of structs have titles, too.
    """
    components: Json = {}
    for name, schema in schemas.items():
        components[name] = {key: _lift(part, key, components) for key, part in schema.items()}
    titled = {
        path: {method: _with_titled_body(operation) for method, operation in item.items()}
        for path, item in paths.items()
    }
    return _lift(titled, "", components), dict(sorted(components.items()))


def _with_titled_body(operation: Json) -> Json:
    """Return an operation whose body has its name: ``PlaceCall`` is the body of ``place_call``."""
    schema = operation.get("requestBody", {}).get("content", {}).get(JSON, {}).get("schema", {})
    if "properties" not in schema:
        return operation
    title = "".join(word.capitalize() for word in operation["operationId"].split("_"))
    body = operation["requestBody"] | {"content": {JSON: {"schema": schema | {"title": title}}}}
    return operation | {"requestBody": body}


def _lift(part: Any, key: str, components: Json) -> Any:
    """Return a part with references in the place of what has a name; ``key`` is its own.

    The referenced schemas are added to ``components``.
    """
    if isinstance(part, list):
        return [_lift(item, key, components) for item in part]
    if not isinstance(part, dict):
        return part
    lifted = {name: _lift(member, name, components) for name, member in part.items()}
    name = _find_name(lifted, key)
    if name is None:
        return lifted
    beside = {member: lifted[member] for member in ("default", "description") if member in lifted}
    if "enum" in lifted:
        lifted = {"enum": list(ENUMERATIONS[name])}
    assert components.setdefault(name, lifted) == lifted, f"two schemas are called {name}"
    return {"$ref": SCHEMAS + name, **beside}


def _find_name(schema: Json, key: str) -> str | None:
    if "enum" in schema:
        return _NAMES.get(frozenset(schema["enum"]))
    if "object" in schema.get("type", ()) and isinstance(schema.get("title"), str):
        name: str = schema["title"]
        return name
    return "Names" if key == "names" and schema.items() >= _STRINGS_BY_KEY.items() else None
