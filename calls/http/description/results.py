"""The operations of results: timeline, transcript, audio, links to it, and failures."""

from __future__ import annotations

from calls.http.description.parts import (
    ID,
    Json,
    body,
    files,
    in_path,
    json_content,
    operation,
    query,
    ref,
)
from calls.http.links import MAX_LINKS
from calls.http.readiness import ALLOW_PARTIAL
from calls.results.renditions import FORMATS, MIXES

_RANGE: Json = {"name": "Range", "in": "header", "schema": {"type": "string"}}
_SEGMENT = [
    ID,
    in_path("track", {"type": "string", "minLength": 1}),
    in_path("index", {"type": "integer", "minimum": 0}),
]
_ALLOW_PARTIAL: Json = {
    "name": ALLOW_PARTIAL,
    "in": "query",
    "description": "true: show what has been assembled, even if the result is not final",
    "schema": {"type": "boolean", "default": False},
}
_OF_RESULT = [ID, _ALLOW_PARTIAL]
_RENDITION = [
    query("format", {"enum": list(FORMATS)})
    | {"description": "convert the recording; mp3 and ogg have two channels at most"},
    query("mix", {"enum": list(MIXES)})
    | {"description": "mix all participants; without it, each has a channel"},
]
_AUDIO = files("audio/wav", "audio/flac")
_RECORDING = files("audio/wav", "audio/flac", "audio/mpeg", "audio/ogg")
_AUDIO_ANSWERS: dict[int, Json | None] = {206: _AUDIO, 304: None, 307: None}
_AUDIO_PROBLEMS = [404, 412, 416, 503]
_TRANSCRIPT = json_content(ref("Transcript")) | files("text/vtt", "text/plain", "text/csv")

OPERATIONS: dict[str, Json] = {
    "POST /api/v1/calls/{id}/links": operation(
        "Create short-lived, read-only links to the call's audio",
        {200: json_content(ref("Links"))},
        [400, 404, 413, 503],
        parameters=[ID],
        requestBody=body(
            {
                "blobs": {
                    "type": ["array", "null"],
                    "items": {"type": "string"},
                    "minItems": 1,
                    "maxItems": MAX_LINKS,
                }
            }
        ),
    ),
    "GET /api/v1/calls/{id}/timeline": operation(
        "Show who spoke when",
        {200: json_content(ref("Timeline"))},
        [400, 404, 409, 503],
        parameters=_OF_RESULT,
    ),
    "GET /api/v1/calls/{id}/transcript": operation(
        "Show the transcript, in the format that Accept names",
        {200: _TRANSCRIPT},
        [400, 404, 409, 503],
        parameters=_OF_RESULT,
    ),
    "GET /api/v1/calls/{id}/transcript.{format}": operation(
        "Show the transcript, in the format of the suffix",
        {200: _TRANSCRIPT},
        [400, 404, 409, 503],
        parameters=[*_OF_RESULT, in_path("format", {"enum": ["json", "vtt", "txt", "csv"]})],
    ),
    "POST /api/v1/calls/{id}/transcript/retry": operation(
        "Transcribe a call again whose transcript has failed",
        {202: json_content(ref("Transcript"))},
        [404, 409, 503],
        parameters=[ID],
    ),
    "GET /api/v1/calls/{id}/recording": operation(
        "Get the recording, or a link to it",
        _AUDIO_ANSWERS | {206: _RECORDING},
        [400, 409, *_AUDIO_PROBLEMS],
        parameters=[*_OF_RESULT, *_RENDITION, _RANGE],
    ),
    "HEAD /api/v1/calls/{id}/recording": operation(
        "Get the recording: headers only",
        {200: None, 304: None},
        [400, 404, 409, 412, 503],
        parameters=[*_OF_RESULT, *_RENDITION],
    ),
    "GET /api/v1/calls/{id}/export": operation(
        "Get a zip file with recording, transcript, timeline, call and manifests",
        {202: json_content(ref("Export")), 206: files("application/zip"), 304: None, 307: None},
        [404, 409, 412, 416, 503],
        parameters=[ID, _RANGE],
    ),
    "GET /api/v1/calls/{id}/segments/{track}/{index}": operation(
        "Get one segment",
        _AUDIO_ANSWERS | {200: _AUDIO},
        _AUDIO_PROBLEMS,
        parameters=[*_SEGMENT, _RANGE],
    ),
    "HEAD /api/v1/calls/{id}/segments/{track}/{index}": operation(
        "Get one segment: headers only",
        {200: None, 304: None},
        [404, 412, 503],
        parameters=_SEGMENT,
    ),
    "GET /api/v1/failures": operation(
        "List the segments and manifests that failed permanently",
        {200: json_content(ref("FailureList"))},
        [503],
    ),
    "POST /api/v1/failures/{id}/retry": operation(
        "Retry a segment or manifest that failed permanently",
        {202: json_content(ref("Failure"))},
        [404, 409, 503],
        parameters=[in_path("id", {"type": "string", "minLength": 1})],
    ),
}
"""Each route, ``METHOD /path``, and its operation."""
