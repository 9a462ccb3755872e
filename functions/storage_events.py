"""Segments and manifests that land in Blob Storage, and those that could not be processed."""

import azure.functions as func

blueprint = func.Blueprint()  # type: ignore[no-untyped-call]

_CONNECTION = "AudioStorage"
_SOURCE = func.BlobSource.EVENT_GRID
_POISON_QUEUE = "webjobs-blobtrigger-poison"


@blueprint.blob_trigger("segment", path="segments/{name}", connection=_CONNECTION, source=_SOURCE)
async def analyse_segment(segment: func.InputStream) -> None:
    """Analyse a segment that has landed."""
    from calls.pipeline import storage_events

    await storage_events.on_segment(segment)


@blueprint.blob_trigger("manifest", path="manifests/{name}", connection=_CONNECTION, source=_SOURCE)
async def assemble_call(manifest: func.InputStream) -> None:
    """Assemble a call when its stream has ended."""
    from calls.pipeline import storage_events

    await storage_events.on_manifest(manifest)


@blueprint.queue_trigger("message", queue_name=_POISON_QUEUE, connection=_CONNECTION)
async def on_poison_message(message: func.QueueMessage) -> None:
    """Try a failed segment or manifest once more, and record it if it fails again."""
    from calls.pipeline import storage_events

    await storage_events.on_poison_message(message.get_body())
