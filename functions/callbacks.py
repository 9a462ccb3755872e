"""ACS's callback events."""

import azure.functions as func

blueprint = func.Blueprint()  # type: ignore[no-untyped-call]


@blueprint.route("v1/callbacks", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
async def receive_callbacks(req: func.HttpRequest) -> func.HttpResponse:
    """Receive callback events; the handler verifies ACS's bearer token."""
    from calls.http import callbacks, respond

    return await respond.respond(callbacks.receive_callbacks, req)
