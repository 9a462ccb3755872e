"""The function app: registers the triggers in ``functions``, one blueprint per subject."""

import os

# Nothing heavy is imported here or in functions/: every cold start waits for these modules.
import azure.functions as func

from functions import (
    callbacks,
    calls,
    console,
    deadlines,
    events,
    incoming_calls,
    results,
    retention,
    schedules,
    service,
    storage_events,
    transcription,
)

# With entra, App Service Authentication stands before the app, and the app checks its header.
signs_in = os.environ.get("AUTHENTICATION") == "entra"
app = func.FunctionApp(
    http_auth_level=func.AuthLevel.ANONYMOUS if signs_in else func.AuthLevel.FUNCTION
)

for module in (
    calls,
    results,
    callbacks,
    incoming_calls,
    storage_events,
    transcription,
    deadlines,
    events,
    schedules,
    retention,
    console,
    service,
):
    app.register_functions(module.blueprint)
