"""The queue of calls with a deadline that is due."""

import azure.functions as func

from functions import DEADLINE_QUEUE, STORAGE_CONNECTION

blueprint = func.Blueprint()  # type: ignore[no-untyped-call]


@blueprint.queue_trigger("message", DEADLINE_QUEUE, STORAGE_CONNECTION)
async def meet_deadline(message: func.QueueMessage) -> None:
    """Do what is due in a call, such as to end a pause."""
    from calls.pipeline import deadlines

    await deadlines.on_message(message.get_body())
