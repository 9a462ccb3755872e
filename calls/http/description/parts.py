"""What the operations are made of: parameters, bodies and responses, as OpenAPI 3.1 has them."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from acs.identifiers import CALL_CONNECTION_ID_PATTERN
from calls.http.problems import CONTENT_TYPE

Json = dict[str, Any]

SCHEMAS = "#/components/schemas/"

ID: Json = {
    "name": "id",
    "in": "path",
    "required": True,
    "description": "the call connection id",
    "example": "401f2980-0b2e-4c4d-9e84-1a6a2f6f3b5e",
    "schema": {"type": "string", "pattern": f"^{CALL_CONNECTION_ID_PATTERN}$"},
}


def operation(
    summary: str, answers: dict[int, Json | None], problems: list[int], **members: Any
) -> Json:
    """Return an operation.

    ``answers`` has the content of each successful status (None: no body), ``problems`` lists the
    statuses that come with a problem document.
    """
    responses: dict[str, Json] = {}
    for status, content in answers.items():
        responses[str(status)] = {"description": HTTPStatus(status).phrase}
        if content is not None:
            responses[str(status)]["content"] = content
    for status in problems:
        responses[str(status)] = problem_response(HTTPStatus(status))
    if members.get("security") is None:
        # The host's own response, or App Service's, before any function runs.
        text = "the function key is missing or wrong, or nobody is signed in"
        responses["401"] = {"description": text}
    return {"summary": summary, **members, "responses": dict(sorted(responses.items()))}


def problem_response(status: HTTPStatus) -> Json:
    """A response that is a problem document."""
    return {"description": status.phrase, "content": {CONTENT_TYPE: {"schema": ref("Problem")}}}


def files(*media_types: str) -> Json:
    """The content of a response that is a file of one of the media types."""
    binary = {"type": "string", "format": "binary"}
    return {
        media_type: {"schema": {"type": "string"} if media_type.startswith("text/") else binary}
        for media_type in media_types
    }


def in_path(name: str, schema: Json) -> Json:
    """A parameter in the path."""
    return {"name": name, "in": "path", "required": True, "schema": schema}


def json_content(schema: Json) -> Json:
    """JSON content of this schema."""
    return {"application/json": {"schema": schema}}


def body(properties: dict[str, Json], required: list[str] | None = None) -> Json:
    """A request's body: a JSON object with these members and no others."""
    schema = {"type": "object", "properties": properties, "additionalProperties": False}
    if required:
        schema["required"] = required
    return {"required": bool(required), "content": json_content(schema)}


def query(name: str, schema: Json, description: str = "") -> Json:
    """A parameter in the query."""
    described = {"description": description} if description else {}
    return {"name": name, "in": "query", **described, "schema": schema}


def text(pattern: str) -> Json:
    """The schema of a string that matches a pattern."""
    return {"type": "string", "pattern": pattern}


def ref(name: str) -> Json:
    """A reference to a schema."""
    return {"$ref": SCHEMAS + name}
