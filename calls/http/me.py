"""Who sends a request, and what they may do: for the console, and for whoever sets up keys."""

from __future__ import annotations

import azure.functions as func

from calls.clients import Clients
from calls.http.documents import Actor, Me, show
from calls.http.principals import ROUTES, request_principal, request_roles
from calls.http.respond import json_response
from calls.principals import ROLES

_HIDDEN = ("unknown_route",)


async def show_me(_: Clients, request: func.HttpRequest) -> func.HttpResponse:
    """``GET /api/v1/me``: the principal, their roles, and the operations that these allow."""
    roles = request_roles(request)
    operations = [
        name
        for name, access in ROUTES.items()
        if access.roles is not None and access.roles & roles and name not in _HIDDEN
    ]
    return json_response(
        Me(
            principal=show(Actor, request_principal(request)),
            roles=[role for role in ROLES if role in roles],
            operations=sorted(operations),
        )
    )
