"""The console at ``/api/console``: fixed files without data.

The console asks for the function key and sends it with each request, or lets users sign in, so its
files are anonymous.
Its Content-Security-Policy limits what it may do: scripts, styles and requests of this origin only,
audio of the app's own storage account, nothing inline, and no text is ever parsed as markup.
"""

from __future__ import annotations

import functools
import hashlib
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

import azure.functions as func
import msgspec

from calls.clients import get_clients
from calls.http.problems import CONTENT_TYPE, Problem
from calls.http.response_headers import etag_matches
from calls.settings import Settings
from configuration import SettingsError

INDEX = "index.html"
SETTINGS = "settings.json"
"""What the console must know before anyone signs in. It is made from the app's settings."""

_DIRECTIVES = (
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
)

_MEDIA_TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".json": "application/json",
}
_HEADERS = {
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


def read_audio_origin() -> str:
    """Return the origin of the app's storage account; empty if the app's settings are wrong.

    The console is served even then: it shows what the app says about its settings.
    """
    try:
        url = urlsplit(get_clients().storage.service.url)
    except SettingsError:
        return ""
    return f"{url.scheme}://{url.netloc}"


def policy(audio_origin: str) -> str:
    """Return the Content-Security-Policy.

    Recordings are played from ``audio_origin`` through links or, where that fails, from the
    console's own memory.
    """
    return "; ".join((*_DIRECTIVES, f"media-src blob: {audio_origin}".rstrip()))


def serve_console(
    request: func.HttpRequest, audio_origin: str, file: str = INDEX
) -> func.HttpResponse:
    """Serve ``SETTINGS`` or one of ``files()``; 304 if the browser has it, 404 for another name.

    Args:
        request: The request.
        audio_origin: The origin of the storage account; empty if the app's settings are wrong.
        file: The file's name.
    """
    headers = _HEADERS | {"Content-Security-Policy": policy(audio_origin)}
    if file != SETTINGS and file not in files():
        headers["Content-Security-Policy"] = policy("")
        problem = Problem(
            HTTPStatus.NOT_FOUND, "the console has no such file", code="file_not_found"
        )
        return func.HttpResponse(
            problem.body(), status_code=problem.status, mimetype=CONTENT_TYPE, headers=headers
        )
    content, etag = _tagged(_settings()) if file == SETTINGS else _read(file)
    headers["ETag"] = etag
    if etag_matches(request.headers.get("If-None-Match"), etag):
        return func.HttpResponse(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    media_type = _MEDIA_TYPES[Path(file).suffix]
    return func.HttpResponse(content, mimetype=media_type, charset="utf-8", headers=headers)


def _settings() -> bytes:
    """What the console asks for: a key or a sign-in; and when it locks."""
    try:
        settings = get_clients().settings
    except SettingsError:
        # The console shows what the app says about its settings.
        settings = Settings()
    return msgspec.json.encode(
        {
            "authentication": settings.authentication,
            "lock_minutes": settings.console_lock_minutes,
        }
    )


@functools.cache
def _read(file: str) -> tuple[bytes, str]:
    return _tagged((_FOLDER / file).read_bytes())


def _tagged(content: bytes) -> tuple[bytes, str]:
    return content, f'"{hashlib.sha256(content).hexdigest()[:32]}"'
