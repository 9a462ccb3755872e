"""Calls: place, list, show, tag, start and stop streaming, hang up."""

import azure.functions as func

blueprint = func.Blueprint()  # type: ignore[no-untyped-call]


@blueprint.route("v1/calls", methods=["POST"])
async def place_call(req: func.HttpRequest) -> func.HttpResponse:
    """Place a call with media streaming."""
    from calls.http import calls, respond

    return await respond.respond(calls.place_call, req)


@blueprint.route("v1/calls", methods=["GET"])
async def list_calls(req: func.HttpRequest) -> func.HttpResponse:
    """List the calls, newest first."""
    from calls.http import call_list, respond

    return await respond.respond(call_list.list_calls, req)


@blueprint.route("v1/calls.csv", methods=["GET"])
async def export_calls(req: func.HttpRequest) -> func.HttpResponse:
    """List the calls as CSV."""
    from calls.http import calls_csv, respond

    return await respond.respond(calls_csv.export_calls, req)


@blueprint.route("v1/calls/{id}", methods=["GET"])
async def show_call(req: func.HttpRequest) -> func.HttpResponse:
    """Show one call with its streams and segments."""
    from calls.http import call_details, respond

    return await respond.respond(call_details.show_call, req)


@blueprint.route("v1/calls/{id}/events", methods=["GET"])
async def list_events(req: func.HttpRequest) -> func.HttpResponse:
    """Follow a call: what has happened, or as soon as something does."""
    from calls.http import live_events, respond

    return await respond.respond(live_events.list_events, req)


@blueprint.route("v1/calls/{id}", methods=["PATCH"])
async def change_call(req: func.HttpRequest) -> func.HttpResponse:
    """Change a call's tags and notes."""
    from calls.http import annotations, respond

    return await respond.respond(annotations.change_call, req)


@blueprint.route("v1/calls/{id}/hangup", methods=["POST"])
async def hang_up(req: func.HttpRequest) -> func.HttpResponse:
    """Hang up for everyone."""
    from calls.http import calls, respond

    return await respond.respond(calls.hang_up, req)


@blueprint.route("v1/calls/{id}/pause", methods=["POST"])
async def pause_call(req: func.HttpRequest) -> func.HttpResponse:
    """Pause the recording of a call."""
    from calls.http import pauses, respond

    return await respond.respond(pauses.pause_call, req)


@blueprint.route("v1/calls/{id}/resume", methods=["POST"])
async def resume_call(req: func.HttpRequest) -> func.HttpResponse:
    """Resume the recording of a paused call."""
    from calls.http import pauses, respond

    return await respond.respond(pauses.resume_call, req)


@blueprint.route("v1/calls/{id}/streaming/start", methods=["POST"])
async def start_streaming(req: func.HttpRequest) -> func.HttpResponse:
    """Start the media streaming of a call."""
    from calls.http import calls, respond

    return await respond.respond(calls.start_streaming, req)


@blueprint.route("v1/calls/{id}/streaming/stop", methods=["POST"])
async def stop_streaming(req: func.HttpRequest) -> func.HttpResponse:
    """Stop the media streaming of a call."""
    from calls.http import calls, respond

    return await respond.respond(calls.stop_streaming, req)
