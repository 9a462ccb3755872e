"""Who sends a request, which roles they have, and which roles each route asks for.

``ROUTES`` is the one table of roles and routes. Its keys are the names of the app's functions,
which are the OpenAPI document's operation ids. A test fails for a function that is not in it, and a
handler without a row is never run.
"""

from __future__ import annotations

import ipaddress
from http import HTTPStatus
from typing import Literal, NamedTuple
from weakref import WeakKeyDictionary

import azure.functions as func

from calls.function_keys import find_key, key_digest, parse_function_keys
from calls.http.problems import Problem
from calls.http.sign_in import read_signed_in, require_same_site
from calls.principals import ROLES, Principal, Role
from calls.settings import Settings

KEY_HEADER = "x-functions-key"
KEY_PARAMETER = "code"

_FINGERPRINT_CHARACTERS = 12

Recording = Literal["never", "read", "change", "stop"]
"""How the audit trail records a route's use, apart from refusals, which it always records.

- ``read``: before anything is given out; if it cannot be recorded, nothing is given out.
- ``change``: before and after; if it cannot be recorded before, nothing is done.
- ``stop``: as ``change``, but done nevertheless: it ends a call or its recording.
"""


class Access(NamedTuple):
    """What a route asks for: one of ``roles``. None: anyone may use it.

    Admin may use every route. A route for anyone has no data, or verifies its caller itself.
    """

    roles: frozenset[Role] | None
    recording: Recording


def _access(recording: Recording, *roles: Role) -> Access:
    return Access(frozenset({*roles, "Admin"}), recording)


PUBLIC = Access(None, "never")

ROUTES: dict[str, Access] = {
    "list_calls": _access("never", "Caller", "Listener", "Auditor"),
    "export_calls": _access("read", "Caller", "Listener", "Auditor"),
    "show_call": _access("never", "Caller", "Listener", "Auditor"),
    "list_events": _access("never", "Caller", "Listener", "Auditor"),
    "place_call": _access("change", "Caller"),
    "change_call": _access("change", "Caller", "Listener"),
    "hang_up": _access("stop", "Caller"),
    "pause_call": _access("stop", "Caller"),
    "resume_call": _access("change", "Caller"),
    "start_streaming": _access("change", "Caller"),
    "stop_streaming": _access("stop", "Caller"),
    "delete_call": _access("change"),
    "place_hold": _access("change"),
    "release_hold": _access("change"),
    "show_deletion": _access("never", "Auditor"),
    "show_timeline": _access("read", "Listener"),
    "show_transcript": _access("read", "Listener"),
    "show_transcript_as": _access("read", "Listener"),
    "retry_transcript": _access("change", "Listener"),
    "send_recording": _access("read", "Listener"),
    "send_segment": _access("read", "Listener"),
    "create_links": _access("change", "Listener"),
    "export_call": _access("read", "Listener"),
    "list_failures": _access("never"),
    "retry_failure": _access("change"),
    "list_deliveries": _access("never"),
    "retry_delivery": _access("change"),
    "read_audit": _access("read", "Auditor"),
    "show_acs_health": _access("never", "Auditor"),
    "show_me": _access("never", *ROLES),
    "unknown_route": _access("never", *ROLES),
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


def request_roles(request: func.HttpRequest) -> frozenset[Role]:
    """Return the roles of whoever sent a request. Raises KeyError, as ``request_principal``."""
    return _identities[request].roles


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


def identify(settings: Settings, request: func.HttpRequest) -> Identity:
    """Return who sends a request. Raises Problem: 401 if nobody is signed in; 500."""
    address = request_address(request)
    if settings.authentication == "entra":
        identity = Identity(*read_signed_in(settings, request), address)
    else:
        identity = Identity(*_read_key(settings, request), address)
    _identities[request] = identity
    return identity


def authorize(settings: Settings, request: func.HttpRequest, route: str) -> None:
    """Check that whoever sends an identified request may use a route. Raises Problem (403)."""
    if settings.authentication == "entra":
        require_same_site(request)
    required, roles = ROUTES[route].roles or frozenset(), _identities[request].roles
    if not required & roles:
        raise Problem(
            HTTPStatus.FORBIDDEN,
            f"this needs the role {' or '.join(sorted(required))}; "
            f"you have {' and '.join(sorted(roles)) or 'no role'}",
            code="role_required",
            reason="role",
        )


def _read_key(settings: Settings, request: func.HttpRequest) -> tuple[Principal, frozenset[Role]]:
    """Return which function key was sent, and its role. The host has admitted it already."""
    # As the host reads it: the header first.
    key = request.headers.get(KEY_HEADER) or request.params.get(KEY_PARAMETER) or ""
    names = parse_function_keys(settings.function_keys)
    named = find_key(names, key)
    if named is not None:
        return Principal(kind="key", id=named.name, name=named.name), frozenset({named.role})
    fingerprint = f"sha256:{key_digest(key)[:_FINGERPRINT_CHARACTERS]}"
    principal = Principal(kind="key", id=fingerprint, name="unnamed key")
    # Without names, every key may do everything. With them, a key that has none has no role.
    return principal, frozenset() if names else frozenset({"Admin"})
