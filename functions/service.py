"""The app itself: health, its interface, who may do what and did it, and unknown routes."""

import azure.functions as func

blueprint = func.Blueprint()  # type: ignore[no-untyped-call]


@blueprint.route("v1/health", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
async def health(req: func.HttpRequest) -> func.HttpResponse:
    """Report that the app is running."""
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return func.HttpResponse('{"status":"ok"}', mimetype="application/json", headers=headers)


@blueprint.route("v1/health/acs", methods=["GET"])
async def show_acs_health(req: func.HttpRequest) -> func.HttpResponse:
    """Show what ACS's bearer tokens are like, and whether to require that they are right."""
    from calls.http import acs_health, respond

    return await respond.respond(acs_health.show_acs_health, req)


@blueprint.route("v1/openapi.json", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
async def show_openapi(req: func.HttpRequest) -> func.HttpResponse:
    """Describe the HTTP interface."""
    from calls.http import openapi, respond

    return await respond.respond_without_clients(openapi.show_openapi, req)


@blueprint.route("v1/me", methods=["GET"])
async def show_me(req: func.HttpRequest) -> func.HttpResponse:
    """Show who sends the request, and what they may do."""
    from calls.http import me, respond

    return await respond.respond(me.show_me, req)


@blueprint.route("v1/audit", methods=["GET"])
async def read_audit(req: func.HttpRequest) -> func.HttpResponse:
    """Read the audit trail."""
    from calls.http import audit_trail, respond

    return await respond.respond(audit_trail.read_audit, req)


# The host tries routes in the order of the functions' names, so this one's must be the last.
@blueprint.route("v1/{*path}")
async def unknown_route(req: func.HttpRequest) -> func.HttpResponse:
    """Answer 404 or 405 with a problem document."""
    from calls.http import respond, unknown_routes

    return await respond.respond(unknown_routes.unknown_route, req)
