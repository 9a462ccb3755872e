"""The queue of transcriptions, and its poison queue."""

import azure.functions as func

from functions import STORAGE_CONNECTION, TRANSCRIPTION_QUEUE

blueprint = func.Blueprint()  # type: ignore[no-untyped-call]


@blueprint.queue_trigger("message", TRANSCRIPTION_QUEUE, STORAGE_CONNECTION)
@blueprint.queue_output("continuation", TRANSCRIPTION_QUEUE, STORAGE_CONNECTION)
async def transcribe_call(message: func.QueueMessage, continuation: func.Out[str]) -> None:
    """Transcribe a call, or as much of it as one run has time for."""
    from calls.pipeline import transcription

    await transcription.on_message(message.get_body(), continuation.set)


@blueprint.queue_trigger("message", f"{TRANSCRIPTION_QUEUE}-poison", STORAGE_CONNECTION)
async def on_failed_transcription(message: func.QueueMessage) -> None:
    """Mark a transcript as failed: the host has moved its message to the poison queue."""
    from calls.pipeline import transcription

    await transcription.on_poison_message(message.get_body())
