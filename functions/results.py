"""Results: timeline, transcript, recording, segments, links to audio, and failures."""

import azure.functions as func

from functions import EXPORT_QUEUE, STORAGE_CONNECTION, TRANSCRIPTION_QUEUE

blueprint = func.Blueprint()  # type: ignore[no-untyped-call]


@blueprint.route("v1/calls/{id}/timeline", methods=["GET"])
async def show_timeline(req: func.HttpRequest) -> func.HttpResponse:
    """Show who spoke when."""
    from calls.http import respond, results

    return await respond.respond(results.show_timeline, req)


@blueprint.route("v1/calls/{id}/transcript", methods=["GET"])
async def show_transcript(req: func.HttpRequest) -> func.HttpResponse:
    """Show the transcript, in the format that Accept names."""
    from calls.http import respond, transcripts

    return await respond.respond(transcripts.show_transcript, req)


@blueprint.route("v1/calls/{id}/transcript.{format}", methods=["GET"])
async def show_transcript_as(req: func.HttpRequest) -> func.HttpResponse:
    """Show the transcript, in the format of the suffix."""
    from calls.http import respond, transcripts

    return await respond.respond(transcripts.show_transcript, req)


@blueprint.route("v1/calls/{id}/transcript/retry", methods=["POST"])
@blueprint.queue_output("transcription", TRANSCRIPTION_QUEUE, STORAGE_CONNECTION)
async def retry_transcript(
    req: func.HttpRequest, transcription: func.Out[str]
) -> func.HttpResponse:
    """Transcribe a call again whose transcript has failed."""
    from calls.http import respond, transcripts

    return await respond.respond(transcripts.retry_handler(transcription.set), req)


@blueprint.route("v1/calls/{id}/recording", methods=["GET", "HEAD"])
async def send_recording(req: func.HttpRequest) -> func.HttpResponse:
    """Send a call's recording, or a range of it."""
    from calls.http import respond, results

    return await respond.respond(results.send_recording, req)


@blueprint.route("v1/calls/{id}/segments/{track}/{index}", methods=["GET", "HEAD"])
async def send_segment(req: func.HttpRequest) -> func.HttpResponse:
    """Send one segment, or a range of it."""
    from calls.http import respond, results

    return await respond.respond(results.send_segment, req)


@blueprint.route("v1/calls/{id}/links", methods=["POST"])
async def create_links(req: func.HttpRequest) -> func.HttpResponse:
    """Create short-lived links to a call's audio."""
    from calls.http import links, respond

    return await respond.respond(links.create_links, req)


@blueprint.route("v1/calls/{id}/export", methods=["GET"])
@blueprint.queue_output("export", EXPORT_QUEUE, STORAGE_CONNECTION)
async def export_call(req: func.HttpRequest, export: func.Out[str]) -> func.HttpResponse:
    """Send a zip file with everything of a call; have it built first."""
    from calls.http import exports, respond

    return await respond.respond(exports.export_handler(export.set), req)


@blueprint.queue_trigger("message", EXPORT_QUEUE, STORAGE_CONNECTION)
async def build_export(message: func.QueueMessage) -> None:
    """Build the zip file of a call."""
    from calls.pipeline import exporting

    await exporting.on_message(message.get_body())


@blueprint.queue_trigger("message", f"{EXPORT_QUEUE}-poison", STORAGE_CONNECTION)
async def on_failed_export(message: func.QueueMessage) -> None:
    """Note that an export has failed: the host has moved its message to the poison queue."""
    from calls.pipeline import exporting

    await exporting.on_poison_message(message.get_body())


@blueprint.route("v1/failures", methods=["GET"])
async def list_failures(req: func.HttpRequest) -> func.HttpResponse:
    """List the segments and manifests that failed permanently."""
    from calls.http import failures, respond

    return await respond.respond(failures.list_failures, req)


@blueprint.route("v1/failures/{id}/retry", methods=["POST"])
async def retry_failure(req: func.HttpRequest) -> func.HttpResponse:
    """Retry a segment or manifest that failed permanently."""
    from calls.http import failures, respond

    return await respond.respond(failures.retry_failure, req)
