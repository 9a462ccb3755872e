"""Every trigger of the function app, a line or two each; what they do is in ``calls``."""

# Nothing heavy is imported here: a cold start waits for this module, and is billed for it.
import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)

STORAGE = "AudioStorage"
EVENT_GRID = func.BlobSource.EVENT_GRID


@app.route("calls", methods=["POST"])
async def place_call(req: func.HttpRequest) -> func.HttpResponse:
    """Place a call with media streaming."""
    from calls import control, web

    return await web.respond(control.place_call, req)


@app.route("calls", methods=["GET"])
async def list_calls(req: func.HttpRequest) -> func.HttpResponse:
    """List the calls, newest first."""
    from calls import showing, web

    return await web.respond(showing.list_calls, req)


@app.route("calls/{id}", methods=["GET"])
async def show_call(req: func.HttpRequest) -> func.HttpResponse:
    """Show one call with its segments."""
    from calls import showing, web

    return await web.respond(showing.show_call, req)


@app.route("calls/{id}", methods=["DELETE"])
async def hang_up(req: func.HttpRequest) -> func.HttpResponse:
    """Hang up for everyone."""
    from calls import control, web

    return await web.respond(control.hang_up, req)


@app.route("calls/{id}/links", methods=["POST"])
async def make_links(req: func.HttpRequest) -> func.HttpResponse:
    """Make short-lived links to a call's audio."""
    from calls import links, web

    return await web.respond(links.make_links, req)


@app.route("calls/{id}/streaming/start", methods=["POST"])
async def start_streaming(req: func.HttpRequest) -> func.HttpResponse:
    """Start the media streaming of a call."""
    from calls import control, web

    return await web.respond(control.start_streaming, req)


@app.route("calls/{id}/streaming/stop", methods=["POST"])
async def stop_streaming(req: func.HttpRequest) -> func.HttpResponse:
    """Stop the media streaming of a call."""
    from calls import control, web

    return await web.respond(control.stop_streaming, req)


@app.route("calls/{id}/timeline", methods=["GET"])
async def show_timeline(req: func.HttpRequest) -> func.HttpResponse:
    """Show who spoke when."""
    from calls import media, web

    return await web.respond(media.show_timeline, req)


@app.route("calls/{id}/transcript", methods=["GET"])
async def show_transcript(req: func.HttpRequest) -> func.HttpResponse:
    """Show what was said, in the form that is accepted."""
    from calls import media, web

    return await web.respond(media.show_transcript, req)


@app.route("calls/{id}/transcript.{format}", methods=["GET"])
async def show_transcript_as(req: func.HttpRequest) -> func.HttpResponse:
    """Show what was said, in the form of the suffix."""
    from calls import media, web

    return await web.respond(media.show_transcript, req)


@app.route("calls/{id}/recording", methods=["GET", "HEAD"])
async def send_recording(req: func.HttpRequest) -> func.HttpResponse:
    """Send a call's audio, or a range of it."""
    from calls import media, web

    return await web.respond(media.send_recording, req)


@app.route("calls/{id}/segments/{track}/{index}", methods=["GET", "HEAD"])
async def send_segment(req: func.HttpRequest) -> func.HttpResponse:
    """Send one segment's audio, or a range of it."""
    from calls import media, web

    return await web.respond(media.send_segment, req)


@app.route("failures", methods=["GET"])
async def list_failures(req: func.HttpRequest) -> func.HttpResponse:
    """List the segments that were given up on."""
    from calls import showing, web

    return await web.respond(showing.list_failures, req)


@app.route("failures/{id}/retry", methods=["POST"])
async def retry_failure(req: func.HttpRequest) -> func.HttpResponse:
    """Try a segment again that was given up on."""
    from calls import showing, web

    return await web.respond(showing.retry_failure, req)


@app.route("callbacks", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
async def receive_callbacks(req: func.HttpRequest) -> func.HttpResponse:
    """Take ACS's callback events; who sends them is verified by their bearer token."""
    from calls import callbacks, web

    return await web.respond(callbacks.receive, req)


@app.route("openapi.json", methods=["GET"])
async def show_openapi(req: func.HttpRequest) -> func.HttpResponse:
    """Describe this interface."""
    from calls import openapi, web

    return await web.respond(openapi.show, req)


@app.route("health", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
async def health(req: func.HttpRequest) -> func.HttpResponse:
    """Say that the app runs."""
    return func.HttpResponse('{"status":"ok"}', mimetype="application/json")


@app.route("console", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
async def show_console(req: func.HttpRequest) -> func.HttpResponse:
    """The page: a shell without data, that asks for the key."""
    from calls import console

    return console.serve(req, console.SHELL)


@app.route("console/{file}", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
async def show_console_file(req: func.HttpRequest) -> func.HttpResponse:
    """The page's styles, scripts and icon."""
    from calls import console

    return console.serve(req, req.route_params["file"])


@app.event_grid_trigger("event")
async def answer_incoming_call(event: func.EventGridEvent) -> None:
    """Answer a call that rings, if it is one to be answered."""
    from calls import incoming

    await incoming.ring(event)


@app.blob_trigger("segment", path="segments/{name}", connection=STORAGE, source=EVENT_GRID)
async def analyse_segment(segment: func.InputStream) -> None:
    """Analyse a segment that has landed."""
    from calls import triggers

    await triggers.segment_landed(segment)


@app.blob_trigger("manifest", path="manifests/{name}", connection=STORAGE, source=EVENT_GRID)
async def assemble_call(manifest: func.InputStream) -> None:
    """Put a call together when its stream has ended."""
    from calls import triggers

    await triggers.manifest_landed(manifest)


@app.queue_trigger("message", queue_name="webjobs-blobtrigger-poison", connection=STORAGE)
async def give_up_on_blob(message: func.QueueMessage) -> None:
    """Write down that the host gave a segment or a manifest up."""
    from calls import triggers

    await triggers.given_up_on(message.get_body())


@app.timer_trigger("timer", schedule="0 */5 * * * *")
async def reconcile(timer: func.TimerRequest) -> None:
    """Mend what events that never came have left undone."""
    from calls import reconciler

    await reconciler.run()
