"""Results: timeline, transcript, recording, segments, links to audio, and failures."""

import azure.functions as func

from functions import STORAGE_CONNECTION, TRANSCRIPTION_QUEUE

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
