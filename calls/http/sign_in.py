"""Users and apps that App Service Authentication has signed in.

It stands before the app, verifies the session's cookie or the bearer token, and adds the header
``X-MS-CLIENT-PRINCIPAL``: the token's claims, as JSON in Base64. It removes the header from what
clients send. Where it is off, nobody does, and so the app believes the header only if App Service
says that its authentication is on (``WEBSITE_AUTH_ENABLED``, which the Functions host reads, too).

Source: Microsoft, *Work with user identities in Azure App Service authentication*.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from http import HTTPMethod, HTTPStatus
from typing import NoReturn

import azure.functions as func
import msgspec

from acs.json_errors import JSON_ERRORS
from calls.http.problems import Problem
from calls.principals import ROLES, Principal, Role
from calls.settings import Settings

PRINCIPAL_HEADER = "X-MS-CLIENT-PRINCIPAL"
SAME_SITE_HEADER = "X-Requested-With"
"""A header that a page of another site cannot send: browsers would ask the app first (CORS)."""

_OBJECT_ID = ("http://schemas.microsoft.com/identity/claims/objectidentifier", "oid")
_ROLES = ("roles", "http://schemas.microsoft.com/ws/2008/06/identity/claims/role")
_NAMES = ("preferred_username", "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name")
_MAX_CHARACTERS = 256
_BEARER = "bearer "
_OTHER_SITES = ("cross-site", "same-site")
"""Values of ``Sec-Fetch-Site``, which only browsers can set; ``same-site`` is another host."""
_SAFE_METHODS = (HTTPMethod.GET, HTTPMethod.HEAD)


class _Claim(msgspec.Struct, frozen=True):
    typ: str
    val: str


class _ClientPrincipal(msgspec.Struct, frozen=True):
    auth_typ: str
    claims: list[_Claim]

    def values(self, types: tuple[str, ...]) -> Iterator[str]:
        """The values of the claims of these types."""
        return (claim.val for claim in self.claims if claim.typ in types)


def read_signed_in(
    settings: Settings, request: func.HttpRequest
) -> tuple[Principal, frozenset[Role]]:
    """Return who is signed in, and their app roles.

    Raises Problem: 401 if nobody is, 500 if App Service Authentication is off.
    """
    if not settings.website_auth_enabled:
        raise Problem(
            HTTPStatus.INTERNAL_SERVER_ERROR,
            "the app is not configured: AUTHENTICATION is entra, and App Service Authentication "
            "is off; turn it on",
            code="not_configured",
        )
    header = request.headers.get(PRINCIPAL_HEADER)
    if not header:
        _refuse("nobody is signed in", "not_signed_in")
    try:
        client = msgspec.json.decode(base64.b64decode(header, validate=True), type=_ClientPrincipal)
    except (binascii.Error, *JSON_ERRORS):
        # The host joins two headers of this name: what comes of that is malformed, too.
        _refuse("the header with the signed-in user is malformed", "principal_malformed")
    object_ids = set(client.values(_OBJECT_ID))
    if client.auth_typ != "aad" or len(object_ids) != 1:
        _refuse("whoever is signed in has no object id of Entra ID", "principal_unknown")
    (object_id,) = object_ids
    name = next(client.values(_NAMES), object_id)
    names = set(client.values(_ROLES))
    principal = Principal(kind="entra", id=object_id[:_MAX_CHARACTERS], name=name[:_MAX_CHARACTERS])
    return principal, frozenset(role for role in ROLES if role in names)


def _refuse(detail: str, reason: str) -> NoReturn:
    raise Problem(HTTPStatus.UNAUTHORIZED, detail, code="sign_in_required", reason=reason)


def require_same_site(request: func.HttpRequest) -> None:
    """Check that no other site sends a request with a browser's cookie. Raises Problem (403).

    A change needs a header that another site's page cannot send unless the app allows it (CORS),
    which it does not. ``Authorization`` counts only with a token: browsers send Basic's by
    themselves. Whatever is read is refused if the browser says that another site has asked for it:
    the trail would say that the user has.
    """
    is_change = request.method not in _SAFE_METHODS
    authorization = request.headers.get("Authorization") or ""
    has_token = authorization[: len(_BEARER)].lower() == _BEARER
    if is_change and not (request.headers.get(SAME_SITE_HEADER) or has_token):
        raise Problem(
            HTTPStatus.FORBIDDEN,
            f"a change needs the header {SAME_SITE_HEADER}, or a bearer token in Authorization",
            code="cross_site",
            reason="cross_site",
        )
    if request.headers.get("Sec-Fetch-Site") in _OTHER_SITES:
        raise Problem(
            HTTPStatus.FORBIDDEN,
            "a page of another site has asked for this; open the console instead",
            code="cross_site",
            reason="cross_site",
        )
