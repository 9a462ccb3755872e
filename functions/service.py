"""The app's health, the description of its interface, and requests that no route serves."""

import azure.functions as func

blueprint = func.Blueprint()  # type: ignore[no-untyped-call]


@blueprint.route("v1/health", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
async def health(req: func.HttpRequest) -> func.HttpResponse:
    """Report that the app is running."""
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return func.HttpResponse('{"status":"ok"}', mimetype="application/json", headers=headers)


@blueprint.route("v1/openapi.json", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
async def show_openapi(req: func.HttpRequest) -> func.HttpResponse:
    """Describe the HTTP interface."""
    from calls.http import openapi, respond

    return await respond.respond_without_clients(openapi.show_openapi, req)


# The host tries routes in the order of the functions' names, so this one's must be the last.
@blueprint.route("v1/{*path}")
async def unknown_route(req: func.HttpRequest) -> func.HttpResponse:
    """Answer 404 or 405 with a problem document."""
    from calls.http import respond, unknown_routes

    return await respond.respond_without_clients(unknown_routes.refuse_request, req)
