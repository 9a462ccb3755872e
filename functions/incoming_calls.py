"""Incoming calls, announced by Event Grid."""

import azure.functions as func

blueprint = func.Blueprint()  # type: ignore[no-untyped-call]


@blueprint.event_grid_trigger("event")
async def answer_incoming_call(event: func.EventGridEvent) -> None:
    """Answer a ringing call, if ANSWER_CALLS says so."""
    from datetime import UTC, datetime

    from calls.clients import get_clients
    from calls.control.answering import handle_incoming_call

    await handle_incoming_call(get_clients(), event, datetime.now(UTC))
