"""The console at ``/api/console``: fixed files without data.

The console asks for the function key and sends it with each request, so its files are anonymous.
Its Content-Security-Policy limits what it may do: scripts, styles and requests of this origin only,
nothing inline, and no text is ever parsed as markup.
"""

from __future__ import annotations

import functools
import hashlib
from http import HTTPStatus
from pathlib import Path

import azure.functions as func

from calls.http.problems import CONTENT_TYPE, Problem

INDEX = "index.html"

POLICY = "; ".join(  # noqa: FLY002  # one directive per line
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        # The recording is fetched with the key, and played from the console's own memory.
        "media-src blob:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)

_MEDIA_TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
_HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # Cached, but validated each time, so that all files are from the same deployment.
    "Cache-Control": "no-cache",
}
_FOLDER = Path(__file__).parents[1] / "console"


@functools.cache
def files() -> dict[str, str]:
    """Return the console's files with their media types. Nothing else is served."""
    return {
        path.name: _MEDIA_TYPES[path.suffix]
        for path in _FOLDER.iterdir()
        if path.suffix in _MEDIA_TYPES
    }


def serve_console(request: func.HttpRequest, file: str = INDEX) -> func.HttpResponse:
    """Serve one of ``files()``; 304 if the browser has it already, 404 for any other name."""
    if file not in files():
        problem = Problem(
            HTTPStatus.NOT_FOUND, "the console has no such file", code="file_not_found"
        )
        return func.HttpResponse(
            problem.body(), status_code=problem.status, mimetype=CONTENT_TYPE, headers=_HEADERS
        )
    content, etag = _read(file)
    headers = _HEADERS | {"ETag": etag}
    cached_etags = request.headers.get("If-None-Match", "").split(",")
    if etag in (cached.strip().removeprefix("W/") for cached in cached_etags):
        return func.HttpResponse(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    return func.HttpResponse(content, mimetype=files()[file], charset="utf-8", headers=headers)


@functools.cache
def _read(file: str) -> tuple[bytes, str]:
    content = (_FOLDER / file).read_bytes()
    return content, f'"{hashlib.sha256(content).hexdigest()[:32]}"'
