"""ACS's callback events, and the calls that they end."""

# The worker checks a parameter's type by typing's own classes: list[str] is refused.
from typing import List  # noqa: UP035

import azure.functions as func

from functions import ENDED_CALLS_QUEUE, STORAGE_CONNECTION, TRANSCRIPTION_QUEUE

blueprint = func.Blueprint()  # type: ignore[no-untyped-call]


@blueprint.route("v1/callbacks", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
@blueprint.queue_output("ended", ENDED_CALLS_QUEUE, STORAGE_CONNECTION)
async def receive_callbacks(
    req: func.HttpRequest,
    ended: func.Out[List[str]],  # noqa: UP006
) -> func.HttpResponse:
    """Receive callback events; the handler verifies ACS's bearer token."""
    from calls.http import callbacks, respond

    return await respond.respond(callbacks.callback_handler(ended.set), req)


@blueprint.queue_trigger("message", ENDED_CALLS_QUEUE, STORAGE_CONNECTION)
@blueprint.queue_output("transcription", TRANSCRIPTION_QUEUE, STORAGE_CONNECTION)
async def assemble_ended_call(message: func.QueueMessage, transcription: func.Out[str]) -> None:
    """Assemble a call that has ended, with the streams that were not assembled before."""
    from calls.pipeline import storage_events

    await storage_events.on_ended_call(message.get_body(), transcription.set)
