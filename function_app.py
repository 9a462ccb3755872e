"""The function app: registers the triggers in ``functions``, one blueprint per subject."""

# Nothing heavy is imported here or in functions/: every cold start waits for these modules.
import azure.functions as func

from functions import (
    callbacks,
    calls,
    console,
    incoming_calls,
    results,
    retention,
    schedules,
    service,
    storage_events,
    transcription,
)

app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)

for module in (
    calls,
    results,
    callbacks,
    incoming_calls,
    storage_events,
    transcription,
    schedules,
    retention,
    console,
    service,
):
    app.register_functions(module.blueprint)
