"""The app's health, and the description of its interface."""

import azure.functions as func

blueprint = func.Blueprint()  # type: ignore[no-untyped-call]


@blueprint.route("v1/health", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
async def health(req: func.HttpRequest) -> func.HttpResponse:
    """Report that the app is running."""
    return func.HttpResponse('{"status":"ok"}', mimetype="application/json")


@blueprint.route("v1/openapi.json", methods=["GET"])
async def show_openapi(req: func.HttpRequest) -> func.HttpResponse:
    """Describe the HTTP interface."""
    from calls.http import openapi, respond

    return await respond.respond(openapi.show_openapi, req)
