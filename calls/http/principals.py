"""Who sends a request, which roles they have, and which roles each route asks for.

``ROUTES`` is the one table of roles and routes. Its keys are the names of the app's functions,
which are the OpenAPI document's operation ids. A test fails for a function that is not in it, and a
handler without a row is never run.
"""

from __future__ import annotations

import hashlib
import ipaddress
from http import HTTPStatus
from typing import NamedTuple
from weakref import WeakKeyDictionary

import azure.functions as func

from calls.http.problems import Problem
from calls.principals import Principal, Role

KEY_HEADER = "x-functions-key"
KEY_PARAMETER = "code"

_FINGERPRINT_CHARACTERS = 12


class Access(NamedTuple):
    """What a route asks for.

    Attributes:
        roles: The roles that may use it; Admin may use every route. None: anyone, since the route
            has no data or verifies its caller itself.
        is_recorded: Whether its use is recorded in the audit trail.
    """

    roles: frozenset[Role] | None
    is_recorded: bool


def _recorded(*roles: Role) -> Access:
    return Access(frozenset({*roles, "Admin"}), is_recorded=True)


def _unrecorded(*roles: Role) -> Access:
    return Access(frozenset({*roles, "Admin"}), is_recorded=False)


PUBLIC = Access(None, is_recorded=False)

ROUTES: dict[str, Access] = {
    "list_calls": _unrecorded("Caller", "Listener", "Auditor"),
    "show_call": _unrecorded("Caller", "Listener", "Auditor"),
    "place_call": _recorded("Caller"),
    "hang_up": _recorded("Caller"),
    "start_streaming": _recorded("Caller"),
    "stop_streaming": _recorded("Caller"),
    "delete_call": _recorded(),
    "place_hold": _recorded(),
    "release_hold": _recorded(),
    "show_deletion": _unrecorded("Auditor"),
    "show_timeline": _unrecorded("Listener"),
    "show_transcript": _recorded("Listener"),
    "show_transcript_as": _recorded("Listener"),
    "retry_transcript": _recorded("Listener"),
    "send_recording": _recorded("Listener"),
    "send_segment": _recorded("Listener"),
    "create_links": _recorded("Listener"),
    "list_failures": _unrecorded(),
    "retry_failure": _recorded(),
    "unknown_route": _unrecorded("Caller", "Listener", "Auditor"),
    "receive_callbacks": PUBLIC,
    "show_openapi": PUBLIC,
    "health": PUBLIC,
    "show_console": PUBLIC,
    "show_console_file": PUBLIC,
}
"""Each function with a route, and what it asks for."""


class Identity(NamedTuple):
    """Who sent a request: the principal, the roles that they have, and their address."""

    principal: Principal
    roles: frozenset[Role]
    address: str | None


_identities: WeakKeyDictionary[func.HttpRequest, Identity] = WeakKeyDictionary()


def request_principal(request: func.HttpRequest) -> Principal:
    """Return who sent a request that a handler has been given. Raises KeyError for any other."""
    return _identities[request].principal


def request_address(request: func.HttpRequest) -> str | None:
    """Return the address that a request came from, None if it is not known.

    App Service adds the address of whoever connected to it, with the port, at the end of
    ``X-Forwarded-For``. All before it is what the client sent, and may be invented.
    """
    text = (request.headers.get("X-Forwarded-For") or "").rpartition(",")[2].strip()
    host, colon, port = text.rpartition(":")
    if colon and port.isdigit() and (host.count(":") == 0 or host.startswith("[")):
        text = host
    try:
        return str(ipaddress.ip_address(text.removeprefix("[").removesuffix("]")))
    except ValueError:
        return None


def authorize(request: func.HttpRequest, route: str) -> Identity:
    """Check that whoever sends a request may use a route; return who it is.

    Raises Problem (403); KeyError for a route that is not in ``ROUTES``.
    """
    roles = ROUTES[route].roles
    identity = _identities[request] = _identify(request)
    if roles is not None and not roles & identity.roles:
        raise Problem(
            HTTPStatus.FORBIDDEN,
            f"this needs the role {' or '.join(sorted(roles))}",
            code="role_required",
            reason="role",
        )
    return identity


def _identify(request: func.HttpRequest) -> Identity:
    """Return who holds the function key that the host has admitted."""
    key = request.headers.get(KEY_HEADER) or request.params.get(KEY_PARAMETER) or ""
    fingerprint = hashlib.sha256(key.encode()).hexdigest()[:_FINGERPRINT_CHARACTERS]
    principal = Principal(kind="key", id=f"sha256:{fingerprint}", name="unnamed key")
    return Identity(principal, frozenset({"Admin"}), request_address(request))
