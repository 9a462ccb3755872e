"""Segments and manifests that land in Blob Storage, and those that could not be processed.

A call that they complete is sent to the queue of transcriptions.
"""

import azure.functions as func

from functions import STORAGE_CONNECTION, TRANSCRIPTION_QUEUE

blueprint = func.Blueprint()  # type: ignore[no-untyped-call]

_SOURCE = func.BlobSource.EVENT_GRID
_POISON_QUEUE = "webjobs-blobtrigger-poison"


@blueprint.blob_trigger(
    "segment", path="segments/{name}", connection=STORAGE_CONNECTION, source=_SOURCE
)
@blueprint.queue_output("transcription", TRANSCRIPTION_QUEUE, STORAGE_CONNECTION)
async def analyse_segment(segment: func.InputStream, transcription: func.Out[str]) -> None:
    """Analyse a segment that has landed."""
    from calls.pipeline import storage_events

    await storage_events.on_segment(segment, transcription.set)


@blueprint.blob_trigger(
    "manifest", path="manifests/{name}", connection=STORAGE_CONNECTION, source=_SOURCE
)
@blueprint.queue_output("transcription", TRANSCRIPTION_QUEUE, STORAGE_CONNECTION)
async def assemble_call(manifest: func.InputStream, transcription: func.Out[str]) -> None:
    """Assemble a call when its stream has ended."""
    from calls.pipeline import storage_events

    await storage_events.on_manifest(manifest, transcription.set)


@blueprint.queue_trigger("message", queue_name=_POISON_QUEUE, connection=STORAGE_CONNECTION)
@blueprint.queue_output("transcription", TRANSCRIPTION_QUEUE, STORAGE_CONNECTION)
async def on_poison_message(message: func.QueueMessage, transcription: func.Out[str]) -> None:
    """Try a failed segment or manifest once more, and record it if it fails again."""
    from calls.pipeline import storage_events

    await storage_events.on_poison_message(message.get_body(), transcription.set)
