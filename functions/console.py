"""The console: files without data, which ask for the function key."""

import azure.functions as func

blueprint = func.Blueprint()  # type: ignore[no-untyped-call]


@blueprint.route("console", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
async def show_console(req: func.HttpRequest) -> func.HttpResponse:
    """Serve the console."""
    from calls.http import console

    return console.serve_console(req, console.read_audio_origin())


@blueprint.route("console/{file}", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
async def show_console_file(req: func.HttpRequest) -> func.HttpResponse:
    """Serve the console's styles, scripts and icon."""
    from calls.http import console

    audio_origin = console.read_audio_origin()
    return console.serve_console(req, audio_origin, req.route_params["file"])
