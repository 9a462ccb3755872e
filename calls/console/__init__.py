"""The page at ``/api/console``: a shell of fixed files that holds no data.

It asks for the function key and sends it with each request, so the shell itself is anonymous. What
it may do is said by its Content-Security-Policy: scripts, styles and requests of this origin alone,
nothing inline, no text ever taken for markup.
"""

from __future__ import annotations

import functools
import hashlib
from http import HTTPStatus
from pathlib import Path

import azure.functions as func

from calls.problems import CONTENT_TYPE, Problem

SHELL = "index.html"
FILES = {
    SHELL: "text/html",
    "icon.svg": "image/svg+xml",
    "console.css": "text/css",
    "call.css": "text/css",
    **dict.fromkeys(
        (
            "console.js",
            "actions.js",
            "api.js",
            "call.js",
            "calls.js",
            "details.js",
            "dom.js",
            "downloads.js",
            "format.js",
            "issues.js",
            "lanes.js",
            "live.js",
            "mixer.js",
            "place.js",
            "player.js",
            "poll.js",
            "ranges.js",
            "record.js",
            "segments.js",
            "signin.js",
            "spans.js",
            "timeline.js",
            "transcript.js",
            "wav.js",
            "waveform.js",
        ),
        "text/javascript",
    ),
}
"""What is served, and as what: nothing that is not named here."""

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        # The recording is fetched with the key, and played from the page's own memory.
        "media-src blob:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)

_HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # Kept, but asked for anew each time: all files are always of one deployment.
    "Cache-Control": "no-cache",
}
_FOLDER = Path(__file__).parent


def serve(request: func.HttpRequest, file: str) -> func.HttpResponse:
    """One of ``FILES``; 304 where the browser has it already, 404 where there is none."""
    if file not in FILES:
        problem = Problem(HTTPStatus.NOT_FOUND, "the page has no such file")
        return func.HttpResponse(
            problem.body(), status_code=problem.status, mimetype=CONTENT_TYPE, headers=_HEADERS
        )
    content, etag = _read(file)
    headers = _HEADERS | {"ETag": etag}
    if etag in (
        known.strip().removeprefix("W/")
        for known in request.headers.get("If-None-Match", "").split(",")
    ):
        return func.HttpResponse(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    return func.HttpResponse(content, mimetype=FILES[file], charset="utf-8", headers=headers)


@functools.cache
def _read(file: str) -> tuple[bytes, str]:
    content = (_FOLDER / file).read_bytes()
    return content, f'"{hashlib.sha256(content).hexdigest()[:32]}"'
