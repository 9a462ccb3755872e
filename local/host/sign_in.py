"""A stand-in for App Service Authentication: its pages, its cookie, and the header that it adds.

Whoever opens ``/.auth/login/aad`` chooses a name and roles, without a password: this is for local
development, on the loopback address only. As App Service does, it removes the header from what
clients send, and answers 401 where nobody is signed in, apart from the paths that the template
excludes (a test compares them with ``infra/modules/function_app.bicep``).

Source: Microsoft, *Customize sign-in and sign-out in Azure App Service authentication* and *Work
with user identities*.
"""

from __future__ import annotations

import base64
import json
import re
import secrets
import uuid
from html import escape
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from aiohttp import web

from calls.principals import ROLES
from local.emulator.errors import AcsError
from local.emulator.same_site import check_site

COOKIE = "AppServiceAuthSession"
EXCLUDED_PATHS = (
    "/api/v1/callbacks",
    "/api/v1/health",
    "/api/v1/openapi.json",
    "/api/console",
    "/api/console/*",
    "/runtime/webhooks/blobs",
    "/runtime/webhooks/EventGrid",
    "/runtime/webhooks/eventgrid",
    "/admin/host/status",
)

_HEADERS = ("x-ms-client-principal", "x-ms-token-aad")
"""Prefixes of the headers that only App Service may set."""

_OBJECT_ID = "http://schemas.microsoft.com/identity/claims/objectidentifier"
_OBJECT_IDS = uuid.UUID("5b1f6f0e-2f0b-4d0f-9d43-6a0f4f6f7a11")
_LOCAL_PATH = re.compile(r"/(?![/\\])[^\s\\]*")

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Sign in (local)</title></head><body><main>
<h1>Sign in</h1>
<p>This page stands in for Microsoft Entra ID in local development: choose who you are.</p>
<form method="post">
<p><label>Name <input name="name" value="robin.ray@example.com" required></label></p>
<fieldset><legend>Roles</legend>{roles}</fieldset>
<input type="hidden" name="redirect" value="{redirect}">
<p><button>Sign in</button></p>
</form></main></body></html>
"""


class User(NamedTuple):
    """Who is signed in, and with which app roles."""

    name: str
    roles: tuple[str, ...]

    @property
    def object_id(self) -> str:
        """The object id: the same for the same name."""
        return str(uuid.uuid5(_OBJECT_IDS, self.name))

    def claims(self) -> list[dict[str, str]]:
        """The claims of the user's token, as App Service passes them on."""
        values = [(_OBJECT_ID, self.object_id), ("preferred_username", self.name)]
        values += [("roles", role) for role in self.roles]
        return [{"typ": typ, "val": value} for typ, value in values]


class SignIn:
    """The pages, and who is signed in: sessions end with the process."""

    def __init__(self) -> None:
        self._sessions: dict[str, User] = {}

    def add_routes(self, application: web.Application) -> None:
        """Serve ``/.auth``."""
        application.router.add_get("/.auth/login/aad", self._show_login)
        application.router.add_post("/.auth/login/aad", self._login)
        application.router.add_get("/.auth/me", self._show_me)
        application.router.add_get("/.auth/logout", self._logout)

    def user_of(self, request: web.Request) -> User | None:
        """Return who is signed in with a request's cookie."""
        return self._sessions.get(request.cookies.get(COOKIE, ""))

    def admit(self, request: web.Request, headers: dict[str, str]) -> bool:
        """Replace the headers that only App Service may set; return whether to let a request in."""
        for name in [name for name in headers if name.startswith(_HEADERS)]:
            del headers[name]
        user = self.user_of(request)
        if user is None:
            return is_excluded(request.path)
        content = {
            "auth_typ": "aad",
            "claims": user.claims(),
            "name_typ": "preferred_username",
            "role_typ": "roles",
        }
        headers["x-ms-client-principal"] = base64.b64encode(json.dumps(content).encode()).decode()
        headers["x-ms-client-principal-id"] = user.object_id
        headers["x-ms-client-principal-idp"] = "aad"
        return True

    async def _show_login(self, request: web.Request) -> web.Response:
        _check(request)
        boxes = "".join(
            f'<p><label><input type="checkbox" name="role" value="{role}"> {role}</label></p>'
            for role in ROLES
        )
        redirect = _redirect(request.query.get("post_login_redirect_uri"))
        page = _PAGE.format(roles=boxes, redirect=escape(redirect, quote=True))
        return web.Response(text=page, content_type="text/html", headers=_page_headers())

    async def _login(self, request: web.Request) -> web.Response:
        _check(request)
        form = await request.post()
        roles = {str(role) for role in form.getall("role", [])}
        user = User(str(form.get("name", ""))[:200], tuple(role for role in ROLES if role in roles))
        session = secrets.token_urlsafe(32)
        self._sessions[session] = user
        response = web.Response(
            status=302, headers={"Location": _redirect(str(form.get("redirect", "")))}
        )
        response.set_cookie(COOKIE, session, httponly=True, samesite="Lax")
        return response

    async def _show_me(self, request: web.Request) -> web.Response:
        user = self.user_of(request)
        if user is None:
            return web.Response(status=401)
        content: list[dict[str, Any]] = [
            {"provider_name": "aad", "user_id": user.name, "user_claims": user.claims()}
        ]
        return web.json_response(content, headers={"Cache-Control": "no-store"})

    async def _logout(self, request: web.Request) -> web.Response:
        self._sessions.pop(request.cookies.get(COOKIE, ""), None)
        location = _redirect(request.query.get("post_logout_redirect_uri"))
        response = web.Response(status=302, headers={"Location": location})
        response.del_cookie(COOKIE)
        return response


def is_excluded(path: str) -> bool:
    """Return whether nobody has to be signed in for a path."""
    return any(
        path.startswith(excluded[:-1]) if excluded.endswith("*") else path == excluded
        for excluded in EXCLUDED_PATHS
    )


def _check(request: web.Request) -> None:
    """Refuse requests of other sites: each could sign in as anyone. Raises HTTPForbidden."""
    try:
        check_site(request.host, request.headers.get("Origin"))
    except AcsError as error:
        raise web.HTTPForbidden(text=str(error)) from error


def _redirect(target: str | None) -> str:
    """A path of this app; its console for anything else."""
    path = target or ""
    is_local = _LOCAL_PATH.fullmatch(path) is not None and not urlsplit(path).netloc
    return path if is_local else "/api/console"


def _page_headers() -> dict[str, str]:
    return {
        "Cache-Control": "no-store",
        "Content-Security-Policy": "default-src 'none'; form-action 'self'; frame-ancestors 'none'",
        "X-Content-Type-Options": "nosniff",
    }
